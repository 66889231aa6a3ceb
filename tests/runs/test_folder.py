"""Runs in folders: nothing overwritten unasked, and found again by whatever name they are given."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from charnn.errors import CharnnError, CharnnWarning, CheckpointError, UsageError
from charnn.runs import checkpoint
from charnn.runs.folder import LOCK, Folder, find, find_run, newest
from charnn.runs.run import Run
from tests.helpers.snapshots import raises


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


def test_files_that_are_links_within_the_folder_stay_links(run: Run) -> None:
    folder = Folder.create("runs", "names")
    (folder.path / "last.npz").symlink_to("kept.npz")
    put("runs/names/kept.npz", run)
    folder.lock()
    folder.save(replace(run, step=7), best=True)
    assert folder.last.is_symlink() and checkpoint.load(folder.path / "kept.npz").step == 7
    assert not folder.best.is_symlink()


def test_a_folder_that_is_held_is_followed_and_one_that_is_gone_is_made_anew(run: Run) -> None:
    folder = Folder.create("runs", "names")
    folder.lock()
    folder.path.rename("runs/moved")
    with pytest.warns(CharnnWarning, match="was moved: it goes on in .*runs/moved/"):
        folder.save(run)
    assert folder.last == Path("runs/moved/last.npz").absolute() and folder.last.exists()
    shutil.rmtree(folder.path)
    with pytest.warns(CharnnWarning, match="is gone: it goes on in .*runs/moved/"):
        folder.write({"step": 1})
    assert folder.log.exists() and not folder.last.exists()
    assert (folder.path / LOCK).read_text() == f"{folder.path.stat().st_ino}\n"  # made here, and not a copy
    folder.rewind(1)  # without a word now


def test_a_lock_taken_by_another_training_sends_this_one_elsewhere(run: Run) -> None:
    folder = Folder.create("runs", "names")
    folder.lock()
    (folder.path / LOCK).unlink()
    with open(folder.path / LOCK, "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.warns(CharnnWarning, match="taken by another training: it goes on in runs/names-2/"):
            folder.save(run)
    assert folder.path == Path("runs/names-2") and folder.last.exists() and not Path("runs/names/last.npz").exists()


def test_a_run_is_kept_whole_or_leaves_no_folder(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Folder.keep(run, "runs", "names").best.exists()

    def full(*_: object, **__: object) -> None:
        raise CharnnError("No space left on device")

    monkeypatch.setattr(checkpoint, "save", full)
    with pytest.raises(CharnnError, match="No space"):
        Folder.keep(run, "runs", "names")
    assert [path.name for path in Path("runs").iterdir()] == ["names"]


def test_a_file_in_the_place_of_the_folder_is_named(run: Run) -> None:
    Path("names").write_text("mine")
    for change in (lambda: Folder(Path("names")).save(run), lambda: Folder(Path("names")).lock()):
        with raises(CharnnError, "names cannot be written to", "Not a directory"):
            change()
    assert Path("names").read_text() == "mine"


def test_a_folder_is_told_and_compared_by_its_path_alone() -> None:
    folder = Folder.create("runs", "names")
    folder.best.symlink_to("weights.npz")
    (folder.path / "weights.npz").touch()
    folder.lock()
    assert folder._links == {"best.npz"}
    assert folder == Folder(folder.path) and repr(folder) == f"Folder(path={folder.path!r})"


def test_a_folder_that_cannot_be_looked_into_is_named_with_the_option_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    folder = Folder.create("runs", "names")
    monkeypatch.setattr(os, "listdir", fail)
    with raises(CharnnError, "runs/names cannot be written to: Input/output error", "--runs"):
        folder.lock()


def test_a_folder_that_is_removed_while_it_is_written_to_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    folder, written = Folder.create("runs", "names"), []
    folder.lock()

    def append(path: Path, handle: int, record: dict[str, int]) -> None:
        written.append((path, record))
        if len(written) == 1:
            shutil.rmtree("runs/names")
            raise CharnnError("it is gone")

    monkeypatch.setattr("charnn.runs.log.append", append)
    with pytest.warns(CharnnWarning, match="the folder of this run is gone: it goes on in runs/names/"):
        folder.write({"step": 1})
    assert written == [(folder.log, {"step": 1})] * 2 and folder.path.is_dir()


def test_a_change_that_fails_in_a_folder_that_is_there_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    folder, calls = Folder.create("runs", "names"), []

    def append(*_: object) -> None:
        calls.append(1)
        raise CharnnError("the disk is full")

    monkeypatch.setattr("charnn.runs.log.append", append)
    for held in (False, True):
        if held:
            folder.lock()
        with pytest.raises(CharnnError, match="the disk is full"):
            folder.write({"step": 1})
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("call", "change", "told"),
    [
        ("rename", lambda folder: folder.rename("other"), "runs/names cannot be renamed"),
        ("unlink", Folder.remove, "runs/names/best.npz cannot be removed"),
    ],
)
def test_a_folder_that_cannot_be_renamed_or_removed_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, call: str, change: Callable[[Folder], object], told: str
) -> None:
    def fail(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    put("runs/names/best.npz", run)
    monkeypatch.setattr(Path, call, fail)
    with raises(CharnnError, f"{told}: Permission denied"):
        change(Folder(Path("runs/names")))
    assert Path("runs/names/best.npz").exists()


def test_a_link_out_of_a_folder_to_what_is_no_file_is_refused() -> None:
    Path("elsewhere").mkdir()
    folder = Folder.create("runs", "names")
    folder.best.symlink_to("../../elsewhere")
    with raises(CheckpointError, "runs/names/best.npz is not a charnn file: not a regular file"):
        folder.lock()


def test_a_name_is_a_text() -> None:
    for name in (3, None, Path("a")):
        with raises(UsageError, "the name of a run is"):
            Folder.create("runs", name)  # type: ignore[arg-type]
    with raises(UsageError, "a run is 3"):
        find_run(3)  # type: ignore[arg-type]


def test_only_a_name_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", fail)
    with pytest.raises(PermissionError):
        find("names")


def test_locking_removes_what_a_killed_save_left(run: Run) -> None:
    folder = Folder.create("runs", "names")
    for name in (".last.npz.0ab.tmp", ".log.jsonl.9.tmp", ".other.9.tmp", "last.npz.0ab.tmp", "note.txt"):
        (folder.path / name).touch()
    folder.lock()
    folder.lock()  # held already
    assert sorted(path.name for path in folder.path.iterdir()) == [LOCK, ".other.9.tmp", "last.npz.0ab.tmp", "note.txt"]


def test_removing_leaves_what_is_none_of_the_runs(run: Run) -> None:
    folder = Folder.create("runs", "names")
    folder.save(run, best=True)
    folder.write({"step": 1})
    (folder.path / "tokens.npz").touch()
    assert sorted(path.name for path in folder.files) == ["best.npz", "last.npz", "log.jsonl", "tokens.npz"]
    assert folder.remove() == [] and not folder.path.exists()
    folder = Folder.create("runs", "names")
    folder.save(run)
    (folder.path / "note.txt").touch()
    assert folder.remove() == [folder.path / "note.txt"]
    assert [path.name for path in folder.path.iterdir()] == ["note.txt"]


def test_a_run_in_use_is_neither_removed_nor_renamed(run: Run) -> None:
    folder, other = Folder.create("runs", "names"), Folder(Path("runs/names"))
    folder.save(run)
    folder.lock()
    for change in (other.remove, lambda: other.rename("more")):
        with raises(CharnnError, "runs/names", "in use"):
            change()
    assert folder.last.exists()


def test_renaming_overwrites_nothing(run: Run) -> None:
    folder = Folder.create("runs", "names")
    folder.save(run)
    folder.path.with_name("other").mkdir()
    folder.path.with_name("link").symlink_to("nothing")
    for name in ("other", "link", "names"):
        with raises(UsageError, f"runs/{name}", "rm"):
            folder.rename(name)
    with raises(UsageError, "a/b"):
        folder.rename("a/b")
    found = folder.rename("new")
    assert found.path == Path("runs/new") and found.last.exists() and not folder.path.exists()


@pytest.mark.parametrize("command", [find, find_run])
def test_a_name_too_long_for_a_file_is_that_of_no_run(command: Callable[[str], object]) -> None:
    with raises(UsageError, "xxx"):
        command("x" * 5000)


def test_a_run_is_found_by_name_or_folder(run: Run) -> None:
    put("runs/names/last.npz", run)
    put("other/best.npz", run)
    Path("runs/empty").mkdir()
    assert find_run("names", "runs") == find_run("runs/names", "runs") == Folder(Path("runs/names"))
    assert find_run("other", "runs") == Folder(Path("other"))
    with raises(UsageError, "a run is 3"):
        find_run(3)  # type: ignore[arg-type]
    for name in ("empty", "nmes", "runs/names/last.npz"):
        with raises(UsageError, f"no run {name}"):
            find_run(name, "runs")


@pytest.mark.parametrize("becomes", ["a later state", "another run", "nothing"])
def test_a_link_out_of_a_folder_that_was_made_here_leads_to_this_very_run_or_is_refused(run: Run, becomes: str) -> None:
    folder = Folder.create("runs", "names")
    folder.lock()
    folder.save(run)
    del folder
    Path("runs/names/best.npz").symlink_to(Path("kept.npz").absolute())
    folder = Folder(Path("runs/names"))
    if becomes == "a later state":
        put("kept.npz", replace(run, step=5))
        folder.lock()
        folder.save(replace(run, step=9), best=True)
        assert folder.best.is_symlink() and checkpoint.load("kept.npz").step == 9
        return
    if becomes == "another run":
        put("kept.npz", replace(run, config=replace(run.config, seed=3)))
    with raises(CheckpointError, "best.npz", "kept.npz"):
        folder.lock()


def test_a_folder_whose_lock_is_gone_is_removed(run: Run) -> None:
    folder = Folder(put("runs/names/last.npz", run).parent)
    folder.lock()
    (folder.path / LOCK).unlink()
    assert folder.remove() == [] and not folder.path.exists()
