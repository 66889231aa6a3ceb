"""Layer normalisation (Ba, Kiros and Hinton, 2016) inside the recurrence of an LSTM."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..parameters import Views
from ..workspace import DType, Workspace
from .base import Array
from .lstm import LSTM, LSTMKernel

VARIANCE_EPSILON = 1e-5  # of the variance, so that equal numbers become 0


@dataclass(frozen=True)
class LayerNormLSTM(LSTM):
    """a[t] = b + h[t-1] W + x[t] U,   n[t] = (a[t] - mean a[t]) / sqrt(var a[t] + eps),   with i to g side by side

    [i, f, o, g][t] = shift + gain n[t], and from there on as in `LSTM`. Mean and variance are those of the 4 H numbers
    of a row and a step (Ba, Kiros and Hinton, 2016, who normalise h W and x U each). So gates open and close from the
    first update on, whatever the scale of the weights. Backwards, with dy[t] of [i, f, o, g][t]: dn[t] = gain dy[t],
    da[t] = (dn[t] - mean dn[t] - n[t] mean(n[t] dn[t])) / sqrt(var a[t] + eps).

    gain starts as 1, and shift as `LSTM`'s b does: 0, but 1 for f. b, which is now inside, starts as 0. One-hot rows of
    U start as uniform in +-1: normalised they are large enough, and larger ones would drown h W.
    """

    spread: float = 1.0

    @classmethod
    def make(cls, inputs: tuple[int, ...], hidden: int, symbols: int = 0, norm: str = "none", **options: Any) -> LSTM:
        """This class, or `LSTM` where nothing is normalised."""
        return (LayerNormLSTM if norm == "layer" else LSTM)(inputs, hidden, symbols, **options)

    @property
    def biases(self) -> tuple[str, ...]:
        return "b", "shift"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        columns = (4 * self.hidden,)
        return {**super().shapes(), "gain": columns, "shift": columns}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        found = super().initial(rng)
        b = found["b"]
        return {**found, "b": np.zeros_like(b), "gain": np.ones_like(b), "shift": b}

    def norm(self, p: Views, T: int, B: int, ws: Workspace) -> "LayerNorm":
        return LayerNorm(p["gain"], p["shift"], T, B, ws)

    def step_kernel(self, rows: int, dtype: DType) -> "LayerNormKernel":
        return LayerNormKernel(rows, self.hidden, dtype)

    def input_rows(self, p: Views) -> Array:
        """b + U[x] of each symbol x, gain and shift beside it, (V, 12 H); without b + U[x] apart, (12 H,)."""
        a = super().input_rows(p)
        beside = (np.broadcast_to(p[name], a.shape) for name in ("gain", "shift"))
        return np.concatenate([a, *beside], axis=-1)


class LayerNorm:
    """shift + gain n for the rows a (B, N) of T steps, one after the other, and its gradient, on the way back."""

    def __init__(self, gain: Array, shift: Array, T: int, B: int, ws: Workspace):
        N, dtype = gain.size, gain.dtype
        self.gain, self.shift = gain, shift
        self.n, self.inverse = ws.steps(T, (B, N), dtype), ws.steps(T, (B, 1), dtype)  # 1 / sqrt(var + eps)
        self.sums, self.scratch = ws.empty((2, B, N), dtype), ws.empty((B, N), dtype)  # of n dy, and of dy
        self.share = np.full((N, 1), 1 / N, dtype)  # a mean is a product with it: faster than a sum
        self.sums.fill(0)

    def forward(self, a: Array, t: int) -> None:
        """From a[t] in its place: shift + gain n[t]."""
        n = self.n[t]
        np.subtract(a, a @ self.share, out=n)
        var = np.multiply(n, n, out=a) @ self.share
        var += VARIANCE_EPSILON
        np.divide(1, np.sqrt(var, out=var), out=self.inverse[t])
        np.multiply(n, self.inverse[t], out=n)
        np.multiply(n, self.gain, out=a)
        np.add(a, self.shift, out=a)

    def backward(self, d: Array, t: int) -> None:
        """From dy[t] in its place: da[t]."""
        n, n_dy, share = self.n[t], np.multiply(d, self.n[t], out=self.scratch), self.gain[:, None] * self.share
        for total, part in zip(self.sums, (n_dy, d), strict=True):
            np.add(total, part, out=total)
        mean, along = d @ share, n_dy @ share  # of dn, and of n dn
        np.multiply(d, self.gain, out=d)
        np.subtract(d, mean, out=d)
        np.subtract(d, np.multiply(n, along, out=n_dy), out=d)
        np.multiply(d, self.inverse[t], out=d)

    def add(self, g: Views) -> None:
        """ADD the gradients of gain and shift into g, after the last of the steps."""
        for name, total in zip(("gain", "shift"), self.sums, strict=True):
            g[name] += total.sum(axis=0)
        self.sums.fill(0)


class LayerNormKernel(LSTMKernel):
    """The gates from a = h_W + inputs + from_below, normalised, as a `StepKernel`; `inputs` brings gain and shift."""

    def step(self, h_W: Array, inputs: Array, from_below: Array | None) -> None:
        N = h_W.shape[-1]
        a = h_W + inputs[..., :N]
        if from_below is not None:
            a += from_below
        a -= a.mean(axis=-1, keepdims=True)
        a /= np.sqrt(np.square(a).mean(axis=-1, keepdims=True) + VARIANCE_EPSILON)
        a *= inputs[..., N : 2 * N]
        super().step(a, inputs[..., 2 * N :], None)
