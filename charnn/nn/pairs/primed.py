"""A network without an encoder: one stack reads the source, then EOS, and goes on to write the target.

h[t] = stack(x[t]; h[t-1])   over   source EOS target,   o[t] = c + h[t] V,   L = -sum_t log softmax(o[t])[y[t]]

The loss is summed over the target alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...data.pair_batches import Padded, pad
from ...data.vocabulary import EOS
from ..layers.base import Array, Arrays, Rng, State
from ..layers.stack import Stack
from ..parameters import Parameters, Views
from ..workspace import Workspace
from .composite import Composite
from .decoder import Seen
from .encoder_decoder import PairBatch, Step
from .readout import Readout


def aligned(source: Padded) -> tuple[Array, Array]:
    """Sources (S, B) that all end at the same step, without EOS, and where the state is kept, (S + 1, B, 1).

    The state is forgotten before each source's first symbol; last stands the step after the source, where that of an
    empty one begins.
    """
    lengths = source.inside.sum(axis=0) - 1
    at = np.arange(lengths.max(initial=0) + 1)[:, None] - (lengths.max(initial=0) - lengths)
    x = np.take_along_axis(source.ids, np.maximum(at[:-1], 0), axis=0)
    return np.where(at[:-1] >= 0, x, EOS).astype(source.ids.dtype), (at > 0)[..., None]


@dataclass(frozen=True)
class Primed(Composite):
    """See above."""

    stack: Stack
    size: int

    @cached_property
    def parts(self) -> dict[str, Any]:
        return {"decoder": self.stack, "readout": self.readout}

    @property
    def readout(self) -> Readout:
        return Readout(self.stack.output_sizes, self.size)

    @property
    def stacks(self) -> dict[str, Any]:
        return {"decoder": self.stack}

    def batch(self, sources: Sequence[Array], targets: Sequence[Array], dtype: np.dtype) -> PairBatch:
        """Sources and targets, (n,) of ids each, side by side."""
        return PairBatch(pad(sources, dtype), pad(targets, dtype))

    def gradient(self, p: Parameters, g: Parameters, batch: PairBatch, ws: Workspace, rng: Rng) -> tuple[float, int]:
        """ADD into g the gradient of the summed loss of a batch; return that loss in nats, and its count of symbols."""
        h, first, back = self._read(p, batch, ws, rng)
        nats, dtarget = self.readout.add_gradient(p.at("readout"), g.at("readout"), _from(h, first), batch.target, ws)
        dh = tuple(np.zeros_like(part) for part in h)
        for whole, part in zip(_from(dh, first), dtarget, strict=True):
            whole[...] = part
        back(dh, g.at("decoder"))
        return nats, int(batch.target.inside.sum())

    def score(self, p: Parameters, batch: PairBatch, ws: Workspace) -> tuple[Array, Array]:
        """Surprisal of each symbol of the targets in nats, 0 in their padding, and whether it was likeliest, (T, B)."""
        h, first, _ = self._read(p, batch, ws, None)
        return self.readout.surprisal(p.at("readout"), _from(h, first), batch.target, ws)

    def see(self, p: Parameters, source: Padded, ws: Workspace) -> Seen:
        """The state after the sources."""
        x, keep = aligned(source)
        state = self._zero(x.shape[1], p)
        if len(x):
            state = self.stack.forward(p.at("decoder"), (x,), state, ws, keep[:-1].astype(p.flat.dtype))[1]
        return Seen(tuple(s * keep[-1] for s in state))

    def advance(self, p: Parameters, seen: Seen, x: Array, state: State, ws: Workspace) -> Step:
        """What follows the symbols x (R,): see `EncoderDecoder.advance`."""
        h, after, _ = self.stack.forward(p.at("decoder"), (x[None],), state, ws)
        return Step(self.readout.scores(p.at("readout"), h, ws)[0], after, None)

    def _read(
        self, p: Parameters, batch: PairBatch, ws: Workspace, rng: Rng
    ) -> tuple[Arrays, int, Callable[[Arrays, Views], None]]:
        """h over source and target, the step where the target begins, and backward(dh, g)."""
        (x, before), y = aligned(batch.source), batch.target.before
        keep = np.ones((len(x) + len(y), x.shape[1], 1), p.flat.dtype)
        keep[: len(before)] = before
        state = self._zero(x.shape[1], p)
        h, after, back = self.stack.forward(p.at("decoder"), (np.concatenate([x, y]),), state, ws, keep, rng)

        def backward(dh: Arrays, g: Views) -> None:
            back(dh, tuple(np.zeros_like(s) for s in after), g)

        return h, len(x), backward

    def _zero(self, rows: int, p: Parameters) -> State:
        return tuple(np.zeros((rows, n), p.flat.dtype) for n in self.stack.state_sizes)


def _from(arrays: Arrays, first: int) -> Arrays:
    return tuple(part[first:] for part in arrays)
