"""The simple recurrent network of Elman (1990): hidden units that see their own previous values."""

from dataclasses import dataclass

import numpy as np

from ..numerics import ACTIVATIONS, orthogonal
from ..parameters import Views
from ..workspace import Workspace
from .layer import Array, Arrays, Forward, Gradients, Keep, Rng, State
from .linear import Linear


@dataclass(frozen=True)
class Elman:
    """h[t] = f(b + h[t-1] W + x[t] U),   f = tanh, relu or sigmoid

    Backwards, with dh[t] from above: da[t] = (dh[t] + da[t+1] W^T) f'(a[t]), and dW = sum_t h[t-1]^T da[t].

    W (H, H) starts `orthogonal`, which keeps the length of h, and so of its gradient, over many steps (for relu: Le
    et al., 2015); U and b start as `Linear` says: glorot, and 0. The state is (h,), (B, H).
    """

    inputs: tuple[int, ...]
    hidden: int
    activation: str = "tanh"
    symbols: int = 0  # how many of the inputs are one-hot, the last ones: see `Linear`

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return (self.hidden,)

    @property
    def _input(self) -> Linear:
        return Linear(self.inputs, self.hidden, symbols=self.symbols)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {**self._input.shapes(), "W": (self.hidden, self.hidden)}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return {**self._input.initial(rng), "W": orthogonal(rng, self.hidden)}

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        (a,), _, input_backward = self._input.forward(p, x, (), ws)  # (T, B, H)
        T, B, H = a.shape
        W, f = p["W"], ACTIVATIONS[self.activation]
        before = ws.empty((T + 1, B, H), a.dtype)  # h[t-1] for t = 0 ... T: the state, then every h
        before[0] = state[0]
        h, scratch = before[1:], ws.empty((B, H), a.dtype)
        kept = forget(before[:T], keep, ws)
        for t in range(T):
            if keep is not None:
                np.multiply(before[t], keep[t], out=kept[t])
            np.matmul(kept[t], W, out=h[t])
            np.add(h[t], a[t], out=h[t])
            f.forward(h[t])

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            WT = np.ascontiguousarray(W.T)
            dh = ws.empty((B, H), a.dtype)  # from the step after: da[t+1] W^T
            dh[...] = dstate[0]
            (da,) = dy  # taken over: dh[t] from above becomes da[t]
            for t in reversed(range(T)):
                da[t] += dh
                f.backward(h[t], da[t], scratch)
                np.matmul(da[t], WT, out=dh)
                if keep is not None:
                    dh *= keep[t]
            g["W"] += kept.reshape(T * B, H).T @ da.reshape(T * B, H)
            dx, _ = input_backward((da,), (), g)
            return dx, (dh,)

        return (h,), (h[-1],), backward


def forget(h: Array, keep: Array | None, ws: Workspace) -> Array:
    """Room for h[t-1] keep[t], the state as each step sees it: h itself where nothing is forgotten."""
    return h if keep is None else ws.empty(h.shape, h.dtype)
