"""Counting as a baseline for classes: an n-gram model for each label, and Bayes' rule.

P(label | text) ~ P(label) P(text | label)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..data.vocabulary import EOS
from . import ngram
from .mixture import MIXTURE_WEIGHTS
from .ngram import KneserNey

ORDERS = 1, 2, 3, 4, 5
SHARPNESS = [i / 10 for i in range(3, 13)]  # of a mixture, that are tried
ROUNDS = 2


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
        return _normalised(self.log_probabilities(texts))


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


class Mixing(NamedTuple):
    """How p of a network and q of n-grams are mixed: r ~ (p^w q^(1-w))^s, w the weight of the network.

    A sharpness s below 1 takes back what both are too sure of, which n-grams are more than networks.
    """

    weight: float
    sharpness: float = 1.0


def interpolate(p: np.ndarray, q: np.ndarray, y: np.ndarray, held_out: bool) -> tuple[np.ndarray, float]:
    """Probabilities p (N, L) of a network and q of n-grams as `mixed`, and the weight of the network.

    Weight and sharpness are those for which the right labels y (N,) cost least. Where these rows are all that are
    `held_out`, each half is mixed by those of the other, and the weight is the mean of both.
    """
    halves = [slice(0, None, 2), slice(1, None, 2)] if held_out and len(y) > 1 else [slice(None)]
    mixings = [best_mixing(p[half], q[half], y[half]) for half in halves]
    found = np.empty_like(p)
    for half, mixing in zip(halves, reversed(mixings), strict=True):
        found[half] = mixed(p[half], q[half], mixing)
    return found, float(np.mean([mixing.weight for mixing in mixings]))


def mixed(p: np.ndarray, q: np.ndarray, mixing: Mixing) -> np.ndarray:
    """log r = s (w log p + (1 - w) log q), up to a constant of each row: probabilities r (N, L)."""
    w, s = mixing
    log_p, log_q = (np.log(np.maximum(a, np.finfo(float).tiny)) for a in (p, q))
    return _normalised(s * (w * log_p + (1 - w) * log_q))


def best_mixing(p: np.ndarray, q: np.ndarray, y: np.ndarray) -> Mixing:
    """The mixing for which the right labels y (N,) cost least; those beyond L are left out.

    Weight and sharpness are tried one after the other, in `ROUNDS` rounds: the cost is convex in (w s, (1 - w) s).
    """
    known, found = np.flatnonzero(y < p.shape[1]), Mixing(0.5)
    p, q, y = p[known], q[known], y[known]

    def cost(mixing: Mixing) -> float:
        return float(-np.log(mixed(p, q, mixing)[np.arange(len(y)), y]).sum())

    for _ in range(ROUNDS):
        found = min((found._replace(weight=w) for w in MIXTURE_WEIGHTS), key=cost)
        found = min((found._replace(sharpness=s) for s in SHARPNESS), key=cost)
    return found


def _normalised(logs: np.ndarray) -> np.ndarray:
    p: np.ndarray = np.exp(logs - logs.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)
