"""Long short-term memory (Hochreiter and Schmidhuber, 1997): units that keep what they know behind gates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..matmul import Product
from ..parameters import Views
from ..workspace import DType, Workspace
from .base import Array, Arrays, Forward, Gradients, Keep, Rng, State
from .linear import add_product, gradients, rows
from .recurrent import Recurrent, ResetRows, with_rows_reset


@dataclass(frozen=True)
class LSTM(Recurrent):
    """[i, f, o, g][t] = b + h[t-1] W + x[t] U,   i, f, o through sigmoid, g through tanh

    c[t] = f[t] c[t-1] + i[t] g[t],   h[t] = o[t] tanh(c[t])

    i lets in, o lets out, and f keeps (Gers, Schmidhuber and Cummins, 2000). Backwards, with dh[t] from above and from
    h[t] W: dc[t] = dc[t+1] f[t+1] + dh[t] o[t] (1 - tanh(c[t])^2), so c's gradient passes no W on its way back.

    W (H, 4 H) starts `orthogonal`, and U as `Linear` says, for each of the four. One-hot rows of U start uniform in
    +-4: with half open gates h, a product of three, is small and says little (0.1 bits more for some 2,000 updates). b
    starts as 0, but as 1 for f: nothing is forgotten before that is learnt (Gers et al., 2000; Jozefowicz et al.,
    2015). The state is (h, c), (B, H) each.
    """

    inputs: tuple[int, ...]
    hidden: int
    symbols: int = 0  # how many of the inputs are one-hot, the last ones: see `Linear`
    spread: float = 4.0  # of the one-hot rows of U at the start
    gate_names = ("input", "forget", "output", "candidate")
    activation = "gated"
    bounds = (-1.0, 1.0)
    characters_per_parameter = 8.0

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return self.hidden, self.hidden

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return {**super().initial(rng), "b": np.repeat([0.0, 1.0, 0.0, 0.0], self.hidden)}

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        (T, B), H, dtype = x[0].shape[:2], self.hidden, p["W"].dtype
        cell, W, norm = LSTMGates(B, H, dtype, ws), Product(p["W"], B, ws, once=T == 1), self.norm(p, T, B, ws)
        before, tanh_c = ws.empty((T + 1, B, H), dtype), ws.steps(T, (B, H), dtype)  # h[t-1] up to T
        c = ws.steps(T + 1, (B, H), dtype)  # c[t-1]
        before[0], c[0] = state
        h, ended = before[1:], ResetRows(keep)
        a, hW = ws.empty((T, B, 4 * H), dtype), ws.empty((B, 4 * H), dtype)
        self._input.apply(p, x, a, ws)  # b + x[t] U, to which the loop adds h[t-1] W
        s = a.reshape(T, 4, B, H)  # i, f, o, g of a step take the place of its a, gate after gate
        times, out, again = W.times, W.right(hW), split_gates(hW, H)
        for t, (last, xU, *gates) in enumerate(zip(W.left(before[:-1]), a, *gate_views(s), strict=True)):
            times(last, W.W, out)
            ended.zero(t, hW, c[t])
            np.add(xU, hW, out=hW)
            if norm:
                norm.forward(hW, t)
            s[t] = again
            cell.forward(gates, c[t], c[t + 1], tanh_c[t], h[t])

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            da, dh = a, ws.empty((B, H), dtype)  # in the place of s; from the step after: da[t+1] W^T
            dh[...], cell.dc[...] = dstate
            W = Product(p["W"], B, ws, transposed=True, once=T == 1)
            times, out = W.times, W.right(dh)
            for t, d, left in zip(reversed(range(T)), split_gates(da, H)[::-1], W.left(da)[::-1], strict=True):
                dh += dy[0][t]
                d[...] = cell.backward(s[t], c[t], tanh_c[t], h[t], dh)
                if norm:
                    norm.backward(da[t], t)
                times(left, W.W, out)
                ended.zero(t, dh, cell.dc)
            if norm:
                norm.add(g)
            with with_rows_reset(before, ended) as kept:
                add_product(g["W"], rows(kept[:-1]), rows(da), ws)
            dx = gradients(x, dtype, ws)
            self._input.reverse(p, x, da, g, dx, ws)
            return dx, (dh, cell.dc)

        return (h,), (h[-1], c[-1]), backward

    def gate_values(self, p: Views, x: Arrays, before: Array, ws: Workspace) -> Array:
        (T, B, H), dtype = before.shape, before.dtype
        a = ws.empty((T, B, 4 * H), dtype)
        self._input.apply(p, x, a, ws)
        a += before @ p["W"]
        if norm := self.norm(p, T, B, ws):
            for t, step in enumerate(a):
                norm.forward(step, t)
        s = split_gates(a, H).swapaxes(0, 1)
        return np.concatenate([(1 + np.tanh(s[:3] / 2)) / 2, np.tanh(s[3:])])

    def norm(self, p: Views, T: int, B: int, ws: Workspace) -> Any:
        """What a[t] goes through on its way to the gates, and da[t] on its way back: nothing here."""

    def step_kernel(self, rows: int, dtype: DType) -> "LSTMKernel":
        return LSTMKernel(rows, self.hidden, dtype)


class LSTMGates:
    """The units at one step, s (4, B, H) being i, f, o, g: in an order that lets one call do several."""

    def __init__(self, rows: int, hidden: int, dtype: DType, ws: Workspace):
        self.half, self.e, self.more = np.array(0.5, dtype), *(ws.empty((3, rows, hidden), dtype) for _ in range(2))
        self.da, self.pair = ws.empty((4, rows, hidden), dtype), ws.empty((2, rows, hidden), dtype)
        self.new, self.ig, self.fc = ws.empty((rows, hidden), dtype), *self.pair
        self.dc = self.fc  # on the way back: what of dc[t] comes from t + 1

    def forward(self, s: Sequence[Array], last: Array, c: Array, tanh_c: Array, h: Array) -> None:
        """From a[t] in the place of i, f, o, g, seen by `views`, and c[t-1]: these, c[t], tanh(c[t]) and h[t]."""
        ifog, ifo, i, f, o, g = s
        np.multiply(ifo, self.half, ifo)  # sigmoid(a) = 1/2 + tanh(a / 2) / 2
        np.tanh(ifog, ifog)
        np.multiply(ifo, self.half, ifo)
        np.add(ifo, self.half, ifo)
        np.multiply(i, g, self.ig)
        np.multiply(f, last, self.fc)
        np.add(self.ig, self.fc, c)
        np.tanh(c, tanh_c)
        np.multiply(o, tanh_c, h)

    def backward(self, s: Array, last: Array, tanh_c: Array, h: Array, dh: Array) -> Array:
        """da[t] = ds[t] s (1 - s) for i, f, o, dg[t] (1 - g^2), from dh[t] and `dc`, of which t leaves its own."""
        da, e, more, pair, dc = self.da, self.e, self.more, self.pair, self.new
        np.multiply(dh, h, out=e[2])  # do o
        np.multiply(dh, s[2], out=dc)
        np.multiply(e[2], tanh_c, out=more[0])
        np.subtract(dc, more[0], out=dc)
        np.add(self.dc, dc, out=dc)
        np.multiply(dc, s[:2], out=pair)  # dg = dc i, and dc f, for t - 1
        np.multiply(pair[0], s[3], out=e[0])  # di i = dg g
        np.multiply(pair[1], last, out=e[1])  # df f = dc f c[t-1]
        np.multiply(e, s[:3], out=more)
        np.subtract(e, more, out=da[:3])
        np.multiply(e[0], s[3], out=more[0])
        np.subtract(pair[0], more[0], out=da[3])
        return da


def gate_views(s: Array) -> Arrays:
    """Of i, f, o, g (..., 4, B, H): what `Gates.forward` takes together."""
    return s, s[..., :3, :, :], *np.moveaxis(s, -3, 0)


class LSTMKernel:
    """The gates from a = h_W + inputs + from_below, as a `StepKernel`."""

    def __init__(self, rows: int, hidden: int, dtype: DType):
        ws = Workspace()
        self.gates, self.a = LSTMGates(rows, hidden, dtype, ws), ws.empty((4, rows, hidden), dtype)
        self.views = gate_views(self.a)
        self.c, tanh_c, h = (ws.empty((rows, hidden), dtype) for _ in range(3))
        self.c.fill(0)
        h.fill(0)
        self.out = tanh_c, h
        row = slice(None) if rows > 1 else 0
        self.h, self.memory = h[row], (self.c[row],)
        self.seen: Callable[[Array], Array] = partial(split_gates, hidden=hidden)
        if rows == 1:  # whose gates, one after the other, are what lies side by side
            self.a, self.seen = self.a.reshape(-1), lambda a: a

    def step(self, h_W: Array, inputs: Array, from_below: Array | None) -> None:
        seen = self.seen
        a = np.add(seen(h_W), seen(inputs), self.a)
        if from_below is not None:
            np.add(a, seen(from_below), a)
        self.gates.forward(self.views, self.c, self.c, *self.out)


def split_gates(a: Array, hidden: int) -> Array:
    """The gates of a (..., B, n H), one after the other: (..., n, B, H), a view. B may be missing where it is 1."""
    return a.reshape(*a.shape[:-2], -1, a.shape[-1] // hidden, hidden).swapaxes(-3, -2)
