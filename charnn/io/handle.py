"""A file held open and read by position, whose content is watched while it is in use."""

import os
import stat
import weakref
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ..errors import CharnnError, CheckpointError, UsageError

PIECE_BYTES = 1 << 20  # bytes read at a time where a checksum is computed


class Extent(NamedTuple):
    """Bytes of a file from a position on, and their CRC-32."""

    offset: int
    size: int
    crc: int


class FileHandle:
    """A regular file held open for reading, whatever becomes of its name.

    The bytes of `guarded` are known by their checksums. They are checked again whenever the file's size or its time of
    modification has changed.
    """

    def __init__(self, path: Path, guarded: tuple[Extent, ...] = ()):
        self.path, self.guarded = path, guarded
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):  # asked first: opening a device may set it to work
                refuse_irregular(path)
            file = open(path, "rb", buffering=0)
        except FileNotFoundError:
            raise UsageError(f"{path} does not exist: name another file") from None
        except OSError as error:
            raise self._unreadable(error) from None
        weakref.finalize(self, file.close)
        self.number = file.fileno()
        self.stamp = self._stamp()

    @property
    def size(self) -> int:
        """Bytes in the file when it was last looked at."""
        return self.stamp[0]

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes from a position on. Raises `CharnnError`, and `CheckpointError` where the file has changed."""
        data = self._read(offset, size)
        while self.guarded and self._stamp() != self.stamp:
            self._verify()
            data = self._read(offset, size)
        if len(data) != size:
            raise CheckpointError(f"{self.path} is truncated or corrupt: it ends at byte {offset + len(data):,}")
        return data

    def _verify(self) -> None:
        """Raise `CheckpointError` unless the guarded bytes are still those of their checksums."""
        self.stamp = self._stamp()
        for offset, size, wanted in self.guarded:
            crc, end = 0, offset + size
            for start in range(offset, end, PIECE_BYTES):
                crc = zlib.crc32(self._read(start, min(PIECE_BYTES, end - start)), crc)
            if crc != wanted:
                raise CheckpointError(f"{self.path} was changed while in use: make it anew, and start again")

    def _read(self, offset: int, size: int) -> bytes:
        pieces = []
        try:
            while size > 0 and (piece := os.pread(self.number, size, offset)):
                pieces.append(piece)
                offset, size = offset + len(piece), size - len(piece)
        except OSError as error:
            raise self._unreadable(error) from None
        return b"".join(pieces)

    def _stamp(self) -> tuple[int, int]:
        try:
            found = os.fstat(self.number)
        except OSError as error:
            raise self._unreadable(error) from None
        return found.st_size, found.st_mtime_ns

    def _unreadable(self, error: OSError) -> CharnnError:
        return CharnnError(f"{self.path} cannot be read: {error.strerror or error}")

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Copies, in this process or another, open the file anew, and check it where it has changed since."""
        return _reopened, (self.path, self.guarded, self.stamp)


def _reopened(path: Path, guarded: tuple[Extent, ...], stamp: tuple[int, int]) -> FileHandle:
    handle = FileHandle(path, guarded)
    handle.stamp = stamp
    return handle


def refuse_irregular(path: Path) -> NoReturn:
    """Raise `CheckpointError` for a folder, a pipe or a device."""
    raise CheckpointError(f"{path} is not a charnn file: not a regular file")


def read_text(path: str | Path, most: int) -> str:
    """A small file of UTF-8, a pipe too, without a byte order mark. Raises `OSError`, `ValueError` for more bytes."""
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it has more than {most:,} bytes")
    return data.decode("utf-8-sig")
