"""The plan of a run: every option decided that depends on the length of the text, and the run at its start."""

from dataclasses import replace
from math import isqrt

import numpy as np

from ..config import ModelConfig, TrainConfig
from ..data.vocabulary import Vocabulary
from ..errors import UsageError
from ..machine import cores
from ..nn.model import Model
from ..nn.workspace import aligned
from ..parallel.ranks import launched
from ..runs.run import Origin, Run, moments_of

UPDATES = 64  # windows in an epoch, at least
SHORTEST = 16  # steps of a window
DEFAULT_EPOCHS = 20.0
DEFAULT_MINUTES = 10.0
DROPOUT = (3.0, 0.5), (0.6, 0.4), (0.3, 0.25), (0.0, 0.1)  # from so many parameters a character on, so much
ROWS = 8  # of a batch that are worth a worker of their own
EVERY = 200_000, 2_000_000  # characters between validations, at least and at most: an epoch in between
VALIDATIONS = 20  # in a run, at least


def start(model: ModelConfig, config: TrainConfig, vocabulary: Vocabulary, origin: Origin, symbols: int) -> Run:
    """A run at its beginning, for a training part of so many symbols."""
    network = Model(suit(model, vocabulary.size, symbols), vocabulary.size)
    config = plan(config, symbols)
    weights = network.initial(np.random.default_rng(config.seed))
    moments = tuple(weights.like() for _ in moments_of(config))
    iterate = weights.moved(aligned) if config.average else None
    return Run(network, config, vocabulary, origin, weights, moments, network.zero_state(config.batch), iterate)


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


def fit(symbols: int, batch: int, window: int) -> tuple[int, int]:
    """The batch and window that suit a stream of `symbols`: smaller than asked for where it is short.

    An epoch of a stream of 1,024 symbols or more has at least 64 windows, so that there are updates enough to learn
    from; of a window's symbols most are steps rather than rows, and there are at least 16 steps.
    """
    size = symbols // UPDATES
    window = max(1, min(window, max(SHORTEST, isqrt(4 * size)), symbols))
    return max(1, min(batch, size // window)), window
