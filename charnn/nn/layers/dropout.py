"""Noise between layers that keeps units from relying on one another."""

from dataclasses import dataclass

import numpy as np

from ..parameters import Views
from ..replay import as_one_call
from ..workspace import Workspace
from .base import Array, Arrays, Forward, Gradients, Keep, Rng, State


@dataclass(frozen=True)
class Dropout:
    """y[t] = m[t] x[t], each m 0 with probability `rate`, else 1 / (1 - rate) (Srivastava et al., 2014).

    Drawn afresh for every step, row and unit or, where `locked`, once for all steps of a window: m[t] = m (variational;
    Gal and Ghahramani, 2016). Without an rng, as in evaluation, y = x. The rate is rounded to 1/256, since one random
    byte decides on a unit. x, y (T, B, I).
    """

    rate: float
    locked: bool = False

    state_sizes = ()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return {}

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        threshold = round(self.rate * 256)
        if rng is None or threshold == 0:
            return x, state, lambda dy, dstate, g: (dy, dstate)
        masks, ys = [], []
        for part in x:
            shape = (1, *part.shape[1:]) if self.locked else part.shape
            masks.append(mask := ws.empty(shape, part.dtype))
            _draw(mask, threshold, rng)
            ys.append(np.multiply(part, mask, out=ws.empty(part.shape, part.dtype)))

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            for d, m in zip(dy, masks, strict=True):
                d *= m
            return dy, dstate

        return tuple(ys), state, backward


@as_one_call
def _draw(mask: Array, threshold: int, rng: np.random.Generator) -> None:
    """0 where a random byte is below the threshold, else 1 / (1 - rate)."""
    noise = np.frombuffer(rng.bytes(mask.size), np.uint8).reshape(mask.shape)
    np.greater_equal(noise, threshold, out=mask, casting="unsafe")
    mask *= 256 / (256 - threshold)
