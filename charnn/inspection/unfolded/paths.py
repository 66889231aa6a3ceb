"""The sum over j and k of backpropagation through time, term by term.

dL/dW = sum_j dL[j]/dW,   dL[j]/dW = sum_{k <= j} dL[j]/dW_k,   with W_k the copy of W that step k uses

The loss of step j reaches W through every step k up to j: there are j of these paths, and T (T + 1) / 2 of all T steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...data.batches import shifted
from ...errors import UsageError
from ...nn.functions import ignore_overflow
from ...nn.layers.base import Array
from ...nn.network import Network
from ...pictures import shades
from ..excerpt import assert_long_enough
from ..gradients import LagChain
from ..probes import copies_of, precise


@dataclass(frozen=True, eq=False)
class Paths:
    """|dL[j]/dW_k| by the names of the recurrent weights, (T, T) of j and k; 0 where k > j."""

    characters: Sequence[str]
    norms: Mapping[str, Array]

    def table(self) -> Iterator[tuple[str, ...]]:
        """A row for each path, the names of its columns first; steps count from 1."""
        yield "array", "j", "k", "norm"
        for name, norms in self.norms.items():
            for j, row in enumerate(norms.tolist(), 1):
                yield from ((name, str(j), str(k), f"{norm:.6g}") for k, norm in enumerate(row[:j], 1))

    def plain(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {"characters": list(self.characters), "norms": {name: a.tolist() for name, a in self.norms.items()}}

    def svg(self) -> str:
        """A row for each j and a column for each k, the stronger the larger; all arrays have one scale."""
        blocks = [(name, a.tolist()) for name, a in self.norms.items()]
        most = max(float(a.max(initial=0, where=np.isfinite(a))) for a in self.norms.values())
        title = "Norm of dL[j]/dW[k]: a row for each j, from the top, a column for each k"
        x = f"the character that step k reads; {shades.START} is the start"
        return shades.matrix(title, x, blocks, [shades.START, *self.characters[1:]], most or 1, signed=False)

    def _repr_svg_(self) -> str:
        return self.svg()


@ignore_overflow()
def paths(network: Network, ids: Array, characters: Sequence[str], steps: int) -> Paths:
    """The terms of so many steps from the start of a text (N,), from the zero state on, in float64.

    `characters` are those of the text. Raises `InputError` where it is shorter, and `UsageError` for a network without
    recurrent weights.
    """
    names = network.model.hidden.recurrent_weights
    if not names:
        told = "paths lead through recurrent weights W, which this model does not have"
        raise UsageError(f"{told}: give a model of --cell lstm, gru or elman")
    assert_long_enough(ids, steps, steps)
    chain = LagChain(precise(network), *shifted(ids, np.arange(steps)[:, None]))
    states, g = [chain.network.zero_state(1)], chain.network.weights.like()
    for t in range(steps):
        states.append(copies_of(chain.window(slice(t, t + 1), states[-1])[1]))
    norms = {name: np.zeros((steps, steps)) for name in names}
    for j in range(steps):
        dstate = tuple(np.zeros_like(s) for s in states[0])
        for k in range(j, -1, -1):
            h, _, backward = chain.window(slice(k, k + 1), states[k])
            dh = chain.loss(h, g, j) if k == j else tuple(np.zeros_like(part) for part in h)
            g.flat.fill(0)
            dstate = copies_of(backward(dh, dstate, g)[1])
            for name, found in norms.items():
                found[j, k] = np.linalg.norm(g[name])
    return Paths(["start", *characters][:steps], {name.removeprefix("hidden/"): a for name, a in norms.items()})
