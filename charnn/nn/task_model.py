"""The networks of all tasks but text, from their options."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..config import ModelConfig, TaskConfig
from ..data.units import PairVocabulary
from ..data.vocabulary import Vocabulary
from .layers.base import State
from .layers.bidirectional import Bidirectional
from .model import Gradient, PassContext
from .pairs.classifier import Classifier
from .pairs.decoder import Decoder
from .pairs.encoder import Encoder, LabelTable, SourceReader
from .pairs.encoder_decoder import EncoderDecoder
from .pairs.gaps import GapNetwork
from .pairs.label_heads import HEADS
from .pairs.primed import Primed
from .parameters import Parameters
from .stacks import make_bidirectional, make_calm_cell, make_stack
from .workspace import DType, Workspace

WAYS = {"start": (True, False), "step": (False, True), "both": (True, True)}  # from the context to the decoder


@dataclass(frozen=True)
class TaskModel:
    """A network as training knows networks. It carries no state: a batch holds whole sequences."""

    config: ModelConfig
    task: TaskConfig
    network: Any  # Classifier, EncoderDecoder, Primed, GapNetwork or SeriesNetwork
    symbols: int  # what is predicted is one of so many
    unknown: int  # the symbol that is read where another is unknown or hidden

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

    @property
    def says(self) -> str:
        """How a description of its layers goes on."""
        said = {"encoder": "encoder", "attention": "attention", "pooling": "pooling", "condition": "context"}
        found = {words: getattr(self.task, name) for name, words in said.items()}
        return "".join(f", {value} {words}" for words, value in found.items() if value not in (None, "none"))

    def stream_bytes(self, symbols: int) -> int:
        """Nothing: what is read is the corpus."""
        return 0

    def measured(self, steps: int, rows: int) -> int:
        """Bytes that a gradient takes for so many sequences of so many symbols."""
        p, ws, sequences = Parameters(self.shapes()), Workspace(), [np.zeros(steps, np.uint8)] * rows
        batch = self._training(self.network.batch(sequences, sequences, np.dtype(np.uint8)))
        self.network.gradient(p, p.like(), batch, ws, None)
        return ws.peak

    def _training(self, batch: Any) -> Any:
        """A batch as training has it: a second loss, if there is one, predicts the sources as they are now."""
        return batch._replace(read=batch.source) if self._reads else batch

    @property
    def _reads(self) -> bool:
        """Whether there is a second loss, of what is read."""
        return isinstance(self.network, Classifier) and self.network.reading > 0

    @property
    def noisy(self) -> bool:
        """Whether gradients depend on random numbers."""
        task = self.task
        return bool(self.config.dropout or task.symbol_dropout or task.context_dropout or self._reads)

    def gradient(
        self,
        p: Parameters,
        g: Parameters,
        batch: Any,
        state: State,
        context: PassContext,
        dstate: State | None = None,
    ) -> Gradient:
        """ADD into g the gradient of the summed loss of a batch.

        Each symbol that is read is made unknown with the probability `symbol_dropout`, and each source is hidden with
        the probability `context_dropout`. A second loss predicts the sources as they were before.
        """
        ws, rng = context
        batch = self._training(batch) if rng else batch
        if self.task.context_dropout and rng:
            which = rng.random(batch.source.ids.shape[1]) < self.task.context_dropout
            batch = batch._replace(source=self.network.reader.hide(batch.source, which))
        if self.task.symbol_dropout and rng:
            batch = batch._replace(source=batch.source.masked(self.task.symbol_dropout, self.unknown, rng))
        nats, counted = self.network.gradient(p, g, batch, ws, rng)
        return Gradient(nats, counted, (), ())


def classifier(c: ModelConfig, task: TaskConfig, vocabulary: PairVocabulary) -> TaskModel:
    """Sorts a source into classes."""
    head = HEADS["several" if task.labels == "several" else task.head or ""](len(vocabulary.labels))
    knows = task.encoder == "bidirectional" and c.layers > 1  # upper layers have read what they would predict
    reading = 0.0 if knows else task.options_of("task")["reading_loss"]
    reader, V = encoder(c, task, vocabulary.size), vocabulary.size
    network = Classifier(reader, head, task.feedforward or 0, c.dropout or 0.0, reading, V if reading else 0)
    return TaskModel(c, task, network, max(2, len(vocabulary.labels)), vocabulary.unknown)


def conditioned(c: ModelConfig, task: TaskConfig, vocabulary: PairVocabulary) -> TaskModel:
    """Writes a text of which the context is known."""
    if task.context_as == "label":
        return _writer(c, task, vocabulary, LabelTable(len(vocabulary.labels), c.hidden, bool(task.context_dropout)))
    return _writer(c, task, vocabulary, encoder(c, task, vocabulary.size))


def translator(c: ModelConfig, task: TaskConfig, vocabulary: PairVocabulary) -> TaskModel:
    """Writes a target for a source."""
    if task.encoder == "none":
        V = vocabulary.size
        return TaskModel(c, task, Primed(make_stack(c, (V,), V, cell=make_calm_cell), V), V, vocabulary.unknown)
    return _writer(c, task, vocabulary, encoder(c, task, vocabulary.size))


def gap_filler(c: ModelConfig, task: TaskConfig, vocabulary: Vocabulary) -> TaskModel:
    """Predicts each symbol of a text from all others. What is hidden is read as one symbol more."""
    V = vocabulary.size
    stacks = (make_stack(c, (V + 1,), V + 1, cell=make_calm_cell) for _ in range(2))
    return TaskModel(c, task, GapNetwork(Bidirectional(*stacks), V, c.dropout or 0.0), V, V)


def encoder(c: ModelConfig, task: TaskConfig, symbols: int) -> Encoder:
    """What reads sources made of so many symbols."""
    cell = make_bidirectional if task.encoder == "bidirectional" else make_calm_cell
    return Encoder(make_stack(c, (symbols,), symbols, cell=cell), task.pooling or "last")


def _writer(c: ModelConfig, task: TaskConfig, vocabulary: PairVocabulary, reader: SourceReader) -> TaskModel:
    (start, step), V = WAYS[task.condition or "start"], vocabulary.size
    stack = make_stack(c, (*(reader.z_sizes if step else ()), V), V, cell=make_calm_cell)
    attention = task.attention in ("dot", "near")
    decoder = Decoder(stack, attention, c.dropout or 0.0, task.attention == "near")
    network = EncoderDecoder(reader, decoder, V, start, step)
    return TaskModel(c, task, network, V, vocabulary.unknown)
