"""charnn list, rm, mv and info of several runs; near names for what is mistyped."""

import json
import os
import shutil
from pathlib import Path

import pytest

import charnn
from charnn.errors import UsageError, did_you_mean
from charnn.io import npz
from charnn.runs.folder import LOCK, Folder
from charnn.terminal import words
from tests.helpers.program import SHORT, invoke, ok, refused, table, well


@pytest.fixture
def three(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three runs: a, the oldest, b and c."""
    for number, name in enumerate("abc"):
        shutil.copytree(home / "checkpoints" / "names", tmp_path / "checkpoints" / name)
        for path in (tmp_path / "checkpoints" / name).iterdir():
            os.utime(path, (number, number))
    monkeypatch.chdir(tmp_path)
    return tmp_path


# list


def test_list_says_what_a_run_is_without_reading_its_weights(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = charnn.load("a")
    read = npz.Reader.read
    monkeypatch.setattr(
        npz.Reader, "read", lambda self, name: read(self, name) if name == "header" else pytest.fail("weights are read")
    )
    rows = table(ok("list"))
    assert [row[0] for row in rows] == ["c", "b", "a"]
    sizes = sum(path.stat().st_size for path in Path("checkpoints/a").iterdir() if path.name != LOCK)
    assert run.best is not None
    best = f"{run.best / 0.6931471805599453:.4f}"
    assert rows[2][1:] == ["text", "names.txt", best, "char", "", str(run.weights.count), "40", "0", str(sizes)]


def test_list_as_json_is_what_python_gets(three: Path) -> None:
    found = [json.loads(line) for line in ok("list", "--json").splitlines()]
    assert found == [{**vars(one), "texts": list(one.texts)} for one in charnn.list_runs()]


def test_list_leaves_out_what_it_cannot_read(three: Path) -> None:
    Path("checkpoints/b/last.npz").write_bytes(b"PK\3\4 and more")
    result = well("list")
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == ["c", "a"]
    assert "left out: checkpoints/b/last.npz is truncated or corrupt" in result.stderr
    assert [one.name for one in charnn.list_runs()] == ["c", "a"]


def test_without_runs_list_says_how_to_make_one(tmp_path: Path) -> None:
    result = well("list", "--runs", tmp_path)
    assert result.stdout == "" and "charnn train" in result.stderr


# rm


def test_rm_removes_the_runs_that_it_is_told(three: Path) -> None:
    assert "removed checkpoints/a/" in well("rm", "a", "checkpoints/c", "--yes").stderr
    assert [path.name for path in Path("checkpoints").iterdir()] == ["b"]


def test_rm_removes_a_run_that_it_is_told_twice(three: Path) -> None:
    assert well("rm", "a", "checkpoints/a", "--yes").stderr.count("removed") == 1
    assert sorted(path.name for path in Path("checkpoints").iterdir()) == ["b", "c"]


@pytest.mark.parametrize("command", [["sample", "-m"], ["info"], ["rm", "-y"]])
def test_a_name_that_is_too_long_is_that_of_no_run(three: Path, command: list[str]) -> None:
    refused(2, *command, "x" * 300)


def test_rm_leaves_what_is_none_of_the_runs(three: Path) -> None:
    Path("checkpoints/a/notes.txt").write_text("mine")
    assert "notes.txt stays" in well("rm", "-y", "a").stderr
    assert [path.name for path in Path("checkpoints/a").iterdir()] == ["notes.txt"]


def test_rm_removes_nothing_unasked(three: Path) -> None:
    assert "--yes" in refused(2, "rm", "a")
    assert "did you mean" not in refused(2, "rm", "nothing-like-it", "--yes")
    refused(2, "rm", "a", "nothing-like-it", "--yes")
    assert sorted(path.name for path in Path("checkpoints").iterdir()) == ["a", "b", "c"]


def test_a_run_that_trains_is_neither_removed_nor_renamed(three: Path) -> None:
    busy = Folder(Path("checkpoints/a"))
    busy.lock()
    for command in (["rm", "--yes", "a"], ["mv", "a", "d"]):
        assert "in use" in refused(1, *command)
    assert busy.best.is_file()


# mv


def test_mv_renames_a_run(three: Path) -> None:
    before = ok("sample", "-m", "a", "--seed", 1)
    assert "checkpoints/d/" in well("mv", "a", "d").stderr
    assert ok("sample", "-m", "d", "--seed", 1) == before
    assert charnn.rename_run("d", "e").name == "e" and charnn.remove_run("e") == []


@pytest.mark.parametrize("name", ["b", "../b", "", "x/y", ".."])
def test_mv_takes_no_name_that_is_taken_or_none(three: Path, name: str) -> None:
    refused(2, "mv", "a", name)
    assert sorted(path.name for path in Path("checkpoints").iterdir()) == ["a", "b", "c"]


# info of several runs


def test_info_sets_runs_side_by_side(new: Path) -> None:
    for name, hidden in (("one", 8), ("two", 6)):
        ok("train", "names.txt", *SHORT, "--hidden", hidden, "--name", name)
    rows = {row.split("\t")[0]: row.split("\t")[1:] for row in ok("info", "one", "two").splitlines()}
    assert rows["hidden"] == ["8", "6"] and rows["cell"] == ["elman", "elman"]
    assert rows["file"] == ["checkpoints/one/best.npz", "checkpoints/two/best.npz"]
    found = [json.loads(line) for line in ok("info", "one", "two", "--json").splitlines()]
    assert [one["model"]["hidden"] for one in found] == [8, 6]
    assert ok("info", "one") == ok("info", "-m", "one")
    refused(2, "info", "one", "-m", "two")


# what is mistyped


def test_a_mistyped_name_brings_the_near_ones(here: Path) -> None:
    assert "did you mean names?" in refused(2, "sample", "-m", "nams")
    assert "did you mean names?" in refused(2, "mv", "nmes", "b")
    assert "did you mean --hidden?" in refused(2, "train", "--hiden", 3)
    assert "did you mean train?" in refused(2, "trian")
    assert "did you mean names.txt?" in refused(2, "train", "nmes.txt")
    assert "did you mean gradients?" in refused(2, "inspect", "gradint")
    assert "did you mean -m names?" in refused(2, "sample", "names")
    assert "--match needs a value" in refused(2, "sample", "--match")
    assert "--greedy takes no value" in refused(2, "sample", "--greedy=yes")
    assert "--help" in refused(2, "train", "--quite-another") and "--help" in refused(2, "fly")


def test_near_words_are_told_as_a_question() -> None:
    assert did_you_mean("ab", ["xyz"]) == ""
    assert did_you_mean("abcd", ["abce"]) == ": did you mean abce?"
    assert did_you_mean("--abcd", ["--abce", "--abcf", "--abcg"]).count(" or ") == 1


def test_help_stands_where_no_command_is_given() -> None:
    assert invoke("inspect").stderr.startswith("Usage: charnn inspect")


def test_find_run_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="charnn train CORPUS"):
        charnn.rename_run("a", "b", tmp_path)


# words for numbers


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (words.size(999), "999 B"),
        (words.size(999.7), "1.0 kB"),
        (words.size(79_715), "80 kB"),
        (words.size(3_240_000), "3.2 MB"),
        (words.count(924_213), "924 k"),
        (words.count(12), "12"),
        (words.age(-3), "0 s"),
        (words.age(59.9), "59 s"),
        (words.age(3600), "1 h"),
        (words.age(86400 * 13), "1 wk"),
        (words.age(86400 * 7 * 52 * 3), "3 y"),
    ],
)
def test_numbers_are_told_in_few_characters(found: str, expected: str) -> None:
    assert found == expected
