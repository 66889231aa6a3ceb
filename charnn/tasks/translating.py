"""Lines rewritten by a run of the task translate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..runs.run import Run
from ..sampling.writer import write
from ..verbs import TranslateConfig
from .answers import read_source
from .base import make
from .translate import Translate


@dataclass(frozen=True)
class Translation:
    """A target that was written: its text, what it costs in bits, its end included, and whether it came to its end."""

    text: str
    bits: float
    ended: bool


class Translator:
    """A run that rewrites lines, as a config says; see `answers.Answerer`."""

    def __init__(self, run: Run, config: TranslateConfig, workers: int = 1):
        self.run, self.config, self.workers = run, config, workers
        task = make(run.task)
        assert isinstance(task, Translate)
        self.format = task.format

    def read(self, text: str) -> np.ndarray:
        return read_source(self.run.vocabulary, self.format, text)

    def unknown(self, text: str) -> set[str]:
        """The units of a line that the model does not know."""
        found: set[str] = self.run.vocabulary.strangers(text, self.run.vocabulary.source)
        return found

    def answer(self, lines: Sequence[np.ndarray]) -> list[list[Translation]]:
        """The best targets of each line, the best first."""
        found = write(self.run.model, self.run.weights, lines, self.config.beam, self.workers)
        decode, kind = self.run.vocabulary.decode, self.run.vocabulary.target
        return [
            [Translation(decode(one.ids, kind), one.nats / math.log(2), one.ended) for one in some[: self.config.nbest]]
            for some in found
        ]
