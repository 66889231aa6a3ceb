"""Which network converges in a time: the largest that has time enough to learn, and text enough to learn from.

Of P parameters, at v characters a second, in s seconds, and with N characters to train on, each read k times at most:

    v s >= min(c P, k N),   P <= max(SUPPORTED N, P0)

with c = `characters_per_parameter` of its cell. v is measured: real updates on the text's beginning, by the workers
that training will have. P0 are the parameters that a text of that length has without a budget: `fitting.choose_hidden`.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ..choices import CELLS
from ..config import ModelConfig, TrainConfig
from ..data.corpus import Corpus
from ..errors import UsageError
from ..nn.layers.recurrent import Recurrent
from ..nn.model import Model
from ..options import duration
from ..parallel.choose import worker_group
from ..runs.run import CorpusInfo
from ..tasks import fitting
from ..tasks.text import decide
from .plan import lay_out, new_run
from .trainer import Trainer

SUPPORTED = 6.0  # parameters for each character of the text, with the dropout of 0.5 that so many get
PASSES = (100_000, 100), (0, 20)  # k: from so many characters on, so many; more of a short text learn it by heart
HIDDEN = 64, 128, 192, 256, 384, 512, 768, 1024
LAYERS = 1, 2, 3
TABLE = (64, 1), (128, 1), (128, 2), (192, 2), (256, 2), (256, 3), (384, 2), (384, 3), (512, 3), (768, 3), (1024, 3)
LIMITS = 1, 10_000_000 * 60  # seconds
MEASURED_SECONDS = 0.4  # of updates, after the first
MEASURED_WINDOWS = 8  # of the text


@dataclass(frozen=True)
class Size:
    """A network to choose, and the number of its parameters."""

    hidden: int
    layers: int
    parameters: int

    def __str__(self) -> str:
        return f"{self.layers} x {self.hidden}"


@dataclass(frozen=True)
class SizeChoice:
    """A network, what was measured of it, and why it is not a larger one."""

    size: Size
    speed: float  # characters a second
    characters: float  # that are read in the time
    passes: int | None  # over the text, where the time is enough for too many of them
    why: str

    def __str__(self) -> str:
        share = f"{self.characters / self.size.parameters:,.0f} for each of its {self.size.parameters:,} parameters"
        passes = f"; {self.passes} passes over the text, which take less time" if self.passes else ""
        return f"{self.size}; it reads {self.speed:,.0f} char/s here, in that time {share}{self.why}{passes}"


def pairs(hidden: int | None, layers: int | None) -> list[tuple[int, int]]:
    """Hidden units and layers to choose among; those that are given stay as they are."""
    if hidden and layers:
        return [(hidden, layers)]
    if hidden:
        return [(hidden, count) for count in LAYERS]
    return [(units, layers) for units in HIDDEN] if layers else list(TABLE)


def choose(
    sizes: Sequence[Size],
    speed: Callable[[Size], float],
    symbols: int,
    seconds: float,
    cell: str,
    usual: int = 0,
) -> SizeChoice:
    """The largest of some networks that converges on a text of so many symbols in so many seconds; if none, the least.

    A network of no more than `usual` parameters is never too large for the text. `speed` measures how many characters a
    second a network learns from. It is asked about the logarithm of their number: where one is too slow, larger ones
    are.
    """
    sizes = sorted(sizes, key=lambda size: size.parameters)
    supported = max(1, sum(size.parameters <= max(SUPPORTED * symbols, usual) for size in sizes))
    speeds: dict[Size, float] = {}

    def learns(size: Size) -> bool:
        speeds[size] = speed(size)
        return speeds[size] * seconds >= wanted(size.parameters, symbols, cell)

    best, beyond = 0, supported  # the largest that is known to converge, and the least that does not
    while beyond - best > 1:
        middle = (best + beyond) // 2
        best, beyond = (middle, beyond) if learns(sizes[middle]) else (best, middle)
    chosen = sizes[best]
    enough = chosen in speeds or learns(chosen)
    characters, most = speeds[chosen] * seconds, passes(symbols)
    if not enough:
        least = wanted(chosen.parameters, symbols, cell) / chosen.parameters
        why = f", and {least:.0f} are wanted: give it more time, or a smaller size"
    elif beyond < supported:
        more = sizes[beyond]
        read, least = (
            count / more.parameters for count in (speeds[more] * seconds, wanted(more.parameters, symbols, cell))
        )
        why = f" ({more}: {read:,.0f}, and {least:.0f} are wanted)"
    elif beyond < len(sizes):
        more = sizes[beyond]
        why = f" ({more} has {more.parameters / symbols:.1f} for each character of the text: too many)"
    else:
        why = ""
    return SizeChoice(chosen, speeds[chosen], characters, most if characters > most * symbols else None, why)


def passes(symbols: int) -> int:
    """How often a text of so many symbols is worth reading."""
    return next(count for least, count in PASSES if symbols >= least)


def wanted(parameters: int, symbols: int, cell: str) -> float:
    """Characters that a network has to read to converge."""
    layer: type[Recurrent] = CELLS[cell].load()
    return min(layer.characters_per_parameter * parameters, passes(symbols) * symbols)


def seconds(text: str | float) -> float:
    """A time like 90s, 10m, 1h30m, or a number of minutes, in seconds. Raises `UsageError` for anything else."""
    total = duration(text) if isinstance(text, str) else 60 * text
    if total is None or not LIMITS[0] <= total <= LIMITS[1]:
        raise UsageError(f"--budget is {text!r}: give a time like 90s, 10m or 1h30m, a second at least")
    return total


def sized(
    model: ModelConfig,
    config: TrainConfig,
    corpus: Corpus,
    seconds: float,
    hidden: int | None = None,
    layers: int | None = None,
) -> tuple[ModelConfig, TrainConfig, SizeChoice]:
    """A network that converges on a corpus within these seconds, the time as its budget, and why it was chosen.

    `hidden` and `layers` are kept where they are given. All ranks have to come here: they train together.
    """
    symbols = len(corpus.split(config.valid_share, config.order)[0])
    usual = fitting.choose_hidden(model, symbols, corpus.vocabulary.sequence)
    least = Model(usual, corpus.vocabulary.size).parameters if model.cell in fitting.MEASURED else 0
    models = {}
    for units, count in pairs(hidden, layers):
        with suppress(UsageError):  # options that one layer has no use for
            found = replace(model, hidden=units, layers=count)
            models[Size(units, count, Model(found, corpus.vocabulary.size).parameters)] = found
    chosen = choose(
        tuple(models), lambda size: speed(models[size], config, corpus), symbols, seconds, model.cell, least
    )
    limited = replace(config, minutes=seconds / 60, epochs=chosen.passes and float(chosen.passes))
    return models[chosen.size], limited, chosen


def speed(
    model: ModelConfig, config: TrainConfig, corpus: Corpus, clock: Callable[[], float] = time.monotonic
) -> float:
    """Characters a second that training reads, as rank 0 measures it. The rate is 0, so that nothing can diverge."""
    train, valid = corpus.split(config.valid_share, config.order)
    still = replace(config, rate=0.0, steps=1)
    network, decided = decide(train, corpus.vocabulary, model, still)
    beginning = train[: decided.batch * decided.window * MEASURED_WINDOWS]
    plan = lay_out(network, decided, corpus.vocabulary, beginning, valid)
    run = new_run(plan, CorpusInfo(corpus.names, corpus.sha256, len(train)))
    workers = worker_group(decided.workers or 1)
    trainer = Trainer(run, plan, workers)
    try:
        trainer.update()  # starts the workers
        begun, before = clock(), run.count
        while workers.broadcast(clock() - begun < MEASURED_SECONDS):
            trainer.update()
        return float(workers.broadcast((run.count - before) / (clock() - begun)))
    finally:
        workers.close()
