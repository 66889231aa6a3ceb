"""What forecasts of a series there are to beat, and a network's own."""

from collections.abc import Iterator

import numpy as np

from ...data.series import Part
from ...nn.pairs.series import SeriesModel
from ...nn.parameters import Parameters
from ...nn.workspace import Workspace

AVERAGED = 2, 4, 8, 16  # steps of the moving averages that are tried
ORDERS = 1, 2, 4, 8, 16, 32  # of the linear autoregressions that are tried
RIDGE = 1e-6  # added to each variance, so that columns that say the same have one solution
READ_AT_ONCE = 256  # steps
Array = np.ndarray


def mean_square(part: Part, forecast: Array) -> float:
    """The mean squared error of a forecast (N, D), in units of the variance of the training part."""
    return float(np.square(part.values - forecast, dtype=np.float64)[part.read :].mean())


def moving_average(part: Part, steps: int) -> Array:
    """The mean of so many vectors before each, (N, D)."""
    found: Array = sum(part.before(lag) for lag in range(1, 1 + steps)) / steps  # type: ignore[assignment]
    return found


def autoregression(train: Part, part: Part, order: int) -> Array:
    """x[t] = b + x[t-1] A_1 + ... + x[t-order] A_order, by least squares on the training part: a forecast (N, D)."""
    there = np.concatenate([np.arange(size) >= order for size in np.diff(train.edges).tolist()])
    if not there.any():  # sequences are shorter than that
        there[:] = True
    seen, wanted = _lags(train, order)[there], train.values[there].astype(np.float64)
    square = seen.T @ seen
    square[np.diag_indices_from(square)] += RIDGE * len(seen)
    weights = np.linalg.solve(square, seen.T @ wanted)
    forecast: Array = _lags(part, order) @ weights
    return forecast


def _lags(part: Part, order: int) -> Array:
    """1, x[t-1], ..., x[t-order] of each place, (N, 1 + order D)."""
    lags = [part.before(lag) for lag in range(1, 1 + order)]
    return np.concatenate([np.ones((len(part.values), 1)), *lags], axis=1, dtype=np.float64)


def to_beat(train: Part, valid: Part) -> dict[str, float]:
    """Mean squared errors of the last value, of the best moving average and of the best linear autoregression, with the
    steps and the order that are best."""
    averages = {steps: mean_square(valid, moving_average(valid, steps)) for steps in AVERAGED}
    orders = [order for order in ORDERS if order == 1 or 4 * order < len(train.values)]
    linear = {order: mean_square(valid, autoregression(train, valid, order)) for order in orders}
    steps, order = min(averages, key=averages.__getitem__), min(linear, key=linear.__getitem__)
    return {
        "persistence": mean_square(valid, valid.before(1)),
        "moving_average": averages[steps],
        "steps": float(steps),
        "autoregression": linear[order],
        "order": float(order),
    }


def forecasts(model: SeriesModel, p: Parameters, part: Part) -> Array:
    """What a network expects at each place of a part, (N, D), each sequence read from its start on."""
    found, ws = np.empty_like(part.values), Workspace(back=False)
    for start, end in zip(part.edges[:-1].tolist(), part.edges[1:].tolist(), strict=True):
        read = np.concatenate([np.zeros_like(part.values[:1]), part.values[start : end - 1]])
        state = model.network.zero_state(1, p)
        for at in _cuts(end - start):
            ws.reset()
            o, after = model.network.predict(p, read[at][:, None], state, ws)
            found[start:end][at], state = o[:, 0], tuple(s.copy() for s in after)
    return found


def _cuts(length: int) -> Iterator[slice]:
    return (slice(start, start + READ_AT_ONCE) for start in range(0, length, READ_AT_ONCE))


def continued(model: SeriesModel, p: Parameters, values: Array, steps: int) -> Iterator[Array]:
    """Vectors (D,) that follow others (N, D), each read again as if it had come."""
    ws, state, now = Workspace(back=False), model.network.zero_state(1, p), np.zeros((1, values.shape[1]), values.dtype)
    for at in _cuts(len(values) + 1):
        ws.reset()
        read = np.concatenate([now, values])[at]
        o, after = model.network.predict(p, read[:, None], state, ws)
        last, state = o[-1].copy(), tuple(s.copy() for s in after)
    for _ in range(steps):
        yield last[0]
        ws.reset()
        o, after = model.network.predict(p, last[None], state, ws)
        last, state = o[-1].copy(), tuple(s.copy() for s in after)
