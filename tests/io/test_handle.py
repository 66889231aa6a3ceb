"""A file held open: read by position, watched for changes, and opened anew in another process."""

import os
import pickle
import zlib
from pathlib import Path

import pytest

from charnn.errors import CharnnError, CheckpointError, UsageError
from charnn.io.handle import PIECE_BYTES, Extent, FileHandle, read_text
from tests.helpers.snapshots import raises

DATA = bytes(range(256)) * (PIECE_BYTES // 128)  # two pieces


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "some.bin"
    path.write_bytes(DATA)
    return path


def guarded(path: Path, *extents: tuple[int, int]) -> FileHandle:
    """The file, with the bytes of some extents guarded."""
    return FileHandle(path, tuple(Extent(at, size, zlib.crc32(DATA[at : at + size])) for at, size in extents))


def later(path: Path) -> None:
    """Give a file another time of modification."""
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))


def test_bytes_are_read_by_position(path: Path) -> None:
    handle = FileHandle(path)
    assert handle.size == len(DATA)
    assert handle.read(3, 5) == DATA[3:8] and handle.read(0, 0) == b"" and handle.read(0, len(DATA)) == DATA
    with raises(CheckpointError, "some.bin", f"it ends at byte {len(DATA):,}"):
        handle.read(len(DATA) - 2, 3)


def test_a_system_that_returns_less_than_asked_is_asked_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handle, read = FileHandle(path), os.pread
    monkeypatch.setattr(os, "pread", lambda number, size, at: read(number, min(size, 7), at))
    assert handle.read(10, 20) == DATA[10:30] and handle.read(10, 7) == DATA[10:17]


def test_an_error_of_the_system_is_an_operation_that_failed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = guarded(path, (0, 10))

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    for name in ("pread", "fstat"):
        with monkeypatch.context() as patched, raises(CharnnError, "some.bin cannot be read", "Input/output error"):
            patched.setattr(os, name, fail)
            handle.read(0, 4)


def test_a_guarded_file_may_be_touched(path: Path) -> None:
    handle = guarded(path, (0, 10), (20, len(DATA) - 20))
    later(path)
    before = handle.stamp
    assert handle.read(5, 5) == DATA[5:10]
    assert handle.stamp != before


@pytest.mark.parametrize("at", [0, 9, 20, PIECE_BYTES + 20, len(DATA) - 1])
def test_a_guarded_byte_that_changed_is_noticed(path: Path, at: int) -> None:
    handle, open_one = guarded(path, (0, 10), (20, len(DATA) - 20)), FileHandle(path)
    path.write_bytes(DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :])
    later(path)
    with raises(CheckpointError, "some.bin was changed while in use"):
        handle.read(15, 2)
    assert open_one.read(at, 1) != DATA[at : at + 1]  # guards nothing


def test_a_byte_outside_of_what_is_guarded_may_change(path: Path) -> None:
    handle = guarded(path, (0, 10), (20, 100))
    path.write_bytes(DATA[:10] + b"other bytes"[:10] + DATA[20:120])
    later(path)
    assert handle.read(10, 10) == b"other byte" and handle.size == 120


def test_a_guarded_file_that_became_shorter_is_noticed(path: Path) -> None:
    handle = guarded(path, (0, len(DATA)))
    path.write_bytes(DATA[:-1])
    with raises(CheckpointError, "some.bin was changed"):
        handle.read(0, 1)


def test_a_copy_opens_the_file_anew_and_checks_what_changed_since(path: Path) -> None:
    handle = guarded(path, (0, 10))
    data = pickle.dumps(handle)
    copy = pickle.loads(data)
    assert copy.read(0, 10) == DATA[:10] and copy.number != handle.number
    path.write_bytes(b"x" * len(DATA))
    later(path)
    with raises(CheckpointError, "some.bin was changed"):
        pickle.loads(data).read(0, 10)
    path.unlink()
    assert handle.size == len(DATA)
    with raises(UsageError, "some.bin does not exist"):
        pickle.loads(data)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with raises(CheckpointError, "not a regular file"):
            FileHandle(tmp_path / name)
    with raises(UsageError, "none does not exist: name another file"):
        FileHandle(tmp_path / "none")
    with raises(CharnnError, "cannot be read"):
        FileHandle(tmp_path / ("n" * 300))


def test_small_files_are_read_without_a_byte_order_mark_up_to_a_size(tmp_path: Path) -> None:
    path = tmp_path / "small.txt"
    path.write_bytes(b"\xef\xbb\xbfab\xc3\xa9")
    assert read_text(path, 7) == "abé"
    with pytest.raises(ValueError, match="it has more than 6 bytes"):
        read_text(path, 6)
    path.write_bytes(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        read_text(path, 7)
