"""What a layer is: a pair of functions over a window of time. A single step is a window of length one.

Letters: T steps in a window, B rows in a batch, I inputs, H hidden units, V symbols. Arrays are (T, B, .): time
comes first. The gradient of the loss with respect to an array is d + its letter.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..functions import ACTIVATIONS
from ..parameters import Views
from ..workspace import DType, Workspace

Array = np.ndarray
State = tuple[Array, ...]  # each (B, n): what crosses a window's edge
Arrays = tuple[Array, ...]  # what goes in and out of a layer: read as one array, side by side
Keep = Array | None  # (T, B, 1) of 0 and 1: where 0 the state is forgotten before the step
Rng = np.random.Generator | None  # the source of dropout's noise while training
Gradients = tuple[tuple[Any, ...], State]  # of each array in x (None for integers), and of the first state
Backward = Callable[[Arrays, State, Views], Gradients]
Forward = tuple[Arrays, State, Backward]


class Layer(Protocol):
    """A frozen dataclass that holds sizes only: printable, comparable, without arrays.

    forward(p, x, state, ws, keep, rng) -> y, state, backward
        p      the layer's weights by name
        x      a tuple of (T, B, I) floats or of (T, B) integers, which stand for one-hot rows
        y      a tuple of (T, B, n) floats, one for each n in `output_sizes`
        state  the state before the window; the one returned is after it
        ws     where arrays come from: y, the state and the cache live there until its next reset

    backward(dy, dstate, g) -> dx, dstate
        ADDS into g, and returns the gradients of x and of the state before the window. It is a closure: the cache
        is what it mentions. It may overwrite dy.

    What others ask of a layer has a default here; a subclass says what is different.
    """

    gate_names: tuple[str, ...] = ()  # in the order of their columns in the weights
    activation: str = "none"  # the function that its units compute: a name in `ACTIVATIONS`, or another one

    @property
    def state_sizes(self) -> tuple[int, ...]: ...

    @property
    def output_sizes(self) -> tuple[int, ...]: ...

    def shapes(self) -> dict[str, tuple[int, ...]]: ...

    def initial(self, rng: np.random.Generator) -> dict[str, Array]: ...

    def forward(
        self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None
    ) -> Forward: ...

    def gate_values(self, p: Views, x: Arrays, before: Array, ws: Workspace) -> Array:
        """The values of the gates once x[t] and before[t] = h[t-1], (T, B, H), are read: (gates, T, B, H)."""
        return np.empty((0, *before.shape), before.dtype)

    def at_depth(self, depth: int) -> "Layer":
        """What this layer is with so many cells below it: another one where an option says so."""
        return self

    @property
    def recurrent_weights(self) -> tuple[str, ...]:
        """Names of the weights that lead from one step to a later one: (H, n H), or (H,) for a diagonal matrix."""
        return ()

    @property
    def biases(self) -> tuple[str, ...]:
        """Names of the weights that are added to sums, whatever the input is."""
        return ()

    def linear_step(self, p: Views) -> Array | None:
        """A (n, n): s[t] = s[t-1] A + ..., were all activations the identity, with the state side by side as s (B, n).

        None for a layer whose step is not linear even then.
        """
        return None

    @property
    def looked_up(self) -> int:
        """How many weights are for one-hot inputs: each symbol read looks up one row of them."""
        return 0

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The least and the largest value of an output, or None where they are not known."""
        function = ACTIVATIONS.get(self.activation)
        return function.bounds if function else None


def is_causal(layer: Any) -> bool:
    """Whether each output depends on what was read so far alone, so that a window can be cut anywhere.

    A layer for which this does not hold says `causal = False`.
    """
    return getattr(layer, "causal", True)


def read_in_reverse(layer: Layer) -> tuple[bool, ...]:
    """For each array in y whether it is made from the end of the sequence on; a layer says so by `reverse`."""
    return getattr(layer, "reverse", (False,) * len(layer.output_sizes))


class StepKernel(Protocol):
    """A layer's units at a single step, in arrays made once: how `sampling.stepper` calls on it."""

    @property
    def h(self) -> Array:
        """What comes out, (rows, H), or (H,) for one row."""

    @property
    def memory(self) -> tuple[Array, ...]:
        """What is remembered from step to step beside h W; zero at first."""

    def step(self, h_W: Array, inputs: Array, from_below: Array | None) -> None:
        """Set h, from h[t-1] W, from b + x[t] U, and from what the layer below adds to that."""


@runtime_checkable
class Stepwise(Layer, Protocol):
    """A layer that can also go step by step. W (H, .), where it has one, is what h[t-1] is multiplied with."""

    def step_kernel(self, rows: int, dtype: DType) -> StepKernel: ...

    def input_rows(self, p: Views) -> Array:
        """b + U[x] of each symbol x, (V, .); b where symbols are no input."""

    def weights_from_below(self, p: Views) -> Array:
        """The rows of U that the layer below is multiplied with."""
