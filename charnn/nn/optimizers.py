"""Rules that turn a gradient into an update, each on the flat vectors of weights, gradient and moments.

Letters: w the weights, g the gradient, r the learning rate, t the number of this update, from 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple, Protocol

import numpy as np

from ..choices import OPTIMIZERS
from ..config import TrainConfig

PIECE = 32_768  # elements: w, g, the moments and the scratch of one piece stay in cache together


class Optimizer(Protocol):
    @property
    def moments(self) -> tuple[str, ...]:
        """Names of the vectors it keeps, all of which start as 0."""

    def update(
        self, w: np.ndarray, g: np.ndarray, moments: Sequence[np.ndarray], r: float, t: int, scratch: np.ndarray
    ) -> None:
        """Change w and the moments in place. g may be overwritten."""


@dataclass(frozen=True)
class SGD:
    """m = momentum m + g,   w -= r m   (Polyak, 1964)"""

    momentum: float
    moments = ("m",)

    def update(self, w, g, moments, r, t, scratch):  # type: ignore[no-untyped-def]
        (m,) = moments
        m *= self.momentum
        m += g
        w -= np.multiply(m, r, out=scratch)


@dataclass(frozen=True)
class Adagrad:
    """v += g^2,   w -= r g / (sqrt(v) + eps)   (Duchi et al., 2011)"""

    eps: float = 1e-8
    moments = ("v",)

    def update(self, w, g, moments, r, t, scratch):  # type: ignore[no-untyped-def]
        (v,) = moments
        v += np.multiply(g, g, out=scratch)
        _step(w, g, v, r, self.eps, scratch)


@dataclass(frozen=True)
class RMSprop:
    """v += (1 - decay) (g^2 - v),   w -= r g / (sqrt(v) + eps)   (Tieleman and Hinton, 2012)"""

    decay: float = 0.95
    eps: float = 1e-8
    moments = ("v",)

    def update(self, w, g, moments, r, t, scratch):  # type: ignore[no-untyped-def]
        (v,) = moments
        _average(v, np.multiply(g, g, out=scratch), self.decay)
        _step(w, g, v, r, self.eps, scratch)


@dataclass(frozen=True)
class Adam:
    """m = beta1 m + g,   v = beta2 v + g^2,   w -= r' m / (sqrt(v) + eps')

    with r' = r sqrt(c2) / c1 and eps' = eps sqrt(c2), where c = 1 - beta^t over 1 - beta. The numbers are those of
    Kingma and Ba (2015), whose averages are (1 - beta1) m and (1 - beta2) v, with two passes over the vectors less.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    moments = ("m", "v")

    def update(self, w, g, moments, r, t, scratch):  # type: ignore[no-untyped-def]
        m, v = moments
        m *= self.beta1
        m += g
        v *= self.beta2
        v += np.multiply(g, g, out=g)
        c1, c2 = ((1 - beta**t) / (1 - beta) for beta in (self.beta1, self.beta2))
        _step(w, m, v, r * sqrt(c2) / c1, self.eps * sqrt(c2), scratch)


def _average(mean: np.ndarray, value: np.ndarray, decay: float) -> None:
    """mean += (1 - decay) (value - mean). `value` is overwritten."""
    value -= mean
    value *= 1 - decay
    mean += value


def _step(w: np.ndarray, g: np.ndarray, v: np.ndarray, r: float, eps: float, scratch: np.ndarray) -> None:
    """w -= r g / (sqrt(v) + eps)"""
    np.sqrt(v, out=scratch)
    scratch += eps
    np.divide(g, scratch, out=scratch)
    scratch *= r
    w -= scratch


def make(config: TrainConfig) -> Optimizer:
    """The rule that `config.optimizer` names."""
    rule: Optimizer = OPTIMIZERS[config.optimizer].load()(**config.options_of("optimizer"))
    return rule


def norm(g: np.ndarray) -> float:
    """A gradient's Euclidean length over all parameters, in float64 where squares overflow float32."""
    square = float(np.dot(g, g))
    return sqrt(square) if square < float("inf") else float(np.linalg.norm(g.astype(np.float64)))


class StepSize(NamedTuple):
    """How far update t = 1, 2, ... goes: the learning rate, the weight decay, and the factor of the gradient."""

    rate: float
    t: int
    decay: float = 0.0
    scale: float = 1.0


def apply(rule: Optimizer, weights: np.ndarray, g: np.ndarray, moments: Sequence[np.ndarray], size: StepSize) -> None:
    """One update with the gradient `scale` g: w -= rate decay w (AdamW: Loshchilov and Hutter, 2019), then the rule.

    All (N,). In pieces that stay in cache: 2 to 4 times faster than whole vectors. g is overwritten.
    """
    (rate, t, decay, scale), scratch = size, np.empty(min(PIECE, weights.size), weights.dtype)
    for start in range(0, weights.size, PIECE):
        piece = slice(start, start + PIECE)
        w, dw = weights[piece], g[piece]
        dw *= scale
        if decay:
            w *= 1 - rate * decay
        rule.update(w, dw, [moment[piece] for moment in moments], rate, t, scratch[: w.size])


def follow(average: np.ndarray, weights: np.ndarray, *, share: float, t: int) -> None:
    """Let an average a of the weights w go on after update t: polynomial decay (Shamir and Zhang, 2013).

        a += (w - a) / (1 + share (t - 1))

    All (N,). The weights after update i count as (i / t)^(1 / share - 1), or nearly so. So a is an average over about
    the last `share` of all updates so far; over all alike for 1. Nothing is left of what a was before the first.
    """
    kept = 1 - 1 / (1 + share * (t - 1))
    scratch = np.empty(min(PIECE, weights.size), weights.dtype)
    for start in range(0, weights.size, PIECE):
        w = weights[start : start + PIECE]
        copy = scratch[: w.size]
        copy[...] = w
        _average(average[start : start + PIECE], copy, kept)
