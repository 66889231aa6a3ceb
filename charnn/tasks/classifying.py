"""Lines sorted by a run of the task classify."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..evaluation.bayes import NGramBayes
from ..evaluation.labels import THRESHOLD
from ..evaluation.mixture import Mixing, best_mixing, mixed
from ..evaluation.pairs import probabilities
from ..runs.run import Run
from ..verbs import ClassifyConfig
from .answers import read_source
from .base import make
from .classify import Classify
from .pairs import VALIDATED_PAIRS


@dataclass(frozen=True)
class Labelled:
    """What a line is: its label, or several with commas between, how probable that is, and the likeliest labels."""

    label: str
    probability: float
    likeliest: dict[str, float]  # the likeliest first


class Classifier:
    """A run that sorts lines, as a config says; see `answers.Answerer`.

    To mix it with n-grams needs the run's corpus: weight and sharpness are fitted on the held-out part.
    """

    def __init__(self, run: Run, config: ClassifyConfig, workers: int = 1):
        self.run, self.config, self.workers = run, config, workers
        task = make(run.task)
        assert isinstance(task, Classify)
        self.several, self.format = task.several, task.format
        self.threshold = config.threshold if config.threshold is not None else THRESHOLD * self.several
        self.bayes: NGramBayes | None = None
        self.mixing = Mixing(1.0)  # with n-grams
        if config.mix:
            self.bayes, valid = task.bayes(run)
            few = valid.some(slice(VALIDATED_PAIRS))
            y = np.array([one[0] for one in few.targets], int)
            p = probabilities(run.model, run.weights, few.sources, workers)
            self.mixing = best_mixing(p, self.bayes.probabilities(few.sources), y)

    def read(self, text: str) -> np.ndarray:
        return read_source(self.run.vocabulary, self.format, text)

    def unknown(self, text: str) -> set[str]:
        """The units of a line that the model does not know."""
        found: set[str] = self.run.vocabulary.strangers(text, self.run.vocabulary.source)
        return found

    def answer(self, lines: Sequence[np.ndarray]) -> list[Labelled]:
        found = probabilities(self.run.model, self.run.weights, lines, self.workers)
        if self.bayes and len(lines):
            found = mixed(found, self.bayes.probabilities(lines), self.mixing)
        return [self._several(p) if self.several else self._one(p) for p in found]

    def _one(self, p: np.ndarray) -> Labelled:
        likeliest = self._likeliest(p)
        label, best = next(iter(likeliest.items()))
        return Labelled(label if best >= self.threshold else self.config.otherwise, best, likeliest)

    def _several(self, p: np.ndarray) -> Labelled:
        """All labels that are probable enough, and the probability of these and no others."""
        given = p >= self.threshold
        names = [name for name, there in zip(self.run.vocabulary.labels, given, strict=True) if there]
        all_right = math.prod(np.where(given, p, 1 - p).tolist())
        none = self.config.otherwise if self.config.threshold is not None else ""
        return Labelled(",".join(names) or none, all_right, self._likeliest(p))

    def _likeliest(self, p: np.ndarray) -> dict[str, float]:
        order = np.argsort(-p, kind="stable")[: self.config.top].tolist()
        return {self.run.vocabulary.labels[i]: float(p[i]) for i in order}
