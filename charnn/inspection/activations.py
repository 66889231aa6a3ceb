"""What units do while a network reads: their activations, or the values of their gates."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..data.pair_batches import pad
from ..data.vocabulary import EOS
from ..errors import UsageError
from ..nn.functions import ignore_overflow
from ..nn.layers.base import Array, Arrays
from ..nn.network import Network
from ..nn.pairs.encoder import Encoder
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
    """An encoder that reads sources, each by itself up to its EOS, and shows what its units do.

    A layer that reads both ways has the units of the one that reads forwards first.
    """

    at_once = None  # a source is read whole

    def __init__(self, run: Run):
        reader = getattr(run.model.network, "reader", None)
        if not isinstance(reader, Encoder):
            raise UsageError(f"{run.path or run.name} has no encoder whose units could be shown")
        self.p, self.ws = run.weights.at("reader"), Workspace(back=False)
        self.probes: Any = tuple(Probe(layer, "outputs") for layer in reader.stack.layers)  # type: ignore[attr-defined]
        stack: Any = replace(reader.stack, layers=self.probes)  # type: ignore[type-var]
        self.encoder = replace(reader, stack=stack)
        self.bounded = _bounded(self.probes)
        self.blocks = tuple(Block(i, sum(probe.output_sizes)) for i, probe in enumerate(self.probes))

    @ignore_overflow()
    def read(self, ids: Array) -> Arrays:
        """What each layer's units do after each symbol of a source, (N, H); ids (N,) have its EOS."""
        self.ws.reset()
        self.encoder.read(self.p, pad([ids[:-1]], ids.dtype), self.ws)
        found = tuple(probe.seen[0][0, :, 0] for probe in self.probes)
        for probe in self.probes:
            probe.seen.clear()
        return found
