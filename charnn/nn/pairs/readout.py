"""Scores of a target's symbols, and their loss: o[t] = c + u[t] V,   L = -sum_t log softmax(o[t])[y[t]]   (nats)"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...data.pair_batches import Padded
from .. import functions
from ..layers.base import Array, Arrays
from ..layers.linear import Linear, rows
from ..parameters import Views
from ..workspace import Workspace

SCORED_AT_ONCE = 1 << 16  # scores that stay in cache from the product to its gradients


@dataclass(frozen=True)
class Readout(Linear):
    """A linear layer whose outputs are scores. u (T, B, n) each, targets (T, B)."""

    weight: str = "V"
    bias: str = "c"

    def add_gradient(
        self, p: Views, g: Views, u: Arrays, target: Padded, ws: Workspace, scale: float = 1
    ) -> tuple[float, Arrays]:
        """ADD into g the gradient of the summed loss of what is no padding; return that loss, and its gradient du.

        Gradients are those of `scale` times the loss.
        """
        du = tuple(ws.empty(part.shape, part.dtype) for part in u)
        nats = 0.0
        for steps in self._chunks(target.ids.shape):
            with ws.scratch():
                seen, inside = _at(u, steps), rows(target.inside[steps])
                o = self.scores(p, seen, ws)
                losses = functions.cross_entropy(rows(o), rows(target.ids[steps]))
                rows(o)[~inside] = 0
                if scale != 1:
                    o *= o.dtype.type(scale)
                nats += float(losses[inside].sum(dtype=np.float64))
                self.reverse(p, seen, o, g, _at(du, steps), ws)
        return nats, du

    def surprisal(self, p: Views, u: Arrays, target: Padded, ws: Workspace) -> tuple[Array, Array]:
        """Nats of each symbol, 0 for padding, and whether it was likeliest, both (T, B)."""
        shape = target.ids.shape
        nats, hits = np.empty(shape), np.empty(shape, bool)
        for steps in self._chunks(shape):
            with ws.scratch():
                o = self.scores(p, _at(u, steps), ws)
                n, hit = functions.surprisal(rows(o), rows(target.ids[steps]))
                nats[steps], hits[steps] = n.reshape(-1, shape[1]), hit.reshape(-1, shape[1])
        return np.where(target.inside, nats, 0), hits & target.inside

    def scores(self, p: Views, u: Arrays, ws: Workspace) -> Array:
        """o = c + u V, (T, B, V)"""
        o = ws.empty((*u[0].shape[:2], self.outputs), u[0].dtype)
        self.apply(p, u, o, ws)
        return o

    def _chunks(self, shape: tuple[int, ...]) -> Iterator[slice]:
        steps, batch = shape
        size = max(1, SCORED_AT_ONCE // (batch * self.outputs))
        return (slice(start, start + size) for start in range(0, steps, size))


def _at(arrays: Arrays, steps: slice) -> Arrays:
    return tuple(part[steps] for part in arrays)
