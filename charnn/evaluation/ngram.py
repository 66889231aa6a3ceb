"""Counting as a baseline: uniform, unigram, bigram and interpolated modified Kneser-Ney n-gram models.

    P_k(w | h) = (c(hw) - D(c(hw)) + left(h) P_{k-1}(w | h')) / c(h),    P_0 = 1 / V

h is the k - 1 symbols before w, h' is h less its first symbol, and c(h) = sum_w c(hw). The discounts D(1), D(2) and
D(3 or more) set left(h) = sum_w D(c(hw)) free. At the highest order c(g) is how often g occurs, and below it how many
different symbols occur before g. Where c(h) = 0, P_k = P_{k-1}. (Kneser and Ney, 1995; Chen and Goodman, 1998.)

A k-gram is known by its rank among the different k-grams. A (k + 1)-gram is known by the pair (rank of its first k
symbols, its last symbol). These pairs are sorted as integers, never hashed, so counts are exact whatever V.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from math import isqrt, log2

import numpy as np

from ..io.lazy import Ids
from ..machine import available_memory

BYTES_PER_COUNTED_SYMBOL = 32  # bytes that counting n-grams takes for each symbol
SCORED_SYMBOLS = 1_000_000  # symbols of a validation part, at most
COUNTED_SYMBOLS = 20_000_000  # symbols of a training part, at most
PART_SIZE = 1 << 18  # sorted integers unpacked at once
ONE = np.uint32(1)  # of the counts' type: with another np.add.at takes forty times as long
START = np.zeros(1, np.uint8)  # EOS: what every stream follows


@dataclass(frozen=True)
class KneserNey:
    """A model of order n = `order` that gives each of V = `symbols` symbols a probability above 0."""

    order: int
    symbols: int
    levels: tuple["Level", ...] = field(repr=False, compare=False)

    def nats(self, ids: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """Surprisal of each symbol of a stream, given up to n - 1 symbols before it.

        -ln P_n(w | h)

        ids (N,) integers in [0, V); `before` is what the stream follows, by default the start symbol 0.
        Returns (N,) in nats. Raises ValueError for ids out of range.
        """
        before = START if before is None else before[max(0, len(before) - self.order + 1) :]
        reader = _Reader(_stream(ids, self.symbols, before), self.symbols)
        for level in self.levels:
            reader.read(level.grams)
            reader.probability = reader.blend(level)
        nats: np.ndarray = -np.log(reader.probability[len(before) :])
        return nats

    def distributions(self, ids: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """P_n(. | h) of every symbol at each place of a stream: what `nats` has of one. Returns (N, V)."""
        before = START if before is None else before[max(0, len(before) - self.order + 1) :]
        reader = _Reader(_stream(ids, self.symbols, before), self.symbols)
        p = np.full((len(ids), self.symbols), 1 / self.symbols)
        for level in self.levels:
            reader.read(level.grams)
            level.blend(reader.context[len(before) :], p)
        return p


def fit(ids: np.ndarray, symbols: int, order: int) -> KneserNey:
    """Count a stream, which follows the start symbol 0, for a model of order n = `order`.

    ids (N,) integers in [0, V), V = `symbols`; N may be 0. Raises ValueError for an order below 1, for ids
    out of range, and for a stream so long that (N + 1)^2 V > 2^64.
    """
    if order < 1:
        raise ValueError(f"the order is {order}: give at least 1")
    found = list(islice(_count(_stream(ids, symbols), symbols), order))
    levels = [Level(grams, preceding) for (grams, _, _), (_, _, preceding) in pairwise(found)]
    grams, counts, _ = found[-1]
    return KneserNey(order, symbols, (*levels, Level(grams, counts)))


@dataclass(frozen=True)
class Baselines:
    """Bits per character on the validation part; `ngram` is at the best `order`, `counted` is in symbols."""

    uniform: float
    unigram: float
    bigram: float
    ngram: float
    order: int
    counted: int


def baselines(
    train: Ids,
    valid: Ids,
    symbols: int,
    *,
    limit: int = COUNTED_SYMBOLS,
    orders: Sequence[int] = range(1, 10),
) -> Baselines:
    """Bits per character of the uniform, unigram, bigram and best n-gram model (of `orders`) on the validation part.

    train (N,), valid (M,) integers in [0, V), V = `symbols`. Only the first `limit` symbols of train are
    counted (fewer where (N + 1)^2 V > 2^64). Only the first 1,000,000 of valid are scored, as a stream that
    follows the start symbol 0. Orders are tried upwards until two in a row are no better than the best:
    one is not enough, as the second bit of an exclusive or tells nothing without the first. Raises ValueError
    for an empty valid, for orders below 1 or none, and for ids out of range.
    """
    if not len(valid) or min(orders, default=0) < 1:
        raise ValueError("baselines need a validation part that is not empty, and orders of 1 or more")
    train = np.asarray(train[: min(limit, _room(symbols))])
    bits: list[float] = []  # of orders 1, 2, ...
    for found in bits_by_order(train, np.asarray(valid[:SCORED_SYMBOLS]), symbols):
        bits.append(found)
        tried = [bits[order - 1] for order in sorted(orders) if order <= len(bits)]
        if len(bits) == max(2, *orders) or (len(tried) > 2 and min(tried[-2:]) >= min(tried[:-2])):
            break
    best = min((order for order in orders if order <= len(bits)), key=lambda order: bits[order - 1])
    return Baselines(log2(symbols), bits[0], bits[1], bits[best - 1], best, len(train))


def bits_by_order(train: np.ndarray, valid: np.ndarray, symbols: int) -> Iterator[float]:
    """The mean of -log2 P_k(w | h) on `valid` for k = 1, 2, ... without end: see `baselines`."""
    reader = _Reader(_stream(valid, symbols), symbols)
    grams: _Grams | None = None
    for longer, counts, preceding in _count(_stream(train, symbols), symbols):
        if grams is not None:  # these are no longer the highest order
            reader.probability = reader.blend(Level(grams, preceding))
        grams = longer
        reader.read(grams)
        yield -float(np.log2(reader.blend(Level(grams, counts))[1:]).mean())
        del counts, preceding  # before the next order is sorted: there memory is short


class _Grams:
    """The different k-grams of a stream as sorted keys: (rank of the first k - 1 symbols) V + last symbol."""

    def __init__(self, keys: np.ndarray, contexts: int, symbols: int):
        self.keys = keys
        self.contexts = contexts  # how many different (k - 1)-grams there are
        self.symbols = np.uint64(symbols)

    def find(self, context: np.ndarray, symbol: np.ndarray) -> np.ndarray:
        """Ranks of the k-grams made of (k - 1)-grams, by rank, and a last symbol (unsigned). Never seen is -1."""
        context, symbol = np.broadcast_arrays(context, symbol)
        rank, known = np.full(context.shape, -1), context >= 0
        if len(self.keys):
            wanted = context[known].astype(np.uint64) * self.symbols + symbol[known]
            place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
            rank[known] = np.where(self.keys[place] == wanted, place, -1)
        return rank


class Level:
    """One order of a model. Rank -1, never seen, picks each array's last: c(hw) = 0, left(h) = c(h) = 1."""

    def __init__(self, grams: _Grams, counts: np.ndarray):
        self.grams = grams
        self.counts = counts
        self.discounts = _discounts(counts)
        self.total = np.zeros(grams.contexts + 1, np.uint32)
        self.left = np.zeros(grams.contexts + 1)
        for part in _parts(len(grams.keys)):
            context = grams.keys[part] // grams.symbols
            np.add.at(self.total, context, counts[part])
            np.add.at(self.left, context, self.discounts[np.minimum(counts[part], 3)])
        self.left[self.total == 0] = 1
        self.total[self.total == 0] = 1

    def probability(self, rank: np.ndarray, context: np.ndarray, p: np.ndarray) -> np.ndarray:
        """P_k of k-grams by rank, after (k - 1)-grams by rank, from P_{k-1}; shapes that broadcast."""
        count = self.counts[rank]
        kept = count - self.discounts[np.minimum(count, 3)]
        return np.asarray((kept + self.left[context] * p) / self.total[context])

    def blend(self, context: np.ndarray, p: np.ndarray) -> None:
        """P_{k-1} of every symbol, (N, V), to P_k in place, after (k - 1)-grams (N,) by rank."""
        p *= self.left[context][:, None]
        known = np.flatnonzero(context >= 0)
        start = context[known].astype(np.uint64) * self.grams.symbols
        first, end = (np.searchsorted(self.grams.keys, edge) for edge in (start, start + self.grams.symbols))
        seen = end - first  # symbols that follow each of them
        place = np.arange(seen.sum()) + np.repeat(first - (np.cumsum(seen) - seen), seen)
        symbol = self.grams.keys[place] - np.repeat(start, seen)
        count = self.counts[place]
        p[np.repeat(known, seen), symbol.astype(np.intp)] += count - self.discounts[np.minimum(count, 3)]
        p /= self.total[context][:, None]


