"""Counting as a baseline for classes: an n-gram model for each label, and Bayes' rule.

P(label | text) ~ P(label) P(text | label)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data.vocabulary import EOS
from . import ngram
from .mixture import normalised
from .ngram import KneserNey

ORDERS = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class NGramBayes:
    """Kneser-Ney models of one order, one for each of L labels, and the labels' log probabilities, (L,)."""

    models: tuple[KneserNey, ...]
    prior: np.ndarray

    def log_probabilities(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """log P(label) P(text | label) of texts, (n,) ids each, up to a constant of each text, (N, L)."""
        order = self.models[0].order
        stream, starts, inside = spaced(texts, order)
        found = np.empty((len(texts), len(self.models)))
        for label, model in enumerate(self.models):
            nats = model.nats(stream, np.zeros(order, np.uint8))
            found[:, label] = -np.add.reduceat(np.where(inside, nats, 0), starts)
        return found + self.prior

    def probabilities(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """P(label | text), (N, L)."""
        return normalised(self.log_probabilities(texts))


def spaced(texts: Sequence[np.ndarray], order: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texts as one stream (M,) in which no n-gram spans two texts; where each begins, and which symbols texts have.

    Each text is closed by EOS, `order` - 1 times and at least once. The first EOS is the text's end and belongs to it,
    and the others are the start of the next text.
    """
    gap = max(1, order - 1)
    lengths = np.array([len(text) for text in texts], int) + gap
    starts = np.concatenate([[0], lengths.cumsum()])
    stream, inside = np.full(starts[-1], EOS, np.uint32), np.zeros(starts[-1], bool)
    for text, start in zip(texts, starts.tolist(), strict=False):
        stream[start : start + len(text)] = text
        inside[start : start + len(text) + 1] = True
    return stream, starts[:-1], inside


def fit(texts: Sequence[np.ndarray], y: np.ndarray, labels: int, symbols: int, order: int) -> NGramBayes:
    """Count texts, (n,) ids below `symbols` each, by their label y (N,)."""
    models = []
    for label in range(labels):
        stream = spaced([texts[int(i)] for i in np.flatnonzero(y == label)], order)[0]
        models.append(ngram.fit(np.concatenate([np.zeros(order - 1, np.uint32), stream]), symbols, order))
    return NGramBayes(tuple(models), np.log(np.bincount(y, minlength=labels) + 1.0))
