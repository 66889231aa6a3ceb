"""Targets of a network of pairs in the writing."""

from collections.abc import Sequence

import numpy as np

from ..data.pair_batches import MAX_SYMBOLS, Padded, by_length, pad
from ..nn.functions import log_softmax
from ..nn.layers.base import Array, State
from ..nn.pairs.decoder import Seen
from ..nn.parameters import Parameters
from ..nn.task_model import TaskModel
from ..nn.workspace import Workspace
from ..parallel.processes import spread
from .beam import Hypothesis, search

LONGEST = 30, 3  # symbols of a target at most: so many, and so many more for each of the source
MIN_SOURCES_PER_WORKER = 32


class TargetWriter:
    """The targets of some sources: what `beam.search` calls on, from the state `start` on."""

    def __init__(self, model: TaskModel, p: Parameters, source: Padded):
        self.network, self.p, self.ws = model.network, p, Workspace(back=False)
        self.seen: Seen = self.network.see(p, source, Workspace(back=False))
        self.start: State = tuple(s.copy() for s in self.seen.state)

    def scores(self, x: Array, state: State) -> tuple[Array, State]:
        """Scores o (R, V) of what follows the symbols x (R,), and the state after them."""
        self.ws.reset()
        found = self.network.advance(self.p, self.seen, x, state, self.ws)
        return found.o, tuple(s.copy() for s in found.state)

    def step(self, x: Array, state: State) -> tuple[Array, State]:
        """Log probabilities of what follows the symbols x (R,), and the state after them: see `beam.Writer`."""
        o, state = self.scores(x, state)
        return log_softmax(o.astype(np.float64)), state

    def keep(self, targets: Array) -> None:
        """From now on there are only these of the targets, (b,)."""
        z, memory, inside = self.seen.z, self.seen.memory, self.seen.inside
        self.seen = Seen(
            self.seen.state,
            tuple(part[targets] for part in z),
            None if memory is None else np.ascontiguousarray(memory[:, targets]),
            None if inside is None else inside[:, targets],
        )


def write(
    model: TaskModel, p: Parameters, sources: Sequence[Array], width: int = 1, workers: int = 1
) -> list[list[Hypothesis]]:
    """For each source, (n,) ids, the likeliest targets that a beam of this width finds, the best first."""
    sizes = np.array([len(source) for source in sources], int)
    longest = LONGEST[0] + LONGEST[1] * sizes
    parts = by_length(np.stack([sizes, longest]) * width, MAX_SYMBOLS) if len(sources) else []

    def found(rows: Array) -> list[list[Hypothesis]]:
        writer = TargetWriter(model, p, pad([sources[i] for i in rows], sources[0].dtype))
        return search(writer, writer.start, width, longest[rows], [model.unknown])

    workers = workers if len(sources) >= MIN_SOURCES_PER_WORKER * workers else 1
    targets = [one for some in spread(found, parts, workers) for one in some]
    back = np.argsort(np.concatenate([*parts, np.empty(0, int)]))
    return [targets[i] for i in back]
