"""What a layer's own values are multiplied with: a matrix, or a diagonal one, where each unit sees itself alone."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..initializers import orthogonal
from ..matmul import Product, multiply
from ..workspace import Workspace
from .base import Array
from .linear import add_product


@dataclass(frozen=True)
class RecurrentMatrix:
    """A kind of W, of so many `axes` of H each, and what is done with it."""

    axes: int
    initial: Callable[[np.random.Generator, int], Array]
    product: type[Product]  # h W or, `transposed`, da W^T, step by step
    multiply: Callable[..., Array]  # out = h W for many rows at once: (h, W, out, ws, transposed)
    add_product: Callable[[Array, Array, Array, Workspace], None]  # dW += h^T da: (dW, h, da, ws)


class Diagonal(Product):
    """y = x * w with w (H,), as a `Product`: transposed it is the same."""

    def __init__(self, W: Array, rows: int, ws: Workspace, transposed: bool = False):
        self.W, self.times = W, np.multiply

    def left(self, x: Array) -> Array:
        return x

    def right(self, y: Array) -> Array:
        return y


def _multiply(x: Array, w: Array, out: Array, ws: Workspace, transposed: bool = False) -> Array:
    """out = x * w"""
    return np.multiply(x, w, out=out)


def _add_product(dw: Array, x: Array, da: Array, ws: Workspace) -> None:
    """dw += sum_n x[n] * da[n], which is the diagonal of x^T da"""
    with ws.scratch():
        dw += np.ones(len(x), x.dtype) @ np.multiply(x, da, out=ws.empty(x.shape, x.dtype))


def _uniform(rng: np.random.Generator, n: int) -> Array:
    return rng.uniform(0, 1, n)


RECURRENT_MATRICES = {
    "full": RecurrentMatrix(2, orthogonal, Product, multiply, add_product),
    "diagonal": RecurrentMatrix(1, _uniform, Diagonal, _multiply, _add_product),
}
