"""One step of a network as a list of operations on vectors: what ONNX, JavaScript and C are written from.

`Vector` records what is computed with it, so that a cell is written down as its equations (see `steps`). Every
operation is a row of `OPERATIONS`, with its meaning in NumPy; the other languages have the same table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..nn.functions import softmax
from ..nn.heads import NodeHead

Array = np.ndarray
SYMBOL = -1  # stands for the symbol read where an operation names the vectors that it reads


class Operation(NamedTuple):
    """A vector made of others, by their numbers."""

    name: str
    out: int
    reads: tuple[int, ...]
    number: float = 0.0


@dataclass
class Program:
    """Operations in their order, the sizes of all vectors, and the arrays among them that never change."""

    symbols: int
    sizes: list[int] = field(default_factory=list)
    arrays: dict[int, tuple[str, Array]] = field(default_factory=dict)  # weights by number: their name, and numbers
    operations: list[Operation] = field(default_factory=list)
    before: list[int] = field(default_factory=list)  # the state that a step starts from
    after: list[int] = field(default_factory=list)  # and the one that it leaves
    scores: int = 0

    def add(self, size: int) -> "Vector":
        """A new vector."""
        self.sizes.append(size)
        return Vector(self, len(self.sizes) - 1)

    def state(self, size: int) -> "Vector":
        """A vector of the state before the step."""
        vector = self.add(size)
        self.before.append(vector.index)
        return vector

    def array(self, name: str, numbers: Array) -> "Vector":
        """Weights; of a matrix (n, m) the size is m."""
        vector = self.add(numbers.shape[-1])
        self.arrays[vector.index] = name, np.ascontiguousarray(numbers, np.float32)
        return vector

    def apply(self, name: str, size: int, *reads: "Vector | int", number: float = 0.0) -> "Vector":
        """What an operation makes of vectors."""
        vector = self.add(size)
        indices = tuple(one.index if isinstance(one, Vector) else one for one in reads)
        self.operations.append(Operation(name, vector.index, indices, number))
        return vector

    def run(self, symbols: Array, state: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Scores (B, V) of what follows the symbols (B,), and the state after them, by NumPy."""
        found: dict[int, Any] = {SYMBOL: symbols, **dict(zip(self.before, state, strict=True))}
        found |= {index: numbers for index, (_, numbers) in self.arrays.items()}
        for name, out, reads, number in self.operations:
            found[out] = OPERATIONS[name](self.sizes[out], number, *(found[index] for index in reads))
        return found[self.scores], [found[index] for index in self.after]


@dataclass(frozen=True, eq=False)
class Vector:
    """A vector of a program: what is done with it becomes an operation."""

    program: Program = field(repr=False)
    index: int

    @property
    def size(self) -> int:
        return self.program.sizes[self.index]

    def __add__(self, other: "Vector") -> "Vector":
        return self.program.apply("add", self.size, self, other)

    def __sub__(self, other: "Vector") -> "Vector":
        return self + other * -1.0

    def __mul__(self, other: "Vector | float") -> "Vector":
        if isinstance(other, Vector):
            return self.program.apply("multiply", self.size, self, other)
        return self.program.apply("scale", self.size, self, number=other)

    def __matmul__(self, matrix: "Vector") -> "Vector":
        return self.program.apply("product", matrix.size, self, matrix)

    def through(self, function: str) -> "Vector":
        """tanh, sigmoid, relu, linear, softmax or joint (see `NodeHead`) of it."""
        return self if function == "linear" else self.program.apply(function, self.size, self)

    def normalised(self, gain: "Vector", shift: "Vector", epsilon: float) -> "Vector":
        """shift + gain (a - mean a) / sqrt(var a + epsilon)"""
        return self.program.apply("normalise", self.size, self, gain, shift, number=epsilon)

    def beside(self, other: "Vector") -> "Vector":
        """Both, one after the other."""
        return self.program.apply("join", self.size + other.size, self, other)

    def cut(self, start: int) -> "Vector":
        """What is left without the first numbers."""
        return self.program.apply("slice", self.size - start, self, number=start)

    def attend(self, keys: "Vector", values: "Vector", learnt: "Vector", heads: int) -> "Vector":
        """In each head the values of C steps, weighted by softmax(q . keys / sqrt(d) + learnt), learnt (heads, C)."""
        return self.program.apply("attend", self.size, self, keys, values, learnt, number=heads)

    def split(self, parts: int) -> "list[Vector]":
        """So many parts of the same size."""
        size = self.size // parts
        return [self.program.apply("slice", size, self, number=start) for start in range(0, self.size, size)]


def _normalise(size: int, epsilon: float, a: Array, gain: Array, shift: Array) -> Array:
    d = a - a.mean(axis=-1, keepdims=True)
    return np.asarray(shift + gain * d / np.sqrt(np.square(d).mean(axis=-1, keepdims=True) + np.float32(epsilon)))


def _attend(size: int, heads: float, q: Array, keys: Array, values: Array, learnt: Array) -> Array:
    d = size // int(heads)
    k, v = (a.reshape(len(q), -1, int(heads), d).swapaxes(1, 2) for a in (keys, values))  # (B, N, C, d)
    scores = (k @ q.reshape(len(q), -1, d, 1))[..., 0] / np.float32(np.sqrt(d)) + learnt
    return np.asarray((softmax(scores)[..., None] * v).sum(axis=-2).reshape(len(q), size))


OPERATIONS: dict[str, Callable[..., Array]] = {  # (size, number, vectors (B, n) ...) -> (B, size)
    "take": lambda size, number, symbol, table: table[symbol],  # a row of the table
    "onehot": lambda size, number, symbol: np.eye(size, dtype=np.float32)[symbol],
    "product": lambda size, number, a, matrix: a @ matrix,
    "add": lambda size, number, a, b: a + b,
    "multiply": lambda size, number, a, b: a * b,
    "scale": lambda size, number, a: a * np.float32(number),
    "slice": lambda size, number, a: a[..., int(number) : int(number) + size],
    "join": lambda size, number, a, b: np.concatenate([a, b], axis=-1),
    "attend": _attend,
    "tanh": lambda size, number, a: np.tanh(a),
    "sigmoid": lambda size, number, a: (1 + np.tanh(a / 2)) / 2,
    "relu": lambda size, number, a: np.maximum(a, 0),
    "normalise": _normalise,
    "softmax": lambda size, number, a: softmax(a),
    "joint": lambda size, number, a: NodeHead(size).joint_scores(a),
}
