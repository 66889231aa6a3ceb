"""Scratch memory for one window of training: taken by bumping a pointer, given back all at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import numpy as np
from numpy.typing import DTypeLike

ALIGN = 64  # bytes: a cache line, and the width of a vector register. NumPy by itself gives 16


def aligned(size: int) -> np.ndarray:
    """`size` uninitialised bytes that start on a cache line."""
    block = np.empty(size + ALIGN, np.uint8)
    start = -block.ctypes.data % ALIGN
    return block[start : start + size]


class Workspace:
    """An arena of memory, reset at the start of each window, so that a training step allocates nothing.

    Arrays from `empty` are valid until the next `reset`. The first window finds the arena too small and
    allocates; `reset` then makes it as large as the window was.
    """

    def __init__(self) -> None:
        self._arena = aligned(0)
        self._used = 0  # bytes handed out, whether they fitted or not
        self._needed = 0  # the most that was handed out at once since the last reset

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
        """An uninitialised array of `shape`, on a cache line."""
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        start, self._used = self._used, self._used + -(-size // ALIGN) * ALIGN
        self._needed = max(self._needed, self._used)
        memory = self._arena[start : start + size] if self._used <= self._arena.size else aligned(size)
        return memory.view(dtype).reshape(shape)

    def reset(self) -> None:
        """Give everything back. Arrays handed out before are overwritten from now on."""
        if self._needed > self._arena.size:
            self._arena = aligned(self._needed)
        self._used = self._needed = 0

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """Give back at the end what was taken inside: for pieces that follow one another in the same cache lines."""
        used = self._used
        yield
        self._used = used
