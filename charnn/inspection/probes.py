"""What goes on inside a network: how far gradients reach, the eigenvalues of W, saturation, activations.

No cell is known here. A window of length one has a state before and a state after. Its `backward` leads from the
gradient of the state after to that of the state before. A chain of such windows shows dL[t]/dstate[t-k] for every k.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from ..data.batches import shifted
from ..nn.layers.base import Array, Arrays, Forward, Gradients, Keep, Layer, Rng, State
from ..nn.layers.linear import rows
from ..nn.model import Model
from ..nn.network import Network
from ..nn.parameters import Parameters, Views
from ..nn.workspace import Workspace

SATURATION_MARGIN = 0.05  # an activation so close to a bound is saturated


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
    """A layer that keeps what last went through it, y forwards and dy backwards; otherwise it is that layer.

    y and dy (T, B, n): the outputs of the layer side by side. To `record` outputs or gates is to add them to `seen`,
    window after window: outputs (1, T, B, n), or (gates, T, B, H), nothing of a layer without gates.
    """

    def __init__(self, layer: Layer, record: str = ""):
        self.layer, self.state_sizes, self.output_sizes = layer, layer.state_sizes, layer.output_sizes
        self.y, self.dy = np.empty(0), np.empty(0)
        self.record, self.seen = record, list[Array]()

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        y, after, back = self.layer.forward(p, x, state, ws, keep, rng)
        self.y = y[0] if len(y) == 1 else np.concatenate(y, axis=-1)
        if self.record == "outputs":
            self.seen.append(self.y[None].copy())
        elif self.record == "gates" and self.layer.gate_names:
            before = np.concatenate([state[0][None], self.y[:-1]])  # h[t-1]
            self.seen.append(self.layer.gate_values(p, x, before if keep is None else before * keep, ws))

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            self.dy = np.concatenate(dy, axis=-1)
            return back(dy, dstate, g)

        return y, after, backward


P = TypeVar("P", bound=Probe)


def probed(model: Model, record: str = "") -> tuple[Layer, tuple[Probe, ...]]:
    """All below the model's readout, with a probe in the place of each layer, and the probes; see `Probe`."""
    return with_probes(model, lambda layer: Probe(layer, record))


def with_probes(model: Model, probe: Callable[[Layer], P]) -> tuple[Layer, tuple[P, ...]]:
    """The same with the probes that `probe` makes."""
    probes: Any = tuple(map(probe, model.hidden.layers))
    copy = replace(model)
    vars(copy)["hidden"] = replace(model.hidden, layers=probes)
    return copy.recurrent, probes


def precise(network: Network) -> Network:
    """The network in float64, in which norms neither vanish nor explode as soon."""
    return replace(network, weights=in_float64(network.weights))


def in_float64(weights: Parameters) -> Parameters:
    """A copy of weights."""
    p = Parameters(weights.shapes, np.float64)
    for name, w in weights.items():
        p[name] = w
    return p


def copies_of(arrays: State) -> State:
    return tuple(array.copy() for array in arrays)


def side_by_side(ids: Array, steps: int, count: int) -> tuple[Array, Array]:
    """x, y (steps, B): what is read and what follows, at up to `count` places evenly spread over a text."""
    return shifted(ids, np.unique(np.linspace(0, len(ids) - steps, count).astype(np.int64)) + np.arange(steps)[:, None])


class Tally:
    """Counts the saturated activations of a layer, window by window."""

    def __init__(self, layer: int, probe: Probe):
        self.layer, self.probe, self.total, self.flat = layer, probe, 0, 0
        self.function, self.bounds = probe.layer.activation, probe.layer.bounds
        self.always: Any = True

    def add(self) -> None:
        y = rows(self.probe.y)
        if self.bounds is None or not y.max(initial=0) <= self.bounds[1] or not y.min(initial=0) >= self.bounds[0]:
            self.bounds = None  # a function that is not known here
            return
        low, high = self.bounds
        edge = SATURATION_MARGIN if math.isfinite(high) else 0.0
        flat = (y <= low + edge) | (y >= high - edge)
        self.total, self.flat = self.total + flat.size, self.flat + int(flat.sum())
        self.always = self.always & flat.all(axis=0)

    def result(self) -> Saturation:
        return Saturation(self.layer, self.function, len(self.always), self.flat / self.total, int(np.sum(self.always)))


def spectra(network: Network) -> dict[str, Array]:
    """The eigenvalues of all recurrent weights by their names, with the name of the gate where a cell has several."""
    found: dict[str, Array] = {}
    for i, layer in enumerate(network.model.hidden.layers):
        for name in layer.recurrent_weights:
            at, gates = f"hidden/{i}/{name}", layer.gate_names
            blocks = eigenvalues(network.weights[at])
            found |= {f"{at} {gates[n]}" if gates else at: values for n, values in enumerate(blocks)}
    return found


def radius(values: Array) -> float:
    """The spectral radius: what h W^k grows or shrinks by at each step in the long run."""
    return float(np.abs(values).max())


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
