"""The task condition: lines context<TAB>text, of which the text is written for its context."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..config import EvalConfig, SampleConfig
from ..data.pairs import PairFormat, Pairs
from ..draws import Draw
from ..errors import CharnnError, InputError
from ..evaluation import bayes
from ..evaluation.pairs import taught
from ..io.lazy import WatchSymbols
from ..nn.task_model import TaskModel
from ..runs.run import Run
from ..sampling.contexts import draw
from .base import Validated
from .context_evaluating import ContextEvaluator
from .contexts import ContextSampler
from .evaluating import InspectedPairs, read
from .pairs import VALIDATED_PAIRS, Part

SAMPLE_LENGTH = 72  # characters of the text written at each validation
COUNTED_SYMBOLS = 20_000_000  # symbols times models that are scored for the baselines, at most


class Condition(InspectedPairs):
    """Texts for contexts."""

    shown = "a context and what is written for it"
    evaluates = ("by", "invalid")
    use = "`charnn sample {model} --context` writes"

    @property
    def format(self) -> PairFormat:
        return PairFormat(self.options.columns, {"label": "label"}.get(self.options.context_as or "", "characters"))

    def count(self, part: Part) -> int:
        return int((part.pairs.target.lengths[part.rows] + 1).sum())

    def check(self, network: TaskModel, corpus: Pairs, train: Part) -> None:
        if self.options.context_as == "label" and len(corpus.vocabulary.labels) < 2:
            raise InputError(f"{corpus.names[0]} has one label: there is no context to tell from another")

    def baselines(self, corpus: Pairs, train: Part, valid: Part) -> dict[str, float]:
        """Bits per character by n-grams of the best order, of all texts, and of those of the same label alone."""
        valid, labels = valid.some(slice(VALIDATED_PAIRS)), len(corpus.vocabulary.labels)
        symbols = sum(len(one) + 1 for one in valid.targets)
        if not symbols or symbols * max(1, labels) > COUNTED_SYMBOLS:
            return {}
        whole = np.zeros(len(train.rows), int)
        found = {order: _bits(train.targets, whole, 1, valid.targets, whole, corpus, order) for order in bayes.ORDERS}
        best = min(found, key=lambda order: found[order])
        counted = {"ngram": found[best], "order": float(best)}
        if labels:
            y, right = (np.array([one[0] for one in part.sources], int) for part in (train, valid))
            known = right < labels
            texts = [text for text, there in zip(valid.targets, known, strict=True) if there]
            by_label = [_bits(train.targets, y, labels, texts, right[known], corpus, order) for order in bayes.ORDERS]
            counted["ngram_by_label"] = min(by_label)
        return counted

    def evaluator(
        self, run: Run, what: Any, config: EvalConfig, workers: int, watch: WatchSymbols = iter
    ) -> ContextEvaluator:
        self.assert_evaluates(config)
        prior = self._prior(run) if self.options.context_as == "label" and not config.by else None
        return ContextEvaluator(prior, run, read(self, run, what, config.invalid), config, workers)

    def sampler(
        self, run: Run, prime: str, config: SampleConfig, contexts: Sequence[str] | None, workers: int
    ) -> ContextSampler:
        return ContextSampler(run, prime, config, contexts, workers=workers)

    def validate(self, run: Run, part: Part, workers: int) -> Validated:
        few = part.some(slice(VALIDATED_PAIRS))
        return Validated(taught(run.model, run.weights, few.sources, few.targets, workers).score.mean, {})

    def example(self, run: Run, part: Part) -> str:
        """A text for the context of one of the held-out lines."""
        one = part.one(run.step)
        config = SampleConfig(length=SAMPLE_LENGTH, temp=0.8)
        rng = np.random.default_rng((run.config.seed, Draw.SAMPLE, run.step))
        (found,) = draw(run.model, run.weights, one.sources, np.array([], int), config, rng)
        return f"{one.source_texts[0]}: {run.vocabulary.decode(found.ids, run.vocabulary.target)}"

    def counted(self, found: Mapping[str, float]) -> str:
        if not found:
            return "nothing was counted: the text is too long"
        told = f"{found['order']:.0f}-gram {found['ngram']:.3f} bits/char without the context"
        return told + (f", {found['ngram_by_label']:.3f} with one for each label" if "ngram_by_label" in found else "")

    def _prior(self, run: Run) -> np.ndarray:
        """How probable each label is, by its share of the lines trained on; all alike where the corpus is gone."""
        count = len(run.vocabulary.labels)
        try:
            train, _ = self.split(self.reread(run), run.config)
        except CharnnError:
            return np.full(count, 1 / count)
        counts = np.bincount([one[0] for one in train.sources], minlength=count) + 1.0
        return counts / counts.sum()


def _bits(
    texts: Sequence[np.ndarray],
    y: np.ndarray,
    labels: int,
    valid: Sequence[np.ndarray],
    right: np.ndarray,
    corpus: Pairs,
    order: int,
) -> float:
    """Bits per character of texts by the n-gram model of their label; `texts` are counted."""
    model = bayes.fit(texts, y, labels, corpus.vocabulary.size, order)
    found = model.log_probabilities(valid) - model.prior
    nats = -found[np.arange(len(valid)), right[: len(valid)]].sum()
    return float(nats / sum(len(one) + 1 for one in valid) / math.log(2))
