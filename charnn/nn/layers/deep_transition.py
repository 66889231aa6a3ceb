"""Elman's network with more between one step and the next, layers or a delay, or with less: a diagonal W, or none."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..functions import ACTIVATIONS
from ..parameters import Views
from ..workspace import Workspace
from .base import Array, Arrays, Forward, Gradients, Keep, Rng, State
from .linear import gradients, rows
from .recurrent import Recurrent, ResetRows, with_rows_reset
from .recurrent_weight import RECURRENT_MATRICES, RecurrentMatrix

DELAYED_SHARE = 0.25  # of D at the start; the rest is of h[t-1], which says most of the next symbol
MAX_LINEAR_STEP = 2048  # numbers of a state whose linear step is given as a matrix


@dataclass(frozen=True)
class DeepTransition(Recurrent):
    """h_1[t] = f(b + x[t] U + h[t-1] W),   h_k[t] = f(b_k + h_{k-1}[t] W_k),   h[t] = h_K[t]

    K is the recurrent depth: the layers that h passes through from one step to the next (Pascanu et al., 2014). d is
    the delay: h[t-d] D is added within the f of h_K, or of h_1 where `delay_to` is first. Through D a gradient comes
    back d steps at once, around the other layers. So it vanishes as a power of t / d in t steps (Lin et al., 1996).
    There is no D where d = 1. With `delay_only` there is no W: nothing else leads from one step to a later one. With a
    `diagonal` recurrence W and D are vectors, and h W means h * W: a unit sees no other (IndRNN; Li et al., 2018).

    Backwards, with dh[t] from above: dh[t] += da_1[t+1] W^T + da_K[t+d] D^T,   da_k[t] = dh_k[t] f'(a_k[t]),
    dh_{k-1}[t] = da_k[t] W_k^T.

    W and W_k start `orthogonal`. A diagonal W starts uniform in [0, 1], so that units have memories of all lengths.
    Where D is added to another product, each of the two starts as a share of that. Together they then lengthen no h;
    else relu's values grow without bound. U and all b start as in `Elman`. Where W and D are diagonal, a unit sums up
    its inputs over some 1 / (1 - W - D) steps: there U starts times 1 - W - D.
    The state is (h[t], h[t-1], ..., h[t-d+1]), (B, H) each. Where it is forgotten, all of it is.
    """

    inputs: tuple[int, ...]
    hidden: int
    activation: str = "tanh"
    symbols: int = 0  # how many of the inputs are one-hot, the last ones: see `Linear`
    recurrence: str = "full"
    delay: int = 1
    recurrent_depth: int = 1
    delay_to: str = "last"
    delay_only: bool = False

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return (self.hidden,) * self.delay

    @property
    def _kind(self) -> RecurrentMatrix:
        """Of W and D."""
        return RECURRENT_MATRICES[self.recurrence]

    @property
    def _path(self) -> dict[str, RecurrentMatrix]:
        """W, W2, ..., WK: what h meets one after the other."""
        first = {} if self.delay_only else {"W": self._kind}
        return {**first, **{f"W{k}": RECURRENT_MATRICES["full"] for k in self._upper}}

    @property
    def _weights(self) -> dict[str, RecurrentMatrix]:
        return {**self._path, **({"D": self._kind} if self.delay > 1 else {})}

    @property
    def recurrent_weights(self) -> tuple[str, ...]:
        return tuple(self._weights)

    @property
    def _delayed(self) -> int:
        """k of the layer that h[t-d] D leads to."""
        return self.recurrent_depth if self.delay_to == "last" else 1

    @property
    def biases(self) -> tuple[str, ...]:
        return "b", *(f"b{k}" for k in self._upper)

    @property
    def _upper(self) -> range:
        """k of the layers of a step above its first."""
        return range(2, self.recurrent_depth + 1)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        weights = {name: (self.hidden,) * kind.axes for name, kind in self._weights.items()}
        return {**self._input.shapes(), **weights, **{f"b{k}": (self.hidden,) for k in self._upper}}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        found = {name: kind.initial(rng, self.hidden) for name, kind in self._weights.items()}
        if self.delay > 1 and not self.delay_only:
            beside = f"W{self._delayed}" if self._delayed > 1 else "W"
            found[beside] = (1 - DELAYED_SHARE) * found[beside]
            found["D"] = DELAYED_SHARE * found["D"]
        found |= {**self._input.initial(rng), **{f"b{k}": np.zeros(self.hidden) for k in self._upper}}
        if self.recurrence == "diagonal":
            found["U"] *= 1 - found.get("W", 0) - (found.get("D", 0) if self._delayed == 1 else 0)
        return found

    def linear_step(self, p: Views) -> Array | None:
        H, d = self.hidden, self.delay
        if d * H > MAX_LINEAR_STEP:
            return None
        last, delayed = np.eye(H), np.eye(H)
        for k, name in enumerate(self._path, 1):
            last = last @ _matrix(p[name])
            if k > self._delayed:
                delayed = delayed @ _matrix(p[name])
        A = np.eye(d * H, k=H)  # each h of the state moves to the place of the one before
        A[:H, :H] = 0 if self.delay_only else last
        if d > 1:
            A[-H:, :H] = _matrix(p["D"]) @ delayed
        return A

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        (T, B), H, d, dtype = x[0].shape[:2], self.hidden, self.delay, p["U"].dtype
        past, ended, late = ws.empty((T + d, B, H), dtype), ResetRows(keep), ResetRows(keep, d)
        past[:d] = state[::-1]  # past[t] is h[t-d]: the state, then every h
        h = self._arrays(past, ws)
        self._input.apply(p, x, h[1], ws)  # h_1[t] = b + x[t] U, to which the loop adds h[t-1] W
        for k in self._upper:
            h[k][...] = p[f"b{k}"]
        hW = ws.empty((B, H), dtype)
        f, products = ACTIVATIONS[self.activation](hW), self._products(p, h, hW, ws)
        for t in range(T):
            if d > 1 and t % d == 0:
                self._add_delayed(h[self._delayed], past[:T], t, p, late, ws)
            if not products:
                f.forward(h[1][t])
            for k, (times, before, W, out) in enumerate(products, 1):
                times(before[t], W, out)
                if k == 1:
                    ended.zero(t, hW)
                np.add(h[k][t], hW, h[k][t])
                f.forward(h[k][t])

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            dpast = ws.empty(past.shape, dtype)
            dpast[:d], dpast[d:] = 0, dy[0]
            dpast[T:] += late.zero_steps(T, np.stack(dstate[::-1]))
            dh = self._arrays(dpast, ws)  # becomes da, step by step
            for k in self._upper:
                dh[k - 1].fill(0)
            back = [*enumerate(self._products(p, dh[1:], hW, ws, transposed=True), 1)][::-1]
            for t in reversed(range(T)):
                if not back:
                    f.backward(h[1][t], dh[1][t])
                for k, (times, da, W, out) in back:
                    f.backward(h[k][t], dh[k][t])
                    times(da[t], W, out)
                    if k == 1:
                        ended.zero(t, hW)
                    np.add(dh[k - 1][t], hW, dh[k - 1][t])
                if d > 1 and t % d == 0:
                    self._add_delayed(dpast[:T], dh[self._delayed], t, p, late, ws, transposed=True)
            self._add_gradients(g, h, dh, ended, past, late, ws)
            dx = gradients(x, dtype, ws)
            self._input.reverse(p, x, dh[1], g, dx, ws)
            return dx, tuple(dpast[:d][::-1])

        return (past[d:],), tuple(late.zero_steps(T, past[T:].copy())[::-1]), backward

    def _arrays(self, past: Array, ws: Workspace) -> list[Array]:
        """h[t-1], h_1[t], ..., h_K[t], each from t = 0 on; the first and the last lie in `past`."""
        h = past[self.delay :]
        return [past[self.delay - 1 :], *(ws.empty(h.shape, h.dtype) for _ in self._upper), h]

    def _products(self, p: Views, left: list[Array], out: Array, ws: Workspace, transposed: bool = False) -> list[Any]:
        """For W and each W_k what the loop calls: times(left[t], W, out)."""
        made = []
        for part, (name, kind) in zip(left, self._path.items(), strict=False):
            W = kind.product(p[name], len(out), ws, transposed)
            made.append((W.times, W.left(part), W.W, W.right(out)))
        return made

    def _add_delayed(
        self, to: Array, part: Array, t: int, p: Views, late: ResetRows, ws: Workspace, transposed: bool = False
    ) -> None:
        """to[s] += part[s] D (or D^T) for the d steps s from t on at once: none of them waits for another."""
        steps = slice(t, t + self.delay)
        with ws.scratch():
            hD = ws.empty(part[steps].shape, part.dtype)
            self._kind.multiply(rows(part[steps]), p["D"], rows(hD), ws, transposed)
            to[steps] += late.zero_steps(t, hD)

    def _add_gradients(
        self, g: Views, h: list[Array], da: list[Array], ended: ResetRows, past: Array, late: ResetRows, ws: Workspace
    ) -> None:
        """dW = sum_t h[t-1]^T da_1[t],   dD = sum_t h[t-d]^T da_K[t],   dW_k = sum_t h_{k-1}[t]^T da_k[t]"""
        T = len(da[1])
        with with_rows_reset(h[0], ended):
            for k, (name, kind) in enumerate(self._path.items(), 1):
                kind.add_product(g[name], rows(h[k - 1][:T]), rows(da[k]), ws)
        for k in self._upper:
            g[f"b{k}"] += np.ones(T * da[k].shape[1], past.dtype) @ rows(da[k])
        if self.delay > 1:
            with with_rows_reset(past, late):
                self._kind.add_product(g["D"], rows(past[:T]), rows(da[self._delayed]), ws)


def _matrix(W: Array) -> Array:
    """W, or the diagonal matrix that a vector stands for."""
    return np.diag(W) if W.ndim == 1 else W
