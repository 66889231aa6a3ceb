"""A stream of symbols cut into windows for backpropagation through time, with teacher forcing by construction."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from ..io.lazy import Ids, pieces
from .batch import Batch
from .vocabulary import EOS


def shifted(ids: np.ndarray, at: np.ndarray, before: int = EOS) -> tuple[np.ndarray, np.ndarray]:
    """x, y at some places of a stream: y is the symbol there, x the one before it, from which y is to be predicted.

    `before` is the symbol before the stream. `at`, and so x and y, may have any shape.
    """
    x = ids[at - 1]
    x[at == 0] = before
    return x, ids[at]


class Window(NamedTuple):
    """Steps of the first `rows` lanes, from step `start` on. The `first` of them are read, and count for nothing."""

    start: int
    steps: int
    rows: int
    first: int = 0


class BatchLayout(Protocol):
    """Text side by side. From a window to a later one rows may end, the last ones first; none begins."""

    def read(self, window: Window, part: slice) -> Batch:
        """Some rows of a window; `keep` is left out, since it is the network that forgets."""


@dataclass(frozen=True)
class StreamBatches:
    """A stream laid out as B lanes side by side, read in windows of T steps.

    The stream's symbols are what is predicted, each exactly once; what is read is the same stream one symbol
    earlier, starting from EOS. Lane b goes on in each window where it stopped in the last, so that a carried state
    stays with its text. Where N symbols do not fill B lanes evenly, the first N mod B lanes are longer by one symbol.
    One last window of a single step reads these symbols: no padding, nothing wrapped round.
    """

    ids: Ids  # (N,) unsigned integers
    batch: int  # B
    window: int  # T

    @cached_property
    def length(self) -> int:
        """Steps in every lane, at least."""
        return len(self.ids) // self.batch

    @cached_property
    def extra(self) -> int:
        """The lanes that have one more."""
        return len(self.ids) % self.batch

    def __len__(self) -> int:
        """Windows in an epoch."""
        return -(-self.length // self.window) + (self.extra > 0)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """x, y (T, B) of a window; the last ones of an epoch may have fewer steps, or fewer rows."""
        return self.read(self.at(index), slice(0, self.batch))[:2]

    def at(self, index: int) -> Window:
        """An epoch's window of this index."""
        start = index * self.window
        if start < self.length:
            return Window(start, min(self.window, self.length - start), self.batch)
        return Window(self.length, 1, self.extra)

    def read(self, window: Window, part: slice) -> Batch:
        (start, steps, count, first), length, extra = window, self.length, self.extra
        begins = [b * length + min(b, extra) + start for b in range(count)[part]]
        x, y = _side_by_side(self.ids, steps, begins, [begin + steps for begin in begins])
        if not first:
            return Batch(x, y)
        counted = np.ones(y.shape, bool)
        counted[:first] = False
        return Batch(x, y, None, counted)


@dataclass(frozen=True)
class SequenceBatches:
    """Whole sequences side by side, each from its own beginning, the longest first.

    A window is read as far as the longest of its rows goes; what the others read after their ends does not count.
    """

    ids: Ids  # (N,) unsigned integers
    begins: np.ndarray  # (B,) where in the stream
    lengths: np.ndarray  # (B,) symbols, falling

    @classmethod
    def between(cls, ids: Ids, edges: np.ndarray) -> "SequenceBatches":
        """Those that lie between neighbouring edges (B + 1,)."""
        order = np.argsort(edges[:-1] - edges[1:], kind="stable")
        return cls(ids, edges[:-1][order], np.diff(edges)[order])

    def windows(self, steps: int) -> tuple[Window, ...]:
        """All windows of so many steps."""
        starts = range(0, int(self.lengths[0]), steps)
        return tuple(Window(start, steps, int(np.count_nonzero(self.lengths > start))) for start in starts)

    def read(self, window: Window, part: slice) -> Batch:
        rows = range(window.rows)[part]
        begins = self.begins[rows.start : rows.stop] + window.start  # (B,)
        left = self.lengths[rows.start : rows.stop] - window.start
        steps = min(window.steps, int(left.max(initial=0)))
        x, y = _side_by_side(self.ids, steps, begins.tolist(), (begins + np.minimum(left, steps)).tolist())
        return Batch(x, y, counted=np.arange(steps)[:, None] < left)


def _side_by_side(ids: Ids, steps: int, begins: Sequence[int], ends: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """x, y (T, B), as `shifted` has them, of pieces of a stream that may be in a file: EOS beyond the end of each."""
    read = np.zeros((steps + 1, len(begins)), ids.dtype)  # each piece, and the symbol before it; EOS is 0
    for column, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        before = min(1, begin)
        read[1 - before : 1 + end - begin, column] = ids[begin - before : end]
    return read[:-1], read[1:]


def ends(ids: Ids, start: int, count: int, size: int) -> np.ndarray:
    """Edges of the next `count` sequences from `start` on, (count + 1,) or fewer, looked for `size` symbols at a time.

    The stream's end is a sequence's.
    """
    edges, at = [start], start
    for piece in pieces(ids[start:], size):
        edges += (at + 1 + np.flatnonzero(piece == EOS)).tolist()
        at += len(piece)
        if len(edges) > count:
            break
    else:
        edges += [len(ids)] * (edges[-1] < len(ids))
    return np.array(edges[: count + 1])


def sequence_stats(ids: Ids, size: int = 1 << 20) -> tuple[int, int]:
    """How many sequences a stream has, and the symbols of the longest; an end without EOS is one too."""
    count = longest = begin = at = 0
    for piece in pieces(ids, size):
        edges = at + 1 + np.flatnonzero(piece == EOS)
        if len(edges):
            count += len(edges)
            longest = max(longest, int(np.diff(edges, prepend=begin).max()))
            begin = int(edges[-1])
        at += len(piece)
    return count + (begin < at), max(longest, at - begin)
