"""A plain layer between recurrent ones: without a state, and so without a past."""

from dataclasses import dataclass

import numpy as np

from ..functions import ACTIVATIONS
from ..parameters import Views
from ..workspace import Workspace
from .base import Array, Arrays, Forward, Gradients, Keep, Layer, Rng, State
from .linear import Linear, gradients


@dataclass(frozen=True)
class Dense(Layer):
    """y[t] = f(b + x[t] U),   f = tanh, relu, sigmoid or the identity.   Backwards: da[t] = dy[t] f'(a[t])

    U and b start as `Linear` says. x (T, B, .), y (T, B, H).
    """

    inputs: tuple[int, ...]
    hidden: int
    activation: str = "tanh"
    symbols: int = 0  # how many of the inputs are one-hot, the last ones: see `Linear`

    state_sizes = ()

    @property
    def output_sizes(self) -> tuple[int, ...]:
        return (self.hidden,)

    @property
    def biases(self) -> tuple[str, ...]:
        return ("b",)

    @property
    def looked_up(self) -> int:
        return self._input.looked_up

    @property
    def _input(self) -> Linear:
        return Linear(self.inputs, self.hidden, symbols=self.symbols)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self._input.shapes()

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return self._input.initial(rng)

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        y = ws.empty((*x[0].shape[:2], self.hidden), p["U"].dtype)
        self._input.apply(p, x, y, ws)
        f = ACTIVATIONS[self.activation](y[0])
        for a in y:  # one step at a time stays in cache
            f.forward(a)

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            (da,) = dy  # taken over
            for h, d in zip(y, da, strict=True):
                f.backward(h, d)
            dx = gradients(x, y.dtype, ws)
            self._input.reverse(p, x, da, g, dx, ws)
            return dx, dstate

        return (y,), state, backward
