"""A network that predicts the next vector of a series.

h[t] = stack(x[t]; h[t-1]),   o[t] = c + h[t] V,   L = 1/2 sum_t |o[t] - y[t]|^2,   dL/do[t] = o[t] - y[t]

x[t] is the vector before y[t], or 0 at the start. L is the surprisal in nats under normal distributions of variance 1
around o, less what is the same for all networks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ...config import ModelConfig, TaskConfig
from ...data.series import Scale
from ..layers.base import Array, Arrays, Rng, State
from ..layers.linear import Linear
from ..layers.stack import Stack
from ..parameters import Parameters
from ..stacks import make_stack
from ..task_model import TaskModel
from ..workspace import Workspace
from .composite import Composite

FAILED = 8  # training has failed at a loss of 10 log 8 nats a value, an error of 6 deviations


class SeriesBatch(NamedTuple):
    """Pieces of series side by side: what is read and what comes next, (T, B, D), and which of it counts, (T, B, 1)."""

    x: Array
    y: Array
    inside: Array


@dataclass(frozen=True)
class SeriesNetwork(Composite):
    """See above: vectors of `size` numbers."""

    stack: Stack
    size: int

    @cached_property
    def parts(self) -> dict[str, Any]:
        return {"stack": self.stack, "readout": Linear(self.stack.output_sizes, self.size, "V", "c")}

    @property
    def stacks(self) -> dict[str, Any]:
        return {"stack": self.stack}

    def gradient(self, p: Parameters, g: Parameters, batch: SeriesBatch, ws: Workspace, rng: Rng) -> tuple[float, int]:
        """ADD into g the gradient of the summed loss of what counts; return that loss, and its count."""
        zero = self.zero_state(batch.x.shape[1], p)
        o, _, back = self._read(p, batch.x.astype(p.flat.dtype, copy=False), zero, ws, rng)
        e = (o - batch.y) * batch.inside
        back(e.astype(o.dtype), g)
        return float(np.square(e, dtype=np.float64).sum() / 2), int(batch.inside.sum()) * self.size

    def predict(self, p: Parameters, x: Array, state: State, ws: Workspace) -> tuple[Array, State]:
        """o (T, B, D), what is expected after each of the vectors x (T, B, D), and the state after them."""
        o, after, _ = self._read(p, x, state, ws, None)
        return o, after

    def zero_state(self, rows: int, p: Parameters) -> State:
        """The state that every sequence starts from."""
        return tuple(np.zeros((rows, n), p.flat.dtype) for n in self.stack.state_sizes)

    def _read(
        self, p: Parameters, x: Array, state: State, ws: Workspace, rng: Rng
    ) -> tuple[Array, State, Callable[[Array, Parameters], None]]:
        """o, the state after it, and backward(do, g)."""
        h, after, stack_back = self.stack.forward(p.at("stack"), (x,), state, ws, None, rng)
        (o,), _, back = self.parts["readout"].forward(p.at("readout"), h, (), ws)

        def backward(do: Array, g: Parameters) -> None:
            dh: Arrays
            dh, _ = back((do,), (), g.at("readout"))
            stack_back(dh, tuple(np.zeros_like(s) for s in after), g.at("stack"))

        return o, after, backward


class SeriesModel(TaskModel):
    """A `SeriesNetwork` as training knows networks."""

    def measured(self, steps: int, rows: int) -> int:
        p, ws, x = Parameters(self.shapes()), Workspace(), np.zeros((steps, rows, self.network.size), np.float32)
        self.network.gradient(p, p.like(), SeriesBatch(x, x, np.ones((steps, rows, 1), np.float32)), ws, None)
        return ws.peak


def series_model(c: ModelConfig, task: TaskConfig, vocabulary: Scale) -> SeriesModel:
    """Predicts the next vector."""
    return SeriesModel(c, task, SeriesNetwork(make_stack(c, (vocabulary.size,), 0), vocabulary.size), FAILED, 0)
