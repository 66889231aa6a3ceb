"""A run: everything that changes while a network is trained, and all that a checkpoint holds."""

import os
import platform
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np

from ..config import ModelConfig, TrainConfig
from ..data.vocabulary import Vocabulary
from ..data.windows import fit
from ..errors import UsageError
from ..nn.layers import State
from ..nn.model import Model
from ..nn.parameters import Allocate, Parameters
from ..nn.workspace import aligned
from ..parallel.parallel import cores
from ..parallel.ranks import launched

DEFAULT_EPOCHS = 20.0
DEFAULT_MINUTES = 10.0
DROPOUT = (3.0, 0.5), (0.6, 0.4), (0.3, 0.25), (0.0, 0.1)  # from so many parameters a character on, so much
ROWS = 8  # of a batch that are worth a worker of their own
EVERY = 200_000, 2_000_000  # characters between validations, at least and at most: an epoch in between
VALIDATIONS = 20  # in a run, at least


@dataclass(frozen=True)
class Origin:
    """Which text a run was trained on, and what counting makes of its held-out part (bits per character)."""

    names: tuple[str, ...]
    sha256: str
    symbols: int  # in the whole stream
    invalid: str = "error"
    baselines: dict[str, float] = field(default_factory=dict)


@dataclass
class Run:
    """Weights and all else that training changes, with the configuration that it follows."""

    model: Model
    config: TrainConfig
    vocabulary: Vocabulary
    origin: Origin
    weights: Parameters  # that it is used with
    moments: tuple[Parameters, ...] = ()
    state: State = ()  # carried over windows, (batch, n) each
    iterate: Parameters | None = None  # the weights that updates change, where `weights` are their average
    step: int = 0
    epoch: int = 0  # whole epochs done
    cursor: int = 0  # windows done in this epoch
    seconds: float = 0.0  # counted only where the run has a budget of minutes
    scale: float = 1.0  # of the learning rate: halved on plateaus and setbacks
    setbacks: int = 0
    nats: float = 0.0  # summed training loss since the last validation, over `count` symbols
    count: int = 0
    best: float | None = None  # lowest validation loss, nats per character
    best_step: int = 0
    stale: int = 0  # validations since then
    history: list[dict[str, float]] = field(default_factory=list)  # a record for every validation
    environment: dict[str, str] = field(default_factory=lambda: environment())  # that it was last saved in

    @classmethod
    def start(
        cls, model: ModelConfig, config: TrainConfig, vocabulary: Vocabulary, origin: Origin, symbols: int
    ) -> Self:
        """A run at its beginning, for a training part of so many symbols."""
        network = Model(suit(model, vocabulary.size, symbols), vocabulary.size)
        config = plan(config, symbols)
        weights = network.initial(np.random.default_rng(config.seed))
        moments = tuple(weights.like() for _ in moments_of(config))
        iterate = weights.moved(aligned) if config.average else None
        state = network.zero_state(config.batch)
        return cls(network, config, vocabulary, origin, weights, moments, state, iterate)

    def move(self, allocate: Allocate) -> None:
        """Put all arrays where other workers see them too."""
        self.weights = self.weights.moved(allocate)
        self.iterate = self.iterate and self.iterate.moved(allocate)
        self.moments = tuple(moment.moved(allocate) for moment in self.moments)
        there = tuple(allocate(s.nbytes).view(s.dtype).reshape(s.shape) for s in self.state)
        for new, s in zip(there, self.state, strict=True):
            new[...] = s
        self.state = there

    @property
    def changing(self) -> Parameters:
        """The weights that updates change."""
        return self.iterate or self.weights

    @property
    def drift(self) -> str:
        """What is not as it was when the run was saved, so that its bits may differ from here on; or nothing."""
        now = environment()
        changed = [name for name in now if self.environment.get(name) != now[name]]
        return ", ".join(f"{n} {self.environment.get(n) or 'unset'} (now {now[n] or 'unset'})" for n in changed)

    @property
    def validated(self) -> int:
        """The step of the last validation."""
        return int(self.history[-1]["step"]) if self.history else 0

    @property
    def reset(self) -> bool:
        """Whether the state is forgotten at the end of a sequence.

        Independent lines forget it, unless told otherwise; running text carries it on.
        """
        return forgets(self.config, self.vocabulary)


def forgets(config: TrainConfig, vocabulary: Vocabulary) -> bool:
    """See `Run.reset`."""
    return config.state == "reset" or (config.state == "auto" and vocabulary.sequence == "line")


def moments_of(config: TrainConfig) -> tuple[str, ...]:
    """Names of the vectors that training keeps beside the weights."""
    from ..nn.optimizers import make  # not before it is needed: a run that is only read needs none of its rules

    return make(config).moments


def environment() -> dict[str, str]:
    """What the last bits of a result depend on, beside the run itself."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8", "replace").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "")
    kernel = os.environ.get("OPENBLAS_CORETYPE", "")
    cpu = names[0] if names else platform.processor() or platform.machine()
    return {"numpy": np.__version__, "cpu": cpu, "blas kernel": kernel, "blas threads": threads}


def suit(model: ModelConfig, size: int, symbols: int) -> ModelConfig:
    """The model with its dropout decided: the more parameters there are for each character, the more of it."""
    if model.dropout is not None:
        return model
    parameters = Model(model, size).parameters
    return replace(model, dropout=next(rate for ratio, rate in DROPOUT if parameters >= ratio * symbols))


def plan(config: TrainConfig, symbols: int, size: float | None = None) -> TrainConfig:
    """The configuration with everything decided that depends on the length of the training part.

    `size` is how many symbols an update learns from, on average, where that is not a window of the batch.
    """
    batch, window = fit(symbols, config.batch, config.window)
    if config.epochs is None and config.steps is None and config.minutes is None:
        config = replace(config, epochs=DEFAULT_EPOCHS, minutes=DEFAULT_MINUTES)
    stride = config.stride if config.stride and config.stride < window else None
    size = size or batch * window
    every = round(min(max(symbols, EVERY[0]), EVERY[1]) / size)
    for steps in (config.steps, config.epochs and config.epochs * symbols / size):
        every = min(every, int(steps / VALIDATIONS)) if steps else every
    workers = launched() if launched() > 1 else config.workers or max(1, min(cores(), batch // ROWS))
    if launched() > batch:
        raise UsageError(f"there are {launched()} ranks for a batch of {batch}: start fewer, or give a larger --batch")
    every = config.every or max(1, every)
    return replace(config, batch=batch, window=window, stride=stride, every=every, workers=min(workers, batch))
