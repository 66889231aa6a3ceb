"""Weights as other libraries keep them: a row for each gate's unit, gates in their order, two biases."""

from typing import NamedTuple

import numpy as np

from ..nn.layers.base import Layer
from ..nn.parameters import Views

Array = np.ndarray
GATES = {"LSTM": "ifog", "GRU": "rzn", "Elman": "h"}  # columns of U, W and b, gate by gate, by the layer's class
TORCH = {"LSTM": "ifgo", "GRU": "rzn", "Elman": "h"}
ONNX = {"LSTM": "iofg", "GRU": "zrn", "Elman": "h"}  # with linear_before_reset = 1


class Matrices(NamedTuple):
    """h[t] from x[t] input^T + input_bias + h[t-1] hidden^T + hidden_bias; x is what is below, then the symbol."""

    input: Array  # (gates H, I)
    hidden: Array  # (gates H, H)
    input_bias: Array  # (gates H,)
    hidden_bias: Array  # (gates H,)


def matrices(layer: Layer, p: Views, symbols: int, orders: dict[str, str]) -> Matrices:
    """The weights of a layer whose class is in `GATES`, with its gates in this order.

    A layer that reads the symbol twice, as what was put out last and as itself, has one block of weights for both.
    """
    name = type(layer).__name__
    order = [GATES[name].index(gate) for gate in orders[name]]
    b = p["b"]
    second = np.zeros_like(b)
    if "c" in p:  # of n in a GRU: added to h[t-1] W, before the reset gate
        second[-len(p["c"]) :] = p["c"]
    U = joined(layer, p["U"], symbols)
    return Matrices(*(_rows(a, order) for a in (U, p["W"], b, second)))


def joined(layer: Layer, U: Array, symbols: int) -> Array:
    """U with the blocks of all inputs that are the symbol read summed up."""
    if layer.inputs[-2:] == (symbols, symbols) and layer.symbols == symbols:  # type: ignore[attr-defined]
        U = np.concatenate([U[: -2 * symbols], U[-2 * symbols : -symbols] + U[-symbols:]])
    return U


def columns(rows: Array, orders: str, gates: str) -> Array:
    """The other way: (gates H, n) in another library's order to (n, gates H) in that of `GATES`."""
    return _rows(np.ascontiguousarray(rows.T), [orders.index(gate) for gate in gates]).T


def _rows(a: Array, order: list[int]) -> Array:
    """Columns (n, gates H) to rows (gates H, n), or (gates H,) to itself, with the gates in this order."""
    parts = np.split(a, len(order), axis=-1)
    return np.concatenate([parts[i] for i in order], axis=-1).T
