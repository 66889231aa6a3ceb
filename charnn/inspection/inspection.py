"""What goes on inside a network: how far gradients reach, the eigenvalues of W, saturation, activations.

No cell is known here. A window of length one has a state before and after it, and its `backward` leads from the
gradient of the one to that of the other: a chain of such windows shows dL[t]/dstate[t-k] for every k.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..data.vocabulary import EOS
from ..errors import InputError
from ..nn.layers import Array, Arrays, Layer, State
from ..nn.layers.layer import Forward, Gradients, Keep, Rng
from ..nn.layers.linear import rows
from ..nn.model import Model
from ..nn.numerics import cross_entropy, quiet
from ..nn.parameters import Parameters, Views
from ..nn.workspace import DType, Workspace

POSITIONS = 64  # at which the loss is taken, read side by side
FEWEST = 8  # of them, where states are large
ROOM = 1 << 25  # numbers, for the states of all lags
CONTEXT = 64  # characters read before the oldest state that is looked at
EDGE = 0.05  # an activation so close to a bound is saturated
RECURRENT = re.compile(r"hidden/\d+/(W\d*|D)")  # W, the W_k of a step's further layers, D over a delay
BOUNDS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "relu": (0.0, math.inf)}
GATED = "gated"  # what a layer without a function of its own computes, within the bounds of tanh


@dataclass(frozen=True)
class Norm:
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


@dataclass(frozen=True)
class Saturation:
    """The share of a layer's activations where its function is flat, and how many units are there at every position.

    For tanh and sigmoid, and the outputs of gated cells, within 0.05 of a bound; for relu at 0, where a unit that is
    always there is called dead.
    """

    layer: int
    function: str
    units: int
    share: float
    always: int


class Probe:
    """A layer that keeps what last went through it, y forwards and dy backwards; otherwise it is that layer."""

    def __init__(self, layer: Layer):
        self.layer, self.state_sizes = layer, layer.state_sizes
        self.y, self.dy = np.empty(0), np.empty(0)

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        y, after, back = self.layer.forward(p, x, state, ws, keep, rng)
        self.y = y[0]

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            self.dy = dy[0].copy()
            return back(dy, dstate, g)

        return y, after, backward


def probed(model: Model) -> tuple[Layer, tuple[Probe, ...]]:
    """All below the model's readout, with a probe in the place of each layer, and the probes."""
    probes: Any = tuple(Probe(layer) for layer in model.hidden.layers)
    copy = replace(model)
    vars(copy)["hidden"] = replace(model.hidden, layers=probes)
    return copy.recurrent, probes


def precise(weights: Parameters) -> Parameters:
    """The weights in float64, in which norms neither vanish nor explode as soon."""
    p = Parameters(weights.shapes, np.float64)
    for name, w in weights.items():
        p[name] = w
    return p


def lanes(ids: Array, steps: int, count: int) -> tuple[Array, Array]:
    """x, y (steps, B): what is read and what follows, at up to `count` places evenly spread over a text."""
    at = np.unique(np.linspace(0, len(ids) - steps, count).astype(np.int64)) + np.arange(steps)[:, None]
    x = ids[at - 1]
    x[at == 0] = EOS
    return x, ids[at]


def kept(x: Array, reset: bool, dtype: DType = np.float64) -> Keep:
    """0 where the state is forgotten before the step, (T, B, 1); None where it never is."""
    return (x != EOS)[..., None].astype(dtype) if reset else None


