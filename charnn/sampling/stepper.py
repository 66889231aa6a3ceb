"""The network one step at a time, for sampling: as few and as large products as there can be.

All that reads h_l[t] is a product: h_l[t] W_l for layer l itself in the next step, h_l[t] U_{l+1} for the layer above,
h_l[t] V_l / temperature for the scores. What a layer makes of a symbol, b + U[x], is a row of a table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, Protocol, cast

import numpy as np

from ..data.vocabulary import EOS
from ..nn.layers.base import Array, StepKernel, Stepwise
from ..nn.layers.stack import Stack
from ..nn.matmul import Product
from ..nn.network import Network
from ..nn.workspace import ALIGN, Workspace
from ..parallel.processes import can_fork, shared_counters
from .split_matvec import COUNTERS, MIN_BYTES_FOR_HELPER, Helper, SplitMatVec


@dataclass
class Level:
    """A layer at work. Its `products` write to `h_W`, `up` and `scores`."""

    kernel: StepKernel
    inputs: Callable[[Any], Array]  # symbols -> what the layer makes of them
    products: list[Callable[[], object]]
    h_W: Array  # h W
    up: Array  # h U of the layer above
    scores: Array  # h V / temperature; of no columns where the readout does not see this layer


class Stepper(Protocol):
    """`rows` streams of symbols that a network reads side by side from the zero state on.

    After `read(x)`, with x (rows,) symbols, `o` (rows, V) is h V / temperature: the scores of what follows, but for
    c / temperature. One row is a vector, and its x a number.
    """

    o: Array

    def read(self, x: Any) -> None:
        """The next symbol of each stream: a number where there is one stream, else (rows,)."""

    def select(self, rows: Array) -> "Stepper":
        """Those streams alone, which go on as they would have."""

    def allow_helper(self) -> None:
        """A second process may help, as long as that is faster; what is read and found is the same."""


def make_stepper(network: Network, rows: int, temperature: float) -> Stepper:
    """Streams for any network: fast ones where all its layers can go step by step, and only feed one another."""
    stack = network.model.recurrent
    layers = stack.layers if isinstance(stack, Stack) and not stack.residual else (stack,)
    fast = all(isinstance(layer, Stepwise) and len(layer.output_sizes) == 1 for layer in layers)
    return (FastStepper if fast else WindowStepper)(network, rows, temperature)


class WindowStepper:
    """A `Stepper` for any network: by windows of length one."""

    def __init__(self, network: Network, rows: int, temperature: float):
        self.network, self.rows, self.temperature = network, rows, temperature
        self.scale, self.c = network.dtype.type(1 / temperature), network.weights["readout/c"]
        self.state, self.ws = network.zero_state(rows), network.workspace(back=False)
        self.o = np.zeros((rows, network.model.symbols)[rows == 1 :], network.dtype)

    def read(self, x: Any) -> None:
        self.ws.reset()
        o, after = self.network.step(np.atleast_1d(x), self.state, self.ws)
        self.state = tuple(s.copy() for s in after)
        np.multiply(o - self.c, self.scale, out=self.o.reshape(o.shape))

    def select(self, rows: Array) -> "WindowStepper":
        fewer = type(self)(self.network, len(rows), self.temperature)
        fewer.state = tuple(s[rows] for s in self.state)
        fewer.o[...] = self.o[rows].reshape(fewer.o.shape)
        return fewer

    def allow_helper(self) -> None:
        pass


class FastStepper:
    """A `Stepper` for layers that can go step by step. Half of the time of such steps is NumPy's own."""

    def __init__(self, network: Network, rows: int, temperature: float):
        model, weights, self.rows, self.reset = network.model, network.weights, rows, network.reset
        self._again = partial(type(self), network, temperature=temperature)
        layers = cast(tuple[Stepwise, ...], model.hidden.layers)
        p = [weights.at("hidden").at(str(i)) for i in range(len(layers))]
        V = [block * np.float32(1 / temperature) for block in model.readout.blocks(weights.at("readout"))]
        nothing = V[0][:, :0]
        V = [nothing] * (len(layers) - len(V)) + V  # without skip connections the readout sees the topmost layer
        U = [layer.weights_from_below(views) for layer, views in zip(layers[1:], p[1:], strict=True)] + [nothing]
        W = [views.get("W", nothing) for views in p]
        large = rows == 1 and sum(factor.nbytes for factor in (*W, *U, *V)) >= MIN_BYTES_FOR_HELPER
        self.levels, turns = list[Level](), shared_counters(COUNTERS) if large else None
        self.pair: Helper | None = None
        for layer, views, *factors in zip(layers, p, W, U, V, strict=True):
            kernel = layer.step_kernel(rows, nothing.dtype)
            products, parts = _products(kernel.h, factors, network, turns)
            inputs = _inputs(layer.input_rows(views), model.symbols, rows)
            self.levels.append(Level(kernel, inputs, products, *parts))
        self.o, *self._more = [level.scores for level in self.levels if level.scores.size]
        below = [None, *(level.up for level in self.levels)]
        self._advance = [_advance(level, up) for level, up in zip(self.levels, below, strict=False)]

    def allow_helper(self) -> None:
        halves = [product for level in self.levels for product in level.products if isinstance(product, SplitMatVec)]
        if halves and can_fork():
            self.pair = Helper(halves)

    def read(self, x: Any) -> None:
        if self.pair:
            self.pair.step(self._read, x)
        else:
            self._read(x)

    def _read(self, x: Any) -> None:
        if self.reset and not (x if self.rows == 1 else x.all()):  # EOS is 0
            self._forget(x == EOS)
        for advance in self._advance:
            advance(x)
        for scores in self._more:
            np.add(self.o, scores, out=self.o)

    def of_one(self) -> Callable[[int], None]:
        """`read` for one stream, without what others need."""
        if self.pair:
            return self.read
        reset, forget, levels, more, o, add = self.reset, self._forget, self._advance, self._more, self.o, np.add

        def read(x: int) -> None:
            if reset and not x:  # EOS is 0
                forget(True)
            for advance in levels:
                advance(x)
            for scores in more:
                add(o, scores, o)

        return read

    def select(self, rows: Array) -> "FastStepper":
        fewer = self._again(len(rows))
        for old, new in zip(self.levels, fewer.levels, strict=True):
            new.h_W[...] = old.h_W[rows].reshape(new.h_W.shape)
            for memory, kept in zip(old.kernel.memory, new.kernel.memory, strict=True):
                kept[...] = memory[rows].reshape(kept.shape)
        return fewer

    def _forget(self, ended: Any) -> None:
        for level in self.levels:
            for memory in (level.h_W, *level.kernel.memory):
                memory[ended] = 0


