"""A stream that stays in its file: slices of it are cheap, and read only when they are looked at."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import CheckpointError
from .handle import Extent, FileHandle


@dataclass(frozen=True)
class LazyArray:
    """A 1-D array in a file, from a byte's position on. A slice is another one; `np.asarray` and other indices read it.

    Read by position rather than mapped into memory: a mapping takes address space for the whole file, and a disk that
    fails would end the program instead of raising `CharnnError`.
    """

    file: FileHandle
    dtype: np.dtype
    offset: int  # bytes
    length: int
    extent: Extent | None = None  # the bytes of its file that hold all of it, and their checksum
    nbytes = 0  # in memory

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, part: Any) -> Any:
        if isinstance(part, int | np.integer):
            at = range(self.length)[part]
            return np.asarray(self[at : at + 1])[0]
        if not isinstance(part, slice) or part.step not in (None, 1):
            return np.asarray(self)[part]
        start, stop, _ = part.indices(self.length)
        return replace(self, offset=self.offset + start * self.dtype.itemsize, length=max(0, stop - start))

    def __iter__(self) -> Iterator[Any]:
        return (one for piece in pieces(self) for one in piece)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.frombuffer(self.file.read(self.offset, self.length * self.dtype.itemsize), self.dtype)
        return array if dtype is None else array.astype(dtype)

    def checked(self) -> Iterator[np.ndarray]:
        """All of it in pieces; after the last of them `CheckpointError` where its file's checksum is another one."""
        assert self.extent
        start, _, wanted = self.extent
        crc = zlib.crc32(self.file.read(start, self.offset - start))
        for piece in pieces(self):
            yield piece
            crc = zlib.crc32(piece.data, crc)
        if crc != wanted:
            raise CheckpointError(f"{self.file.path} is truncated or corrupt: the checksum of its numbers differs")


Ids = np.ndarray | LazyArray
WatchSymbols = Callable[[Iterable[np.ndarray]], Iterable[np.ndarray]]  # passes pieces on, to show progress


def pieces(ids: Ids, size: int = 1 << 20) -> Iterator[np.ndarray]:
    """A stream in pieces of so many symbols: for passes over one that is larger than memory."""
    return (np.asarray(ids[start : start + size]) for start in range(0, len(ids), size))
