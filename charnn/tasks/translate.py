"""The task translate: lines source<TAB>target, of which the target is written from the source."""

from collections import Counter
from types import MappingProxyType
from typing import Any

import numpy as np

from ..config import EvalConfig
from ..data.pairs import PairFormat, Pairs
from ..evaluation.pairs import Written, taught
from ..io.lazy import WatchSymbols
from ..runs.run import Run
from .base import Validated
from .evaluating import InspectedPairs, TargetEvaluator, best_targets, read
from .pairs import VALIDATED_PAIRS, Part

WRITTEN_PAIRS = 500  # of the held-out part, from its start, whose targets are written at each validation
WRITTEN_SYMBOLS = 20_000  # of these targets, about, beyond which there are fewer of them


class Translate(InspectedPairs):
    """Targets of sources."""

    unit = "symbol"  # a character or a word, and the end of a target
    shown = "a source and what is written for it"
    columns = MappingProxyType({"exact": "exact"})
    beaten = MappingProxyType({"copy": "copying the source", "commonest": "the commonest target"})
    evaluates = ("by", "invalid", "beam")
    right = "exact"
    use = "`charnn translate {model}` rewrites lines"

    @property
    def format(self) -> PairFormat:
        target = self.options.target_units or "characters"
        return PairFormat(self.options.columns, "characters", target, autoencode=bool(self.options.autoencode))

    def count(self, part: Part) -> int:
        return int((part.pairs.target.lengths[part.rows] + 1).sum())

    def baselines(self, corpus: Pairs, train: Part, valid: Part) -> dict[str, float]:
        """Shares that are right by copying the source, or the right one of its columns, and by the commonest target."""
        common = Counter(one.tobytes() for one in train.targets).most_common(1)[0][0]
        copied = [b in a.split("\t") for a, b in zip(valid.source_texts, valid.target_texts, strict=True)]
        return {
            "copy": float(np.mean(copied)),
            "commonest": float(np.mean([one.tobytes() == common for one in valid.targets])),
        }

    def evaluator(
        self, run: Run, what: Any, config: EvalConfig, workers: int, watch: WatchSymbols = iter
    ) -> TargetEvaluator:
        self.assert_evaluates(config)
        return TargetEvaluator(run, read(self, run, what, config.invalid), config, workers)

    def validate(self, run: Run, part: Part, workers: int) -> Validated:
        few = part.some(slice(VALIDATED_PAIRS))
        fewer = few.some(slice(self._written(few)))
        loss = taught(run.model, run.weights, few.sources, few.targets, workers).score.mean
        found = Written.of(best_targets(run, fewer, workers=workers), fewer.target_texts)
        figures = {"exact": found.accuracy, "character_error": found.character_error, "lines": len(fewer.rows)}
        return Validated(loss, figures)

    def _written(self, part: Part) -> int:
        """How many pairs of a part, from its start, are written at a validation."""
        symbols = np.cumsum(part.pairs.target.lengths[part.rows] + 1)
        return max(1, min(WRITTEN_PAIRS, int(np.searchsorted(symbols, WRITTEN_SYMBOLS))))

    def example(self, run: Run, part: Part) -> str:
        """One of the held-out sources, with what is written for it."""
        one = part.one(run.step)
        return f"{one.source_texts[0]}: {best_targets(run, one)[0]}"
