"""What units do while a network reads: their activations, or the values of their gates."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..data.vocabulary import EOS
from ..errors import UsageError
from ..evaluation.gap_score import begins
from ..nn.functions import ignore_overflow
from ..nn.layers.base import Array, Arrays
from ..nn.layers.bidirectional import Bidirectional, reversal
from ..nn.network import Network
from ..nn.pairs.encoder import Encoder
from ..nn.pairs.primed import Primed
from ..nn.workspace import Workspace
from ..runs.run import Run
from .probes import Probe, copies_of, probed

READ_AT_ONCE = 256  # characters


@dataclass(frozen=True)
class Block:
    """Units that are shown together: those of a layer, or of one of its gates."""

    layer: int
    size: int
    gate: str = ""

    @property
    def name(self) -> str:
        return f"{self.layer}/{self.gate}" if self.gate else str(self.layer)


def _bounded(probes: Iterable[Probe]) -> bool:
    """Whether every activation lies within -1 and 1."""
    return all(probe.layer.bounds is not None and math.isfinite(probe.layer.bounds[1]) for probe in probes)


class ActivationReader:
    """A network that reads a stream, piece by piece, from EOS and the zero state on, and shows what its units do.

    With `gates` the units are those of the gates of its cells. Raises `UsageError` where there are none.
    """

    at_once: int | None = READ_AT_ONCE  # symbols of a piece

    def __init__(self, network: Network, gates: bool = False):
        self.network, self.state, self.ws = network, network.zero_state(1), Workspace()
        self.below, self.probes = probed(network.model, "gates" if gates else "outputs")
        self.bounded = gates or _bounded(self.probes)
        sizes = [part.shape[1] for part in self.read(np.array([EOS]))]
        names = [
            (i, name) for i, probe in enumerate(self.probes) for name in (probe.layer.gate_names if gates else ("",))
        ]
        if not names:
            raise UsageError("--gates needs a cell with gates, and this model has none: leave it out")
        self.blocks = tuple(Block(i, size, name) for (i, name), size in zip(names, sizes, strict=True))

    @ignore_overflow()
    def read(self, ids: Array) -> Arrays:
        """What each block's units do after each symbol of the next piece (N,), (N, H)."""
        self.ws.reset()
        x = ids[:, None]
        _, after, _ = self.below.forward(self.network.weights, (x,), self.state, self.ws, self.network.keep(x))
        self.state = copies_of(after)
        found: list[Array] = []
        for probe in self.probes:
            if probe.seen:
                found += list(np.concatenate(probe.seen, axis=1)[:, :, 0])
                probe.seen.clear()
        return tuple(found)


class SourceActivations:
    """A stack that reads sources, each by itself up to its EOS, and shows what its units do.

    It is that of the encoder or, without one, of the decoder, which reads the source first. A layer that reads both
    ways has the units of the one that reads forwards first. Raises `UsageError` where sources are labels.
    """

    at_once = None  # a source is read whole

    def __init__(self, run: Run):
        network = run.model.network
        reader = getattr(network, "reader", network)
        if not isinstance(reader, Encoder | Primed):
            raise UsageError(f"{run.path or run.name} reads labels, and has no units that read a source")
        self.p = run.weights.at("decoder" if isinstance(reader, Primed) else "reader")
        self.ws, self.dtype = Workspace(back=False), run.weights.flat.dtype
        self.stack, self.probes = _shown(reader.stack)
        self.blocks, self.bounded = _blocks(self.probes), _bounded(self.probes)

    @ignore_overflow()
    def read(self, ids: Array) -> Arrays:
        """What each layer's units do after each symbol of a source, (N, H); ids (N,) have its EOS."""
        self.ws.reset()
        state = tuple(np.zeros((1, n), self.dtype) for n in self.stack.state_sizes)
        self.stack.forward(self.p, (ids[:, None],), state, self.ws)
        return _taken(self.probes)


class GapActivations:
    """A network that reads a text from both ends, and shows what its units do, those that read forwards first.

    A text is read in pieces of 256 symbols, each by itself.
    """

    at_once = READ_AT_ONCE

    def __init__(self, run: Run):
        both = run.model.network.both
        self.p, self.ws = run.weights.at("both"), Workspace(back=False)
        self.reset, self.dtype = run.reset, run.weights.flat.dtype
        (ahead, left), (back, right) = _shown(both.forwards), _shown(both.backwards)
        self.both, self.probes = Bidirectional(ahead, back), (*left, *right)
        self.blocks, self.bounded = _blocks(self.probes), _bounded(self.probes)

    @ignore_overflow()
    def read(self, ids: Array) -> Arrays:
        """What each layer's units do at each symbol of the next piece (N,), (N, H)."""
        self.ws.reset()
        x = ids[:, None]
        keep = begins(x, self.reset, self.dtype)
        state = tuple(np.zeros((1, n), self.dtype) for n in self.both.state_sizes)
        self.both.forward(self.p, (x,), state, self.ws, keep)
        found, order = _taken(self.probes), reversal(x.shape, keep)
        half = len(found) // 2
        return *found[:half], *(part[order] for part in found[half:])


def _shown(stack: Any) -> tuple[Any, tuple[Probe, ...]]:
    """A stack whose layers keep what comes out of them, and these layers."""
    probes = tuple(Probe(layer, "outputs") for layer in stack.layers)
    return replace(stack, layers=probes), probes


def _blocks(probes: Iterable[Probe]) -> tuple[Block, ...]:
    return tuple(Block(i, sum(probe.output_sizes)) for i, probe in enumerate(probes))


def _taken(probes: Iterable[Probe]) -> Arrays:
    """What came out of each layer since the last time, (N, H)."""
    found = tuple(probe.seen[0][0, :, 0] for probe in probes)
    for probe in probes:
        probe.seen.clear()
    return found
