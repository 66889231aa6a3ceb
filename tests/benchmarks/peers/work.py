"""What is to be done: the same for all who do it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from charnn.config import ModelConfig
from charnn.data.batches import StreamBatches
from charnn.errors import UsageError
from charnn.nn.model import Model
from charnn.nn.parameters import Parameters
from charnn.training import throughput

TASKS = ("train", "evaluate", "sample")
ACTIVATED = ("elman", "jordan")  # cells with a choice of activation
GATES = {"elman": 1, "lstm": 4, "gru": 3}  # columns of W and U for a unit, in the cells that others have too


@dataclass(frozen=True)
class Work:
    """One repetition of a task at some size, which all numbers of a line on the command line say.

    As `throughput.Work`, which is charnn's way to do it, for networks that other packages have too.
    """

    task: str = "train"
    batch: int = 32
    steps: int = 64
    hidden: int = 256
    layers: int = 1
    symbols: int = 65
    cell: str = "elman"
    activation: str = "tanh"  # of elman and jordan; other cells have no choice
    skip: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise UsageError(f"there is no task {self.task}: choose one of {', '.join(TASKS)}")
        if min(self.batch, self.steps, self.hidden, self.layers) < 1 or not 2 <= self.symbols <= 65_536:
            raise UsageError(f"{self} cannot be done: give sizes of at least 1, and 2 to 65536 symbols")

    @cached_property
    def ours(self) -> throughput.Work:
        """The same work as charnn does it."""
        activation = self.activation if self.cell in ACTIVATED else None
        model = ModelConfig(self.cell, self.hidden, self.layers, activation, self.skip, self.dropout)
        return throughput.Work(self.task, model, self.symbols, self.batch, self.steps)

    @property
    def characters(self) -> int:
        """Characters read or written."""
        return self.batch * self.steps

    @property
    def multiplications(self) -> int:
        """Multiply-adds of the matrix products that cannot be done without; two flops each."""
        return self.ours.multiplications

    @property
    def model(self) -> Model:
        return self.ours.shape

    @property
    def states(self) -> int:
        """Arrays (B, H) that each layer remembers."""
        return len(self.model.hidden.state_sizes) // self.layers

    def weights(self) -> Parameters:
        """The weights that everybody starts from."""
        return self.ours.weights()

    def windows(self, count: int = 8) -> list[tuple[np.ndarray, np.ndarray]]:
        """x, y (T, B) of the first windows that training reads."""
        lanes = StreamBatches(self.ours.text(), self.batch, self.steps)
        return [lanes[i] for i in range(count)]
