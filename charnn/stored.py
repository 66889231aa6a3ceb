"""A stream that stays in its file: slices of it are cheap, and read only when they are looked at."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .errors import CharnnError


@dataclass(frozen=True)
class Stored:
    """A 1-D array in a file, from a byte's position on. A slice is another one; `np.asarray` reads it.

    Read by position rather than mapped into memory: a mapping takes address space for the whole file, and a disk that
    fails would end the program instead of raising `CharnnError`.
    """

    path: Path
    dtype: np.dtype
    offset: int  # bytes
    length: int
    nbytes = 0  # in memory

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, part: slice) -> "Stored":
        start, stop, step = part.indices(self.length)
        assert step == 1
        return replace(self, offset=self.offset + start * self.dtype.itemsize, length=max(0, stop - start))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        try:
            data = np.fromfile(self.path, self.dtype, self.length, offset=self.offset)
        except OSError as error:
            raise CharnnError(f"{self.path} cannot be read: {error.strerror or error}") from None
        if len(data) != self.length:
            raise CharnnError(f"{self.path} was cut short while in use: {self.path.stat().st_size:,} bytes are left")
        return data if dtype is None else data.astype(dtype)


Symbols = np.ndarray | Stored
