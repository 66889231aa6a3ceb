"""A stream that stays in its file: slices of it are cheap, and read only when they are looked at."""

import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CharnnError


class FileHandle:
    """A file kept open while anything reads from it, whatever becomes of its name."""

    def __init__(self, path: Path):
        self.path, self.number = path, os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self.number)

    def read(self, offset: int, size: int) -> bytes:
        """So many bytes from a position on; fewer at the file's end. Raises `CharnnError`."""
        pieces = []
        try:
            while size > 0 and (piece := os.pread(self.number, size, offset)):
                pieces.append(piece)
                offset, size = offset + len(piece), size - len(piece)
        except OSError as error:
            raise CharnnError(f"{self.path} cannot be read: {error.strerror or error}") from None
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@dataclass(frozen=True)
class LazyArray:
    """A 1-D array in a file, from a byte's position on. A slice is another one; `np.asarray` reads it.

    Read by position rather than mapped into memory: a mapping takes address space for the whole file, and a disk that
    fails would end the program instead of raising `CharnnError`.
    """

    file: FileHandle
    dtype: np.dtype
    offset: int  # bytes
    length: int
    nbytes = 0  # in memory

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, part: slice) -> "LazyArray":
        start, stop, step = part.indices(self.length)
        assert step == 1
        return replace(self, offset=self.offset + start * self.dtype.itemsize, length=max(0, stop - start))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        size = self.length * self.dtype.itemsize
        data = self.file.read(self.offset, size)
        if len(data) != size:
            raise CharnnError(f"{self.file.path} was cut short while in use")
        array = np.frombuffer(data, self.dtype)
        return array if dtype is None else array.astype(dtype)


Ids = np.ndarray | LazyArray
WatchSymbols = Callable[[Iterable[np.ndarray]], Iterable[np.ndarray]]  # passes pieces on, to show progress


def pieces(ids: Ids, size: int = 1 << 20) -> Iterator[np.ndarray]:
    """A stream in pieces of so many symbols: for passes over one that is larger than memory."""
    return (np.asarray(ids[start : start + size]) for start in range(0, len(ids), size))
