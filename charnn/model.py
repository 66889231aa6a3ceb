"""The network: a stack of recurrent layers below a readout, and the loss of its predictions.

o[t] = c + h[t] V,   y[t] = softmax(o[t]),   L = -sum_t log y[t][target[t]]   (nats)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import NamedTuple

import numpy as np

from .config import ModelConfig
from .endings import ENDINGS, Ending
from .layers import GRU, LSTM, Array, Arrays, Cell, Elman, Linear, Stack, State
from .layers.layer import Keep, Rng
from .layers.linear import rows
from .parameters import Parameters
from .workspace import DType, Workspace

CHUNK = 1 << 16  # scores at a time: they stay in cache from the product to its gradients
CELLS: dict[str, Callable[..., Cell]] = {"elman": Elman, "lstm": LSTM, "gru": GRU}


class Gradient(NamedTuple):
    """What `Model.gradient` tells of a window, beside the weights' gradient."""

    nats: float  # the summed loss
    after: State  # the state after it
    dstate: State  # the gradient with respect to the state before it


@dataclass(frozen=True)
class Model:
    """A network's shape: what it computes, apart from its weights, which are `Parameters` that it is given."""

    config: ModelConfig
    size: int  # of the vocabulary

    @cached_property
    def ending(self) -> Ending:
        """How sequences end: what the loss is made of."""
        return ENDINGS[self.config.ending](self.size)

    @property
    def symbols(self) -> int:
        """V: what is read, and what is scored."""
        return self.ending.symbols

    @cached_property
    def hidden(self) -> Stack:
        c, own = self.config, self.config.own
        layers: list[Cell] = []
        for i in range(c.layers):
            symbols = self.symbols if i == 0 or c.skip else 0
            below = (*([c.hidden] if i else []), *([symbols] if symbols else []))
            layers.append(CELLS[c.cell](below, c.hidden, symbols=symbols, **own))
        return Stack(tuple(layers), c.skip, c.dropout or 0.0)

    @cached_property
    def readout(self) -> Linear:
        return Linear((self.config.hidden,) * (self.config.layers if self.config.skip else 1), self.symbols, "V", "c")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every array of weights."""
        parts = {"hidden": self.hidden.shapes(), "readout": self.readout.shapes()}
        return {f"{part}/{name}": shape for part, shapes in parts.items() for name, shape in shapes.items()}

    @property
    def parameters(self) -> int:
        """How many numbers the weights are."""
        return sum(prod(shape) for shape in self.shapes().values())

    def initial(self, rng: np.random.Generator, dtype: DType = np.float32) -> Parameters:
        """Weights to start from; each layer's docstring says how they are drawn."""
        p = Parameters(self.shapes(), dtype)
        for part, layer in (("hidden", self.hidden), ("readout", self.readout)):
            for name, value in layer.initial(rng).items():
                p[f"{part}/{name}"] = value
        return p

    def zero_state(self, rows: int, dtype: DType = np.float32) -> State:
        """The state that every sequence starts from."""
        return tuple(np.zeros((rows, n), dtype) for n in self.hidden.state_sizes)

    def gradient(
        self,
        p: Parameters,
        g: Parameters,
        x: Array,
        y: Array,
        state: State,
        ws: Workspace,
        keep: Keep,
        rng: Rng,
        dstate: State | None = None,
        first: int = 0,
    ) -> Gradient:
        """ADD into g the gradient of the summed loss of a window.

        x, y (T, B) integers: what is read, and what is to be predicted from it (teacher forcing). `dstate` is the
        gradient of a later loss with respect to the state after the window: none where gradients are truncated there.
        Steps before the `first` one are read, and count for nothing.
        """
        h, after, backward = self.hidden.forward(p.at("hidden"), (x,), state, ws, keep, rng)
        dh = tuple(ws.empty(part.shape, part.dtype) for part in h)
        for part in dh:
            part[:first] = 0
        nats = 0.0
        for steps in self._chunks(y.shape, first):
            with ws.scratch():
                o = self._scores(p, _at(h, steps), ws)
                nats += float(self.ending.loss(rows(o), rows(y[steps])).sum(dtype=np.float64))
                self.readout.reverse(p.at("readout"), _at(h, steps), o, g.at("readout"), _at(dh, steps), ws)
        dstate = dstate or tuple(np.zeros_like(s) for s in after)
        return Gradient(nats, after, backward(dh, dstate, g.at("hidden"))[1])

    def score(
        self, p: Parameters, x: Array, y: Array, state: State, ws: Workspace, keep: Keep
    ) -> tuple[Array, Array, State]:
        """Surprisal of each y (T, B) in nats, whether it was the likeliest symbol, and the state after the window."""
        h, after, _ = self.hidden.forward(p.at("hidden"), (x,), state, ws, keep)
        nats, hits = np.empty(y.shape, np.float64), np.empty(y.shape, bool)
        for steps in self._chunks(y.shape):
            with ws.scratch():
                o = self._scores(p, _at(h, steps), ws)
                n, hit = self.ending.surprisal(rows(o), rows(y[steps]))
                nats[steps], hits[steps] = n.reshape(-1, y.shape[1]), hit.reshape(-1, y.shape[1])
        return nats, hits, after

    def step(self, p: Parameters, x: Array, state: State, ws: Workspace, keep: Keep = None) -> tuple[Array, State]:
        """Scores o (B, V) of what follows the symbols x (B,), and the state after reading them."""
        h, after, _ = self.hidden.forward(p.at("hidden"), (x[None],), state, ws, keep)
        return self._scores(p, h, ws)[0], after

    def _scores(self, p: Parameters, h: Arrays, ws: Workspace) -> Array:
        """o = c + h V, (T, B, V)"""
        o = ws.empty((*h[0].shape[:2], self.symbols), h[0].dtype)
        self.readout.apply(p.at("readout"), h, o, ws)
        return o

    def _chunks(self, shape: tuple[int, ...], first: int = 0) -> Iterator[slice]:
        steps, batch = shape
        size = max(1, CHUNK // (batch * self.symbols))
        return (slice(start, start + size) for start in range(first, steps, size))


def _at(h: Arrays, steps: slice) -> Arrays:
    return tuple(part[steps] for part in h)
