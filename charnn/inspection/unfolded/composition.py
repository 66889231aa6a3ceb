"""The same nonlinear function composed many times: the state after t steps, along a line through its space.

s[0] = x d,   s[t] = F(s[t-1], c[t]),   p_t(x) = s[t] . d / |d|,   with d (n,) at random, |d|^2 = n

A linear F leaves p_t straight, and each step of a nonlinear one bends p_t: flat over most of the space, with
small derivatives, and steep between (Goodfellow, Bengio and Courville, 2016, section 10.7).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import UsageError
from ...nn.functions import ignore_overflow
from ...nn.layers.base import Array
from ...nn.network import Network
from ...pictures import charts
from ...pictures.charts import Line
from ..excerpt import assert_long_enough
from ..probes import copies_of, precise

REACH, POINTS = 3.0, 241  # x goes from -REACH to REACH
DOUBLED = 1, 2, 4, 8, 16, 32, 64, 128  # steps that are shown


@dataclass(frozen=True, eq=False)
class Composition:
    """x (points,), and p_t(x) by the number of steps t."""

    x: Array
    projections: dict[int, Array]

    def table(self) -> Iterator[tuple[str, ...]]:
        """A row for each x, a column for each number of steps, the names of columns first."""
        yield "x", *map(str, self.projections)
        rows = zip(self.x, *self.projections.values(), strict=True)
        yield from (tuple(f"{value:.6g}" for value in row) for row in rows)

    def plain(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {
            "x": self.x.tolist(),
            "steps": {str(steps): values.tolist() for steps, values in self.projections.items()},
        }

    def svg(self) -> str:
        """A line for each number of steps."""
        x = self.x.tolist()
        lines = [
            Line(f"{steps} steps" if steps != 1 else "1 step", list(zip(x, values.tolist(), strict=True)), number)
            for number, (steps, values) in enumerate(self.projections.items())
        ]
        return charts.lines("The state after some steps, along a line of first states", "x", "s[t] . d / |d|", lines)

    def _repr_svg_(self) -> str:
        return self.svg()


@ignore_overflow()
def composition(network: Network, ids: Array, steps: int, seed: int) -> Composition:
    """The state at some of so many steps over the start of a text (N,), which is never forgotten, in float64.

    The seed draws the line. Raises `InputError` where the text is shorter, and `UsageError` for a network without
    recurrent weights.
    """
    if not network.model.hidden.recurrent_weights:
        raise UsageError("this model has no recurrent weights, and so composes no function with itself: give another")
    assert_long_enough(ids, steps, steps)
    one, x = precise(network), np.linspace(-REACH, REACH, POINTS)
    d = np.random.default_rng(seed).normal(size=sum(one.model.state_sizes))
    d *= np.sqrt(len(d)) / np.linalg.norm(d)
    state = tuple(np.split(np.outer(x, d), np.cumsum(one.model.state_sizes)[:-1], axis=1))
    found, ws = dict[int, Array](), one.workspace(back=False)
    shown = {*(n for n in DOUBLED if n < steps), steps}
    for t in range(1, steps + 1):
        ws.reset()
        read = np.full((1, POINTS), ids[t - 1])
        state = copies_of(one.model.recurrent.forward(one.weights, (read,), state, ws)[1])
        if t in shown:
            found[t] = np.concatenate(state, axis=1) @ d / np.sqrt(len(d))
    return Composition(x, found)
