"""A network at work: a model, its weights, and what becomes of its state at the end of a sequence."""

from dataclasses import dataclass, field

import numpy as np

from ..data.batch import Batch, keep_mask
from .layers.base import Array, Keep, State
from .model import Model
from .parameters import Parameters
from .tiling import Tilings
from .workspace import Workspace


@dataclass(frozen=True, eq=False)
class Network:
    """All that it takes to read a text: what is evaluated, sampled and inspected.

    With `reset` the state is forgotten after each EOS that is read, so that sequences do not depend on each other.
    """

    model: Model
    weights: Parameters = field(repr=False)
    reset: bool
    tilings: Tilings = field(default_factory=Tilings, repr=False)  # of its products, where some were measured

    @property
    def dtype(self) -> np.dtype:
        """The type of the weights, and so of all that is computed."""
        return self.weights.flat.dtype

    def workspace(self, back: bool = True) -> Workspace:
        """Memory to work in: see `Workspace`."""
        return Workspace(back, self.tilings)

    def zero_state(self, rows: int) -> State:
        """The state that every text starts from, (rows, n) each."""
        return self.model.zero_state(rows, self.dtype)

    def keep(self, x: Array) -> Keep:
        """Where the state is kept before x (T, B) is read, (T, B, 1); None where it always is."""
        return keep_mask(x, self.reset, self.dtype)

    def batch(self, x: Array, y: Array) -> Batch:
        """x and y (T, B), with the state forgotten where this network forgets it."""
        return Batch(x, y, self.keep(x))

    def score(self, x: Array, y: Array, state: State, ws: Workspace, hits: bool = True) -> tuple[Array, Array, State]:
        """Read x (T, B) and score y (T, B): see `Model.score`."""
        return self.model.score(self.weights, self.batch(x, y), state, ws, hits)

    def scores(self, x: Array, state: State, ws: Workspace) -> tuple[Array, State]:
        """Read x (T, B), and score all that may follow each symbol: see `Model.scores`."""
        return self.model.scores(self.weights, x, state, ws, self.keep(x))

    def step(self, x: Array, state: State, ws: Workspace) -> tuple[Array, State]:
        """Read x (B,), and score all that may follow it: see `Model.step`."""
        return self.model.step(self.weights, x, state, ws, self.keep(x[None]))
