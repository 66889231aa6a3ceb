"""Inputs that are the same at every step: multiplied once, with the values and gradients of the array written out."""

from typing import Any

import numpy as np
import pytest

from charnn.nn.layers.deep_transition import DeepTransition
from charnn.nn.layers.dense import Dense
from charnn.nn.layers.elman import Elman
from charnn.nn.layers.gru import GRU
from charnn.nn.layers.jordan import Jordan
from charnn.nn.layers.linear import Linear, constant
from charnn.nn.layers.lstm import LSTM
from charnn.nn.layers.stack import Stack
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace

T, B, H, V = 5, 3, 6, 7
SIZES = (3, 4, V)  # of an array that changes, of one that does not, and of symbols

LAYERS = {
    "linear": Linear(SIZES, H, symbols=V),
    "dense": Dense(SIZES, H, "tanh", V),
    "tanh": Elman(SIZES, H, "tanh", V),
    "lstm": LSTM(SIZES, H, V),
    "gru": GRU(SIZES, H, V),
    "deep transition": DeepTransition(SIZES, H, "tanh", V, "full", 2, 2),
    "jordan": Jordan(SIZES, H, "tanh", V, 0.5),
    "jordan, decay 0": Jordan(SIZES, H, "tanh", V, 0.0),
    "stack, skip": Stack((LSTM(SIZES, H, V), GRU((H, *SIZES), H, V)), skip=True),
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS.keys())
def test_values_and_gradients_are_those_of_the_array_written_out(layer: Any) -> None:
    rng, p = np.random.default_rng(4), Parameters(layer.shapes(), np.float64)
    p.flat[...] = rng.normal(size=p.flat.shape)
    moving, fixed, x = rng.normal(size=(T, B, 3)), rng.normal(size=(B, 4)), rng.integers(0, V, (T, B))
    state = tuple(rng.normal(size=(B, n)) for n in layer.state_sizes)
    found = []
    for context in (constant(fixed, T), constant(fixed, T).copy()):
        g, noise = p.like(), np.random.default_rng(5)
        y, after, backward = layer.forward(p, (moving, context, x), state, Workspace())
        y, after = (tuple(a.copy() for a in arrays) for arrays in (y, after))
        dy, dstate = (tuple(noise.normal(size=a.shape) for a in arrays) for arrays in (y, after))
        dx, before = backward(dy, dstate, g)
        found.append(((*y, *after, dx[0], *before, g.flat), dx[1]))
    (once, summed), (each, dfixed) = found
    assert summed.shape == (1, B, 4) and dfixed.shape == (T, B, 4)
    for a, b in zip(once, each, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(summed[0], dfixed.sum(axis=0), rtol=1e-10, atol=1e-12)
