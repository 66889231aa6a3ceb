"""Texts scored given both sides: of each symbol its surprisal where all others are known, and what is likelier."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..data.vocabulary import EOS
from ..nn.functions import log_softmax
from ..nn.layers.base import Array, Keep
from ..nn.pairs.gaps import GapNetwork
from ..nn.parameters import Parameters
from ..nn.workspace import Workspace
from ..parallel.processes import spread
from .gaps import GapMixture

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


@dataclass(frozen=True)
class GapScorer:
    """A network that scores texts, and n-grams that may help it. With `reset` each sequence is read by itself.

    A text is read in pieces, each with 64 symbols on both sides, rather than from its beginning and its end.
    """

    network: GapNetwork
    p: Parameters
    reset: bool
    workers: int = 1
    mixture: GapMixture | None = None

    def score(self, ids: Array, hidden: Array | None = None, wanted: Array | None = None) -> GapScore:
        """The score of a text, (N,) ids. Where `hidden` (N,) is true, symbols are not there for others to see.

        Where `wanted` (N,) is false, n-grams need not help: the network alone is faster.
        """
        x = (np.where(hidden, self.network.size, ids) if hidden is not None else ids).astype(np.intp)

        def found(some: Array) -> Array:
            logp = self._read(x, some)
            at = np.arange(some[0], some[0] + len(logp))
            if self.mixture:
                mixed = np.flatnonzero(wanted[at]) if wanted is not None else at - some[0]
                logp[mixed] = self.mixture.log_probabilities(logp[mixed], x, at[mixed])
            nats = -np.take_along_axis(logp, ids[at, None].astype(np.intp), axis=1)[:, 0]
            return np.stack([nats, logp.argmax(axis=1), -logp.max(axis=1)], axis=1)

        nats, best, least = np.concatenate([np.empty((0, 3)), *spread(found, pieces(x), self.workers)]).T
        return GapScore(nats, best.astype(np.intp), least)

    def log_probabilities(self, x: Array, places: Array) -> Array:
        """Of each symbol at some places of a text, (g, V), by the network alone; x (N,), V where a symbol is hidden.

        places (g,) are in their order.
        """

        def found(some: Array) -> Array:
            logp, at = self._read(x, some), places - some[0]
            return logp[at[(at >= 0) & (at < len(logp))]]

        return np.concatenate([np.empty((0, self.network.size)), *spread(found, pieces(x), self.workers)])

    def _read(self, x: Array, some: Array) -> Array:
        """Log probabilities of the symbols of pieces that follow each other and start at `some`, (n, V)."""
        at = some + np.arange(-SEEN, PIECE + SEEN)[:, None]  # (T, B)
        inside = (at >= 0) & (at < len(x))
        read = np.where(inside, x[np.clip(at, 0, max(0, len(x) - 1))], EOS)
        keep = begins(read, self.reset, self.p.flat.dtype)
        if keep is None:
            keep = np.ones((*read.shape, 1), self.p.flat.dtype)
        keep[1:, :, 0] *= inside[1:] == inside[:-1]  # nothing is seen beyond the text's ends
        o = self.network.scores(self.p, read, keep, Workspace(back=False))[SEEN:-SEEN]
        found: Array = log_softmax(o.astype(np.float64)).swapaxes(0, 1).reshape(-1, o.shape[-1])  # piece after piece
        return found[: len(x) - some[0]]


def pieces(x: Array) -> list[Array]:
    """Where pieces of a text (N,) start, some at a time that are read side by side."""
    starts = np.arange(0, len(x), PIECE)
    return [starts[i : i + ROWS] for i in range(0, len(starts), ROWS)]


def every(ids: Array, step: int = HIDDEN_EVERY) -> Array:
    """Which symbols of a text (N,) are hidden to be filled again: one in `step`, but no EOS."""
    hidden = np.zeros(len(ids), bool)
    hidden[step // 2 :: step] = True
    return hidden & (ids != EOS)
