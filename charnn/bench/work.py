"""What is to be done, and how many multiplications that takes: the same for all who do it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..config import ModelConfig
from ..data.batches import StreamBatches
from ..data.corpus import Corpus
from ..data.vocabulary import Vocabulary
from ..errors import UsageError
from ..nn.model import Model
from ..nn.parameters import Parameters

TASKS = ("train", "evaluate", "sample")
GATES = {"elman": (1, 1), "lstm": (4, 4), "gru": (3, 3), "jordan": (0, 1)}  # columns of W and of U, for a unit
EPOCH = 72  # windows in the text to train on, some of which are held out
VALID = 0.1  # the share that is
SEED = 0


@dataclass(frozen=True)
class Work:
    """One repetition of a task at some size.

    train: an update from a window of `steps` characters in `batch` rows: forward, backward, clip, Adam. evaluate:
    `steps` characters in each of `batch` rows are read and scored. sample: `batch` streams write `steps` characters.
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
    reset: bool = False  # whether the state is forgotten at EOS

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise UsageError(f"there is no task {self.task}: choose one of {', '.join(TASKS)}")
        if min(self.batch, self.steps, self.hidden, self.layers) < 1 or not 2 <= self.symbols <= 65_536:
            raise UsageError(f"{self} cannot be done: give sizes of at least 1, and 2 to 65536 symbols")

    @property
    def characters(self) -> int:
        """Characters read or written."""
        return self.batch * self.steps

    @property
    def multiplications(self) -> int:
        """Multiply-adds of the matrix products that cannot be done without; two flops each.

        For each character: h W and x U in each layer but the lowest, whose U is looked up, and h V. Training needs
        each three times, for o, dh and dW; but no da W^T at a window's first step, since gradients end there.
        """
        again, below = (gates * self.hidden**2 for gates in GATES[self.cell])
        readout = (self.layers if self.skip else 1) * self.hidden * self.symbols
        forward = self.characters * (self.layers * again + (self.layers - 1) * below + readout)
        return 3 * forward - self.batch * self.layers * again if self.task == "train" else forward

    @property
    def states(self) -> int:
        """Arrays (B, H) that each layer remembers."""
        return len(self.model.hidden.state_sizes) // self.layers

    @property
    def model(self) -> Model:
        activation = self.activation if self.cell in ("elman", "jordan") else None
        config = ModelConfig(self.cell, self.hidden, self.layers, activation, self.skip, self.dropout)
        return Model(config, self.symbols)

    def weights(self) -> Parameters:
        """The weights that everybody starts from: those of a run with this seed."""
        return self.model.initial(np.random.default_rng(SEED))

    @cached_property
    def corpus(self) -> Corpus:
        """A text of random symbols to train on."""
        vocabulary = Vocabulary(tuple(range(32, 31 + self.symbols)), "file")
        size = EPOCH * max(self.characters, self.steps * (self.steps // 4 + 1))  # long enough for these windows
        ids = np.random.default_rng(SEED).integers(0, self.symbols, size, vocabulary.dtype)
        return Corpus(ids, vocabulary, (), ("random",), "")

    def windows(self, count: int = 8) -> list[tuple[np.ndarray, np.ndarray]]:
        """x, y (T, B) of the first windows that training reads."""
        lanes = StreamBatches(self.corpus.split(VALID)[0], self.batch, self.steps)
        return [lanes[i] for i in range(count)]