def _advance(level: Level, from_below: Array | None) -> Callable[[Any], None]:
    """A layer's step, as a function of the symbols read: what it takes to look names up is a third of such a step."""
    step, h_W, inputs, (multiply, *others) = level.kernel.step, level.h_W, level.inputs, level.products

    def advance(x: Any) -> None:
        step(h_W, inputs(x), from_below)
        multiply()
        for other in others:
            other()

    return advance


def _inputs(table: Array, symbols: int, rows: int) -> Callable[[Any], Array]:
    """Symbols -> rows of a table (V, n), or of one that is the same for all of them, (n,)."""
    if rows == 1:
        return (list(table) if table.ndim == 2 else [table] * symbols).__getitem__
    if table.ndim == 1:
        return lambda x: table
    out = np.empty((rows, table.shape[1]), table.dtype)
    return lambda x: np.take(table, x, axis=0, out=out, mode="clip")


def _products(
    h: Array, factors: Sequence[Array], network: Network, turns: memoryview | None
) -> tuple[list[Any], list[Array]]:
    """h times each factor, and where the results are: for a vector, parts of those of one product.

    With `turns` that product can be shared with another process.
    """
    if h.ndim == 1:
        ends = [*accumulate(factor.shape[1] for factor in factors)]
        places = [slice(end - factor.shape[1], end) for factor, end in zip(factors, ends, strict=True)]
        line = ALIGN // h.itemsize  # each row starts one
        whole = Workspace().empty((len(h), -(-ends[-1] // line) * line), h.dtype)
        for place, factor in zip(places, factors, strict=True):
            whole[:, place] = factor
        whole[:, ends[-1] :] = 0
        if turns:
            halves = SplitMatVec(h, whole, turns)
            return [halves], [halves.out[place] for place in places]
        out = np.zeros(whole.shape[1], h.dtype)
        return [partial(h.dot, whole, out)], [out[place] for place in places]
    parts = [np.zeros((len(h), factor.shape[1]), h.dtype) for factor in factors]
    made = [Product(factor, len(h), network.workspace()) for factor in factors]
    there = zip(made, parts, strict=True)
    return [partial(m.times, m.left(h), m.W, m.right(part)) for m, part in there if part.size], parts
