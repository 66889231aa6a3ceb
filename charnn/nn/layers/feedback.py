"""A network that reads its own output: recurrence from the output, around any layers."""

from dataclasses import dataclass

import numpy as np

from ..functions import softmax
from ..parameters import Views
from ..workspace import Workspace
from .base import Array, Arrays, Forward, Gradients, Keep, Layer, Rng, State
from .linear import Linear


@dataclass(frozen=True)
class Feedback(Layer):
    """z[t] = e x[t] + (1 - e) y[t-1],   h[t] = inner([z, x])[t],   y[t] = softmax(c + h[t] V),   x[t] one-hot

    x[t] is the correct output of step t - 1, y[t-1] the network's own: e is the share of teacher forcing, 0 for free
    running. In expectation z is what scheduled sampling's coin gives (Bengio et al., 2015). The mix itself is free of
    noise, and the same in training, evaluation and sampling. Its gradient is exact: it passes the readout and the
    softmax. Each step waits for the one before it: this is a loop over windows of length one.

    x (T, B) integers. The inner layers read z, and with `beside` the symbols after it. V and c are the readout's own.
    Rows that forget their state have no output before. The state is the inner one's and y, (B, V).
    """

    inner: Layer
    readout: Linear
    teacher: float  # e
    beside: bool = True

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return *self.inner.state_sizes, self.readout.outputs

    @property
    def output_sizes(self) -> tuple[int, ...]:
        return self.inner.output_sizes

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {**self.inner.shapes(), **{f"readout/{n}": s for n, s in self.readout.shapes().items()}}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return {**self.inner.initial(rng), **{f"readout/{n}": a for n, a in self.readout.initial(rng).items()}}

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        (ids,), (*inner, y), e, V = x, state, self.teacher, p.at("readout")
        (T, B), dtype = ids.shape, y.dtype
        found, backs, ys = [], [], []
        own: State = tuple(inner)
        for t in range(T):
            z, now, kept = ws.empty((1, B, self.readout.outputs), dtype), slice(t, t + 1), _at(keep, t)
            np.multiply(y, (1 - e) * (1 if kept is None else kept), out=z)
            z[0, np.arange(B), ids[t]] += e
            read = (z, ids[now]) if self.beside else (z,)
            h, own, back = self.inner.forward(p, read, own, ws, kept, rng)
            o = ws.empty(z.shape, dtype)
            self.readout.apply(V, h, o, ws)
            y = softmax(o)[0]
            found.append(h)
            backs.append(back)
            ys.append(y)
        out = tuple(ws.empty((T, *part.shape[1:]), part.dtype) for part in found[0])
        for whole, parts in zip(out, zip(*found, strict=True), strict=True):
            np.concatenate(parts, out=whole)

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            *inner, d = dstate  # d: of y[t]
            own: State = tuple(inner)
            for t in reversed(range(T)):
                do = d - (d * ys[t]).sum(axis=1, keepdims=True)
                do *= ys[t]
                dh = tuple(ws.empty(part.shape, dtype) for part in found[t])
                self.readout.reverse(V, found[t], do[None], g.at("readout"), dh, ws)
                for part, above in zip(dh, dy, strict=True):
                    part += above[t]
                dread, own = backs[t](dh, own, g)
                kept = _at(keep, t)
                d = dread[0][0] * ((1 - e) * (1 if kept is None else kept[0]))
            return (None,), (*own, d)

        return out, (*own, y), backward


@dataclass(frozen=True)
class TeacherForced(Layer):
    """h[t] = inner([z, x])[t], z[t] = x[t]: `Feedback` under teacher forcing alone, without a loop over the steps."""

    inner: Layer

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return self.inner.state_sizes

    @property
    def output_sizes(self) -> tuple[int, ...]:
        return self.inner.output_sizes

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self.inner.shapes()

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return self.inner.initial(rng)

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        y, after, back = self.inner.forward(p, x + x, state, ws, keep, rng)

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            dx, before = back(dy, dstate, g)
            return dx[: len(x)], before

        return y, after, backward


def _at(keep: Keep, t: int) -> Keep:
    return None if keep is None else keep[t : t + 1]
