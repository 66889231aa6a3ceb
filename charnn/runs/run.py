"""A run: everything that changes while a network is trained, and all that a checkpoint holds."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..choices import TASKS
from ..config import TaskConfig, TrainConfig
from ..data.vocabulary import Vocabulary
from ..machine import environment
from ..nn.layers.base import State
from ..nn.network import Network
from ..nn.parameters import Allocate, Parameters
from ..nn.tiling import Tilings
from .names import MODELS

MAX_HISTORY = 10_000  # validations that a checkpoint tells of: some 1 MB


@dataclass(frozen=True)
class CorpusInfo:
    """Which text a run was trained on, and what counting makes of its held-out part (bits per character)."""

    names: tuple[str, ...]
    sha256: str
    symbols: int  # in the whole stream
    invalid: str = "error"
    baselines: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """The trained network that a run started from. Losses in bits, per character or whatever else the task counts."""

    model: str  # its file, or nothing
    new: tuple[str, ...]  # characters, or words, that it did not know
    bits: float  # on the run's held-out part, before training
    origin: CorpusInfo  # what it was trained on before
    task: TaskConfig  # and what it learnt of that
    valid_share: float  # that was held out
    seed: int  # of what was held out, where that was drawn
    kept: float | None  # the loss on that share before training; None where that corpus was not found
    shuffle: bool = False  # whether its sequences were shuffled before


@dataclass(eq=False)
class Run:
    """Weights and all else that training changes, with the configuration that it follows."""

    model: Any  # the network of its task: a `Model` where that is text, else a `TaskModel`
    config: TrainConfig
    vocabulary: Any  # of its task: a `Vocabulary` where that is text, else mostly a `PairVocabulary`
    origin: CorpusInfo
    weights: Parameters  # that it is used with
    moments: tuple[Parameters, ...] = ()
    state: State = ()  # carried over windows, (batch, n) each
    iterate: Parameters | None = None  # the weights that updates change, where `weights` are their average
    step: int = 0
    epoch: int = 0  # whole epochs done
    cursor: int = 0  # windows done in this epoch
    seconds: float = 0.0  # counted only where the run has a budget of minutes
    rate_factor: float = 1.0  # of the learning rate: halved on plateaus and rollbacks
    rollbacks: int = 0
    nats: float = 0.0  # summed training loss since the last validation, over `count` symbols
    count: int = 0
    best: float | None = None  # loss of the best validation (see `Task.better`), nats per character, label, ...
    best_step: int = 0
    bad_validations: int = 0  # since then
    history: list[dict[str, float]] = field(default_factory=list)  # a record for every validation
    start: Start | None = None
    environment: dict[str, str] = field(default_factory=lambda: environment())  # that it was last saved in
    path: Path | None = None  # the file that it was loaded from
    task: TaskConfig = field(default_factory=TaskConfig)
    tilings: Tilings = field(default_factory=Tilings)  # of its products, measured on this machine

    def __repr__(self) -> str:
        """The run in a line: its name, text, network, parameters, updates, and the loss of its best validation."""
        config = self.model.config
        facts = [
            ", ".join(Path(name).name for name in self.origin.names),
            f"{config.cell} {config.layers} x {config.hidden}",
            f"{self.model.parameters:,} parameters",
            f"{self.step:,} updates",
            *([] if self.best is None else [f"{self.best / math.log(2):.4f} {self.measure}"]),
        ]
        return f"<Run {self.name}: {', '.join(facts)}>"

    @property
    def measure(self) -> str:
        """What its losses are in: bits/char, bits/label, ..."""
        task = TASKS[self.task.task].load()
        return f"bits/{task.unit}{task.given}"

    @property
    def name(self) -> str:
        """The name of its folder or its file; of a run that was not loaded, that of its text."""
        path = self.path or Path(self.origin.names[0])
        return path.parent.name if path.name in MODELS else path.stem

    def move(self, allocate: Allocate) -> None:
        """Put all arrays where other workers see them too."""
        self.weights = self.weights.moved(allocate)
        self.iterate = self.iterate and self.iterate.moved(allocate)
        self.moments = tuple(moment.moved(allocate) for moment in self.moments)
        there = tuple(allocate(s.nbytes).view(s.dtype).reshape(s.shape) for s in self.state)
        for new, s in zip(there, self.state, strict=True):
            new[...] = s
        self.state = there

    def note(self, record: dict[str, float]) -> None:
        """Add a validation to the history, which is thinned to every second one where it grows long."""
        self.history.append(record)
        if len(self.history) > MAX_HISTORY:
            kept = enumerate(self.history[:-1])
            self.history[:] = [*(r for i, r in kept if i % 2 == 0 or r["step"] == self.best_step), record]

    @property
    def network(self) -> Network:
        """What the run is used as: to be evaluated, sampled and inspected."""
        return Network(self.model, self.weights, self.reset, self.tilings)

    @property
    def identity(self) -> tuple[object, ...]:
        """What two states of the same run have in common."""
        return self.model.config, self.vocabulary, self.origin.sha256, self.config.seed

    @property
    def changing(self) -> Parameters:
        """The weights that updates change."""
        return self.iterate or self.weights

    @property
    def environment_changes(self) -> str:
        """What is not as it was when the run was saved, so that its bits may differ from here on; or nothing."""
        was, now = self.environment, environment()
        changed = [name for name in now if was.get(name) != now[name]]
        if not was.get("blas kernel"):  # version 0.1 did not say which one it was
            changed.remove("blas kernel")
        return ", ".join(f"{n} {was.get(n) or 'unset'} (now {now[n] or 'unset'})" for n in changed)

    @property
    def best_record(self) -> dict[str, float]:
        """What the history says of the best validation."""
        return next(record for record in self.history if record["step"] == self.best_step)

    @property
    def validated(self) -> int:
        """The step of the last validation."""
        return int(self.history[-1]["step"]) if self.history else 0

    def _repr_svg_(self) -> str | None:
        """The loss so far, in a notebook."""
        name = ", ".join(Path(name).name for name in self.origin.names)
        from .curves import Curve, loss

        return loss([Curve(name, self.history, self.origin.baselines, self.measure)]) if self.history else None

    @property
    def reset(self) -> bool:
        """Whether the state is forgotten at the end of a sequence.

        Independent lines forget it, unless told otherwise; running text carries it on.
        """
        return resets_state(self.config, self.vocabulary)


def resets_state(config: TrainConfig, vocabulary: Vocabulary) -> bool:
    """See `Run.reset`."""
    return config.state == "reset" or (config.state == "auto" and vocabulary.sequence == "line")


def moment_names(config: TrainConfig) -> tuple[str, ...]:
    """Names of the vectors that training keeps beside the weights."""
    from ..nn.optimizers import make  # not before it is needed: a run that is only read needs none of its rules

    return make(config).moments
