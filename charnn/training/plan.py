"""The plan of a run: every option decided that depends on the length of the text, and the run at its start."""

from dataclasses import replace
from math import isqrt

import numpy as np

from ..config import ModelConfig, TrainConfig
from ..conflicts import check
from ..data.vocabulary import Vocabulary
from ..machine import cores
from ..nn.model import Model
from ..nn.workspace import aligned
from ..parallel.launcher import launched
from ..runs.run import CorpusInfo, Run, moment_names

MIN_WINDOWS_PER_EPOCH = 64  # windows in an epoch, at least
MIN_WINDOW = 16  # steps of a window
DEFAULT_EPOCHS = 20.0
DEFAULT_MINUTES = 10.0
DROPOUT_BY_RATIO = (3.0, 0.5), (0.6, 0.4), (0.3, 0.25), (0.0, 0.1)  # from so many parameters a character on, so much
MIN_ROWS_PER_WORKER = 8  # of a batch that are worth a worker of their own
CHARACTERS_PER_VALIDATION = (
    200_000,
    2_000_000,
)  # characters between validations, at least and at most: an epoch in between
MIN_VALIDATIONS = 20  # in a run, at least


def new_run(model: ModelConfig, config: TrainConfig, vocabulary: Vocabulary, origin: CorpusInfo, symbols: int) -> Run:
    """A run at its beginning, for a training part of so many symbols."""
    network = Model(choose_dropout(model, vocabulary.size, symbols), vocabulary.size)
    config = resolve(config, symbols)
    weights = network.initial(np.random.default_rng(config.seed))
    moments = tuple(weights.like() for _ in moment_names(config))
    iterate = weights.moved(aligned) if config.average else None
    return Run(network, config, vocabulary, origin, weights, moments, network.zero_state(config.batch), iterate)


def choose_dropout(model: ModelConfig, size: int, symbols: int) -> ModelConfig:
    """The model with its dropout decided: the more parameters there are for each character, the more of it."""
    if model.dropout is not None:
        return model
    parameters = Model(model, size).parameters
    return replace(model, dropout=next(rate for ratio, rate in DROPOUT_BY_RATIO if parameters >= ratio * symbols))


def resolve(config: TrainConfig, symbols: int, size: float | None = None) -> TrainConfig:
    """The configuration with everything decided that depends on the length of the training part.

    `size` is how many symbols an update learns from, on average, where that is not a window of the batch.
    """
    batch, window = fit_to_text(symbols, config.batch, config.window)
    if config.epochs is None and config.steps is None and config.minutes is None:
        config = replace(config, epochs=DEFAULT_EPOCHS, minutes=DEFAULT_MINUTES)
    stride = config.stride if config.stride and config.stride < window else None
    size = size or batch * window
    every = round(min(max(symbols, CHARACTERS_PER_VALIDATION[0]), CHARACTERS_PER_VALIDATION[1]) / size)
    for steps in (config.steps, config.epochs and config.epochs * symbols / size):
        every = min(every, int(steps / MIN_VALIDATIONS)) if steps else every
    workers = launched() if launched() > 1 else config.workers or max(1, min(cores(), batch // MIN_ROWS_PER_WORKER))
    check({"batch": batch, "ranks": launched()})
    every = config.every or max(1, every)
    return replace(config, batch=batch, window=window, stride=stride, every=every, workers=min(workers, batch))


def fit_to_text(symbols: int, batch: int, window: int) -> tuple[int, int]:
    """The batch and window that suit a stream of `symbols`: smaller than asked for where it is short.

    An epoch of a stream of 1,024 symbols or more has at least 64 windows, so that there are updates enough to learn
    from; of a window's symbols most are steps rather than rows, and there are at least 16 steps.
    """
    size = symbols // MIN_WINDOWS_PER_EPOCH
    window = max(1, min(window, max(MIN_WINDOW, isqrt(4 * size)), symbols))
    return max(1, min(batch, size // window)), window
