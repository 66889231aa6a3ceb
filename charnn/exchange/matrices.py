"""Weights as other libraries keep them: a row for each gate's unit, gates in their order, two biases."""

from typing import Any, NamedTuple

import numpy as np

from ..nn.layers.base import Layer
from ..nn.parameters import Views

Array = np.ndarray
Gates = tuple[str, ...]
TORCH: dict[str, Gates] = {  # the order of the gates, by the layer's class
    "LSTM": ("input", "forget", "candidate", "output"),
    "GRU": ("reset", "update", "new"),
    "Elman": (),
}
ONNX: dict[str, Gates] = {
    "LSTM": ("input", "output", "forget", "candidate"),
    "GRU": ("update", "reset", "new"),  # with linear_before_reset = 1
    "Elman": (),
}


class Matrices(NamedTuple):
    """h[t] from x[t] input^T + input_bias + h[t-1] hidden^T + hidden_bias; x is what is below, then the symbol."""

    input: Array  # (gates H, I)
    hidden: Array  # (gates H, H)
    input_bias: Array  # (gates H,)
    hidden_bias: Array  # (gates H,)


def matrices(layer: Layer, p: Views, twice: int, orders: dict[str, Gates]) -> Matrices:
    """The weights of a layer whose class is in `orders`, with its gates in this order; see `joined`."""
    order = [layer.gate_names.index(gate) for gate in orders[type(layer).__name__]] or [0]
    b = p["b"]
    second = np.zeros_like(b)
    if "c" in p:  # of n in a GRU: added to h[t-1] W, before the reset gate
        second[-len(p["c"]) :] = p["c"]
    U = joined(layer, p["U"], twice)
    return Matrices(*(_rows(a, order) for a in (U, p["W"], b, second)))


def joined(layer: Layer, U: Array, twice: int) -> Array:
    """U with one block where a layer reads symbols `twice`, as what was put out last and as themselves.

    `twice` is their number, or 0 for a network that reads them once.
    """
    if twice and layer.symbols:  # type: ignore[attr-defined]
        U = np.concatenate([U[: -2 * twice], U[-2 * twice : -twice] + U[-twice:]])
    return U


def read_twice(model: Any) -> int:
    """The symbols of a network that reads what was put out last beside them; else 0."""
    return model.symbols if model.config.feedback == "output" else 0


def columns(rows: Array, order: Gates, gates: Gates) -> Array:
    """The other way: (gates H, n) in another library's order to (n, gates H) in that of a layer."""
    return _rows(np.ascontiguousarray(rows.T), [order.index(gate) for gate in gates] or [0]).T


def _rows(a: Array, order: list[int]) -> Array:
    """Columns (n, gates H) to rows (gates H, n), or (gates H,) to itself, with the gates in this order."""
    parts = np.split(a, len(order), axis=-1)
    return np.concatenate([parts[i] for i in order], axis=-1).T
