"""Whether a held-out part is like the part to train on, so that a validation measures what was learnt."""

import math
from collections.abc import Sequence

import numpy as np

from ..io.lazy import Ids, pieces
from .vocabulary import EOS, Vocabulary, describe

MAX_UNSEEN = 0.005  # share of the held-out characters that the training part never has
# Bits that characters, and first characters of sequences, may take more: of many, and over their number more
MAX_MORE, MAX_MORE_FIRST = (0.05, 150), (1.0, 20)
SHOWN = 3  # characters that are named
BLOCKS, MOST, FEWEST = 20, 1000, 10  # that counts are taken from, and symbols of each: fewer say nothing
PLACES = 8  # of the training part that the held-out part is compared with
# Bits that trigrams may differ by, and how many times its standard error more
MAX_UNLIKE, MAX_LIKE_ONE = (0.2, 3.0), (0.08, 3.5)
Blocks = list[np.ndarray]


def doubts(train: Ids, valid: Ids, vocabulary: Vocabulary) -> str | None:
    """What makes the held-out part of a text unlike the other one, in words; None where they are alike."""
    here, there = (_counts(part, vocabulary.size) for part in (train, valid))
    unseen = 1 + np.flatnonzero((here[0][1:] == 0) & (there[0][1:] > 0))  # the end of a sequence is no character
    share = there[0][unseen].sum() / len(valid)
    if share > MAX_UNSEEN:
        named = ", ".join(map(describe, vocabulary.texts(unseen[:SHOWN].tolist())))
        return f"{len(unseen)} of its characters, {share:.1%} of it, are never trained on ({named})"
    kinds = ("characters", MAX_MORE), ("first characters of sequences", MAX_MORE_FIRST)
    for (name, (most, few)), new, known in zip(kinds, there, here, strict=True):
        if (found := divergence(new, known)) > most + few / max(1, new.sum()):
            return f"its {name} take {found:.2f} bits more each than by their own shares"
    return _doubts_by_trigrams(train, valid, vocabulary.size)


def _doubts_by_trigrams(train: Ids, valid: Ids, size: int) -> str | None:
    """The same by what follows what: languages share letters.

    Half of the held-out blocks are predicted by counts of the others, and by as many from the training part, from
    everywhere or from one place. Other parts of a text differ too: what counts is what the held-out part does more.
    """
    length = min(len(valid) // (2 * BLOCKS), MOST)
    if length < FEWEST or len(train) < 2 * BLOCKS * length:
        return None
    everywhere = _blocks(train, BLOCKS, length)
    places = [train[int(at) : int(at) + 2 * BLOCKS * length] for at in _starts(train, PLACES, 2 * BLOCKS * length)]
    tried, bits = _unlike(valid, everywhere, length, size)
    usual = sorted(float(_unlike(place, everywhere, length, size)[1].mean()) for place in places)[-2]
    if (more := float(bits.mean()) - usual) > MAX_UNLIKE[0] + MAX_UNLIKE[1] * _error(bits):
        return f"trigrams of the other part predict it {more:.2f} bits/char worse than they predict that part itself"
    general = trigram_bits(tried, everywhere, size)
    for place in places:
        less = general - trigram_bits(tried, _blocks(place, BLOCKS, length), size)
        if less.mean() > MAX_LIKE_ONE[0] + MAX_LIKE_ONE[1] * _error(less):
            return f"trigrams of one place in the other part predict it {less.mean():.2f} bits/char better than all"
    return None


def _unlike(part: Ids, others: Sequence[np.ndarray], length: int, size: int) -> tuple[Blocks, np.ndarray]:
    """Half of a part's blocks, and the bits that their symbols take more by other blocks than by those between them."""
    blocks = _blocks(part, 2 * BLOCKS, length)
    tried, own = blocks[::2], blocks[1::2]
    return tried, trigram_bits(tried, others, size) - trigram_bits(tried, own, size)


def _starts(part: Ids, count: int, length: int) -> np.ndarray:
    return np.linspace(0, len(part) - length, count).astype(np.int64)


def _blocks(part: Ids, count: int, length: int) -> Blocks:
    """Pieces of a part, so many of this length, at equal distances."""
    return [np.asarray(part[int(at) : int(at) + length]).astype(np.int64) for at in _starts(part, count, length)]


def _error(bits: np.ndarray) -> float:
    """The standard error of a mean over blocks, of the bits of all of their symbols."""
    means = bits.reshape(BLOCKS, -1).mean(axis=1)
    return float(means.std(ddof=1)) / math.sqrt(BLOCKS)


def trigram_bits(tried: Sequence[np.ndarray], counted: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Bits of each symbol, but the first two, of some blocks, by trigrams counted in others, (N,).

    Witten and Bell (1991): p_n(c) = (count_n(c) + kinds_n p_{n-1}(c)) / (total_n + kinds_n), p_0 = 1 / V.
    """
    p = np.full(sum(len(block) - 2 for block in tried), 1 / size)
    for order in range(3):
        found, times = np.unique(_grams(counted, order, size), return_counts=True)
        contexts, first = np.unique(found // size, return_index=True)
        total = np.add.reduceat(times, first)
        kinds = np.diff(np.append(first, len(found)))
        wanted = _grams(tried, order, size)
        seen = np.where(_at(found, wanted)[1], times[_at(found, wanted)[0]], 0)
        at, known = _at(contexts, wanted // size)
        p = np.where(known, (seen + kinds[at] * p) / (total[at] + kinds[at]), p)
    bits: np.ndarray = -np.log2(p)
    return bits


def _grams(blocks: Sequence[np.ndarray], order: int, size: int) -> np.ndarray:
    """Each symbol of some blocks, but the first two, with as many before it as the order says, as one number, (N,)."""
    found = np.zeros(sum(len(block) - 2 for block in blocks), np.int64)
    for back in range(order, -1, -1):
        found = found * size + np.concatenate([block[2 - back : len(block) - back] for block in blocks])
    return found


def _at(known: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where numbers are among known ones, which increase, and whether they are there, (N,) each."""
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return at, known[at] == wanted


def divergence(counts: np.ndarray, others: np.ndarray) -> float:
    """Bits that counts (V,) take more by the shares in others (V,), smoothed, than by those of their own.

    KL(p || q) = sum_i p_i log2 p_i / q_i, less what a sample of the same distribution is expected to show.
    """
    if not counts.sum():
        return 0.0
    p, q = counts / counts.sum(), (others + 0.5) / (others + 0.5).sum()
    some = p > 0
    free = np.count_nonzero(counts + others) - 1
    bias = free / (2 * math.log(2)) * (1 / counts.sum() + 1 / max(1, others.sum()))
    return float((p[some] * np.log2(p[some] / q[some])).sum() - bias)


def _counts(part: Ids, size: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each symbol occurs, and how often it begins a sequence, (V,) each."""
    every, first, before = np.zeros(size, np.int64), np.zeros(size, np.int64), EOS
    for ids in pieces(part):
        every += np.bincount(ids, minlength=size)
        first += np.bincount(ids[np.concatenate([[before], ids[:-1]]) == EOS], minlength=size)
        before = int(ids[-1])
    return every, first
