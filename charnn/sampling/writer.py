"""Targets of an encoder-decoder in the writing."""

import numpy as np

from ..data.pair_batches import Padded
from ..nn.layers.base import Array, State
from ..nn.pairs.decoder import Seen
from ..nn.pairs.encoder_decoder import EncoderDecoder
from ..nn.parameters import Parameters
from ..nn.workspace import Workspace


class TargetWriter:
    """The targets of some sources: what `beam.search` calls on, from the state `start` on."""

    def __init__(self, network: EncoderDecoder, p: Parameters, source: Padded):
        self.network, self.p, self.ws = network, p, Workspace(back=False)
        self.seen = network.see(p, source, Workspace(back=False))
        self.start: State = tuple(s.copy() for s in self.seen.state)

    def step(self, x: Array, state: State) -> tuple[Array, State]:
        """Scores o (R, V) of what follows the symbols x (R,), and the state after them: see `beam.Writer`."""
        self.ws.reset()
        found = self.network.advance(self.p, self.seen, x, state, self.ws)
        return found.o, tuple(s.copy() for s in found.state)

    def keep(self, targets: Array) -> None:
        """From now on there are only these of the targets, (b,)."""
        z, memory, inside = self.seen.z, self.seen.memory, self.seen.inside
        self.seen = Seen(
            self.seen.state,
            tuple(part[targets] for part in z),
            None if memory is None else np.ascontiguousarray(memory[:, targets]),
            None if inside is None else inside[:, targets],
        )
