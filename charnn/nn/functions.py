"""Functions of arrays that know nothing of layers: activations, the loss, initial values.

Letters: T steps in a window, B rows in a batch, H hidden units, V symbols. Gradients are d + the letter.
"""

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Protocol

import numpy as np

ignore_overflow = partial(np.errstate, over="ignore", invalid="ignore")  # where it is seen in the result, and seen to
SAFE_EXPONENT = 60.0  # exp(60) = 1e26: sums of such exponentials neither overflow nor vanish in float32


class Activation(Protocol):
    """h = f(a), in place, and dh -> da = dh f'(a), in place too, with f' written in terms of h.

    Made for arrays of one shape. Constants are whole arrays: NumPy takes twice as long with a scalar.
    """

    bounds: tuple[float, float]  # of h

    def __init__(self, like: np.ndarray): ...

    def forward(self, a: np.ndarray) -> None: ...

    def bound(self, a: np.ndarray) -> Callable[[], object]:
        """`forward` of this one array, to be called again and again."""

    def backward(self, h: np.ndarray, dh: np.ndarray) -> None: ...

    @staticmethod
    def slopes(h: np.ndarray) -> np.ndarray:
        """f'(a) of an array of any shape, to be multiplied with dh: what `backward` does, but for the last bits."""


class Tanh:
    """h = tanh(a),   da = dh - dh h^2"""

    bounds = (-1.0, 1.0)

    def __init__(self, like: np.ndarray):
        self.scratch = np.empty_like(like)

    def forward(self, a: np.ndarray) -> None:
        np.tanh(a, a)

    def bound(self, a: np.ndarray) -> Callable[[], object]:
        return partial(np.tanh, a, a)

    def backward(self, h: np.ndarray, dh: np.ndarray) -> None:
        s = np.multiply(h, h, self.scratch)
        np.multiply(s, dh, s)
        np.subtract(dh, s, dh)

    @staticmethod
    def slopes(h: np.ndarray) -> np.ndarray:
        return 1 - h * h


class Sigmoid:
    """h = 1 / (1 + exp(-a)) = 1/2 + tanh(a/2) / 2, which cannot overflow,   da = dh (h - h^2)"""

    bounds = (0.0, 1.0)

    def __init__(self, like: np.ndarray):
        self.scratch, self.half = np.empty_like(like), np.array(0.5, like.dtype)

    def forward(self, a: np.ndarray) -> None:
        np.multiply(a, self.half, out=a)
        np.tanh(a, out=a)
        np.multiply(a, self.half, out=a)
        np.add(a, self.half, out=a)

    def bound(self, a: np.ndarray) -> Callable[[], object]:
        return partial(self.forward, a)

    def backward(self, h: np.ndarray, dh: np.ndarray) -> None:
        s = np.multiply(h, h, out=self.scratch)
        np.subtract(h, s, out=s)
        np.multiply(dh, s, out=dh)

    @staticmethod
    def slopes(h: np.ndarray) -> np.ndarray:
        return h - h * h


class ReLU:
    """h = max(a, 0),   da = dh where h > 0, else 0"""

    bounds = (0.0, inf)

    def __init__(self, like: np.ndarray):
        self.zeros, self.ones, self.scratch = np.zeros_like(like), np.ones_like(like), np.empty_like(like)

    def forward(self, a: np.ndarray) -> None:
        np.maximum(a, self.zeros, out=a)

    def bound(self, a: np.ndarray) -> Callable[[], object]:
        return partial(np.maximum, a, self.zeros, out=a)

    def backward(self, h: np.ndarray, dh: np.ndarray) -> None:
        s = np.ceil(h, self.scratch)  # with the minimum: 1 where h > 0, without a detour over booleans
        np.minimum(s, self.ones, out=s)
        np.multiply(dh, s, dh)

    @staticmethod
    def slopes(h: np.ndarray) -> np.ndarray:
        return np.minimum(np.ceil(h), 1)


class Identity:
    """h = a,   da = dh"""

    bounds = (-inf, inf)

    def __init__(self, like: np.ndarray):
        pass

    def forward(self, a: np.ndarray) -> None:
        pass

    def bound(self, a: np.ndarray) -> Callable[[], object]:
        return partial(self.forward, a)

    def backward(self, h: np.ndarray, dh: np.ndarray) -> None:
        pass

    @staticmethod
    def slopes(h: np.ndarray) -> np.ndarray:
        return np.ones_like(h)


ACTIVATIONS: dict[str, type[Activation]] = {"tanh": Tanh, "relu": ReLU, "sigmoid": Sigmoid, "linear": Identity}


def cross_entropy(o: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Surprisal of the right symbols under softmax(o), and its gradient.

    L = log sum_v exp(o_v) - o_y,   dL/do = softmax(o) - onehot(y)

    o (N, V) scores, contiguous, overwritten by dL/do; y (N,) integers. Returns L (N,) in nats.
    """
    right, total, L = _exponentials(o, y)
    o *= (1 / total)[:, None]
    o.reshape(-1)[right] -= 1
    return L


def squared_error(o: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared error of p = softmax(o) beside the one-hot right symbols d, and its gradient.

    L = 1/2 sum_v (p_v - d_v)^2,   dL/do = p * (e - sum_v p_v e_v),   e = p - d

    That is delta = f'(o) {-(d - p)}, with the slope of the softmax for f'. o (N, V) scores, overwritten by dL/do;
    y (N,) integers. Returns L (N,), without a unit.
    """
    o[...] = softmax(o)
    e = o.copy()
    e[np.arange(len(y)), y] -= 1
    L: np.ndarray = np.square(e).sum(axis=1) / 2
    e -= (o * e).sum(axis=1, keepdims=True)
    o *= e
    return L


def surprisal(o: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """L of `cross_entropy` in nats, and whether each y was the likeliest symbol, both (N,). o (N, V) is overwritten."""
    hits = o.argmax(axis=1) == y
    return nats(o, y), hits


def nats(o: np.ndarray, y: np.ndarray) -> np.ndarray:
    """L of `cross_entropy` alone, (N,). o (N, V) is overwritten."""
    return _exponentials(o, y)[2]


def _exponentials(o: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Let o (N, V) be exp(o). Returns where y is in o.reshape(-1), the rows' sums, and L of `cross_entropy`, (N,) each.

    Rows' maxima are taken off first, but only where some score could overflow or some row vanish: without them the
    same figures take half the time.
    """
    scores, right = o.reshape(-1), np.arange(0, o.size, o.shape[1]) + y
    o_y = scores[right]
    if not (o.max() < SAFE_EXPONENT and o_y.min() > -SAFE_EXPONENT):  # a NaN comes here too
        o -= o.max(axis=1, keepdims=True)
        o_y = scores[right]
    total = np.exp(o, out=o) @ np.ones(o.shape[1], o.dtype)
    return right, total, np.log(total) - o_y


def log_softmax(o: np.ndarray) -> np.ndarray:
    """log softmax(o) along the last axis, in nats. A score of -inf stays -inf."""
    o = o - o.max(axis=-1, keepdims=True)
    return o - np.log(np.exp(o).sum(axis=-1, keepdims=True))


def softmax(o: np.ndarray) -> np.ndarray:
    """exp(o) / sum exp(o) along the last axis."""
    e = np.exp(o - o.max(axis=-1, keepdims=True))
    e /= e.sum(axis=-1, keepdims=True)
    return e
