"""Pairs side by side: whole ones, of like length together, in another order each epoch."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..draws import Draw
from .pairs import Pairs
from .vocabulary import EOS

POOL_BATCHES = 50  # batches whose pairs are sorted by length together
MAX_SYMBOLS = 1 << 14  # of both sides, padding included, that are read at once


class Padded(NamedTuple):
    """Sequences side by side, each closed by EOS and padded with it."""

    ids: np.ndarray  # (T, B)
    inside: np.ndarray  # (T, B): true up to the EOS that closes the sequence

    @property
    def before(self) -> np.ndarray:
        """What is read where `ids` are to be predicted: the same one step later, from EOS on."""
        read = np.empty_like(self.ids)
        read[:1], read[1:] = EOS, self.ids[:-1]
        return read

    def masked(self, share: float, unknown: int, rng: np.random.Generator) -> "Padded":
        """The same with about this share of the symbols made unknown."""
        hidden = (rng.random(self.ids.shape) < share) & (self.ids != EOS)
        return Padded(np.where(hidden, self.ids.dtype.type(unknown), self.ids), self.inside)


def pad(sequences: Sequence[np.ndarray], dtype: np.dtype) -> Padded:
    """Put sequences (n,) of ids side by side."""
    lengths = np.array([len(one) for one in sequences]) + 1
    steps = int(lengths.max(initial=1))
    ids = np.full((steps, len(sequences)), EOS, dtype)
    for b, one in enumerate(sequences):
        ids[: len(one), b] = one
    return Padded(ids, np.arange(steps)[:, None] < lengths)


class PairBatches:
    """Some pairs, their numbers `rows` (N,), in batches of `batch`, of which the last may be smaller.

    For each epoch the pairs are shuffled by (seed, epoch), and sorted by length within pools of 50 batches. They are
    cut into batches, which are shuffled too. So a batch is known by its epoch and its index alone.
    """

    def __init__(self, pairs: Pairs, rows: np.ndarray, batch: int, seed: int):
        self.pairs, self.rows, self.batch, self.seed = pairs, rows, batch, seed
        self.lengths = lengths(pairs, rows).sum(axis=0)
        self._epoch: tuple[int, np.ndarray, np.ndarray] = (-1, rows, rows)  # with its rows and its order of batches

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.rows) // self.batch)

    def at(self, epoch: int, index: int) -> np.ndarray:
        """Numbers of the pairs in a batch, (B,), the longest first."""
        if self._epoch[0] != epoch:
            self._epoch = (epoch, *self._shuffled(epoch))
        _, rows, order = self._epoch
        start = int(order[index]) * self.batch
        return rows[start : start + self.batch]

    def _shuffled(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows of an epoch, batch after batch, (N,), and the order of these batches."""
        rng = np.random.default_rng((self.seed, Draw.PAIR_ORDER, epoch))
        order, size = rng.permutation(len(self.rows)), self.batch * POOL_BATCHES
        pools = [order[start : start + size] for start in range(0, len(order), size)]
        by_length = [pool[np.argsort(-self.lengths[pool], kind="stable")] for pool in pools]
        return self.rows[np.concatenate(by_length)], rng.permutation(len(self))


def lengths(pairs: Pairs, rows: np.ndarray) -> np.ndarray:
    """Symbols of the source and of the target of each row, EOS included, (2, N)."""
    return np.stack([side.lengths[rows] + 1 for side in (pairs.source, pairs.target)])


def within_memory(lengths: np.ndarray, symbols: int = MAX_SYMBOLS) -> Iterator[slice]:
    """Cut rows with lengths (k, B) of their k sides into parts that have no more symbols, padding included, or are one
    row.
    """
    start, count = 0, lengths.shape[1]
    while start < count:
        steps = np.maximum.accumulate(lengths[:, start:], axis=1).sum(axis=0)
        stop = start + max(1, int(np.count_nonzero(steps * np.arange(1, len(steps) + 1) <= symbols)))
        yield slice(start, stop)
        start = stop


def by_length(lengths: np.ndarray, symbols: int = MAX_SYMBOLS) -> list[np.ndarray]:
    """Numbers of rows with lengths (k, N), the longest first, in parts (B,) as `within_memory` cuts them."""
    order = np.argsort(-lengths.sum(axis=0), kind="stable")
    return [order[part] for part in within_memory(lengths[:, order], symbols)]
