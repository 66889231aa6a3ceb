"""A network that reads a text from both ends, and predicts each symbol from all others.

f[t] = forwards(x[t]; f[t-1]),   b[t] = backwards(x[t]; b[t+1]),   u[t] = tanh(d + [f[t-1], b[t+1]] U)
o[t] = c + u[t] V,   L = -sum_t log softmax(o[t])[x[t]]   (nats)

o[t] does not depend on x[t]. Symbols of x may be hidden by a symbol of their own, one more than the vocabulary has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ...data.pair_batches import Padded
from ..layers.base import Array, Arrays, Keep, Rng
from ..layers.bidirectional import Bidirectional
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..parameters import Parameters, Views
from ..workspace import Workspace
from .composite import Composite
from .readout import Readout


class GapBatch(NamedTuple):
    """Texts side by side: what is read, some of it hidden, and what is to be predicted where, (T, B).

    Where keep (T, B, 1) is 0 a sequence begins, which sees nothing of the one before.
    """

    source: Padded
    target: Padded
    keep: Keep = None


@dataclass(frozen=True)
class GapNetwork(Composite):
    """See above. `both` reads the text, and `size` symbols are predicted; `dropout` falls on u."""

    both: Bidirectional
    size: int
    dropout: float = 0.0

    @cached_property
    def parts(self) -> dict[str, Any]:
        sizes = self.both.output_sizes
        upper = Dense(sizes, sum(sizes) // 2)
        return {"both": self.both, "upper": upper, "readout": Readout(upper.output_sizes, self.size)}

    @property
    def stacks(self) -> dict[str, Any]:
        return {"both/forwards": self.both.forwards}

    def batch(
        self, sequences: Sequence[Array], targets: Sequence[Array], dtype: np.dtype, keep: Keep = None
    ) -> GapBatch:
        """Texts of one length, (n,) of ids each, and what is to be predicted in their places, side by side."""
        ids, right = (np.stack(some, axis=1).astype(np.intp) for some in (sequences, targets))
        there = np.ones(ids.shape, bool)
        return GapBatch(Padded(ids, there), Padded(right, there), keep)

    def gradient(self, p: Parameters, g: Parameters, batch: GapBatch, ws: Workspace, rng: Rng) -> tuple[float, int]:
        """ADD into g the gradient of the summed loss of what is inside the target; return that loss, and its count."""
        u, back = self._read(p, batch.source.ids, batch.keep, ws, rng)
        nats, du = self.parts["readout"].add_gradient(p.at("readout"), g.at("readout"), u, batch.target, ws)
        back(du, g)
        return nats, int(batch.target.inside.sum())

    def scores(self, p: Parameters, x: Array, keep: Keep, ws: Workspace) -> Array:
        """Scores o (T, B, V) of each symbol's place."""
        u, _ = self._read(p, x, keep, ws, None)
        o: Array = self.parts["readout"].scores(p.at("readout"), u, ws)
        return o

    def score(self, p: Parameters, batch: GapBatch, ws: Workspace) -> tuple[Array, Array]:
        """Surprisal of each symbol of the target in nats, 0 outside, and whether it was likeliest, (T, B)."""
        u, _ = self._read(p, batch.source.ids, batch.keep, ws, None)
        found: tuple[Array, Array] = self.parts["readout"].surprisal(p.at("readout"), u, batch.target, ws)
        return found

    def _read(
        self, p: Parameters, x: Array, keep: Keep, ws: Workspace, rng: Rng
    ) -> tuple[Arrays, Callable[[Arrays, Parameters], None]]:
        """u, and backward(du, g)."""
        zero = tuple(np.zeros((x.shape[1], n), p.flat.dtype) for n in self.both.state_sizes)
        h, after, both_back = self.both.forward(p.at("both"), (x,), zero, ws, keep, rng)
        u, upper_back = from_others(self.parts["upper"], p.at("upper"), (h, self.both.reverse), keep, ws)
        u, _, drop_back = Dropout(self.dropout).forward(p, u, (), ws, None, rng)

        def backward(du: Arrays, g: Parameters) -> None:
            dh = upper_back(drop_back(du, (), g)[0], g.at("upper"))
            both_back(dh, tuple(np.zeros_like(s) for s in after), g.at("both"))

        return u, backward


def from_others(
    upper: Dense, p: Views, read: tuple[Arrays, tuple[bool, ...]], keep: Keep, ws: Workspace
) -> tuple[Arrays, Callable[[Arrays, Views], Arrays]]:
    """u[t] = upper(states that have not read x[t] yet), and backward(du, g), which gives the gradient of all states.

    `read` are states (T, B, n) each, and which of them come from the end: of the others the one at t - 1 is taken, and
    of those the one at t + 1, of the same sequence. `p` and `g` are the weights of `upper`.
    """
    h, reverse = read
    steps = [-1 if backwards else 1 for backwards in reverse]
    seen = tuple(_shifted(part, step, keep, ws) for part, step in zip(h, steps, strict=True))
    u, _, upper_back = upper.forward(p, seen, (), ws)

    def backward(du: Arrays, g: Views) -> Arrays:
        dseen, _ = upper_back(du, (), g)
        return tuple(_shifted(d, -step, keep, ws) for d, step in zip(dseen, steps, strict=True))

    return u, backward


def _shifted(a: Array, by: int, keep: Keep, ws: Workspace) -> Array:
    """a[t - 1], or for -1 a[t + 1], of the same sequence; 0 where that has none. Each is the gradient of the other."""
    out = ws.empty(a.shape, a.dtype)
    early, late = slice(0, len(a) - 1), slice(1, len(a))
    there, source = (late, early) if by > 0 else (early, late)
    out[there] = a[source]
    out[0 if by > 0 else -1] = 0
    if keep is not None:
        out[there] *= keep[late]
    return out
