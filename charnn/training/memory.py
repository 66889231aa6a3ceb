"""How much memory training will need, and how much there is: known before the first step, not after hours."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..config import TrainConfig
from ..errors import CharnnError
from ..evaluation.score import SCORING_WINDOW
from ..machine import available_memory
from ..nn import optimizers
from ..nn.layers.linear import SORT_CHUNK
from ..nn.model import CHUNK, Model
from ..nn.parameters import Parameters
from ..nn.replay import CALL_BYTES, MAX_CALLS
from ..nn.task_model import TaskModel
from ..nn.workspace import Workspace

FLOAT_BYTES = 4  # bytes
RESERVED_BYTES = 50 << 20  # bytes for what is not counted here, and for the lists of calls of `RESERVED_LISTS` workers
RESERVED_LISTS = 2
LIST_BYTES = MAX_CALLS * CALL_BYTES  # of the lists of calls of a worker, at most
PROBED_STEPS = 2, 4  # of the windows that are measured
PROBED_LENGTHS, PROBED_PAIRS = (4, 8, 16), 4  # of the whole sequences that are measured
PROBED_ROWS = 32, 64  # of those windows, where a batch has more rows than the second


Shape = tuple[int, int]  # steps and rows of the largest piece of a batch of whole sequences


def needed(model: Any, config: TrainConfig, kept: int = 0, symbols: int = 0, largest: Shape | None = None) -> int:
    """Bytes that training will take on top of a corpus of so many symbols: weights, moments, gradients, windows.

    A network that learns from whole sequences has no windows: `largest` is what is in memory at once in their place.
    """
    return _lasting(model, config, kept, symbols) + _windows(model, config, largest)


def _lasting(model: Any, config: TrainConfig, kept: int, symbols: int) -> int:
    """Bytes of all but windows.

    Weights and moments are there twice, since a rollback returns to a copy. Each worker has a gradient of its own, and
    copies of matrices in a layout that products want. An update whose gradients go back over the edges of windows also
    holds the states that are `kept` there.
    """
    vectors = 2 * (1 + (config.average > 0) + len(optimizers.make(config).moments)) + 3 * (config.workers or 1)
    states = (6 + kept) * config.batch * sum(model.state_sizes)
    lists = LIST_BYTES * max(0, (config.workers or 1) - RESERVED_LISTS)
    return RESERVED_BYTES + lists + model.stream_bytes(symbols) + FLOAT_BYTES * (model.parameters * vectors + states)


def _windows(model: Any, config: TrainConfig, largest: Shape | None) -> int:
    """Bytes of the largest of what comes one after the other: drawing weights, windows of all workers, and scoring.

    Weights are drawn in float64, orthogonal matrices by way of three others. Rows of a window, or a piece of them at a
    time, are there twice while they are sorted by symbols.
    """
    workers, width = config.workers or 1, model.config.hidden
    rows = -(-config.batch // workers)
    drawing = 2 * FLOAT_BYTES * (model.parameters + 3 * width**2)
    if largest:
        return max(drawing, workers * whole_bytes(model, *largest))
    window, scored = (window_bytes(model, steps, rows) for steps in (config.window, max(1, SCORING_WINDOW // rows)))
    return max(drawing, workers * (window + min(FLOAT_BYTES * SORT_CHUNK, window)), scored)


def window_bytes(model: Model, steps: int, rows: int) -> int:
    """Bytes of the arrays of a window (steps, rows): a straight line through what small windows take, and scores.

    Scores are made and used some steps at a time, whatever the length of the window.
    """
    scores = FLOAT_BYTES * rows * model.symbols * min(steps, max(1, CHUNK // (rows * model.symbols)))

    def taken(rows: int) -> float:
        return _line(PROBED_STEPS, [_measured(model, count, rows) for count in PROBED_STEPS], steps)

    few = rows <= PROBED_ROWS[-1]
    return scores + round(taken(rows) if few else _line(PROBED_ROWS, [taken(count) for count in PROBED_ROWS], rows))


@lru_cache(maxsize=16)
def whole_bytes(model: TaskModel, steps: int, rows: int) -> int:
    """Bytes of a gradient of sequences (steps, rows): a parabola through what short ones take, since attention has a
    weight for each pair of steps.
    """
    x, y = PROBED_LENGTHS, [model.measured(count, PROBED_PAIRS) / PROBED_PAIRS for count in PROBED_LENGTHS]
    return round(float(np.polyval(np.polyfit(x, y, 2), steps)) * rows)


def _line(x: Sequence[int], y: Sequence[float], at: int) -> float:
    """The line through two points, at a third place."""
    return y[0] + (y[1] - y[0]) / (x[1] - x[0]) * (at - x[0])


@lru_cache(maxsize=16)
def _measured(model: Model, steps: int, rows: int) -> int:
    """Bytes that the layers take for a window, forwards and backwards."""
    p, ws, x = Parameters(model.shapes()), Workspace(), np.zeros((steps, rows), np.intp)
    h, after, backward = model.recurrent.forward(p, (x,), model.zero_state(rows), ws, rng=np.random.default_rng(0))
    dh = tuple(ws.empty(part.shape, part.dtype) for part in h)
    for part in dh:
        part.fill(0)
    backward(dh, tuple(np.zeros_like(s) for s in after), p.like())
    return ws.peak


def check(model: Any, config: TrainConfig, kept: int = 0, symbols: int = 0, largest: Shape | None = None) -> int:
    """Bytes that training will need. Raises `CharnnError` where there are not so many."""
    needed, available = _lasting(model, config, kept, symbols), available_memory()
    if available is None or needed <= available:  # so that a window can be tried
        needed += _windows(model, config, largest)
    if available is not None and needed > available:
        raise CharnnError(
            f"training needs {needed / 1e9:.1f} GB, and there are {available / 1e9:.1f} GB: "
            "try a smaller --hidden, --layers, --batch or --window"
        )
    return needed
