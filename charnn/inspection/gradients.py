"""How far gradients reach: their norms by lag."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..nn.functions import ignore_overflow
from ..nn.layers.base import Array, Arrays, Forward, State
from ..nn.layers.linear import rows
from ..nn.network import Network
from ..nn.parameters import Parameters, Views
from ..nn.workspace import Workspace
from .probes import Probe, Saturation, Tally, copies_of, precise, probed, side_by_side

POSITIONS = 64  # at which the loss is taken, read side by side
MIN_POSITIONS = 8  # of them, where states are large
MAX_STATE_NUMBERS = 1 << 25  # numbers, for the states of all lags
CONTEXT = 64  # characters read before the oldest state that is looked at


@dataclass(frozen=True)
class LagNorm:
    """|dL[t]/dstate[t-k]| of a layer at lag k, in nats per unit: its root mean square and quantiles.

    Over the positions t whose state still depends on that at t-k, none forgotten in between. The state is all that
    the layer carries on (of an LSTM h and c); at lag 0 it is the layer's output h[t], of which L[t] is a function.
    """

    layer: int
    lag: int
    positions: int
    rms: float
    low: float  # 10 %
    median: float
    high: float  # 90 %
    growth: float  # rms beside that of the same positions one lag before; nan at lag 0
    predicted: float = math.nan  # rms were the recurrent weights alone between t and t-k; nan for gated cells


class LinearPrediction:
    """dL[t]/ds[t-k] = dL[t]/ds[t] (A^T)^k of one layer, were its activation the identity; A = Q Lambda Q^-1.

    So its norm goes as the k-th powers of A's eigenvalues. What comes from other layers after lag 0 is left out.
    """

    def __init__(self, probe: Probe, p: Views):
        self.A, dh = probe.layer.linear_step(p), probe.dy[0]
        self.ds = np.zeros((len(dh), sum(probe.state_sizes)))
        self.ds[:, : dh.shape[1]] = dh

    def rms(self, reach: Array) -> float:
        """The norm at this lag, over the rows in reach."""
        return math.nan if self.A is None else _rms(_sizes((self.ds,))[reach])

    def step_back(self) -> None:
        """From one lag to the next."""
        if self.A is not None:
            self.ds = self.ds @ self.A.T


@ignore_overflow()  # norms beyond all bounds say so
def gradients_by_lag(network: Network, ids: Array, lags: int) -> tuple[list[LagNorm], list[Saturation]]:
    """Norms by layer and lag 0 ... `lags`, and saturation, at positions evenly spread over a text of ids (N,).

    Each is read from the zero state, and from up to 64 characters before the oldest state, on. A layer without a state
    has no norms. Raises `InputError` where the text is shorter than the lags.
    """
    if len(ids) <= lags:
        raise InputError(f"{lags} lags need more than {len(ids):,} characters: give a longer text, or a smaller --lags")
    context, room = min(CONTEXT, len(ids) - lags), MAX_STATE_NUMBERS // (lags * sum(network.model.state_sizes) + 1)
    positions = max(MIN_POSITIONS, min(POSITIONS, room))
    chain = LagChain(precise(network), *side_by_side(ids, context + lags, positions))
    tallies = [Tally(i, probe) for i, probe in enumerate(chain.probes)]
    zero = chain.network.zero_state(chain.x.shape[1])
    states = [copies_of(chain.window(slice(0, context), zero)[1])]
    for t in range(context, len(chain.x)):
        states.append(copies_of(chain.window(slice(t, t + 1), states[-1])[1]))
        for tally in tallies:
            tally.add()
    found = sorted(chain.norms(states), key=lambda norm: norm.layer)
    return found, [tally.result() for tally in tallies if tally.bounds]


class LagChain:
    """Pieces of a text, x and y (T, B), read step by step."""

    def __init__(self, network: Network, x: Array, y: Array):
        self.network, self.x, self.y, self.ws = network, x, y, Workspace()
        self.keep, (self.below, self.probes) = network.keep(x), probed(network.model)

    def window(self, steps: slice, state: State) -> Forward:
        """Some steps of it."""
        self.ws.reset()
        keep = None if self.keep is None else self.keep[steps]
        found: Forward = self.below.forward(self.network.weights, (self.x[steps],), state, self.ws, keep)
        return found

    def norms(self, states: list[State]) -> Iterator[LagNorm]:
        """From the last step back, with the states before and after each of the steps: read again, one at a time."""
        g, reach = self.network.weights.like(), np.ones(self.x.shape[1], bool)
        dstate = tuple(np.zeros_like(s) for s in states[-1])
        last: dict[int, Array] = {}
        linear: dict[int, LinearPrediction] = {}
        for lag, before in enumerate(states[-2::-1]):
            t = len(self.x) - 1 - lag
            h, _, backward = self.window(slice(t, t + 1), before)
            dh = tuple(np.zeros_like(part) for part in h) if lag else self.loss(h, g, t)
            _, dstate = backward(dh, dstate, g)
            dstate = copies_of(dstate)
            if lag == 0:
                last = {i: _sizes((probe.dy[0],)) for i, probe in enumerate(self.probes) if probe.state_sizes}
                linear = {i: self._prediction(i) for i in last}
                yield from (lag_norm(i, 0, each, each, linear[i].rms(reach)) for i, each in last.items())
            if self.keep is not None:
                reach = reach & (self.keep[t, :, 0] != 0)
            if not reach.any():
                return
            sizes = {i: _sizes(own) for i, own in enumerate(_apart(self.probes, dstate)) if own}
            for i, each in sizes.items():
                linear[i].step_back()
                yield lag_norm(i, lag + 1, each[reach], last[i][reach], linear[i].rms(reach))
            last = sizes

    def _prediction(self, layer: int) -> LinearPrediction:
        return LinearPrediction(self.probes[layer], self.network.weights.at(f"hidden/{layer}"))

    def loss(self, h: Arrays, g: Parameters, t: int) -> Arrays:
        """dL[t]/dh[t] of each array that the readout sees; the readout's gradient is ADDED into g."""
        (o,), _, backward = self.network.model.readout.forward(self.network.weights.at("readout"), h, (), self.ws)
        self.network.model.ending.loss(rows(o), rows(self.y[t : t + 1]))  # o becomes dL/do
        return backward((o,), (), g.at("readout"))[0]