def _discounts(counts: np.ndarray) -> np.ndarray:
    """D(0) to D(3): D(c) = c - (c + 1) Y n_{c+1} / n_c, Y = n_1 / (n_1 + 2 n_2), n_c k-grams having count c.

    Texts too small to estimate them get 1/2, 1 and 3/2, as in KenLM (Heafield et al., 2013).
    """
    n = [np.count_nonzero(counts == c) for c in range(5)]
    if all(n[1:]):
        Y = n[1] / (n[1] + 2 * n[2])
        D = [c - (c + 1) * Y * n[c + 1] / n[c] for c in (1, 2, 3)]
        if min(D) > 0:
            return np.array([0, *D])
    return np.array([0, 0.5, 1, 1.5])


class _Reader:
    """A stream read one order after another, with the probability that the orders so far give each symbol."""

    def __init__(self, stream: np.ndarray, symbols: int):
        self.stream = stream
        self.rank = np.zeros(len(stream) + 1, np.intp)  # of the k-gram before each place; the 0-gram has rank 0
        self.context = self.rank[:-1]
        self.probability = np.full(len(stream), 1 / symbols)

    def read(self, grams: _Grams) -> None:
        """Go from k - 1 to k symbols."""
        self.context = self.rank[:-1]
        self.rank = np.concatenate(([-1], grams.find(self.context, self.stream)))

    def blend(self, level: Level) -> np.ndarray:
        return level.probability(self.rank[1:], self.context, self.probability)