@quiet()  # norms beyond all bounds say so
def gradients(
    model: Model, weights: Parameters, ids: Array, lags: int, *, reset: bool
) -> tuple[list[Norm], list[Saturation]]:
    """Norms by layer and lag 0 ... `lags`, and saturation, at positions evenly spread over a text of ids (N,).

    Each is read from the zero state, and from up to 64 characters before the oldest state, on. A layer without a state
    has no norms. Raises `InputError` where the text is shorter than the lags.
    """
    if len(ids) <= lags:
        raise InputError(f"{lags} lags need more than {len(ids):,} characters: give a longer text, or a smaller --lags")
    context, room = min(CONTEXT, len(ids) - lags), ROOM // (lags * sum(model.state_sizes) + 1)
    chain = Chain(model, precise(weights), *lanes(ids, context + lags, max(FEWEST, min(POSITIONS, room))), reset)
    tallies = [Tally(i, probe) for i, probe in enumerate(chain.probes)]
    zero = model.zero_state(chain.x.shape[1], np.float64)
    states = [_copies(chain.window(slice(0, context), zero)[1])]
    for t in range(context, len(chain.x)):
        states.append(_copies(chain.window(slice(t, t + 1), states[-1])[1]))
        for tally in tallies:
            tally.add()
    found = sorted(chain.norms(states), key=lambda norm: norm.layer)
    return found, [tally.result() for tally in tallies if tally.bounds]


class Chain:
    """Pieces of a text, x and y (T, B), read step by step."""

    def __init__(self, model: Model, p: Parameters, x: Array, y: Array, reset: bool):
        self.model, self.p, self.x, self.y = model, p, x, y
        self.keep, (self.below, self.probes), self.ws = kept(x, reset), probed(model), Workspace()

    def window(self, steps: slice, state: State) -> Forward:
        """Some steps of it."""
        self.ws.reset()
        keep = None if self.keep is None else self.keep[steps]
        found: Forward = self.below.forward(self.p, (self.x[steps],), state, self.ws, keep)
        return found

    def norms(self, states: list[State]) -> Iterator[Norm]:
        """From the last step back, with the states before and after each of the steps: read again, one at a time."""
        g, reach = self.p.like(), np.ones(self.x.shape[1], bool)
        dstate = tuple(np.zeros_like(s) for s in states[-1])
        last: dict[int, Array] = {}
        for lag, before in enumerate(states[-2::-1]):
            t = len(self.x) - 1 - lag
            h, _, backward = self.window(slice(t, t + 1), before)
            dh = tuple(np.zeros_like(part) for part in h) if lag else self._loss(h, g)
            _, dstate = backward(dh, dstate, g)
            dstate = _copies(dstate)
            if lag == 0:
                last = {i: _sizes((probe.dy[0],)) for i, probe in enumerate(self.probes) if probe.state_sizes}
                yield from (_norm(i, 0, each, each) for i, each in last.items())
            if self.keep is not None:
                reach = reach & (self.keep[t, :, 0] != 0)
            if not reach.any():
                return
            sizes = {i: _sizes(own) for i, own in enumerate(_apart(self.probes, dstate)) if own}
            yield from (_norm(i, lag + 1, each[reach], last[i][reach]) for i, each in sizes.items())
            last = sizes

    def _loss(self, h: Arrays, g: Parameters) -> Arrays:
        """dL/dh of each array that the readout sees, L being the loss of the last step."""
        (o,), _, backward = self.model.readout.forward(self.p.at("readout"), h, (), self.ws)
        cross_entropy(rows(o), rows(self.y[-1:]))  # o becomes dL/do
        return backward((o,), (), g.at("readout"))[0]


def _copies(arrays: State) -> State:
    return tuple(array.copy() for array in arrays)


def _apart(layers: Sequence[Probe], state: State) -> Iterator[State]:
    """Each layer's part of a state."""
    arrays = iter(state)
    return (tuple(next(arrays) for _ in layer.state_sizes) for layer in layers)


def _sizes(gradient: State) -> Array:
    """Norms of the rows of some arrays side by side, (B,); a sum of squares would vanish from 1e-162 on."""
    found: Array = np.hypot.reduce([np.hypot.reduce(d, axis=1) for d in gradient], axis=0)
    return found


def _norm(layer: int, lag: int, each: Array, before: Array) -> Norm:
    """Of norms (B,), and those of the same positions one lag before."""
    total = np.hypot.reduce(each)
    growth = float(total / np.hypot.reduce(before)) if lag else math.nan
    low, median, high = np.quantile(each, (0.1, 0.5, 0.9)).tolist()
    return Norm(layer, lag, len(each), float(total / math.sqrt(len(each))), low, median, high, growth)


