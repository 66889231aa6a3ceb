"""A product and a sum, for inputs, readouts, and everything outside the recurrence."""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from ..numerics import glorot
from ..parameters import Views
from ..workspace import Workspace
from .layer import Array, Arrays, Forward, Gradients, Keep, Rng, State


@dataclass(frozen=True)
class Linear:
    """y[t] = b + x[t] U

    `inputs` are the sizes of the arrays in x, side by side: x[t] U is the sum of their products with U's blocks of
    rows. An integer array stands for one-hot rows: its product is a row of U, looked up.

    U starts as `glorot`, b as 0; but the last `symbols` rows, those of one-hot inputs, as uniform in +-1. They are read
    one at a time: by Glorot's count, meant for sums over all rows, they would be drowned by the recurrence for long.

    x (T, B, .), y (T, B, outputs). `weight` and `bias` are the letters: U and b here, V and c in a readout.
    """

    inputs: tuple[int, ...]
    outputs: int
    weight: str = "U"
    bias: str = "b"
    symbols: int = 0

    state_sizes = ()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {self.weight: (sum(self.inputs), self.outputs), self.bias: (self.outputs,)}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        U = glorot(rng, (sum(self.inputs), self.outputs))
        U[len(U) - self.symbols :] = rng.uniform(-1, 1, (self.symbols, self.outputs))
        return {self.weight: U, self.bias: np.zeros(self.outputs)}

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        T, B = x[0].shape[:2]
        rows = [part.reshape(T * B, *part.shape[2:]) for part in x]  # (T*B, I), or (T*B,) integers
        blocks = self._blocks(p)
        y = _product(rows[0], blocks[0], ws.empty((T * B, self.outputs), blocks[0].dtype))
        for part, block in zip(rows[1:], blocks[1:], strict=True):
            y += _product(part, block, ws.empty(y.shape, y.dtype))
        y += p[self.bias]

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            d = dy[0].reshape(T * B, self.outputs)
            g[self.bias] += np.ones(T * B, d.dtype) @ d
            dx: list[Array | None] = []
            for part, block, dblock in zip(rows, blocks, self._blocks(g), strict=True):
                if part.ndim == 1:
                    add_rows(dblock, part, d)
                    dx.append(None)
                else:
                    dblock += part.T @ d
                    dx.append(np.matmul(d, block.T, out=ws.empty(part.shape, d.dtype)).reshape(T, B, -1))
            return tuple(dx), dstate

        return (y.reshape(T, B, self.outputs),), state, backward

    def _blocks(self, p: Views) -> list[Array]:
        """The rows of U that belong to each input."""
        U, ends = p[self.weight], accumulate(self.inputs)
        return [U[end - size : end] for size, end in zip(self.inputs, ends, strict=True)]


def _product(x: Array, U: Array, out: Array) -> Array:
    """x U, where integers x look up rows of U."""
    if x.ndim == 1:
        return np.take(U, x, axis=0, out=out, mode="clip")  # "clip" is 3 times faster than the default with out=
    return np.matmul(x, U, out=out)


def add_rows(dU: Array, x: Array, dy: Array) -> None:
    """dU[v] += sum of dy[n] where x[n] = v: the product onehot(x)^T dy, 3 times faster.

    Rows are gathered symbol by symbol, small enough to stay in cache, and summed by a product with ones.
    """
    order = np.argsort(x, kind="stable")
    ends = np.cumsum(np.bincount(x, minlength=len(dU)))
    ones = np.ones(len(x), dy.dtype)
    start = 0
    for v, end in enumerate(ends.tolist()):
        if end > start:
            dU[v] += ones[start:end] @ dy[order[start:end]]
            start = end
