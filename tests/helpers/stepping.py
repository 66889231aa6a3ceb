"""A network read one symbol at a time, for comparison with a stepper."""

from collections.abc import Callable
from typing import Any

import numpy as np

from charnn.data.vocabulary import EOS
from charnn.nn.model import Model
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace

V, H = 9, 16
STEPS = 25


def symbols(rows: int, seed: int = 2) -> np.ndarray:
    """(STEPS, rows), an end here and there."""
    return np.random.default_rng(seed).integers(0, V, (STEPS, rows))


class Naive:
    """The same by windows of one step: scores o (rows, V) of what follows."""

    def __init__(self, model: Model, weights: Parameters, rows: int, reset: bool):
        self.model, self.weights, self.reset, self.state = model, weights, reset, model.zero_state(rows)

    def read(self, x: np.ndarray) -> np.ndarray:
        keep = (x != EOS)[:, None] | (not self.reset)
        state = tuple(s * keep for s in self.state)
        o, after = self.model.step(self.weights, x, state, Workspace())
        self.state = tuple(s.copy() for s in after)
        return o.copy()


def read(steps: Any, x: np.ndarray) -> np.ndarray:
    """h V / temperature, (rows, V), after a symbol of each stream."""
    steps.read(x if steps.rows > 1 else int(x[0]))
    return np.atleast_2d(steps.o)


def go_on(make: Callable[[], Any]) -> None:
    """Of five streams, those that others leave go on as they would have."""
    whole, fewer = make(), make()
    rows, leave = np.arange(5), {4: [4, 1, 2], 9: [2, 0], 14: [0]}
    for t, x in enumerate(symbols(5)):
        if t in leave:
            stay = np.array(leave[t])
            rows, fewer = rows[stay], fewer.select(stay)
        close(read(fewer, x[rows]), read(whole, x)[rows])
    assert t == STEPS - 1


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5)