def factor(norms: Sequence[Norm]) -> float:
    """What one layer's norm is multiplied with at each step back in time, from lag 1 on: the geometric mean."""
    there = [norm for norm in norms if norm.lag > 1 and 0 < norm.growth < math.inf]
    total = sum(norm.positions for norm in there)
    return math.exp(sum(norm.positions * math.log(norm.growth) for norm in there) / total) if total else math.nan


def function(layer: Layer) -> tuple[str, tuple[float, float] | None]:
    """What a layer computes, and the bounds of its output; None where they are not known."""
    name = str(getattr(layer, "activation", GATED))
    return name, BOUNDS["tanh"] if name == GATED else BOUNDS.get(name)


class Tally:
    """Counts the saturated activations of a layer, window by window."""

    def __init__(self, layer: int, probe: Probe):
        self.layer, self.probe, self.total, self.flat = layer, probe, 0, 0
        self.function, self.bounds = function(probe.layer)
        self.always: Any = True

    def add(self) -> None:
        y = rows(self.probe.y)
        if self.bounds is None or not y.max(initial=0) <= self.bounds[1] or not y.min(initial=0) >= self.bounds[0]:
            self.bounds = None  # a function that is not known here
            return
        low, high = self.bounds
        edge = EDGE if math.isfinite(high) else 0.0
        flat = (y <= low + edge) | (y >= high - edge)
        self.total, self.flat = self.total + flat.size, self.flat + int(flat.sum())
        self.always = self.always & flat.all(axis=0)

    def result(self) -> Saturation:
        return Saturation(self.layer, self.function, len(self.always), self.flat / self.total, int(np.sum(self.always)))


def spectra(weights: Parameters) -> dict[str, Array]:
    """The eigenvalues of every W by its name, and of what else h meets on its way to the next step, or over a delay.

    `name 2 of 4` for each of a cell's gates.
    """
    found = {name: eigenvalues(W) for name, W in weights.items() if RECURRENT.fullmatch(name)}
    return {
        name if len(blocks) == 1 else f"{name} {i + 1} of {len(blocks)}": values
        for name, blocks in found.items()
        for i, values in enumerate(blocks)
    }


def radius(values: Array) -> float:
    """The spectral radius: what h W^k grows or shrinks by at each step in the long run."""
    return float(np.abs(values).max())


class Reader:
    """A network that reads a stream, piece by piece, from EOS and the zero state on, and shows what its units do."""

    def __init__(self, model: Model, weights: Parameters, reset: bool):
        self.below, self.probes = probed(model)
        self.p, self.reset, self.ws = weights, reset, Workspace()
        self.dtype = weights.flat.dtype
        self.state = model.zero_state(1, self.dtype)
        bounds = [function(probe.layer)[1] or (0.0, math.inf) for probe in self.probes]
        self.bounded = all(math.isfinite(high) for _, high in bounds)  # every activation within +-1
        self.sizes = tuple(y.shape[1] for y in self.read(np.array([EOS])))  # units of each layer

    @quiet()
    def read(self, ids: Array) -> Arrays:
        """The activations of each layer after each symbol of the next piece (N,), (N, H)."""
        self.ws.reset()
        x = ids[:, None]
        _, after, _ = self.below.forward(self.p, (x,), self.state, self.ws, kept(x, self.reset, self.dtype))
        self.state = _copies(after)
        return tuple(probe.y[:, 0].copy() for probe in self.probes)


def eigenvalues(W: np.ndarray) -> list[np.ndarray]:
    """Those of each square block of a recurrence, the largest first; a vector, which stands for a diagonal, is its own.

    W (H, H), (H, n H) where the gates of a cell lie side by side, or (H,); there are none for any other shape.
    """
    W = W.astype(np.float64)
    blocks: list[np.ndarray] = []
    if W.ndim == 2 and W.shape[1] % W.shape[0] == 0:
        blocks = np.split(W, W.shape[1] // W.shape[0], axis=1)
    found = [np.linalg.eigvals(b) for b in blocks]
    found += [W] if W.ndim == 1 else []
    return [(v + 0j)[np.lexsort((-v.imag, -v.real, -np.abs(v)))] for v in found]
