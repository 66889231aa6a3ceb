"""What forecasts of a series there are to beat, and a network's own."""

from collections.abc import Iterator

import numpy as np

from ...data.series import Part
from ...nn.pairs.series import SeriesModel
from ...nn.parameters import Parameters
from ...nn.workspace import Workspace
from . import kalman

AVERAGED = 2, 4, 8, 16  # steps of the moving averages that are tried
ORDERS = 1, 2, 4, 8, 16, 32  # of the linear autoregressions that are tried
RIDGE = 1e-6  # added to each variance, so that columns that say the same have one solution
READ_AT_ONCE = 256  # steps
STATES = 2, 4, 8, 16  # of the Kalman filters that are tried
ROUNDS = 20  # in which each of them is fitted
PIECE, PIECES = 128, 128  # steps of the pieces of the training part that they are fitted to, and how many at most
LAGS, LAGGED = 16, 256  # steps that a filter's first state is made from at most, and the numbers in them
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


def pieces(part: Part) -> Array:
    """Pieces of equal length, spread over a part, side by side (T, B, D); none where sequences are short: B is 0."""
    lengths = np.diff(part.edges)
    steps = min(PIECE, max(4, int(np.median(lengths))))
    starts = [
        start + i * steps
        for start, length in zip(part.edges.tolist(), lengths.tolist(), strict=False)
        for i in range(length // steps)
    ]
    chosen = np.unique(np.linspace(0, len(starts) - 1, min(PIECES, len(starts))).astype(np.int64))
    return part.values[np.array(starts, np.int64)[chosen] + np.arange(steps)[:, None]].astype(np.float64)


def filtered(train: Part, part: Part, states: int) -> Array:
    """The forecast (N, D) of a Kalman filter of so many states, which is fitted to the training part."""
    x, found = pieces(train), np.empty(part.values.shape)
    lags = max(1, min(LAGS, len(x) // 2, LAGGED // x.shape[2]))
    model = kalman.fit(x, min(states, lags * x.shape[2]), lags, ROUNDS)
    for start, end in zip(part.edges[:-1].tolist(), part.edges[1:].tolist(), strict=True):
        found[start:end] = model.forecasts(part.values[start:end].astype(np.float64))
    return found


def to_beat(train: Part, valid: Part) -> dict[str, float]:
    """Mean squared errors of simple forecasts: by the last value, and by the best of each of three models.

    The models are moving averages, linear autoregressions and Kalman filters. `steps`, `order` and `states` say which
    ones are best. There is no filter where sequences are short.
    """
    averages = {steps: mean_square(valid, moving_average(valid, steps)) for steps in AVERAGED}
    orders = [order for order in ORDERS if order == 1 or 4 * order < len(train.values)]
    linear = {order: mean_square(valid, autoregression(train, valid, order)) for order in orders}
    kept = STATES if pieces(train).shape[1] else ()
    gaussian = {states: mean_square(valid, filtered(train, valid, states)) for states in kept}
    steps, order = min(averages, key=averages.__getitem__), min(linear, key=linear.__getitem__)
    found = {
        "persistence": mean_square(valid, valid.before(1)),
        "moving_average": averages[steps],
        "steps": float(steps),
        "autoregression": linear[order],
        "order": float(order),
    }
    if gaussian:
        states = min(gaussian, key=gaussian.__getitem__)
        found |= {"kalman": gaussian[states], "states": float(states)}
    return found


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
