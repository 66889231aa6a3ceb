"""Counting for gaps: an n-gram model that weighs what stands on both sides of a symbol, alone or beside a network.

P(x[t] | all others) ~ prod_j P(x[t+j] | the n - 1 symbols before it),   j = 0 ... n - 1

where all other factors of the text's probability do not depend on x[t]. Symbols that are hidden say nothing: a factor
that is of one is left out, and of the symbols before another only those count that follow the last hidden one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..data.vocabulary import EOS
from ..nn.layers.base import Array
from . import ngram
from .mixture import Mixing, mixed, normalised
from .ngram import KneserNey

SCORED_AT_ONCE = 1 << 18  # candidates


def fit(ids: np.ndarray, symbols: int, order: int) -> KneserNey:
    """Count a text, ids (N,) in [0, V). The model has one symbol more, V, for what is hidden: that never occurs."""
    return ngram.fit(ids, symbols + 1, order)


def from_both_sides(model: KneserNey, ids: np.ndarray, places: np.ndarray) -> Iterator[np.ndarray]:
    """For some of the places at a time: the log probability of each symbol there, (g, V), up to a constant of each row.

    `model` is from `fit`. ids (N,) in [0, V], V where a symbol is hidden; what stands at a place itself is not looked
    at. Beyond the text's ends there is EOS.
    """
    reach, hidden = model.order - 1, model.symbols - 1
    padded = np.concatenate([np.full(reach, EOS), ids, np.full(reach, EOS)]).astype(np.uint32)
    rows = max(1, SCORED_AT_ONCE // (hidden * model.order))
    for start in range(0, len(places), rows):
        some = places[start : start + rows]
        around = padded[some[:, None] + np.arange(2 * reach + 1)]
        told = (some[:, None] + np.arange(reach + 1) < len(ids)) & (around[:, reach:] != hidden)
        told[:, 0] = True
        yield _log_probabilities(model, around, told)


def _log_probabilities(model: KneserNey, around: np.ndarray, told: np.ndarray) -> np.ndarray:
    """The sum over j of log P(x[t+j] | ...), where `told` (g, n), for each symbol x[t] in the midst of (g, 2 n - 1)."""
    reach = model.order - 1
    symbols = [around[:, i, None] for i in range(2 * reach + 1)]
    symbols[reach] = np.arange(model.symbols - 1, dtype=around.dtype)[None]  # the candidates, (1, V)
    ranks = [np.zeros((1, 1), int)] * len(symbols)  # of the k-gram that ends there; the 0-gram has rank 0
    p = [np.full((1, 1), 1 / model.symbols)] * model.order
    for k, level in enumerate(model.levels):
        before = [np.full((1, 1), -1 if k else 0), *ranks[:-1]]
        ranks = [level.grams.find(*pair) for pair in zip(before, symbols, strict=True)]
        p = [level.probability(*some) for some in zip(ranks[reach:], before[reach:], p, strict=True)]
    logs = (np.where(told[:, j, None], np.log(p[j]), 0) for j in range(model.order))
    return sum(logs, np.zeros((len(around), model.symbols - 1)))


@dataclass(frozen=True)
class GapMixture:
    """A network and n-grams from both sides together, as `Mixing` says: one for places before `middle`, and one for
    all others."""

    grams: KneserNey
    mixings: tuple[Mixing, Mixing]
    middle: int = 0

    def log_probabilities(self, logp: Array, ids: Array, places: Array) -> Array:
        """Of each symbol at the places, (g, V), where logp (g, V) are those of the network; ids as above."""
        q = grams_at(self.grams, ids, places)
        early, found = places < self.middle, np.empty_like(logp)
        for some, mixing in zip((early, ~early), self.mixings, strict=True):
            found[some] = mixed(np.exp(logp[some]), q[some], mixing)
        logs: Array = np.log(np.maximum(found, np.finfo(float).tiny))
        return logs

    def __str__(self) -> str:
        weights = " and ".join(f"{mixing.weight:.2f}" for mixing in self.mixings[: 2 if self.middle else 1])
        halves = ", each half by the other's" if self.middle else ""
        return (
            f"the network mixed with {self.grams.order}-grams from both sides, counted on its training part: the "
            f"network's weight {weights}, fitted on the held-out part{halves}"
        )


def grams_at(model: KneserNey, ids: Array, places: Array) -> Array:
    """Probabilities of each symbol at the places, (g, V), by n-grams from both sides."""
    found = [*from_both_sides(model, ids, places)]
    return normalised(np.concatenate(found)) if found else np.empty((0, model.symbols - 1))