def _stream(ids: np.ndarray, symbols: int, before: np.ndarray = START) -> np.ndarray:
    """`before` and `ids` one after the other, in the smallest type that holds V symbols."""
    stream = np.empty(len(before) + len(ids), np.min_scalar_type(symbols - 1))
    for part, place in (before, stream[: len(before)]), (ids, stream[len(before) :]):
        low, high = (int(part.min()), int(part.max())) if len(part) else (0, 0)
        if not 0 <= low <= high < symbols:
            raise ValueError(f"ids run from {low} to {high}: {symbols} symbols are 0 to {symbols - 1}")
        place[:] = part
    return stream


def _room(symbols: int) -> int:
    """How many symbols can be counted: `_lengthen` packs (rank, symbol, place) into 64 bits."""
    return isqrt(2**64 // symbols) - 1


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, min(n, start + PART_SIZE)) for start in range(0, n, PART_SIZE))


def _count(stream: np.ndarray, symbols: int) -> Iterator[tuple[_Grams, np.ndarray, np.ndarray]]:
    """For k = 1, 2, ...: the k-grams, how often each occurs, and how many symbols precede each (k - 1)-gram.

    Both counts end with a zero, for a gram that does not occur.
    """
    if len(stream) - 1 > _room(symbols):
        raise ValueError(f"{len(stream) - 1:,} symbols are too many: count the first {_room(symbols):,}")
    rank = np.zeros(len(stream) + 1, np.uint32)
    contexts = 1
    while True:
        following = stream[len(stream) + 1 - len(rank) :]
        rank, keys, counts, preceding = _lengthen(rank, following, contexts, symbols)
        yield _Grams(keys, contexts, symbols), counts, preceding
        contexts = len(keys)
        del keys, counts, preceding


def _lengthen(
    rank: np.ndarray, following: np.ndarray, contexts: int, symbols: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """From the ranks (n + 1,) of a stream's windows of k - 1 symbols to the ranks (n,) of its windows of k.

    The triples (rank, following symbol, place) are sorted, each as one integer: equal k-grams come together
    and still know their places. Returns ranks, keys, counts and preceding counts. To save memory, the new
    ranks overwrite the old ones, and the keys the triples.
    """
    n = len(following)
    triples = rank[:-1].astype(np.uint64)
    triples *= symbols
    triples += following
    triples *= n
    triples += np.arange(n, dtype=np.uint32)
    triples.sort()
    preceding = np.zeros(contexts + 1, np.uint32)
    for _, place, new in _unpacked(triples):
        np.add.at(preceding, rank[place[new] + 1], ONE)  # a k-gram less its first symbol
    counts = np.zeros(n + 1, np.uint32)
    size = 0
    for keys, place, new in _unpacked(triples):
        ranks = size - 1 + np.cumsum(new)
        rank[place] = ranks
        np.add.at(counts, ranks, ONE)
        keys = keys[new]
        triples[size : size + len(keys)] = keys
        size += len(keys)
    triples.resize(size, refcheck=False)
    counts.resize(size + 1, refcheck=False)
    return rank[:-1], triples, counts, preceding


def _unpacked(triples: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Sorted triples part by part: keys, places, and which keys differ from the one before."""
    n = np.uint64(len(triples))
    last = None
    for part in _parts(len(triples)):
        keys = triples[part] // n
        new = np.diff(keys, prepend=~keys[:1] if last is None else last) != 0
        last = keys[-1:]
        yield keys, triples[part] - keys * n, new


def countable(most: int) -> int:
    """How many symbols n-grams can be counted on in half of the memory that there is, up to `most`."""
    there = available_memory()
    return most if there is None else max(0, min(most, there // 2 // BYTES_PER_COUNTED_SYMBOL))
