"""The networks of tasks on pairs, from their options."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ...config import ModelConfig, TaskConfig
from ...data.units import PairVocabulary
from ..layers.base import Rng, State
from ..parameters import Parameters
from ..stacks import make_bidirectional, make_calm_cell, make_stack
from ..workspace import DType, Workspace
from .classifier import Classifier
from .decoder import Decoder
from .encoder import Encoder, LabelTable, SourceReader
from .encoder_decoder import EncoderDecoder
from .label_heads import HEADS
from .primed import Primed

WAYS = {"start": (True, False), "step": (False, True), "both": (True, True)}  # from the context to the decoder


@dataclass(frozen=True)
class PairModel:
    """A network of pairs as training knows networks. It carries no state: a batch holds whole pairs."""

    config: ModelConfig
    task: TaskConfig
    network: Any  # Classifier or EncoderDecoder
    symbols: int  # what is predicted is one of so many
    unknown: int  # the symbol that stands for what is not in the vocabulary

    state_sizes = ()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every array of weights."""
        shapes: dict[str, tuple[int, ...]] = self.network.shapes()
        return shapes

    @property
    def parameters(self) -> int:
        """How many numbers the weights are."""
        return int(self.network.parameters)

    def initial(self, rng: np.random.Generator, dtype: DType = np.float32) -> Parameters:
        """Weights to start from; each layer's docstring says how they are drawn."""
        p: Parameters = self.network.initial(rng, dtype)
        return p

    def zero_state(self, rows: int, dtype: DType = np.float32) -> State:
        """Nothing."""
        return ()

    def taught(self, teacher: float) -> Self:
        """This network: what a decoder reads is always the right target."""
        return self

    def gradient(self, p: Parameters, g: Parameters, batch: Any, ws: Workspace, rng: Rng) -> tuple[float, int]:
        """ADD into g the gradient of the summed loss of a batch; return that loss in nats, and what it is summed over.

        Each symbol of the source is made unknown with the probability `symbol_dropout`.
        """
        if self.task.symbol_dropout and rng:
            batch = batch._replace(source=batch.source.masked(self.task.symbol_dropout, self.unknown, rng))
        found: tuple[float, int] = self.network.gradient(p, g, batch, ws, rng)
        return found


def classifier(c: ModelConfig, task: TaskConfig, vocabulary: PairVocabulary) -> PairModel:
    """Sorts a source into classes."""
    head = HEADS["several" if task.labels == "several" else task.head or ""](len(vocabulary.labels))
    network = Classifier(_encoder(c, task, vocabulary), head, task.feedforward or 0, c.dropout or 0.0)
    return PairModel(c, task, network, max(2, len(vocabulary.labels)), vocabulary.unknown)


def conditioned(c: ModelConfig, task: TaskConfig, vocabulary: PairVocabulary) -> PairModel:
    """Writes a text of which the context is known."""
    if task.context_as == "label":
        return _writer(c, task, vocabulary, LabelTable(len(vocabulary.labels), c.hidden))
    return _writer(c, task, vocabulary, _encoder(c, task, vocabulary))


def translator(c: ModelConfig, task: TaskConfig, vocabulary: PairVocabulary) -> PairModel:
    """Writes a target for a source."""
    if task.encoder == "none":
        V = vocabulary.size
        return PairModel(c, task, Primed(make_stack(c, (V,), V, cell=make_calm_cell), V), V, vocabulary.unknown)
    return _writer(c, task, vocabulary, _encoder(c, task, vocabulary))


def _encoder(c: ModelConfig, task: TaskConfig, vocabulary: PairVocabulary) -> Encoder:
    cell = make_bidirectional if task.encoder == "bidirectional" else make_calm_cell
    return Encoder(make_stack(c, (vocabulary.size,), vocabulary.size, cell=cell), task.pooling or "last")


def _writer(c: ModelConfig, task: TaskConfig, vocabulary: PairVocabulary, reader: SourceReader) -> PairModel:
    (start, step), V = WAYS[task.condition or "start"], vocabulary.size
    stack = make_stack(c, (*(reader.z_sizes if step else ()), V), V, cell=make_calm_cell)
    network = EncoderDecoder(reader, Decoder(stack, task.attention == "dot", c.dropout or 0.0), V, start, step)
    return PairModel(c, task, network, V, vocabulary.unknown)
