"""The log of a run: lines added whole, and taken back as far as a run goes back."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from charnn.errors import CharnnError, CheckpointError
from charnn.runs import log
from tests.helpers.snapshots import raises


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    handle = os.open(tmp_path, os.O_RDONLY)
    yield handle
    os.close(handle)


def write(path: Path, *records: object) -> None:
    path.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in records))


def test_a_run_that_goes_back_takes_its_later_lines_back(path: Path, folder: int) -> None:
    kept = [{"step": 1}, {"setback": 1, "step": 1}, "no JSON", [2], {"step": "9"}, {"other": 9}, {"step": 4}]
    write(path, *kept, {"step": 5}, {"setback": 2, "step": 4}, {"setback": 3, "step": 1})
    log.rewind(path, folder, 4, 2)
    write(path.with_name("expected"), *kept, {"setback": 2, "step": 4})
    assert path.read_bytes() == path.with_name("expected").read_bytes()


def test_other_lines_stay_where_a_run_starts_anew(path: Path, folder: int) -> None:
    write(path, "no JSON", {"step": 0}, {"step": 1})
    log.rewind(path, folder, 0)
    assert path.read_text() == 'no JSON\n{"step": 0}\n'


def test_a_line_cut_off_is_dropped_and_a_long_one_stays(
    path: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "LONGEST_LINE", 20)
    long = "x" * 45
    write(path, {"step": 1}, long)
    with open(path, "a") as file:
        file.write('{"step": 1')
    log.rewind(path, folder, 1)
    assert path.read_text() == f'{{"step": 1}}\n{long}\n'


def test_a_log_with_two_names_becomes_one_with_the_same_lines(path: Path, folder: int) -> None:
    write(path, {"step": 1}, "x", {"setback": 3, "step": 7})
    before = path.read_bytes()
    inode = path.stat().st_ino
    log.separate(path, folder)
    assert path.stat().st_ino == inode
    os.link(path, path.with_name("other"))
    log.separate(path, folder)
    assert path.stat().st_nlink == 1 and path.stat().st_ino != inode and path.read_bytes() == before


def test_a_line_that_a_full_disk_takes_a_part_of_is_taken_back(
    path: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, {"step": 1})
    before, limited = path.read_bytes(), log._open

    def opened(*args: object) -> object:
        file = limited(*args)  # type: ignore[arg-type]
        space = [5, 3, 0]

        class Filling:
            def __enter__(self) -> "Filling":
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def __getattr__(self, name: str) -> object:
                return getattr(file, name)

            def write(self, data: bytes) -> int:
                if not (some := space.pop(0)):
                    raise OSError(28, "No space left on device")
                return file.write(data[:some])

        return Filling()

    monkeypatch.setattr(log, "_open", opened)
    with raises(CharnnError, "log.jsonl", "No space"):
        log.append(path, folder, {"step": 22222})
    assert path.read_bytes() == before


def test_lines_are_added_one_after_the_other(path: Path, folder: int) -> None:
    for step in (1, 2):
        log.append(path, folder, {"step": step, "name": "é"})
    assert path.read_bytes() == b'{"step": 1, "name": "\\u00e9"}\n{"step": 2, "name": "\\u00e9"}\n'


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_log_has_the_permissions_of_any_new_file(path: Path, folder: int, mask: int) -> None:
    before = os.umask(mask)
    try:
        log.append(path, folder, {"step": 1})
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_a_log_that_nothing_is_dropped_from_is_not_written_anew(path: Path, folder: int) -> None:
    write(path, {"step": 1}, {"step": 2})
    inode = path.stat().st_ino
    log.rewind(path, folder, 2)
    assert path.stat().st_ino == inode
    log.rewind(path, folder, 1)
    assert path.stat().st_ino != inode and path.read_text() == '{"step": 1}\n'
    path.unlink()
    log.rewind(path, folder, 1)
    log.separate(path, folder)
    assert not path.exists()


def test_a_line_of_a_megabyte_is_none_of_ours(path: Path, folder: int) -> None:
    start, end = '{"step": 1, "x": "', '"}\n'
    for size, dropped in ((1_048_576, True), (1_048_577, False)):  # a line is read in pieces of so many bytes
        path.write_text(start + "x" * (size - len(start) - len(end)) + end)
        assert path.stat().st_size == size
        log.rewind(path, folder, 0)
        assert (path.stat().st_size == 0) == dropped


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_only_a_plain_file_is_a_log(path: Path, folder: int, kind: str) -> None:
    {"folder": path.mkdir, "link": lambda: path.symlink_to("x"), "fifo": lambda: os.mkfifo(path)}[kind]()  # type: ignore[no-untyped-call]
    with raises(CheckpointError, "log.jsonl"):
        log.append(path, folder, {"step": 1})
    with raises(CheckpointError, "log.jsonl"):
        log.rewind(path, folder, 1)
    assert not path.with_name("x").exists()
