"""A network that reads a source and writes a target, symbol by symbol, from EOS to EOS.

z, m = what the reader makes of the source: one vector, and states to attend to
s[0] = i + z I,   h[t] = decoder(y[t-1], z; s[t-1]),   c[t] = attention(h[t], m),   u[t] = tanh(b + [h[t], c[t]] U)
o[t] = c + u[t] V,   L = -sum_t log softmax(o[t])[y[t]]   (nats)

Three ways lead from the source to the target: the state that the decoder starts from, the vector that it sees at each
step, and attention. Each may be missing. Without attention u is h.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from ...data.pair_batches import Padded, pad
from ..layers.base import Array, Rng, State
from ..layers.linear import Linear
from ..parameters import Parameters
from ..workspace import Workspace
from .composite import Composite
from .decoder import Decoder, Seen
from .encoder import Encoder, SourceReader
from .readout import Readout

ATTENDED = 1 << 24  # shares of attention that are there at once while targets are scored: long ones go in windows


class PairBatch(NamedTuple):
    """Sources and targets side by side."""

    source: Padded
    target: Padded


class Step(NamedTuple):
    """What follows some symbols, of R rows."""

    o: Array  # (R, V) scores
    state: State  # (R, n) each
    weights: Array | None  # (B, R / B, S): of attention


@dataclass(frozen=True)
class EncoderDecoder(Composite):
    """See above. The decoder reads z at each step where its stack has inputs for it beside the `size` symbols."""

    reader: SourceReader
    decoder: Decoder
    size: int
    start: bool = True
    step: bool = False

    @cached_property
    def parts(self) -> dict[str, Any]:
        found: dict[str, Any] = {"reader": self.reader, "decoder": self.decoder}
        if self.start:
            found["start"] = Linear(self.reader.z_sizes, sum(self.decoder.state_sizes), "I", "i")
        if self.decoder.attention:
            found["memory"] = Linear(self.reader.z_sizes, sum(self.decoder.stack.output_sizes), "M", "m")
        return {**found, "readout": self.readout}

    @property
    def readout(self) -> Readout:
        return Readout(self.decoder.output_sizes, self.size)

    @property
    def stacks(self) -> dict[str, Any]:
        read = {"reader": self.reader.stack} if isinstance(self.reader, Encoder) else {}
        return {**read, "decoder/stack": self.decoder.stack}

    def batch(self, sources: Sequence[Array], targets: Sequence[Array], dtype: np.dtype) -> PairBatch:
        """Sources and targets, (n,) of ids each, side by side."""
        return PairBatch(pad(sources, dtype), pad(targets, dtype))

    def gradient(self, p: Parameters, g: Parameters, batch: PairBatch, ws: Workspace, rng: Rng) -> tuple[float, int]:
        """ADD into g the gradient of the summed loss of a batch; return that loss in nats, and its count of symbols."""
        seen, back = self._see(p, batch.source, ws, rng)
        found = self.decoder.read(p.at("decoder"), seen, batch.target.before, seen.state, ws, rng)
        nats, du = self.readout.add_gradient(p.at("readout"), g.at("readout"), found.u, batch.target, ws)
        back(found.backward(du, tuple(np.zeros_like(s) for s in found.state), g.at("decoder")), g)
        return nats, int(batch.target.inside.sum())

    def score(self, p: Parameters, batch: PairBatch, ws: Workspace) -> tuple[Array, Array]:
        """Surprisal of each symbol of the targets in nats, 0 in their padding, and whether it was likeliest, (T, B)."""
        seen, x, found = self.see(p, batch.source, ws), batch.target.before, []
        state = seen.state
        size = max(1, ATTENDED // batch.source.ids.size) if self.decoder.attention else len(x)
        for steps in (slice(start, start + size) for start in range(0, len(x), size)):
            with ws.scratch():
                read = self.decoder.read(p.at("decoder"), seen, x[steps], state, ws)
                target = Padded(batch.target.ids[steps], batch.target.inside[steps])
                found.append(self.readout.surprisal(p.at("readout"), read.u, target, ws))
                state = tuple(part.copy() for part in read.state)
        nats, hits = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return nats, hits

    def attention(self, p: Parameters, batch: PairBatch, ws: Workspace) -> Array:
        """The share of each state of the encoder at each step of the targets, (B, T, S); of one that attends."""
        seen = self.see(p, batch.source, ws)
        found = self.decoder.read(p.at("decoder"), seen, batch.target.before, seen.state, ws)
        assert found.weights is not None
        return found.weights

    def see(self, p: Parameters, source: Padded, ws: Workspace) -> Seen:
        """What the decoder sees of sources."""
        return self._see(p, source, ws, None)[0]

    def advance(self, p: Parameters, seen: Seen, x: Array, state: State, ws: Workspace) -> Step:
        """What follows the symbols x (R,). Row k B + b, of R = K B, writes a target of source b."""
        found = self.decoder.read(p.at("decoder"), seen, x[None], state, ws)
        return Step(self.readout.scores(p.at("readout"), found.u, ws)[0], found.state, found.weights)

    def _see(
        self, p: Parameters, source: Padded, ws: Workspace, rng: Rng
    ) -> tuple[Seen, Callable[[Seen, Parameters], None]]:
        read, sizes = self.reader.read(p.at("reader"), source, ws, rng), self.decoder.state_sizes
        B, start_back, memory_back, memory = len(read.z[0]), None, None, None
        state = tuple(np.zeros((B, n), p.flat.dtype) for n in sizes)
        if self.start:
            z = tuple(part[None] for part in read.z)
            (s,), _, start_back = self.parts["start"].forward(p.at("start"), z, (), ws)
            state = tuple(np.split(s[0], [*accumulate(sizes)][:-1], axis=-1))
        if self.decoder.near:
            state = *state, np.zeros((B, 1), p.flat.dtype)  # steps so far
        if self.decoder.attention:
            (memory,), _, memory_back = self.parts["memory"].forward(p.at("memory"), read.h, (), ws)

        def backward(d: Seen, g: Parameters) -> None:
            dz = d.z or tuple(np.zeros_like(part) for part in read.z)
            if start_back:
                dstart, _ = start_back((np.concatenate(d.state, axis=-1)[None],), (), g.at("start"))
                for one, more in zip(dz, dstart, strict=True):
                    one += more[0]
            if memory_back:
                dh, _ = memory_back((d.memory,), (), g.at("memory"))
            else:
                dh = tuple(np.zeros_like(part) for part in read.h)
            read.backward(dz, dh, g.at("reader"))

        return Seen(state, read.z if self.step else (), memory, source.inside), backward
