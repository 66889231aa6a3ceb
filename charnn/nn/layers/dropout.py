"""Noise between layers that keeps units from relying on one another."""

from dataclasses import dataclass
from math import prod

import numpy as np

from ..parameters import Views
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
            noise = np.frombuffer(rng.bytes(prod(shape)), np.uint8).reshape(shape)
            mask = np.greater_equal(noise, threshold, out=ws.empty(shape, part.dtype), casting="unsafe")
            mask *= 256 / (256 - threshold)
            masks.append(mask)
            ys.append(np.multiply(part, mask, out=ws.empty(part.shape, part.dtype)))

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            for d, m in zip(dy, masks, strict=True):
                d *= m
            return dy, dstate

        return tuple(ys), state, backward
