"""How fast this machine trains: real updates on a text's beginning, by the workers that training will have."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from ..config import ModelConfig, TrainConfig
from ..data.corpus import Corpus
from ..errors import UsageError
from ..nn.model import Model
from ..parallel.choose import worker_group
from ..runs.run import CorpusInfo
from . import budget
from .budget import Choice, Size
from .plan import new_run
from .trainer import Trainer

MEASURED_SECONDS = 0.4  # of updates, after the first
MEASURED_WINDOWS = 8  # of the text
Clock = Callable[[], float]


def sized(
    model: ModelConfig,
    config: TrainConfig,
    corpus: Corpus,
    seconds: float,
    hidden: int | None = None,
    layers: int | None = None,
    clock: Clock = time.monotonic,
) -> tuple[ModelConfig, TrainConfig, Choice]:
    """A network that converges on a corpus within these seconds, the time as its budget, and why it was chosen.

    `hidden` and `layers` are kept where they are given. All ranks have to come here: they train together.
    """
    symbols = len(corpus.split(config.valid)[0])
    models = {}
    for units, count in budget.pairs(hidden, layers):
        with suppress(UsageError):  # options that one layer has no use for
            found = replace(model, hidden=units, layers=count)
            models[Size(units, count, Model(found, corpus.vocabulary.size).parameters)] = found
    chosen = budget.choose(
        tuple(models), lambda size: speed(models[size], config, corpus, clock), symbols, seconds, model.cell
    )
    limited = replace(config, minutes=seconds / 60, epochs=chosen.passes and float(chosen.passes))
    return models[chosen.size], limited, chosen


def speed(model: ModelConfig, config: TrainConfig, corpus: Corpus, clock: Clock = time.monotonic) -> float:
    """Characters a second that training reads, as rank 0 measures it. The rate is 0, so that nothing can diverge."""
    train = corpus.split(config.valid)[0]
    still = replace(config, rate=0.0, steps=1)
    run = new_run(model, still, corpus.vocabulary, CorpusInfo(corpus.names, corpus.sha256, len(train)), len(train))
    workers = worker_group(run.config.workers or 1)
    trainer = Trainer(run, train[: run.config.batch * run.config.window * MEASURED_WINDOWS], workers)
    try:
        trainer.update()  # starts the workers
        begun, before = clock(), run.count
        while workers.broadcast(clock() - begun < MEASURED_SECONDS):
            trainer.update()
        return float(workers.broadcast((run.count - before) / (clock() - begun)))
    finally:
        workers.close()
