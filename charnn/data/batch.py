"""What a network reads in a window, and what it is to predict."""

from typing import NamedTuple

import numpy as np

from .vocabulary import EOS


def keep_mask(x: np.ndarray, reset: bool, dtype: np.dtype | type = np.float32) -> np.ndarray | None:
    """0 where the state is forgotten before x (T, B) is read, since an EOS is, else 1, (T, B, 1); None without `reset`,
    where the state is always kept."""
    return (x != EOS)[..., None].astype(dtype) if reset else None


class Batch(NamedTuple):
    """Rows of text side by side, T steps of each: x (T, B) is read, and y (T, B) is to be predicted from it."""

    x: np.ndarray
    y: np.ndarray
    keep: np.ndarray | None = None  # see `keep_mask`
    counted: np.ndarray | None = None  # (T, B): which of y the loss is summed over; None for all of them

    @property
    def first_counted(self) -> int:
        """The first step at which a target counts; T where none does."""
        if self.counted is None:
            return 0
        there = np.any(self.counted, axis=1)
        first = int(there.argmax())
        return first if there[first] else len(there)

    def at(self, steps: slice) -> "Batch":
        """Some steps of it."""
        x, y, keep, counted = self
        keep = keep if keep is None else keep[steps]
        counted = counted if counted is None else counted[steps]
        return Batch(x[steps], y[steps], keep, counted)

    def as_one_step(self) -> "Batch":
        """All its steps as rows of a single one: x, y (1, T B)."""
        x, y, keep, counted = self
        keep = keep if keep is None else keep.reshape(1, -1, 1)
        counted = counted if counted is None else counted.reshape(1, -1)
        return Batch(x.reshape(1, -1), y.reshape(1, -1), keep, counted)
