"""Layer normalisation of each step by itself."""

from collections.abc import Callable

import numpy as np

from ..layers.base import Array
from ..layers.linear import rows
from ..parameters import Views
from ..workspace import Workspace

VARIANCE_EPSILON = 1e-5  # of the variance, so that equal numbers become 0


def normalise(x: Array, p: Views, name: str, ws: Workspace) -> tuple[Array, Callable[[Array, Views], Array]]:
    """y[t] = shift + gain (x[t] - mean x[t]) / sqrt(var x[t] + eps), and backward(dy, g), which gives dx.

    x (T, B, H), not changed; the weights are gain + `name` and shift + `name`. With n the part that gain is multiplied
    with and dn = gain dy: dx = (dn - mean dn - n mean(n dn)) / sqrt(var x + eps).
    """
    n, y = ws.empty(x.shape, x.dtype), ws.empty(x.shape, x.dtype)
    np.subtract(x, x.mean(axis=-1, keepdims=True), out=n)
    inverse = 1 / np.sqrt(_dot(n, n) / x.shape[-1] + VARIANCE_EPSILON)
    n *= inverse
    np.multiply(n, p[f"gain{name}"], out=y)
    y += p[f"shift{name}"]

    def backward(dy: Array, g: Views) -> Array:
        g[f"gain{name}"] += (rows(dy) * rows(n)).sum(axis=0)
        g[f"shift{name}"] += rows(dy).sum(axis=0)
        dx = np.multiply(dy, p[f"gain{name}"], out=ws.empty(x.shape, x.dtype))
        along = _dot(dx, n) / x.shape[-1]
        dx -= dx.mean(axis=-1, keepdims=True)
        dx -= n * along
        dx *= inverse
        return dx

    return y, backward


def _dot(a: Array, b: Array) -> Array:
    """a[t] . b[t], (T, B, 1)"""
    found: Array = np.einsum("tbh,tbh->tb", a, b)[..., None]
    return found