def _apart(layers: Sequence[Probe], state: State) -> Iterator[State]:
    """Each layer's part of a state."""
    arrays = iter(state)
    return (tuple(next(arrays) for _ in layer.state_sizes) for layer in layers)


def _sizes(gradient: State) -> Array:
    """Norms of the rows of some arrays side by side, (B,); a sum of squares would vanish from 1e-162 on."""
    found: Array = np.hypot.reduce([np.hypot.reduce(d, axis=1) for d in gradient], axis=0)
    return found


def _rms(each: Array) -> float:
    """The root mean square of norms (B,)."""
    return float(np.hypot.reduce(each) / math.sqrt(len(each)))


def lag_norm(layer: int, lag: int, each: Array, before: Array, predicted: float = math.nan) -> LagNorm:
    """Of norms (B,), and those of the same positions one lag before."""
    growth = float(np.hypot.reduce(each) / np.hypot.reduce(before)) if lag else math.nan
    low, median, high = np.quantile(each, (0.1, 0.5, 0.9)).tolist()
    return LagNorm(layer, lag, len(each), _rms(each), low, median, high, growth, predicted)


def by_layer(norms: Sequence[LagNorm]) -> dict[int, list[LagNorm]]:
    """The norms of each layer, the lowest layer first."""
    return {layer: [norm for norm in norms if norm.layer == layer] for layer in sorted({norm.layer for norm in norms})}


def predicted_factor(norms: Sequence[LagNorm]) -> float:
    """What one layer's predicted norm is multiplied with at each step back: the geometric mean; nan without any."""
    first, last = norms[0].predicted, norms[-1].predicted
    return (last / first) ** (1 / norms[-1].lag) if norms[-1].lag and first > 0 and 0 < last < math.inf else math.nan


def factor(norms: Sequence[LagNorm]) -> float:
    """What one layer's norm is multiplied with at each step back in time, from lag 1 on: the geometric mean."""
    there = [norm for norm in norms if norm.lag > 1 and 0 < norm.growth < math.inf]
    total = sum(norm.positions for norm in there)
    return math.exp(sum(norm.positions * math.log(norm.growth) for norm in there) / total) if total else math.nan
