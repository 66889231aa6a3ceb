"""The plan of a run: every option decided that depends on the text, the batches that are read, and the first weights.

A run is planned once: `resolve` gives the `Plan` that a session and its trainer take. What is read may be longer than
the text, since a head can add symbols (`Head.stream`): batches are cut from what is read, and validations come after so
many characters of the text.
"""

from dataclasses import dataclass, field, replace
from math import isqrt

import numpy as np

from ..config import ModelConfig, TrainConfig
from ..conflicts import check
from ..data.batches import StreamBatches
from ..data.corpus import Corpus
from ..data.vocabulary import Vocabulary
from ..errors import InputError
from ..io.lazy import Ids
from ..machine import cores
from ..nn.model import Model
from ..nn.workspace import aligned
from ..parallel.launcher import launched
from ..runs.run import CorpusInfo, Run, moment_names, resets_state
from . import memory, schemes
from .schemes import Scheme

MIN_WINDOWS_PER_EPOCH = 64  # windows in an epoch, at least
MIN_WINDOW = 16  # steps of a window
DEFAULT_EPOCHS = 20.0
DEFAULT_MINUTES = 10.0
DROPOUT_BY_RATIO = (3.0, 0.5), (0.6, 0.4), (0.3, 0.25), (0.0, 0.1)  # from so many parameters a character on, so much
MIN_ROWS_PER_WORKER = 8  # of a batch that are worth a worker of their own
CHARACTERS_PER_VALIDATION = 200_000, 2_000_000  # between validations, at least and at most: an epoch in between
MIN_VALIDATIONS = 20  # in a run, at least


@dataclass(frozen=True, eq=False)
class Plan:
    """A network, its training with every option decided, and the text of a run, laid out for its updates."""

    model: Model
    config: TrainConfig
    vocabulary: Vocabulary
    train: Ids = field(repr=False)  # the text's symbols to train on, (N,)
    valid: Ids = field(repr=False)  # those held out
    batches: StreamBatches = field(repr=False)  # of what the network reads for the training part
    scheme: Scheme

    @property
    def characters_per_update(self) -> float:
        """Symbols of the text that an update learns from, on average: those that a head adds do not count."""
        return self.scheme.size * (len(self.train) / len(self.batches.ids))

    @property
    def memory(self) -> int:
        """Bytes that training takes on top of the corpus; see `memory.needed`."""
        return memory.needed(self.model, self.config, self.scheme.edges, len(self.train))

    def check_memory(self) -> None:
        """Raise `CharnnError` where training takes more memory than there is."""
        memory.check(self.model, self.config, self.scheme.edges, len(self.train))


def resolve(corpus: Corpus, model: ModelConfig, config: TrainConfig) -> Plan:
    """The plan for a corpus: options that were left open are decided, and those that do not suit the text are fitted.

    Raises `InputError` for a text in which there is nothing to learn, and `UsageError` where nothing in it says how
    sequences end and the network's head has to learn that.
    """
    train, valid = corpus.split(config.valid)
    network, config = decide(train, corpus.vocabulary, model, config)
    if network.symbols < 2:
        raise InputError(f"{corpus.names[0]} has nothing but line ends: there is nothing to learn")
    network.ending.check(train)
    plan = lay_out(network, config, corpus.vocabulary, train, valid)
    return replace(plan, config=replace(config, every=config.every or _validation_interval(plan)))


def decide(train: Ids, vocabulary: Vocabulary, model: ModelConfig, config: TrainConfig) -> tuple[Model, TrainConfig]:
    """A network and its training for a training part (N,): all is decided but how often to validate."""
    network = Model(choose_dropout(model, vocabulary.size, len(train)), vocabulary.size)
    return network, fit(config, network.ending.length(train))


def lay_out(model: Model, config: TrainConfig, vocabulary: Vocabulary, train: Ids, valid: Ids) -> Plan:
    """The plan for parts of a text, (N,) and (M,), where all options are decided."""
    batches = StreamBatches(model.ending.stream(train), config.batch, config.window)
    scheme = schemes.make(config, batches, resets_state(config, vocabulary))
    return Plan(model, config, vocabulary, train, valid, batches, scheme)


def new_run(plan: Plan, origin: CorpusInfo) -> Run:
    """A run at its beginning, as planned."""
    model, config = plan.model, plan.config
    weights = model.initial(np.random.default_rng(config.seed))
    moments = tuple(weights.like() for _ in moment_names(config))
    iterate = weights.moved(aligned) if config.average else None
    return Run(model, config, plan.vocabulary, origin, weights, moments, model.zero_state(config.batch), iterate)


def choose_dropout(model: ModelConfig, size: int, symbols: int) -> ModelConfig:
    """The model with its dropout decided: the more parameters there are for each character, the more of it."""
    if model.dropout is not None:
        return model
    parameters = Model(model, size).parameters
    return replace(model, dropout=next(rate for ratio, rate in DROPOUT_BY_RATIO if parameters >= ratio * symbols))


def fit(config: TrainConfig, symbols: int) -> TrainConfig:
    """The configuration with batch, window, workers and budget decided, where so many symbols are read in an epoch."""
    batch, window = fit_to_text(symbols, config.batch, config.window)
    if config.epochs is None and config.steps is None and config.minutes is None:
        config = replace(config, epochs=DEFAULT_EPOCHS, minutes=DEFAULT_MINUTES)
    stride = config.stride if config.stride and config.stride < window else None
    workers = launched() if launched() > 1 else config.workers or max(1, min(cores(), batch // MIN_ROWS_PER_WORKER))
    check({"batch": batch, "ranks": launched()})
    return replace(config, batch=batch, window=window, stride=stride, workers=min(workers, batch))


def fit_to_text(symbols: int, batch: int, window: int) -> tuple[int, int]:
    """The batch and window that suit a stream of `symbols`: smaller than asked for where it is short.

    An epoch of a stream of 1,024 symbols or more has at least 64 windows, so that there are updates enough to learn
    from; of a window's symbols most are steps rather than rows, and there are at least 16 steps.
    """
    size = symbols // MIN_WINDOWS_PER_EPOCH
    window = max(1, min(window, max(MIN_WINDOW, isqrt(4 * size)), symbols))
    return max(1, min(batch, size // window)), window


def _validation_interval(plan: Plan) -> int:
    """Updates between validations: an epoch, within `CHARACTERS_PER_VALIDATION`, and 20 of them in a run at least."""
    config, characters, each = plan.config, len(plan.train), plan.characters_per_update
    low, high = CHARACTERS_PER_VALIDATION
    every = round(min(max(characters, low), high) / each)
    for steps in (config.steps, config.epochs and config.epochs * characters / each):
        every = min(every, int(steps / MIN_VALIDATIONS)) if steps else every
    return max(1, every)
