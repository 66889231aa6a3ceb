"""Counting as a baseline for gaps: an n-gram model that weighs what stands on both sides of a symbol.

P(x[t] | all others) ~ prod_j P(x[t+j] | the n - 1 symbols before it),   j = 0 ... n - 1

where all other factors of the text's probability do not depend on x[t].
"""

from collections.abc import Iterator

import numpy as np

from ..data.vocabulary import EOS
from .ngram import KneserNey

SCORED_AT_ONCE = 1 << 20  # symbols


def from_both_sides(model: KneserNey, ids: np.ndarray, places: np.ndarray) -> Iterator[np.ndarray]:
    """For some of the places at a time: the log probability of each symbol there, (g, V), up to a constant of each row.

    ids (N,) in [0, V); what stands at a place itself is not looked at. Beyond the text's ends there is EOS.
    """
    reach, V = model.order - 1, model.symbols
    padded = np.concatenate([np.full(reach, EOS), ids, np.full(reach, EOS)]).astype(np.intp)
    width = 2 * reach + 1
    for start in range(0, len(places), max(1, SCORED_AT_ONCE // (V * width))):
        some = places[start : start + max(1, SCORED_AT_ONCE // (V * width))]
        windows = np.repeat(padded[some[:, None] + np.arange(width)][:, None], V, axis=1)  # (g, V, 2 n - 1)
        windows[:, :, reach] = np.arange(V)
        inside = (some[:, None] + np.arange(reach + 1) < len(ids))[:, None]  # of the text, not after its end
        nats = model.nats(windows.reshape(-1), np.zeros(0, np.intp)).reshape(windows.shape)[:, :, reach:]
        yield -np.where(inside, nats, 0).sum(axis=-1)
