"""A folder that is held: for one training alone, wherever the folder goes."""

import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest

from charnn.errors import CharnnError, CharnnWarning, CheckpointError
from charnn.parallel.processes import PRIVATE
from charnn.runs.hold import LOCK, Hold
from tests.helpers.snapshots import raises


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def test_a_folder_is_held_by_one_as_long_as_that_lives(folder: Path) -> None:
    hold = Hold(folder)
    handles = {hold.folder, hold.file}
    assert handles <= PRIVATE and hold.still_alone()
    with raises(CharnnError, "in use"):
        Hold(folder)
    del hold
    assert not handles & PRIVATE
    Hold(folder)


@pytest.mark.parametrize("locked", ["folder", "file"])
def test_each_of_the_two_locks_keeps_others_out(folder: Path, locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hold = Hold(folder)
    other = Hold.__new__(Hold)
    other.path, other.folder = folder, os.open(folder, os.O_RDONLY)
    with raises(CharnnError, "in use"):
        other._lock(other.folder) if locked == "folder" else other._lock_file()
    os.close(other.folder)
    assert hold.still_alone()


def test_the_mark_tells_a_folder_from_a_copy(folder: Path) -> None:
    hold = Hold(folder)
    assert not hold.made_here
    hold.mark()
    assert hold.made_here and (folder / LOCK).read_text() == f"{folder.stat().st_ino}\n"
    del hold
    copy = folder.with_name("copy")
    copy.mkdir()
    (copy / LOCK).write_bytes((folder / LOCK).read_bytes() + b"more")
    hold = Hold(copy)
    assert not hold.made_here
    hold.mark()
    assert (copy / LOCK).read_text() == f"{copy.stat().st_ino}\n"


def test_a_lock_with_another_name_is_not_written_to(folder: Path) -> None:
    (folder / LOCK).write_bytes(b"mine")
    os.link(folder / LOCK, folder / "other")
    Hold(folder).mark()
    assert (folder / "other").read_bytes() == b"mine"


def test_a_folder_is_found_where_it_went(folder: Path) -> None:
    hold, moved = Hold(folder), folder.with_name("moved")
    assert hold.found_at() == folder
    folder.rename(moved)
    assert hold.found_at() == moved
    folder.mkdir()  # another one
    assert hold.found_at() == moved
    (moved / LOCK).unlink()
    moved.rmdir()
    assert hold.found_at() is None


def test_a_lock_that_was_removed_is_made_again(folder: Path) -> None:
    hold = Hold(folder)
    (folder / LOCK).unlink()
    assert hold.still_alone()
    assert os.path.samestat(os.fstat(hold.file), (folder / LOCK).stat()) and hold.made_here


def test_a_lock_that_somebody_else_has_by_now(folder: Path) -> None:
    hold, other = Hold(folder), folder.with_name("other")
    (folder / LOCK).unlink()
    other.mkdir()
    there = Hold(other)
    os.link(other / LOCK, folder / LOCK)
    assert not hold.still_alone() and there.still_alone()


def test_a_link_to_the_lock_is_not_the_lock(folder: Path) -> None:
    hold = Hold(folder)
    (folder / LOCK).rename(folder / "moved")
    (folder / LOCK).symlink_to("moved")
    assert not hold.still_alone()


@pytest.mark.parametrize("kind", ["folder", "link", "fifo"])
def test_a_lock_that_is_no_plain_file_is_refused(folder: Path, kind: str) -> None:
    lock = folder / LOCK
    {"folder": lock.mkdir, "link": lambda: lock.symlink_to("x"), "fifo": lambda: os.mkfifo(lock)}[kind]()  # type: ignore[no-untyped-call]
    with raises(CheckpointError, "run/.lock"):
        Hold(folder)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EBADF, errno.ENOSYS])
def test_a_file_system_without_locks_is_said(folder: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.warns(CharnnWarning, match="run cannot be locked on this file system") as caught:
        hold = Hold(folder)
    assert len(caught) == 1 and caught[0].filename == __file__ and hold.still_alone()


def test_an_error_of_the_disk_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    for module, name in ((fcntl, "flock"), (os, "open")):
        with monkeypatch.context() as patched, raises(CharnnError, "run cannot be written to: Input/output error"):
            patched.setattr(module, name, fail)
            Hold(folder)


def test_a_lock_that_cannot_be_opened_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def fail(path: object, *rest: int, **more: int) -> int:
        if path == LOCK:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", fail)
    with raises(CharnnError, "run cannot be written to: Permission denied", "--runs"):
        Hold(folder)


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_lock_has_the_permissions_of_any_new_file(folder: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        hold = Hold(folder)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.fstat(hold.file).st_mode) == 0o666 & ~mask


def test_locks_are_let_go_of_with_the_object(folder: Path) -> None:
    hold = Hold(folder)
    handles = hold.folder, hold.file
    del hold
    for handle in handles:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(handle)


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    with raises(CharnnError, "run/none", "--runs"):
        Hold(folder / "none")
