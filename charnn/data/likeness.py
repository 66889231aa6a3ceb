"""Whether a held-out part is like the part to train on, so that a validation measures what was learnt."""

import math

import numpy as np

from ..io.lazy import Ids, pieces
from .vocabulary import EOS, Vocabulary, describe

MAX_UNSEEN = 0.005  # share of the held-out characters that the training part never has
# Bits that characters, and first characters of sequences, may take more: of many, and over their number more
MAX_MORE, MAX_MORE_FIRST = (0.05, 150), (1.0, 20)
SHOWN = 3  # characters that are named


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
    return None


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
