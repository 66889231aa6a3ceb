"""Gated recurrent units (Cho et al., 2014), in the form that needs one product a step."""

from dataclasses import dataclass

import numpy as np

from ..functions import Sigmoid
from ..matmul import Product
from ..parameters import Views
from ..workspace import DType, Workspace
from .base import Array, Arrays, Forward, Gradients, Keep, Rng, State
from .linear import add_product, gradients, rows
from .lstm import split_gates
from .recurrent import Recurrent, ResetRows, with_rows_reset


@dataclass(frozen=True)
class GRU(Recurrent):
    """r[t], z[t] = sigmoid(b + h[t-1] W + x[t] U),   m[t] = c + h[t-1] W,   n[t] = tanh(b + x[t] U + r[t] m[t])

    h[t] = (1 - z[t]) n[t] + z[t] h[t-1],   with the columns of b, W and U for r, z and n (m and n) side by side

    z keeps what was, r lets it into the new n; r gates the product, as in cuDNN, not h before it as in Cho et al.
    Backwards, with dh[t] from above and from h[t] W: dh[t-1] = dh[t] z[t] + [dr, dz, dm][t] W^T, before r, z, n.

    W (H, 3 H) starts `orthogonal`, and U as `Linear` says, for each of the three. One-hot rows of U start uniform in
    +-2, since z lets only half of n in at first; b and c start as 0. The state is (h,).
    """

    inputs: tuple[int, ...]
    hidden: int
    symbols: int = 0  # how many of the inputs are one-hot, the last ones: see `Linear`
    spread: float = 2.0  # of the one-hot rows of U at the start
    gate_names = ("reset", "update", "new")
    activation = "gated"
    bounds = (-1.0, 1.0)
    characters_per_parameter = 8.0

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return (self.hidden,)

    @property
    def biases(self) -> tuple[str, ...]:
        return "b", "c"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {**super().shapes(), "c": (self.hidden,)}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return {**super().initial(rng), "c": np.zeros(self.hidden)}

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        (T, B), H, dtype = x[0].shape[:2], self.hidden, p["W"].dtype
        cell, W = GRUGates(B, H, dtype, ws), Product(p["W"], B, ws, once=T == 1)
        before, n = ws.empty((T + 1, B, H), dtype), ws.steps(T, (B, H), dtype)  # h[t-1] up to T
        before[0] = state[0]
        h, ended = before[1:], ResetRows(keep)
        a, hW = ws.empty((T, B, 3 * H), dtype), ws.empty((B, 3 * H), dtype)
        self._input.apply(p, x, a, ws)  # b + x[t] U, to which the loop adds h[t-1] W, but not so for n
        s = a.reshape(T, 3, B, H)  # r, z, m of a step take the place of its a, gate after gate
        rz, last_H, again = slice(0, 2 * H), slice(2 * H, None), split_gates(hW, H)
        times, out = W.times, W.right(hW)
        for t, (last, xU) in enumerate(zip(W.left(before[:-1]), a, strict=True)):
            times(last, W.W, out)
            ended.zero(t, hW)
            np.add(xU[:, rz], hW[:, rz], out=hW[:, rz])
            n[t] = xU[:, last_H]
            s[t] = again
            cell.forward(s[t], n[t], p["c"], cell.seen(before[t], ended, t), h[t])

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            da, dh, dhW = a, cell.dh, ws.empty((B, H), dtype)  # in the place of s; from the step after, da[t+1] W^T
            (dn,) = dy  # taken over: dh[t] from above becomes dn[t]
            dh[...] = dstate[0]
            W = Product(p["W"], B, ws, transposed=True, once=T == 1)
            times, out = W.times, W.right(dhW)
            for t, d, left in zip(reversed(range(T)), split_gates(da, H)[::-1], W.left(da)[::-1], strict=True):
                dh += dn[t]
                d[...] = cell.backward(s[t], n[t], cell.seen(before[t], ended, t), dn[t])  # of r, z, m: what W sees
                times(left, W.W, out)
                dh += dhW
                ended.zero(t, dh)
            with with_rows_reset(before, ended) as kept:
                add_product(g["W"], rows(kept[:-1]), rows(da), ws)
            g["c"] += np.ones(T * B, dtype) @ rows(da)[:, last_H]
            da[..., last_H] = dn  # of r, z, n: what U sees
            dx = gradients(x, dtype, ws)
            self._input.reverse(p, x, da, g, dx, ws)
            return dx, (dh,)

        return (h,), (h[-1],), backward

    def gate_values(self, p: Views, x: Arrays, before: Array, ws: Workspace) -> Array:
        T, B, H = before.shape
        a = ws.empty((T, B, 3 * H), before.dtype)
        self._input.apply(p, x, a, ws)
        s, hW = (split_gates(part, H).swapaxes(0, 1) for part in (a, before @ p["W"]))
        rz = (1 + np.tanh((s[:2] + hW[:2]) / 2)) / 2
        return np.concatenate([rz, np.tanh(s[2:] + rz[:1] * (hW[2:] + p["c"]))])

    def step_kernel(self, rows: int, dtype: DType) -> "GRUKernel":
        return GRUKernel(rows, self.hidden, dtype)

    def input_rows(self, p: Views) -> Array:
        """b + U[x] of each symbol x, and c beside it, (V, 4 H); b and c where symbols are no input."""
        b = super().input_rows(p)
        return np.concatenate([b, np.broadcast_to(p["c"], (*b.shape[:-1], self.hidden))], axis=-1)


