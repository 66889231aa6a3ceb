"""What all recurrent layers have in common: the input's product, how weights start, and rows that forget."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np

from ..initializers import orthogonal
from ..parameters import Views
from ..replay import as_one_call
from .base import Array, Layer
from .linear import Linear


class Recurrent(Layer):
    """A cell: a layer of H units, each with `gates` columns of h[t-1] W + b + x[t] U, (B, gates H).

    Each gate's W (H, H) starts `orthogonal`, its U as `Linear` says, one-hot rows times `spread`; b as 0.

    A new cell is a frozen dataclass below this class, and a row of `choices.CELLS`, whose options are fields of it. It
    writes `forward` and `state_sizes`, and what else is not as here. With `step_kernel` it is `Stepwise`.
    """

    inputs: tuple[int, ...]
    hidden: int
    symbols: int  # how many of the inputs are one-hot, the last ones: see `Linear`
    spread = 1.0  # of the one-hot rows of U
    characters_per_parameter = 20.0  # read before a network of such cells converges: see `training.budget`

    @classmethod
    def make(cls, inputs: tuple[int, ...], hidden: int, symbols: int = 0, **options: Any) -> "Recurrent":
        """A layer with the options of its row: of this class, or of another one that has more or less to it."""
        return cls(inputs, hidden, symbols=symbols, **options)  # type: ignore[call-arg]

    @property
    def output_sizes(self) -> tuple[int, ...]:
        return (self.hidden,)

    @property
    def gates(self) -> int:
        """Columns of W and U for each unit."""
        return max(1, len(self.gate_names))

    @property
    def recurrent_weights(self) -> tuple[str, ...]:
        return ("W",)

    @property
    def biases(self) -> tuple[str, ...]:
        return ("b",)

    @property
    def looked_up(self) -> int:
        return self._input.looked_up

    @property
    def _input(self) -> Linear:
        return Linear(self.inputs, self.gates * self.hidden, symbols=self.symbols)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {**self._input.shapes(), "W": (self.hidden, self.gates * self.hidden)}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        one = Linear(self.inputs, self.hidden, symbols=self.symbols)
        U = np.hstack([one.initial(rng)["U"] for _ in range(self.gates)])
        U[len(U) - self.symbols :] *= self.spread
        return {
            "U": U,
            "b": np.zeros(self.gates * self.hidden),
            "W": np.hstack([orthogonal(rng, self.hidden) for _ in range(self.gates)]),
        }

    def input_rows(self, p: Views) -> Array:
        """b + U[x] of each symbol x, (V, gates H); b where symbols are no input."""
        return p["b"] + self._input.blocks(p)[-1] if self.symbols else p["b"]

    def weights_from_below(self, p: Views) -> Array:
        """The rows of U that the layer below is multiplied with."""
        return self._input.blocks(p)[0]


class ResetRows:
    """The rows of h[t-lag] that are forgotten by step t, for each step t that looks back into the window or is in it.

    A row is forgotten where keep (T, B, 1) is 0 at t or, with a lag of more than 1, at one of the steps between.
    """

    def __init__(self, keep: Array | None, lag: int = 1):
        self.any = keep is not None  # whether there can be such rows
        self.at: dict[int, Array] = {}  # step -> rows
        if keep is not None:
            _find(self.at, keep, lag)

    def zero(self, t: int, *states: Array) -> None:
        """a[rows] = 0 in each of the states (B, H), for the rows forgotten before step t."""
        if self.any:
            for a in states:
                _zero(self.at, t, a)

    def zero_steps(self, first: int, a: Array) -> Array:
        """The same in a (n, B, H), whose steps are those from `first` on; a is returned."""
        if self.any:
            for n, step in enumerate(a):
                _zero(self.at, first + n, step)
        return a


@contextmanager
def with_rows_reset(h: Array, ended: ResetRows) -> Iterator[Array]:
    """h[t-1] as each step saw it: 0, for the time being, in rows that had forgotten it."""
    held: dict[int, Array] = {}
    if ended.any:
        _take_out(ended.at, held, h)
    yield h
    if ended.any:
        _put_back(ended.at, held, h)


@as_one_call
def _find(at: dict[int, Array], keep: Array, lag: int) -> None:
    at.clear()
    T = len(keep)
    gone = np.zeros((T + lag - 1, keep.shape[1]), bool)
    for since in range(lag):
        gone[since : since + T] |= keep[..., 0] == 0
    steps, found = np.nonzero(gone)
    edges = np.searchsorted(steps, np.arange(len(gone) + 1)).tolist()
    at.update({t: found[start:end] for t, (start, end) in enumerate(pairwise(edges)) if start < end})


@as_one_call
def _zero(at: dict[int, Array], t: int, a: Array) -> None:
    if t in at:
        a[at[t]] = 0


@as_one_call
def _take_out(at: dict[int, Array], held: dict[int, Array], h: Array) -> None:
    for t, found in at.items():
        held[t] = h[t, found]
        h[t, found] = 0


@as_one_call
def _put_back(at: dict[int, Array], held: dict[int, Array], h: Array) -> None:
    for t, found in at.items():
        h[t, found] = held[t]
