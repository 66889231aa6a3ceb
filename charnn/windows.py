"""A stream of symbols cut into windows for truncated BPTT, with teacher forcing by construction."""

from dataclasses import dataclass
from math import isqrt

import numpy as np

from .stored import Symbols

EOS = 0  # the end of a sequence, and the symbol before its first
UPDATES = 64  # windows in an epoch, at least
SHORTEST = 16  # steps of a window


@dataclass(frozen=True)
class Lanes:
    """A stream laid out as B lanes side by side, read in windows of T steps.

    The stream's symbols are what is predicted, each exactly once; what is read is the same stream one symbol
    earlier, starting from EOS. Lane b goes on in each window where it stopped in the last, so that a carried state
    stays with its text. Where the N symbols do not fill B lanes evenly, the N mod B symbols left over are the
    longer ends of the first lanes, read in one last window of a single step: no padding, nothing wrapped round.
    """

    ids: Symbols  # (N,) unsigned integers
    batch: int  # B
    window: int  # T

    @property
    def length(self) -> int:
        """Steps in every lane; the first N mod B lanes have one more."""
        return len(self.ids) // self.batch

    def __len__(self) -> int:
        """Windows in an epoch."""
        return -(-self.length // self.window) + (len(self.ids) % self.batch > 0)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """x, y (T, B) of a window; the last ones of an epoch may have fewer steps, or fewer rows."""
        return self.read(index, slice(0, self.batch))

    def read(self, index: int, part: slice) -> tuple[np.ndarray, np.ndarray]:
        """x, y (T, .) of some rows of a window."""
        extra = len(self.ids) % self.batch
        start = index * self.window
        if start < self.length:
            rows, steps = range(self.batch)[part], min(self.window, self.length - start)
        else:
            start, rows, steps = self.length, range(extra)[part], 1
        read = np.empty((steps + 1, len(rows)), self.ids.dtype)  # each lane's symbols, and the one before them
        for column, b in enumerate(rows):
            first = b * self.length + min(b, extra) + start
            read[0, column] = EOS
            before = min(1, first)
            read[1 - before :, column] = self.ids[first - before : first + steps]
        return read[:-1], read[1:]


def fit(symbols: int, batch: int, window: int) -> tuple[int, int]:
    """The batch and window that suit a stream of `symbols`: smaller than asked for where it is short.

    An epoch of a stream of 1,024 symbols or more has at least 64 windows, so that there are updates enough to learn
    from; of a window's symbols most are steps rather than rows, and there are at least 16 steps.
    """
    size = symbols // UPDATES
    window = max(1, min(window, max(SHORTEST, isqrt(4 * size)), symbols))
    return max(1, min(batch, size // window)), window
