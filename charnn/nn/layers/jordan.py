"""The recurrent network of Jordan (1986): hidden units that see what was put out, and no values of their own."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..functions import ACTIVATIONS, Activation
from ..parameters import Views
from ..workspace import DType, Workspace
from .base import Array, Arrays, Forward, Gradients, Keep, Rng, State
from .linear import Linear, row_chunks, rows
from .recurrent import Recurrent
from .trace import Trace


@dataclass(frozen=True)
class Jordan(Recurrent):
    """h[t] = f(b + s[t] U),   s[t] = decay s[t-1] + z[t],   f = tanh, relu, sigmoid or the identity

    z[t] is the network's output of step t - 1. In a language model under teacher forcing, the correct output is the
    symbol x[t] that is read next. So z is the one-hot x, no step waits for another, and a whole window is one product
    (see `Trace`). `Feedback` puts in the network's own output instead. s is what Jordan's context units hold: a
    decaying trace of outputs. Without decay a step sees one symbol, and knows no more than a bigram.

    Above others in a stack, x[t] U of what is below is added; a layer that sees no symbols is a feedforward one. U and
    b start as `Trace` and `Linear` say. The state is (s,), (B, V), or () where there is nothing to keep.
    """

    inputs: tuple[int, ...]
    hidden: int
    activation: str = "tanh"
    symbols: int = 0  # how many of the inputs are one-hot, the last ones: see `Linear`
    decay: float = 0.5

    @property
    def _input(self) -> Linear:
        if self.symbols and self.decay:
            return Trace(self.inputs, self.hidden, symbols=self.symbols, decay=self.decay)
        return Linear(self.inputs, self.hidden, symbols=self.symbols)

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return self._input.state_sizes

    @property
    def recurrent_weights(self) -> tuple[str, ...]:
        return ()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self._input.shapes()

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return self._input.initial(rng)

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        (h,), after, back = self._input.forward(p, x, state, ws, keep)
        for piece, f in self._activations(h):
            f.forward(rows(h)[piece])

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            for piece, f in self._activations(h):  # dh[t] becomes da[t]
                f.backward(rows(h)[piece], rows(dy[0])[piece])
            return back(dy, dstate, g)

        return (h,), after, backward

    def _activations(self, h: Array) -> Iterator[tuple[slice, Activation]]:
        """A few rows (of steps and batch alike) at a time, which stay in cache, and f for so many."""
        made: dict[int, Activation] = {}
        for piece in row_chunks(rows(h)):
            part = rows(h)[piece]
            f = made[len(part)] = made.get(len(part)) or ACTIVATIONS[self.activation](part)
            yield piece, f

    def step_kernel(self, rows: int, dtype: DType) -> "JordanKernel":
        shape = (rows, self.hidden)[rows == 1 :]
        trace = np.zeros(shape, dtype) if self.state_sizes else None
        return JordanKernel(np.zeros(shape, dtype), trace, self.activation, self.decay)

    def input_rows(self, p: Views) -> Array:
        """b + U[x] of each symbol x, (V, H), or b alone; for a trace of U[x] both apart, side by side, (V, 2 H)."""
        if not self.state_sizes:
            return super().input_rows(p)
        U = self._input.blocks(p)[-1]
        return np.concatenate([U, np.broadcast_to(p["b"], U.shape)], axis=1)


class JordanKernel:
    """h = f(b + sU + from_below), sU = decay sU + U[x], as a `StepKernel`.

    Without a trace h = f(inputs + from_below).
    """

    def __init__(self, h: Array, sU: Array | None, activation: str, decay: float):
        self.h, self.sU, self.decay = h, sU, h.dtype.type(decay)
        self.memory: tuple[Array, ...] = () if sU is None else (sU,)
        self.activate = ACTIVATIONS[activation](h).bound(h)

    def step(self, h_W: Array, inputs: Array, from_below: Array | None) -> None:
        h, sU = self.h, self.sU
        if sU is None:
            h[...] = inputs
        else:
            np.multiply(sU, self.decay, out=sU)
            np.add(sU, inputs[..., : h.shape[-1]], out=sU)
            np.add(sU, inputs[..., h.shape[-1] :], out=h)
        if from_below is not None:
            np.add(h, from_below, out=h)
        self.activate()
