"""A layer of a Transformer (Vaswani et al., 2017): steps that look at each other, in the place of a recurrence."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import UsageError
from ..functions import ReLU
from ..initializers import glorot
from ..layers.base import Array, Arrays, Forward, Gradients, Keep, Rng, State
from ..layers.linear import add_product, gradients, rows
from ..layers.recurrent import Recurrent
from ..matmul import multiply
from ..parameters import Views
from ..workspace import Workspace
from .heads import Attention, split_heads
from .normalisation import normalise

WIDER = 4  # times as many units in the middle of the feedforward part


@dataclass(frozen=True)
class Transformer(Recurrent):
    """e[t] = b + x[t] U,   u[t] = e[t] + z[t] P,   y[t] = u[t] + b_2 + relu(b_1 + n(u[t]) M_1) M_2

    z[t] = [z_1, ..., z_N][t],   z_n[t] = sum_s softmax_s(q[t] . k[s] / sqrt(d) + R[n, t-s]) v[s],   t - C < s <= t

    with [q, k, v][t] = n(e[t]) A in N heads of d = H / N units. n is the layer normalisation, before each part (Xiong
    et al., 2020). R tells positions: it is learnt for each head and each distance below C, the lookback (Shaw et al.,
    2018). So a step is the same wherever it stands. Of the steps before a window, the window reads the keys and values
    of the last C - 1. Gradients stop there (Dai et al., 2019), and each prediction sees a full context. Above another
    layer of the size H, and of nothing else, e[t] is x[t].

    A, P, M_1 and M_2 start as `glorot`; gains as 1; R as -distance 2^-n (Press et al., 2022); all else as 0; U
    as `Linear` says. The state is (k, v), (B, (C - 1) H) each, 0 where there was no step.
    """

    inputs: tuple[int, ...]
    hidden: int
    symbols: int = 0  # how many of the inputs are one-hot, the last ones: see `Linear`
    heads: int = 4
    lookback: int = 64

    def __post_init__(self) -> None:
        if self.hidden % self.heads:
            raise UsageError(f"--heads {self.heads} does not divide {self.hidden} units: choose another --hidden")

    @property
    def state_sizes(self) -> tuple[int, ...]:
        past = (self.lookback - 1) * self.hidden
        return past, past

    @property
    def recurrent_weights(self) -> tuple[str, ...]:
        return ()

    @property
    def biases(self) -> tuple[str, ...]:
        return *(("b",) if self._projects else ()), "b1", "b2", "shift1", "shift2"

    @property
    def looked_up(self) -> int:
        return self._input.looked_up if self._projects else 0

    @property
    def _projects(self) -> bool:
        return self.inputs != (self.hidden,) or self.symbols > 0

    def shapes(self) -> dict[str, tuple[int, ...]]:
        H, wide = self.hidden, WIDER * self.hidden
        norms = {f"{name}{i}": (H,) for i in (1, 2) for name in ("gain", "shift")}
        parts = {"M1": (H, wide), "b1": (wide,), "M2": (wide, H), "b2": (H,)}
        below = self._input.shapes() if self._projects else {}
        return {**below, "A": (H, 3 * H), "R": (self.heads, self.lookback), "P": (H, H), **parts, **norms}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        H, wide = self.hidden, WIDER * self.hidden
        slopes = 0.5 ** np.arange(1, 1 + self.heads)
        drawn = {
            **(self._input.initial(rng) if self._projects else {}),
            "A": np.hstack([glorot(rng, (H, H)) for _ in range(3)]),
            "P": glorot(rng, (H, H)),
            "M1": glorot(rng, (H, wide)),
            "M2": glorot(rng, (wide, H)),
            "R": -slopes[:, None] * np.arange(self.lookback),
        }
        ones = {name: np.ones(shape) for name, shape in self.shapes().items() if name.startswith("gain")}
        return {name: {**drawn, **ones}.get(name, np.zeros(shape)) for name, shape in self.shapes().items()}

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        (T, B), H, dtype = x[0].shape[:2], self.hidden, p["A"].dtype
        e = x[0]
        if self._projects:
            e = ws.empty((T, B, H), dtype)
            self._input.apply(p, x, e, ws)
        n, norm_back = normalise(e, p, "1", ws)
        qkv = _times(n, p["A"], ws)
        attention = Attention(split_heads(qkv, self.heads), state, keep, p["R"], ws)
        z = attention.z
        u = _times(z, p["P"], ws)
        u += e
        y, feedforward_back = _feedforward(u, p, ws)

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            du = feedforward_back(dy[0], g)
            dz = _times_back(du, z, "P", p, g, ws)
            dqkv, before = attention.backward(dz, dstate, g["R"])
            de = norm_back(_times_back(dqkv, n, "A", p, g, ws), g)
            de += du
            if not self._projects:
                return (de,), before
            dx = gradients(x, dtype, ws)
            self._input.reverse(p, x, de, g, dx, ws)
            return dx, before

        return (y,), attention.after, backward


def _feedforward(u: Array, p: Views, ws: Workspace) -> tuple[Array, Any]:
    """y = u + b_2 + relu(b_1 + n(u) M_1) M_2, and backward(dy, g), which gives du."""
    n, norm_back = normalise(u, p, "2", ws)
    r = _times(n, p["M1"], ws)
    r += p["b1"]
    relu = ReLU(r[0])
    for step in r:  # which stays in cache
        relu.forward(step)
    y = _times(r, p["M2"], ws)
    y += p["b2"]
    y += u

    def backward(dy: Array, g: Views) -> Array:
        g["b2"] += rows(dy).sum(axis=0)
        dr = _times_back(dy, r, "M2", p, g, ws)
        for step, d in zip(r, dr, strict=True):
            relu.backward(step, d)
        g["b1"] += rows(dr).sum(axis=0)
        du = norm_back(_times_back(dr, n, "M1", p, g, ws), g)
        du += dy
        return du

    return y, backward


def _times(x: Array, W: Array, ws: Workspace) -> Array:
    """x W, (T, B, .)"""
    out = ws.empty((*x.shape[:2], W.shape[1]), W.dtype)
    multiply(rows(x), W, rows(out), ws)
    return out


def _times_back(dy: Array, x: Array, name: str, p: Views, g: Views, ws: Workspace) -> Array:
    """dx = dy W^T, and ADD x^T dy to the gradient of W."""
    add_product(g[name], rows(x), rows(dy), ws)
    dx = ws.empty(x.shape, x.dtype)
    multiply(rows(dy), p[name], rows(dx), ws, transposed=True)
    return dx