class GRUGates:
    """The units at one step, s (3, B, H) being r, z, m."""

    def __init__(self, rows: int, hidden: int, dtype: DType, ws: Workspace):
        self.e, self.more = (ws.empty((2, rows, hidden), dtype) for _ in range(2))
        self.da = ws.empty((3, rows, hidden), dtype)
        self.dh, self.before = ws.empty((2, rows, hidden), dtype)
        self.sigmoid = Sigmoid(self.e)

    def seen(self, h: Array, ended: ResetRows, t: int) -> Array:
        """h[t-1] as step t sees it: 0 in rows that have forgotten it."""
        if not ended.any:
            return h
        self.before[...] = h
        ended.zero(t, self.before)
        return self.before

    def forward(self, s: Array, n: Array, c: Array, last: Array, h: Array) -> None:
        """From a[t] in the places of r, z and n, h[t-1] W in that of m, and h[t-1]: these four, and h[t]."""
        r, z, m = s
        self.sigmoid.forward(s[:2])
        np.add(m, c, out=m)
        np.add(n, np.multiply(r, m, out=self.e[0]), out=n)
        np.tanh(n, out=n)
        np.subtract(last, n, out=h)
        np.multiply(h, z, out=h)
        np.add(h, n, out=h)  # n + z (h[t-1] - n)

    def backward(self, s: Array, n: Array, last: Array, dn: Array) -> Array:
        """dn, and da = dr, dz, dm before their functions, from `dh`, of which what passes through z is left."""
        e, more, da, dh, (r, z, m) = self.e, self.more, self.da, self.dh, s
        through, around = more
        np.multiply(dh, z, out=through)
        np.subtract(dh, through, out=dn)
        dh[...] = through
        np.multiply(n, n, out=around)
        np.multiply(around, dn, out=around)
        np.subtract(dn, around, out=dn)
        np.subtract(last, n, out=e[1])
        np.multiply(e[1], through, out=e[1])  # dz z = dh z (h[t-1] - n)
        np.multiply(dn, r, out=da[2])  # dm
        np.multiply(da[2], m, out=e[0])  # dr r = dm m
        np.multiply(e, s[:2], out=more)
        np.subtract(e, more, out=da[:2])
        return da


class GRUKernel:
    """The units from m = c + h_W, a = h_W + inputs + from_below, as a `StepKernel`; `inputs` brings c too."""

    def __init__(self, rows: int, hidden: int, dtype: DType):
        ws = Workspace()
        self.gates, self.s = GRUGates(rows, hidden, dtype, ws), ws.empty((3, rows, hidden), dtype)
        self.n, self.all = ws.empty((2, rows, hidden), dtype)
        self.all.fill(0)
        self.h = self.all if rows > 1 else self.all[0]
        self.memory: tuple[Array, ...] = (self.h,)

    def step(self, h_W: Array, inputs: Array, from_below: Array | None) -> None:
        hidden = self.all.shape[1]
        hW, xU = split_gates(h_W, hidden), split_gates(inputs, hidden)
        s, rz, n = self.s, self.s[:2], self.n
        a = xU[:3] if from_below is None else np.add(xU[:3], split_gates(from_below, hidden), out=s)
        n[...] = a[2]
        np.add(a[:2], hW[:2], out=rz)
        s[2] = hW[2]
        self.gates.forward(s, n, xU[3], self.all, self.all)
