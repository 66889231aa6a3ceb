"""The simple recurrent network of Elman (1990): hidden units that see their own previous values."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..functions import ACTIVATIONS
from ..matmul import Product
from ..parameters import Views
from ..workspace import DType, Workspace
from .base import Array, Arrays, Forward, Gradients, Keep, Rng, State
from .linear import add_product, gradients, rows
from .recurrent import Recurrent, ResetRows, with_rows_reset

PLAIN = {  # options of its row that this layer has no fields for
    "recurrence": "full",
    "delay": 1,
    "recurrent_depth": 1,
    "delay_to": "last",
    "delay_only": False,
}


@dataclass(frozen=True)
class Elman(Recurrent):
    """h[t] = f(b + h[t-1] W + x[t] U),   f = tanh, relu, sigmoid or the identity

    Backwards, with dh[t] from above: da[t] = (dh[t] + da[t+1] W^T) f'(a[t]), and dW = sum_t h[t-1]^T da[t].

    W (H, H) starts `orthogonal`, which keeps the length of h, and so of its gradient, over many steps (for relu: Le
    et al., 2015); U and b start as `Linear` says: glorot, and 0. The state is (h,), (B, H).
    """

    inputs: tuple[int, ...]
    hidden: int
    activation: str = "tanh"
    symbols: int = 0  # how many of the inputs are one-hot, the last ones: see `Linear`

    @classmethod
    def make(
        cls,
        inputs: tuple[int, ...],
        hidden: int,
        symbols: int = 0,
        activation: str = "tanh",
        **options: Any,
    ) -> Recurrent:
        """This class, or `DeepTransition` where an option asks for more or less than it has."""
        if options in ({}, PLAIN):
            return Elman(inputs, hidden, activation, symbols)
        from .deep_transition import DeepTransition

        return DeepTransition(inputs, hidden, activation, symbols, **options)

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return (self.hidden,)

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        T, B = x[0].shape[:2]
        before = ws.empty((T + 1, B, self.hidden), p["W"].dtype)  # h[t-1] for t = 0 ... T: the state, then every h
        before[0] = state[0]
        h, ended = before[1:], ResetRows(keep)
        self._input.apply(p, x, h, ws)  # h[t] = b + x[t] U, to which the loop adds h[t-1] W
        hW = ws.empty((B, self.hidden), h.dtype)
        f, W = ACTIVATIONS[self.activation](hW), Product(p["W"], B, ws, once=T == 1)
        times, out = W.times, W.right(hW)
        for t, (last, now) in enumerate(zip(W.left(before[:-1]), h, strict=True)):
            times(last, W.W, out)
            ended.zero(t, hW)
            np.add(now, hW, now)
            f.forward(now)

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            dh = ws.empty((B, self.hidden), h.dtype)  # from the step after: da[t+1] W^T
            dh[...] = dstate[0]
            (da,) = dy  # taken over: dh[t] from above becomes da[t]
            W = Product(p["W"], B, ws, transposed=True, once=T == 1)
            times, out = W.times, W.right(dh)
            back = zip(reversed(range(T)), h[::-1], da[::-1], W.left(da)[::-1], strict=True)
            slopes = f.slopes(h) if B == 1 else None  # of so few units at once: calls take longer than arithmetic
            for t, then, now, next in back:
                np.add(now, dh, now)
                f.backward(then, now) if slopes is None else np.multiply(now, slopes[t], now)
                times(next, W.W, out)
                ended.zero(t, dh)
            with with_rows_reset(before, ended) as kept:
                add_product(g["W"], rows(kept[:-1]), rows(da), ws)
            dx = gradients(x, h.dtype, ws)
            self._input.reverse(p, x, da, g, dx, ws)
            return dx, (dh,)

        return (h,), (h[-1],), backward

    def linear_step(self, p: Views) -> Array | None:
        return p["W"]

    def step_kernel(self, rows: int, dtype: DType) -> "ElmanKernel":
        return ElmanKernel(np.zeros((rows, self.hidden)[rows == 1 :], dtype), self.activation)


class ElmanKernel:
    """h = f(h_W + inputs + from_below), as a `StepKernel`."""

    memory: tuple[Array, ...] = ()

    def __init__(self, h: Array, activation: str):
        self.h, self.step = h, _step(h, ACTIVATIONS[activation](h).bound(h))


def _step(h: Array, activate: Callable[[], object]) -> Callable[[Array, Array, Array | None], None]:
    add = np.add

    def step(h_W: Array, inputs: Array, from_below: Array | None) -> None:
        add(h_W, inputs, h)
        if from_below is not None:
            add(h, from_below, h)
        activate()

    return step
