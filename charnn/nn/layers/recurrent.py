"""What all recurrent layers have in common: the input's product, how weights start, and rows that forget."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np

from ..initializers import orthogonal
from ..parameters import Views
from .base import Array, Layer
from .linear import Linear

ResetRows = dict[int, Array]  # step -> rows


class Recurrent(Layer):
    """A cell: a layer of H units with as many columns each as it has `gates`, h[t-1] W + b + x[t] U, (B, gates H).

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


def reset_rows(keep: Array | None, lag: int = 1) -> ResetRows:
    """For each step t which rows of h[t-lag] are forgotten by then: those where keep (T, B, 1) is 0 at t or, where the
    lag is larger, at one of the steps between; also for those of the steps after the window that look back into it.
    """
    if keep is None:
        return {}
    T = len(keep)
    gone = np.zeros((T + lag - 1, keep.shape[1]), bool)
    for since in range(lag):
        gone[since : since + T] |= keep[..., 0] == 0
    steps, found = np.nonzero(gone)
    at, starts = np.unique(steps, return_index=True)
    parts = pairwise([*starts.tolist(), len(steps)])
    return {t: found[slice(*part)] for t, part in zip(at.tolist(), parts, strict=True)}


def read_states(a: Array, gone: ResetRows, first: int) -> Array:
    """a[t - first] = 0 in the rows that are gone at t; a (n, B, H) is returned."""
    for t in gone.keys() & set(range(first, first + len(a))):
        a[t - first, gone[t]] = 0
    return a


@contextmanager
def with_rows_reset(h: Array, ended: ResetRows) -> Iterator[Array]:
    """h[t-1] as each step saw it: 0, for the time being, in rows that had forgotten it."""
    held = {t: h[t, found] for t, found in ended.items()}
    for t, found in ended.items():
        h[t, found] = 0
    yield h
    for t, found in ended.items():
        h[t, found] = held[t]
