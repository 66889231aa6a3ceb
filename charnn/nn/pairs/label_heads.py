"""What scores mean where a source is sorted into classes: a softmax over labels, or a sigmoid for each."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from .. import functions
from ..layers.base import Array


class LabelHead(Protocol):
    """A row of the table. `outputs` is the number of scores of a source; there are L labels."""

    outputs: int

    def targets(self, labels: Sequence[Array]) -> Array:
        """The labels of each source, (n,) ids, as the loss takes them."""

    def loss(self, o: Array, y: Array) -> Array:
        """Surprisal of the labels y in nats, (B,), and its gradient dL/do, which overwrites o (B, outputs)."""

    def probabilities(self, o: Array) -> Array:
        """Of each label, (B, L)."""


class SoftmaxLabels:
    """One of L labels: p = softmax(o),   L = -log p[y],   dL/do = p - onehot(y)"""

    def __init__(self, labels: int):
        self.outputs = labels

    def targets(self, labels: Sequence[Array]) -> Array:
        return np.array([one[0] for one in labels], np.intp)

    def loss(self, o: Array, y: Array) -> Array:
        return functions.cross_entropy(o, y)

    def probabilities(self, o: Array) -> Array:
        return functions.softmax(o.astype(np.float64))


class SigmoidLabels:
    """Any of L labels, each by itself: p = sigmoid(o),   L = sum_l log(1 + exp(o_l)) - y_l o_l,   dL/do = p - y"""

    def __init__(self, labels: int):
        self.outputs = labels

    def targets(self, labels: Sequence[Array]) -> Array:
        y = np.zeros((len(labels), self.outputs), bool)
        for row, one in zip(y, labels, strict=True):
            row[one] = True
        return y

    def loss(self, o: Array, y: Array) -> Array:
        nats: Array = np.logaddexp(0, np.where(y, -o, o)).sum(axis=1)
        o[...] = (1 + np.tanh(o / 2)) / 2 - y
        return nats

    def probabilities(self, o: Array) -> Array:
        return (1 + np.tanh(o.astype(np.float64) / 2)) / 2


class SigmoidLabel(SigmoidLabels):
    """One of two labels: p of the second is sigmoid(o), and p of the first is 1 less that."""

    def __init__(self, labels: int = 2):
        super().__init__(1)

    def targets(self, labels: Sequence[Array]) -> Array:
        return np.array([[one[0] == 1] for one in labels])

    def probabilities(self, o: Array) -> Array:
        p = super().probabilities(o)
        return np.concatenate([1 - p, p], axis=1)


HEADS: dict[str, Callable[[int], LabelHead]] = {
    "softmax": SoftmaxLabels,
    "sigmoid": SigmoidLabel,
    "several": SigmoidLabels,
}
