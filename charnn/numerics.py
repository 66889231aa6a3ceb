"""Functions of arrays that know nothing of layers: activations, the loss, initial values.

Letters: T steps in a window, B rows in a batch, H hidden units, V symbols. Gradients are d + the letter.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SAFE = 60.0  # exp(60) = 1e26: sums of such exponentials neither overflow nor vanish in float32


@dataclass(frozen=True)
class Activation:
    """h = f(a), computed in place, and dh -> da = dh f'(a), in place too, with f' written in terms of h."""

    forward: Callable[[np.ndarray], object]
    backward: Callable[[np.ndarray, np.ndarray, np.ndarray], object]  # (h, dh, scratch): dh becomes da


def _tanh_backward(h: np.ndarray, dh: np.ndarray, scratch: np.ndarray) -> None:
    np.multiply(h, h, out=scratch)
    np.subtract(1, scratch, out=scratch)
    np.multiply(dh, scratch, out=dh)  # 1 - h^2


def _sigmoid(a: np.ndarray) -> None:
    """1 / (1 + exp(-a)), as (1 + tanh(a/2)) / 2, which cannot overflow."""
    np.multiply(a, 0.5, out=a)
    np.tanh(a, out=a)
    np.add(a, 1, out=a)
    np.multiply(a, 0.5, out=a)


def _sigmoid_backward(h: np.ndarray, dh: np.ndarray, scratch: np.ndarray) -> None:
    np.subtract(1, h, out=scratch)
    np.multiply(scratch, h, out=scratch)
    np.multiply(dh, scratch, out=dh)  # h (1 - h)


def _relu_backward(h: np.ndarray, dh: np.ndarray, scratch: np.ndarray) -> None:
    np.greater(h, 0, out=scratch)
    np.multiply(dh, scratch, out=dh)


ACTIVATIONS = {
    "tanh": Activation(lambda a: np.tanh(a, out=a), _tanh_backward),
    "relu": Activation(lambda a: np.maximum(a, 0, out=a), _relu_backward),
    "sigmoid": Activation(_sigmoid, _sigmoid_backward),
}


def cross_entropy(o: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Surprisal of the right symbols under softmax(o), and its gradient.

    L = log sum_v exp(o_v) - o_y,   dL/do = softmax(o) - onehot(y)

    o (N, V) scores, overwritten by dL/do; y (N,) integers. Returns L (N,) in nats. Rows' maxima are taken off only
    where some score could overflow or some row vanish: without them the same figures take half the time.
    """
    rows = np.arange(len(y))
    o_y = o[rows, y]
    if not (o.max() < SAFE and o_y.min() > -SAFE):  # a NaN comes here too
        o -= o.max(axis=1, keepdims=True)
        o_y = o[rows, y]
    np.exp(o, out=o)
    total = o @ np.ones(o.shape[1], o.dtype)  # (N,)
    o *= (1 / total)[:, None]
    o[rows, y] -= 1
    return np.log(total) - o_y


def log_softmax(o: np.ndarray) -> np.ndarray:
    """log softmax(o) along the last axis, in nats. A score of -inf stays -inf."""
    o = o - o.max(axis=-1, keepdims=True)
    return o - np.log(np.exp(o).sum(axis=-1, keepdims=True))


def glorot(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Uniform in +-sqrt(6 / (rows + columns)): keeps variances through a layer (Glorot and Bengio, 2010)."""
    limit = np.sqrt(6 / sum(shape))
    return rng.uniform(-limit, limit, shape)


def orthogonal(rng: np.random.Generator, n: int) -> np.ndarray:
    """A random (n, n) matrix of orthonormal rows: h W keeps the length of h (Saxe et al., 2014).

    The signs make it uniform over all such matrices (Mezzadri, 2007).
    """
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    return q * np.sign(np.diag(r))


def spectral_radius(W: np.ndarray) -> float:
    """The largest |eigenvalue|: what h W^k grows or shrinks by at each step in the long run."""
    return float(np.abs(np.linalg.eigvals(W.astype(np.float64))).max())
