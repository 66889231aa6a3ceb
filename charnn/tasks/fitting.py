"""What suits a text of some length: batch, window, workers, dropout, and how long to train."""

from dataclasses import replace
from math import isqrt

from ..config import ModelConfig, TrainConfig
from ..conflicts import check
from ..machine import cores
from ..nn.model import Model
from ..parallel.launcher import launched
from ..parallel.processes import startable

MIN_WINDOWS_PER_EPOCH = 64  # windows in an epoch, at least
MIN_WINDOW = 16  # steps of a window
WINDOW_MULTIPLE, ROW_MULTIPLE = 8, 4  # of steps, and of rows, so that workers share them evenly
MEASURED = ("lstm",)  # cells whose sizes by text were measured
HIDDEN_OF_LISTS = (4_000, 64), (50_000, 192)  # below so many symbols so many units
HIDDEN_OF_PROSE = (4_000, 64), (30_000, 128)
DEFAULT_EPOCHS = 20.0
DEFAULT_MINUTES = 10.0
DROPOUT_BY_RATIO = (3.0, 0.5), (0.6, 0.4), (0.3, 0.25), (0.0, 0.1)  # from so many parameters a character on, so much
MIN_ROWS_PER_WORKER = 8  # of a batch that are worth a worker of their own


def choose_dropout(model: ModelConfig, size: int, symbols: int) -> ModelConfig:
    """The model with its dropout decided: the more parameters there are for each character, the more of it."""
    if model.dropout is not None:
        return model
    return replace(model, dropout=usual_dropout(Model(model, size).parameters, symbols))


def usual_dropout(parameters: int, symbols: int) -> float:
    """The dropout by default of so many parameters on a text of so many symbols."""
    return next(rate for ratio, rate in DROPOUT_BY_RATIO if parameters >= ratio * symbols)


def choose_hidden(model: ModelConfig, symbols: int, sequence: str) -> ModelConfig:
    """The model with fewer hidden units where a text is short: by the table in docs/guides/training.md.

    `symbols` are those of the training part. Other cells than lstm were not measured, and stay as they are.
    """
    return replace(model, hidden=usual_hidden(symbols, sequence)) if model.cell in MEASURED else model


def usual_hidden(symbols: int, sequence: str) -> int:
    """The units of each layer of an lstm by default, for so many symbols to train on."""
    table = HIDDEN_OF_LISTS if sequence == "line" else HIDDEN_OF_PROSE
    return next((units for most, units in table if symbols < most), ModelConfig.hidden)


def suits(model: ModelConfig, symbols: int, sequence: str) -> bool:
    """Whether a network was measured to be none too large for so many symbols to train on."""
    small = model.layers <= ModelConfig.layers and model.hidden <= usual_hidden(symbols, sequence)
    return model.cell in MEASURED and small


def fit(config: TrainConfig, symbols: int) -> TrainConfig:
    """The configuration with batch, window, workers and budget decided, where so many symbols are read in an epoch."""
    batch, window = fit_to_text(symbols, config.batch, config.window)
    if config.epochs is None and config.steps is None and config.minutes is None:
        config = replace(config, epochs=DEFAULT_EPOCHS, minutes=DEFAULT_MINUTES)
    stride = config.stride if config.stride and config.stride < window else None
    return replace(config, batch=batch, window=window, stride=stride, workers=fit_workers(config, batch))


def fit_workers(config: TrainConfig, batch: int) -> int:
    """The processes for a batch: the ranks of mpiexec, those asked for, or the cores at hand, if they have rows enough.

    Raises `UsageError` for more ranks than rows.
    """
    workers = launched() if launched() > 1 else config.workers or max(1, min(cores(), batch // MIN_ROWS_PER_WORKER))
    check({"batch": batch, "ranks": launched()})
    return min(workers, batch) if launched() > 1 else startable(min(workers, batch))


def fit_to_text(symbols: int, batch: int, window: int) -> tuple[int, int]:
    """The batch and window that suit a stream of `symbols`: smaller than asked for where it is short.

    An epoch of a stream of 1,024 symbols or more has at least 64 windows, so that there are updates enough to learn
    from. A window that is too long for that becomes one of about as many steps as rows: docs/guides/training.md has
    the figures. Its steps are at least 16, and a multiple of 8 unless few rows leave room for more. Rows that become
    fewer are a multiple of 4 where there are so many.
    """
    size = symbols // MIN_WINDOWS_PER_EPOCH
    if window > max(MIN_WINDOW, isqrt(2 * size)):
        square = WINDOW_MULTIPLE * round(isqrt(size) / WINDOW_MULTIPLE)
        window = min(window, max(MIN_WINDOW, square, size // batch))
    window = max(1, min(window, symbols))
    rows = size // window
    return (batch if batch <= rows else max(1, rows - rows % ROW_MULTIPLE or rows)), window
