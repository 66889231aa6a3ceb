"""Texts that have contexts, scored by a run of the task condition."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from ..evaluation.pairs import Taught, taught
from ..evaluation.score import Score
from .evaluating import Figures, PairEvaluator, Row


@dataclass(frozen=True)
class ContextScore:
    """What texts cost given their contexts; without them, where a model knows how; and their contexts by Bayes' rule.

    Bayes' rule gives each text the label for which P(label) P(text | label) is largest.
    """

    given: Score
    count: int
    without: Score | None = None
    bayes: float | None = None
    unknown: tuple[int, int] = (0, 0)  # symbols of the contexts, and of the texts, that the model does not know

    @property
    def figures(self) -> dict[str, float]:
        """All figures by name."""
        return {
            "bits_per_char": self.given.bits,
            "accuracy": self.given.accuracy,
            **({} if self.without is None else {"bits_per_char_without_context": self.without.bits}),
            **({} if self.bayes is None else {"bayes_accuracy": self.bayes}),
            "count": self.count,
            "unknown_read": self.unknown[0],
            "unknown": self.unknown[1],
        }


class ContextEvaluator(PairEvaluator):
    """Texts that have contexts. With a prior (L,) of the labels, these are found by Bayes' rule too."""

    tables = MappingProxyType({"line": "lines"})

    def __init__(self, prior: np.ndarray | None, *args: Any):
        super().__init__(*args)
        self.prior = prior
        self.hidden = bool(self.run.task.context_dropout)  # whether it knows texts without contexts

    @cached_property
    def given(self) -> Taught:
        """What the texts cost given their contexts."""
        return self._cost(self.part.sources)

    @cached_property
    def without(self) -> Taught | None:
        """What they cost where their contexts are hidden."""
        nothing = np.array(self.run.model.network.reader.hidden, self.run.vocabulary.dtype)
        return self._cost([nothing] * len(self.part.rows)) if self.hidden else None

    def lines(self) -> Iterator[list[Row]]:
        """Bits/char given the context, bits, these without it where that is known, number, context and text."""
        found = [self.given, *([self.without] if self.without else [])]
        costs = np.stack([taught.nats for taught in found], axis=1) / math.log(2)
        rows = zip(costs, self.given.counts, self.part.source_texts, self.part.target_texts, strict=True)
        yield [
            (f"{bits[0] / size:.4f}", *(f"{one:.2f}" for one in bits), str(number), context, text)
            for number, (bits, size, context, text) in enumerate(rows, 1)
        ]

    def _figures(self) -> Figures:
        without = self.without.score if self.without else None
        return ContextScore(self.given.score, len(self.part.rows), without, self._bayes(), self.part.unknown)

    def _bayes(self) -> float | None:
        if self.prior is None:
            return None
        sources = np.arange(len(self.prior), dtype=self.run.vocabulary.dtype)[:, None]
        nats = np.stack([self._cost([source] * len(self.part.rows)).nats for source in sources], axis=1)
        return float(np.mean((np.log(self.prior) - nats).argmax(axis=1) == np.concatenate(self.part.sources)))

    def _cost(self, sources: Sequence[np.ndarray]) -> Taught:
        return taught(self.run.model, self.run.weights, sources, self.part.targets, self.workers)
