"""Runs in folders: nothing overwritten unasked, and found again by whatever name they are given."""

import json
import os
from pathlib import Path

import pytest

import charnn
from charnn.errors import CharnnError, CheckpointError, UsageError
from charnn.runs import checkpoint
from charnn.runs.folder import Folder, find, newest
from charnn.runs.run import Run
from tests.helpers.snapshots import raises


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("corpus") / "names.txt"
    path.write_text("Anna\nBert\nCarla\nDora\n" * 10, "utf-8")
    session = charnn.train(path, out=None, hidden=4, layers=1, steps=2, validate_every=2, workers=1)
    assert len(list(session)) == 3
    return session.run


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(path: str, run: Run, age: int = 0) -> Path:
    """A model in a file that was written `age` seconds ago."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    checkpoint.save(path, run)
    at = 2_000_000_000 - age
    os.utime(path, (at, at))
    return Path(path)


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert [str(Folder.create("runs", "names").path) for _ in range(3)] == [
        "runs/names",
        "runs/names-2",
        "runs/names-3",
    ]
    Path("runs/file").write_text("")
    assert Folder.create("runs", "file").path == Path("runs/file-2")


def test_folders_above_are_made() -> None:
    assert Folder.create("all/my/runs", "names").path.is_dir()


@pytest.mark.parametrize("name", ["a/b", "/a", "..", ".", "a/", "../a"])
def test_a_name_that_is_a_path_is_refused(name: str) -> None:
    with raises(UsageError, "--runs"):
        Folder.create("runs", name)
    assert not list(Path().iterdir())


def test_a_folder_that_cannot_be_made_is_named_with_the_option_to_try() -> None:
    Path("runs").write_text("a file")
    with raises(CharnnError, "runs/names", "--runs"):
        Folder.create("runs", "names")


def test_saving_writes_last_and_the_best_as_well_where_it_is_the_best(run: Run) -> None:
    folder = Folder.create("runs", "names")
    folder.save(run)
    assert folder.last.exists() and not folder.best.exists()
    folder.save(run, best=True)
    assert checkpoint.load(folder.best).moments == () and checkpoint.load(folder.last).moments
    assert sorted(path.name for path in folder.path.iterdir()) == ["best.npz", "last.npz"]


def test_the_log_is_a_json_object_a_line() -> None:
    folder = Folder.create("runs", "names")
    records = [{"step": i, "sample": "é\n\ud800"} for i in range(3)]
    for record in records:
        folder.write(record)
    assert [json.loads(line) for line in folder.log.read_bytes().splitlines()] == records


def test_a_log_that_cannot_be_written_is_named() -> None:
    folder = Folder.create("runs", "names")
    folder.log.mkdir()
    with raises(CheckpointError, "runs/names/log.jsonl"):
        folder.write({"step": 1})


def test_rewinding_drops_what_came_later_and_lines_cut_off() -> None:
    folder = Folder.create("runs", "names")
    folder.rewind(3)
    assert not folder.log.exists()
    for step in (1, 2, 4):
        folder.write({"step": step})
    before = folder.log.stat().st_ino
    folder.rewind(4)
    assert folder.log.stat().st_ino == before  # nothing to do, nothing written
    folder.rewind(3)
    assert folder.log.read_bytes() == b'{"step": 1}\n{"step": 2}\n'
    with open(folder.log, "ab") as file:
        file.write(b"a line of somebody else's\n")
        file.write(b'{"step": 3, "val')
    folder.rewind(3)
    assert folder.log.read_bytes() == b'{"step": 1}\n{"step": 2}\na line of somebody else\'s\n'


def test_a_model_is_found_by_name_by_folder_and_by_file(run: Run) -> None:
    best, last = put("runs/names/best.npz", run), put("runs/names/last.npz", run)
    assert find("names", "runs") == best
    assert find("runs/names") == find("runs/names/") == best
    assert find(str(best.absolute()), "runs") == best.absolute()
    assert find("runs/names/last.npz", "runs") == last
    assert find("names", "runs", "last") == last
    assert find("names/last.npz", "runs") == last


def test_where_one_file_is_missing_the_other_will_do(run: Run) -> None:
    last, best = put("runs/a/last.npz", run), put("runs/b/best.npz", run)
    assert find("a", "runs") == find("a", "runs", "last") == last
    assert find("b", "runs") == find("b", "runs", "last") == best


def test_a_runs_name_comes_before_a_file_that_happens_to_be_here(run: Run) -> None:
    best = put("runs/names/best.npz", run)
    Path("names").mkdir()
    assert find("names", "runs") == best


def test_without_a_name_the_newest_run_is_found(run: Run) -> None:
    put("runs/new/best.npz", run, age=50)
    put("runs/old/best.npz", run, age=100)
    assert find(None, "runs") == Path("runs/new/best.npz")
    put("runs/old/last.npz", run, age=10)  # resumed, and no better since
    assert newest("runs") == Folder(Path("runs/old"))
    assert find(None, "runs") == Path("runs/old/best.npz")


def test_a_run_before_its_first_validation_is_resumed_and_not_sampled_from_unless_there_is_no_other(run: Run) -> None:
    put("runs/new/last.npz", run)
    assert find(None, "runs") == find(None, "runs", "last") == Path("runs/new/last.npz")
    put("runs/done/best.npz", run, age=100)
    assert find(None, "runs") == Path("runs/done/best.npz")
    assert find(None, "runs", "last") == Path("runs/new/last.npz")
    put("runs/done/last.npz", run, age=100)
    assert find(None, "runs", "last") == Path("runs/new/last.npz")


def test_other_files_are_no_runs(run: Run) -> None:
    put("runs/names/best.npz", run, age=100)
    put("runs/stray.npz", run)
    put("runs/other/model.npz", run)
    put("runs/deep/er/best.npz", run)
    Path("runs/best.npz").mkdir()
    assert find(None, "runs") == Path("runs/names/best.npz")


def test_without_any_model_the_message_says_how_to_make_one(run: Run) -> None:
    with raises(UsageError, "runs/", "charnn train"):
        find(None, "runs")
    with raises(UsageError, "names", "runs/", "charnn train"):
        find("names", "runs")
    Path("runs/empty").mkdir(parents=True)
    with raises(UsageError, "runs/empty", "best.npz", "charnn train"):
        find("empty", "runs")
    with raises(UsageError, "runs/empty", "last.npz"):
        find("empty", "runs", "last")
