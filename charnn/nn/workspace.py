"""Scratch memory for one window of training: taken by bumping a pointer, given back all at once."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from .tiling import Tilings

DType = np.dtype | type  # of NumPy's numbers; numpy.typing takes longer to import than the whole engine
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

    With `back` false there will be no way back through the window, and what only that needs is not kept. `tilings` say
    how products are cut.
    """

    def __init__(self, back: bool = True, tilings: Tilings | None = None) -> None:
        self.back, self.tilings = back, Tilings() if tilings is None else tilings
        self._arena = aligned(0)
        self.used = 0  # bytes handed out, whether they fitted or not
        self._needed = 0  # the most that was handed out at once since the last reset
        self.plans: dict[Any, Any] = {}  # of windows, by their shapes: see `replay`
        self.note: Callable[[np.ndarray], np.ndarray] | None = None  # makes arrays that note what is done with them

    def empty(self, shape: tuple[int, ...], dtype: DType) -> np.ndarray:
        """An uninitialised array of `shape`, on a cache line."""
        dtype = np.dtype(dtype)
        start, size = self.used, prod(shape) * dtype.itemsize
        self.used += -(-size // ALIGN) * ALIGN
        there = self.used <= self._arena.size
        a = np.ndarray(shape, dtype, self._arena, start) if there else aligned(size).view(dtype).reshape(shape)
        return self.note(a) if self.note else a

    def steps(self, count: int, shape: tuple[int, ...], dtype: DType) -> np.ndarray:
        """(count, *shape): room for each step; without a way back the same for all, which stays in cache."""
        a = self.empty((count if self.back else 1, *shape), dtype)
        return a if self.back else np.lib.stride_tricks.as_strided(a, (count, *shape), (0, *a.strides[1:]), subok=True)

    @property
    def peak(self) -> int:
        """The most bytes that were handed out at once since the last reset."""
        return max(self._needed, self.used)

    def reset(self) -> None:
        """Give everything back. Arrays handed out before are overwritten from now on."""
        if self.peak > self._arena.size:
            self._arena = aligned(self.peak)
            self.plans.clear()
        self.used = self._needed = 0

    def again(self, used: int, call: Callable[[], Any]) -> Any:
        """Make a call that takes memory from `used` on, as it did when it was noted; it gives all of it back."""
        held, self.used, self.note = (self.used, self.note), used, None
        try:
            return call()
        finally:
            self.used, self.note = held

    def scratch(self) -> "Scratch":
        """Give back at the end what was taken inside: for pieces that follow one another in the same cache lines."""
        return Scratch(self)


class Scratch:
    """What `with` enters for `Workspace.scratch`."""

    def __init__(self, ws: Workspace):
        self._ws = ws

    def __enter__(self) -> None:
        self._start = self._ws.used

    def __exit__(self, *_: object) -> None:
        ws = self._ws
        ws._needed = max(ws._needed, ws.used)
        ws.used = self._start
