"""The plan of a run: every option decided that depends on the text, the batches that are read, and the first weights.

A run is planned once: `resolve` gives the `Plan` that a session and its trainer take. The network may read more than
the text, since a head can add symbols (`Head.stream`). Batches are cut from what is read. Validations come after so
many characters of the text.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..config import TEXT, ModelConfig, TaskConfig, TrainConfig
from ..nn.workspace import aligned
from ..runs.run import CorpusInfo, Run, moment_names, resets_state
from ..tasks import base as tasks
from ..tasks.base import Task
from . import memory, schemes
from .schemes import Scheme

MIN_VALIDATIONS = 20  # in a run, at least


@dataclass(frozen=True, eq=False)
class Plan:
    """A network, its training with every option decided, and the corpus of a run, laid out for its updates."""

    task: Task
    model: Any
    config: TrainConfig
    vocabulary: Any
    train: Any = field(repr=False)  # the part of the corpus to train on: of a text, its symbols (N,)
    valid: Any = field(repr=False)  # the part that is held out
    batches: Any = field(repr=False)  # of what the network reads for the training part
    scheme: Scheme

    @property
    def characters_per_update(self) -> float:
        """Losses of the training part that an update learns from, on average: symbols that a head adds do not count."""
        return self.scheme.size * (self.task.count(self.train) / self.task.count_laid_out(self.batches))

    @property
    def memory(self) -> int:
        """Bytes that training takes on top of the corpus; see `memory.needed`."""
        return memory.needed(self.model, self.config, *self._sizes)

    def check_memory(self) -> None:
        """Raise `CharnnError` where training takes more memory than there is."""
        memory.check(self.model, self.config, *self._sizes)

    @property
    def _sizes(self) -> tuple[int, int, tuple[int, int] | None]:
        return self.scheme.edges, self.task.count(self.train), self.task.largest(self.config, self.train)


def resolve(corpus: Any, model: ModelConfig, config: TrainConfig, options: TaskConfig = TEXT) -> Plan:
    """The plan for a corpus: options that were left open are decided, and those that do not suit it are fitted.

    Raises `InputError` for a corpus in which there is nothing to learn. Raises `UsageError` where the head has to learn
    how sequences end, and nothing in a text says so.
    """
    task = tasks.make(options)
    train, valid = task.split(corpus, config)
    network, config = task.decide(train, corpus.vocabulary, model, config)
    task.check(network, corpus, train)
    plan = lay_out(network, config, corpus.vocabulary, train, valid, task)
    return replace(plan, config=replace(config, validate_every=config.validate_every or _validation_interval(plan)))


def lay_out(model: Any, config: TrainConfig, vocabulary: Any, train: Any, valid: Any, task: Task | None = None) -> Plan:
    """The plan for parts of a corpus, where all options are decided; by default those of a text, (N,) and (M,)."""
    task = task or tasks.make(TEXT)
    reset = resets_state(config, vocabulary)
    batches = task.layout(config, train, model, reset)
    scheme = schemes.make(config, batches, reset)
    return Plan(task, model, config, vocabulary, train, valid, batches, scheme)


def new_run(plan: Plan, origin: CorpusInfo) -> Run:
    """A run at its beginning, as planned."""
    model, config = plan.model, plan.config
    weights = model.initial(np.random.default_rng(config.seed))
    moments = tuple(weights.like() for _ in moment_names(config))
    iterate = weights.moved(aligned) if config.average else None
    state = model.zero_state(config.batch)
    return Run(model, config, plan.vocabulary, origin, weights, moments, state, iterate, task=plan.task.options)


def _validation_interval(plan: Plan) -> int:
    """Updates between validations: an epoch, within the task's limits, and 20 of them in a run at least."""
    config, characters, each = plan.config, plan.task.count(plan.train), plan.characters_per_update
    low, high = plan.task.between_validations
    every = round(min(max(characters, low), high) / each)
    for steps in (config.steps, config.epochs and config.epochs * characters / each):
        every = min(every, int(steps / MIN_VALIDATIONS)) if steps else every
    return max(1, every)
