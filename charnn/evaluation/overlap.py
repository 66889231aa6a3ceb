"""How much of a text stands word for word in another: the share of its n-grams, and its longest run.

The other text may be of any size: it is read in pieces, once for the n-grams, some ten times for the longest run.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

GRAM = 8  # symbols of the n-grams: about what is more than a word, and its ending, by accident
SEED = 8  # of the numbers that stand for symbols
FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse modulo 2^64
INVERSE = np.uint64(pow(int(FACTOR), -1, 1 << 64))

FIRST = np.uint64(48)

Pieces = Callable[[], Iterator[np.ndarray]]  # reads a text anew, piece by piece


@dataclass(frozen=True, eq=False)
class Overlap:
    """What of a text stands in another: which of its 8-grams do, (N - 7,), and its longest run that does."""

    grams: np.ndarray
    longest: int  # symbols
    at: int  # where in the text the run starts

    @property
    def share(self) -> float:
        """Of the 8-grams; 0 where a text is too short to have one."""
        return float(self.grams.mean()) if self.grams.size else 0.0


def overlaps(texts: Sequence[np.ndarray], other: Pieces) -> list[Overlap]:
    """For each text, (N,) ids: what of it stands in the other."""
    shares = found(texts, other, [GRAM] * len(texts))
    low = [int(grams.any()) * GRAM for grams in shares]  # a run of so many symbols is there
    high = [len(text) + 1 for text in texts]  # and none of so many
    at = [int(grams.argmax()) if grams.any() else 0 for grams in shares]
    while any(b - a > 1 for a, b in zip(low, high, strict=True)):
        tried = [min(2 * a if a else 1, (a + b) // 2) if b - a > 1 else 0 for a, b in zip(low, high, strict=True)]
        for i, there in enumerate(found(texts, other, tried)):
            if not tried[i]:
                continue
            if there.any():
                low[i], at[i] = tried[i], int(there.argmax())
            else:
                high[i] = tried[i]
    return [Overlap(*facts) for facts in zip(shares, low, at, strict=True)]


def found(texts: Sequence[np.ndarray], other: Pieces, lengths: Sequence[int]) -> list[np.ndarray]:
    """For each text (N,): which of its n-grams stand in the other, (N - n + 1,) bools, n being its own; 0 for none."""
    marks = [hashes(text, n) if n else np.empty(0, np.uint64) for text, n in zip(texts, lengths, strict=True)]
    there: dict[int, list[np.ndarray]] = {}
    wanted = {n: np.unique(np.concatenate([m for m, k in zip(marks, lengths, strict=True) if k == n])) for n in lengths}
    for n in wanted.keys() - {0}:
        marked = map(partial(hashes, n=n), overlapping(other(), n))
        there[n] = [wanted[n][:0], *(mark[in_sorted(mark, wanted[n])] for mark in marked)]
    known = {n: np.unique(np.concatenate(parts)) for n, parts in there.items()}
    return [in_sorted(mark, known[n]) if n else np.empty(0, bool) for mark, n in zip(marks, lengths, strict=True)]


def overlapping(pieces: Iterable[np.ndarray], n: int) -> Iterator[np.ndarray]:
    """The pieces of a text, each with the last n - 1 symbols before it: so that each n-gram is within one of them."""
    tail: np.ndarray | None = None
    for piece in pieces:
        piece = piece if tail is None else np.concatenate([tail, piece])
        yield piece
        tail = piece[max(0, len(piece) - n + 1) :]


def hashes(ids: np.ndarray, n: int) -> np.ndarray:
    """A number for each n-gram, (N - n + 1,): sum_j r[ids[i + j]] F^j modulo 2^64, by differences of a running sum.

    r are random numbers of 64 bits. That two n-grams share a number by chance is as likely as 1 in 10^19.
    """
    if len(ids) < n:
        return np.empty(0, np.uint64)
    r = np.random.default_rng(SEED).integers(0, 1 << 64, int(ids.max(initial=0)) + 1, np.uint64)
    sums = np.zeros(len(ids) + 1, np.uint64)
    np.cumsum(r[ids] * _powers(FACTOR, len(ids)), out=sums[1:])
    return (sums[n:] - sums[:-n]) * _powers(INVERSE, len(ids) - n + 1)


@lru_cache(maxsize=4)
def _powers(factor: np.uint64, count: int) -> np.ndarray:
    powers = np.full(count, factor, np.uint64)
    powers[:1] = 1
    return np.cumprod(powers)


def in_sorted(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which of the values are among those known, which are sorted: most are ruled out by their first 16 bits."""
    first = np.zeros(1 << 16, bool)
    first[known >> FIRST] = True
    there = first[values >> FIRST]
    maybe = values[there]
    there[there] = known[np.searchsorted(known, maybe).clip(max=len(known) - 1)] == maybe if len(known) else False
    return there
