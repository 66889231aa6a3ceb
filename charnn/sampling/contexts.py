"""Targets drawn from a network that is told a context: its own output is its next input, from EOS to EOS."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..config import SampleConfig
from ..data.pair_batches import Padded, pad
from ..data.vocabulary import EOS
from ..nn.functions import ignore_overflow
from ..nn.layers.base import Array
from ..nn.parameters import Parameters
from ..nn.task_model import TaskModel
from .sampler import Sample, probabilities
from .writer import TargetWriter

ROWS_AT_ONCE = 64  # samples drawn side by side


class Guided:
    """Scores of what follows, for B targets in the writing.

    o = o' + g (o' given the context - o'),   with o' the scores where the context is hidden (Ho and Salimans, 2022)

    For a guidance g of 1 these are the scores given the context, and nothing is hidden.
    """

    def __init__(self, model: TaskModel, p: Parameters, source: Padded, guidance: float):
        everywhere = np.ones(source.ids.shape[1], bool)
        hidden = [model.network.reader.hide(source, everywhere)] if guidance != 1 else []
        self.guidance, self.unknown = guidance, model.unknown
        self.ways = [TargetWriter(model, p, one) for one in (source, *hidden)]
        self.states = [way.start for way in self.ways]

    def read(self, x: Array) -> Array:
        """Scores (B, V) after the symbols x (B,); what is unknown is never likely."""
        found = []
        for i, way in enumerate(self.ways):
            o, self.states[i] = way.scores(x, self.states[i])
            found.append(o.astype(np.float64))
        o = found[0] if len(found) == 1 else found[1] + self.guidance * (found[0] - found[1])
        o[:, self.unknown] = -np.inf
        return o


@ignore_overflow()  # a network may be beyond all bounds, and still write
def draw(
    model: TaskModel,
    p: Parameters,
    sources: Sequence[Array],
    prime: Array,
    config: SampleConfig,
    rng: np.random.Generator,
) -> list[Sample]:
    """A sample for each source, (n,) ids, that begins with the prime, (N,) ids; see `Sample`."""
    symbols = np.array([*steps(model, p, sources, prime, config, rng)], int).reshape(-1, len(sources))
    return [*map(Sample.of, symbols.T)]


def steps(
    model: TaskModel,
    p: Parameters,
    sources: Sequence[Array],
    prime: Array,
    config: SampleConfig,
    rng: np.random.Generator,
) -> Iterator[Array]:
    """Symbols (B,) of all samples, step by step after the prime, until all have ended; EOS after the end of each."""
    if not sources:
        return
    guided = Guided(model, p, pad(sources, sources[0].dtype), config.guidance)
    going = np.ones(len(sources), bool)
    o = guided.read(np.full(len(sources), EOS))
    for symbol in prime.tolist():
        o = guided.read(np.full(len(sources), symbol))
    for i in range(config.length):
        upto = probabilities(o, config).cumsum(axis=1)
        drawn = (upto > rng.random((len(o), 1)) * upto[:, -1:]).argmax(axis=1)
        x = np.where(going, drawn, EOS)
        yield x
        going &= x != EOS
        if not going.any():
            return
        if i + 1 < config.length:
            o = guided.read(x)
