"""A product and a sum, for inputs, readouts, and everything outside the recurrence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from ..initializers import glorot
from ..matmul import multiply
from ..parameters import Views
from ..replay import as_one_call
from ..workspace import DType, Workspace
from .base import Array, Arrays, Forward, Gradients, Keep, Layer, Rng, State

CHUNK_ROWS = 256  # rows
SORT_CHUNK = 1 << 20  # numbers that are sorted at a time
MIN_PRODUCT_FOR_SORT = 100_000  # multiplications that take as long as the sum of one symbol's rows


@dataclass(frozen=True)
class Linear(Layer):
    """y[t] = b + x[t] U

    `inputs` are the sizes of the arrays in x, side by side: x[t] U is the sum of their products with U's blocks of
    rows. An integer array stands for one-hot rows: its product is a row of U, looked up.

    U starts as `glorot`, b as 0; but the last `symbols` rows, those of one-hot inputs, as uniform in +-1. They are read
    one at a time: by Glorot's count, meant for sums over all rows, they would be drowned by the recurrence for long.
    Gated cells take more, see there.

    An array that is the same at every step (`constant`) is multiplied once; its gradient is the sum over the steps.

    x (T, B, .), y (T, B, outputs). `weight` and `bias` are the letters: U and b here, V and c in a readout.
    """

    inputs: tuple[int, ...]
    outputs: int
    weight: str = "U"
    bias: str = "b"
    symbols: int = 0

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return ()

    @property
    def output_sizes(self) -> tuple[int, ...]:
        return (self.outputs,)

    @property
    def biases(self) -> tuple[str, ...]:
        return (self.bias,)

    @property
    def looked_up(self) -> int:
        return self.symbols * self.outputs

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {self.weight: (sum(self.inputs), self.outputs), self.bias: (self.outputs,)}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        U = glorot(rng, (sum(self.inputs), self.outputs))
        U[len(U) - self.symbols :] = rng.uniform(-1, 1, (self.symbols, self.outputs))
        return {self.weight: U, self.bias: np.zeros(self.outputs)}

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        T, B = x[0].shape[:2]
        y = ws.empty((T, B, self.outputs), p[self.bias].dtype)
        self.apply(p, x, y, ws)

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            dx = gradients(x, y.dtype, ws)
            self.reverse(p, x, dy[0], g, dx, ws)
            return dx, dstate

        return (y,), state, backward

    def apply(self, p: Views, x: Arrays, y: Array, ws: Workspace) -> None:
        """y = b + x U, written into y (T, B, outputs)."""
        out, b = rows(y), p[self.bias]
        parts = list(zip(x, self.blocks(p), strict=True))
        pairs = [(rows(part), U) for part, U in parts if not is_constant(part)]
        last, U = pairs[-1]
        folded = last.ndim == 1 and len(U) <= len(last)  # b is added to U's few rows before they are looked up
        if folded:
            pairs[-1] = last, U + b
        product(*pairs[0], out, ws)
        for part, U in pairs[1:]:
            for piece in row_chunks(out):
                with ws.scratch():
                    out[piece] += product(part[piece], U, ws.empty(out[piece].shape, out.dtype), ws)
        if not folded:
            out += b
        for part, U in parts:
            if is_constant(part):
                with ws.scratch():
                    y += product(part[0], U, ws.empty(y.shape[1:], y.dtype), ws)

    def reverse(self, p: Views, x: Arrays, dy: Array, g: Views, dx: Sequence[Array | None], ws: Workspace) -> None:
        """ADD dU and db into g, and write each dx = dy U^T, where there is one."""
        d = rows(dy)
        g[self.bias] += np.ones(len(d), d.dtype) @ d
        for part, dpart, U, dU in zip(x, dx, self.blocks(p), self.blocks(g), strict=True):
            if dpart is None:
                add_rows(dU, rows(part), d, ws)
            elif is_constant(part):
                total = dy.sum(axis=0)
                add_product(dU, part[0], total, ws)
                multiply(total, U, dpart[0], ws, transposed=True)
            else:
                add_product(dU, rows(part), d, ws)
                multiply(d, U, rows(dpart), ws, transposed=True)

    def blocks(self, p: Views) -> list[Array]:
        """The rows of U that belong to each input."""
        U, ends = p[self.weight], accumulate(self.inputs)
        return [U[end - size : end] for size, end in zip(self.inputs, ends, strict=True)]


def gradients(x: Arrays, dtype: DType, ws: Workspace) -> tuple[Array | None, ...]:
    """Room for the gradient of each array in x: None for integers, which have none, one step for what is constant."""
    shapes = ((1 if is_constant(part) else len(part), *part.shape[1:]) for part in x)
    return tuple(None if part.dtype.kind in "iu" else ws.empty(shape, dtype) for part, shape in zip(x, shapes))


def constant(a: Array, steps: int) -> Array:
    """a (B, n) at each of so many steps, (steps, B, n): a view of the one array."""
    return np.broadcast_to(a, (steps, *a.shape))


def is_constant(a: Array) -> bool:
    """Whether an array (T, B, n) is one step seen T times, as `constant` makes it."""
    return a.strides[0] == 0 and len(a) > 1


def rows(a: Array) -> Array:
    """(T, B, n) as (T*B, n), and (T, B) as (T*B,)."""
    return a.reshape(a.shape[0] * a.shape[1], *a.shape[2:])


def row_chunks(a: Array, size: int = CHUNK_ROWS) -> Iterator[slice]:
    """A few rows of `a` at a time: where two passes over them follow each other, they stay in cache."""
    return (slice(start, start + size) for start in range(0, len(a), size))


def add_product(dU: Array, x: Array, dy: Array, ws: Workspace) -> None:
    """dU += x^T dy"""
    with ws.scratch():
        outer = np.multiply if len(x) == 1 else np.matmul  # of one row: the same numbers, 8 times as fast
        dU += outer(x.T, dy, out=ws.empty(dU.shape, dU.dtype))


def product(x: Array, U: Array, out: Array, ws: Workspace) -> Array:
    """x U, where integers x look up rows of U."""
    if x.ndim == 1:
        return np.take(U, x, axis=0, out=out, mode="clip")  # "clip" is 3 times faster than the default with out=
    return multiply(x, U, out, ws)


@as_one_call
def add_rows(dU: Array, x: Array, dy: Array, ws: Workspace) -> None:
    """dU[v] += sum of dy[n] where x[n] = v, which is the product onehot(x)^T dy, and made so where that is small.

    Else rows are sorted by their symbol (a radix sort, for ids of one or two bytes), and the rows of each symbol are
    summed by a product with ones. That is 2 times faster than the product, and 10 times faster than `np.add.at`. As
    many rows are sorted at a time as fill some megabytes.
    """
    if len(x) == 1:
        dU[x[0]] += dy[0]
        return
    if len(x) * dU.size < MIN_PRODUCT_FOR_SORT * min(len(x), len(dU)):
        onehot = np.zeros((len(x), len(dU)), dy.dtype)
        onehot[np.arange(len(x)), x] = 1
        add_product(dU, onehot, dy, ws)
        return
    size = max(CHUNK_ROWS, SORT_CHUNK // dy.shape[1])
    for piece in row_chunks(x, size):
        with ws.scratch():
            _add_sorted(dU, x[piece], dy[piece], ws)


def _add_sorted(dU: Array, x: Array, dy: Array, ws: Workspace) -> None:
    order, counts = np.argsort(x, kind="stable"), np.bincount(x)
    grouped = np.take(dy, order, axis=0, out=ws.empty(dy.shape, dy.dtype), mode="clip")
    ones, total = np.ones(counts.max(), dy.dtype), ws.empty(dy.shape[1:], dy.dtype)
    there = np.flatnonzero(counts)
    ends = np.cumsum(counts[there]).tolist()
    for v, start, end in zip(there.tolist(), [0, *ends], ends, strict=False):
        np.dot(ones[: end - start], grouped[start:end], out=total)
        dU[v] += total
