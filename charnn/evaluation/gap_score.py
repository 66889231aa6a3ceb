"""Texts scored given both sides: of each symbol its surprisal where all others are known, and what is likelier."""

from typing import NamedTuple

import numpy as np

from ..data.vocabulary import EOS
from ..nn.functions import log_softmax
from ..nn.layers.base import Array, Keep
from ..nn.pairs.gaps import GapNetwork
from ..nn.parameters import Parameters
from ..nn.workspace import Workspace
from ..parallel.processes import spread

PIECE = 256  # symbols of a piece that are scored
SEEN = 64  # symbols on each side of a piece that are read beside it
ROWS = 16  # pieces side by side
HIDDEN_EVERY = 10  # of a text's symbols, one in so many, where it is to be filled again


class GapScore(NamedTuple):
    """Of each of N symbols: its surprisal in nats, the likeliest symbol in its place, and the surprisal of that."""

    nats: Array
    likeliest: Array
    least: Array


def begins(x: Array, reset: bool, dtype: np.dtype) -> Keep:
    """0 where a sequence begins in x (T, B), since it follows an EOS, else 1, (T, B, 1); None without `reset`."""
    if not reset:
        return None
    keep = np.ones((*x.shape, 1), dtype)
    keep[1:, :, 0] = x[:-1] != EOS
    return keep


def score(
    network: GapNetwork, p: Parameters, ids: Array, reset: bool, hidden: Array | None = None, workers: int = 1
) -> GapScore:
    """The score of a text, (N,) ids; where `hidden` (N,) is true, symbols are not there for others to see.

    The text is read in pieces, each with 64 symbols on both sides, rather than from its beginning and its end.
    """
    x = np.where(hidden, network.size, ids) if hidden is not None else ids
    starts = np.arange(0, len(ids), PIECE)

    def found(some: Array) -> Array:
        at = some + np.arange(-SEEN, PIECE + SEEN)[:, None]  # (T, B)
        inside = (at >= 0) & (at < len(ids))
        read = np.where(inside, x[np.clip(at, 0, max(0, len(ids) - 1))], EOS).astype(np.intp)
        keep = begins(read, reset, p.flat.dtype)
        if keep is None:
            keep = np.ones((*read.shape, 1), p.flat.dtype)
        keep[1:, :, 0] *= inside[1:] == inside[:-1]  # nothing is seen beyond the text's ends
        o = network.scores(p, read, keep, Workspace(back=False))[SEEN:-SEEN].astype(np.float64)
        logp = log_softmax(o)
        right = ids[np.clip(at[SEEN:-SEEN], 0, len(ids) - 1)].astype(np.intp)
        nats = -np.take_along_axis(logp, right[..., None], axis=-1)[..., 0]
        best = logp.argmax(axis=-1)
        return np.stack([nats, best, -logp.max(axis=-1)]).transpose(2, 1, 0).reshape(-1, 3)  # piece after piece

    parts = [starts[i : i + ROWS] for i in range(0, len(starts), ROWS)]
    if not parts:
        return GapScore(np.empty(0), np.empty(0, int), np.empty(0))
    nats, best, least = np.concatenate([*spread(found, parts, workers)])[: len(ids)].T
    return GapScore(nats, best.astype(np.intp), least)


def every(ids: Array, step: int = HIDDEN_EVERY) -> Array:
    """Which symbols of a text (N,) are hidden to be filled again: one in `step`, but no EOS."""
    hidden = np.zeros(len(ids), bool)
    hidden[step // 2 :: step] = True
    return hidden & (ids != EOS)
