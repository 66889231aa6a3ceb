"""The task classify: lines label<TAB>text, of which the label is found from the text."""

import math
from collections import Counter
from types import MappingProxyType
from typing import Any

import numpy as np

from ..config import EvalConfig, TrainConfig
from ..data.pairs import PairFormat, Pairs
from ..errors import InputError, UsageError
from ..evaluation import bayes
from ..evaluation.bayes import NGramBayes
from ..evaluation.pairs import probabilities
from ..io.lazy import WatchSymbols
from ..nn.task_model import TaskModel
from ..runs.run import Run
from .base import Validated, plural
from .evaluating import InspectedPairs, LabelEvaluator, label_score, read
from .pairs import VALIDATED_PAIRS, Part

MIXED_ORDER = 4  # of n-grams that are mixed with a network, where no best one is known
BAYES_SYMBOLS = 20_000_000  # symbols times labels that are scored for the baseline, at most


class Classify(InspectedPairs):
    """Labels of texts."""

    unit = "label"
    shown = "a text and its label"
    columns = MappingProxyType({"accuracy": "right", "macro_f1": "macro-F1"})
    beaten = MappingProxyType({"majority": "the commonest label", "bayes": "Bayes with {bayes_order:.0f}-grams"})
    evaluates, tables = ("by", "invalid", "mix"), ("line", "label", "confusion")
    right = "accuracy"
    use = "`charnn classify {model}` sorts lines"

    @property
    def mixes(self) -> str:  # type: ignore[override]
        """Bayes' rule is of one label for each text."""
        return "" if self.several else "classify"

    @property
    def several(self) -> bool:
        """Whether a text has any number of labels."""
        return self.options.labels == "several"

    @property
    def format(self) -> PairFormat:
        return PairFormat(self.options.columns, "characters", "labels" if self.several else "label", flip=True)

    def count(self, part: Part) -> int:
        return len(part.rows)

    def split(self, corpus: Pairs, config: TrainConfig) -> tuple[Part, Part]:
        """Raises `InputError` where nothing that is held out has a label to be learnt."""
        train, valid = super().split(corpus, config)
        labels = len(corpus.vocabulary.labels)
        if not self.several and all(one[0] == labels for one in valid.some(slice(VALIDATED_PAIRS)).targets):
            raise InputError(f"{self.options.valid_file} has no label of the corpus: label<TAB>text is needed")
        return train, valid

    def check(self, network: TaskModel, corpus: Pairs, train: Part) -> None:
        if (count := len(corpus.vocabulary.labels)) < 2:
            raise InputError(f"{corpus.names[0]} has {count} label: there is nothing to tell apart")
        if self.options.head == "sigmoid" and not self.several and count > 2:
            raise InputError(f"--head sigmoid tells two labels apart, and {corpus.names[0]} has {count}: leave it out")

    def baselines(self, corpus: Pairs, train: Part, valid: Part) -> dict[str, float]:
        """Shares that are right by the commonest label, and by n-grams and Bayes' rule, of the best order."""
        valid, labels = valid.some(slice(VALIDATED_PAIRS)), len(corpus.vocabulary.labels)
        common = Counter(one.tobytes() for one in train.targets).most_common(1)[0][0]
        found = {"majority": float(np.mean([one.tobytes() == common for one in valid.targets]))}
        if self.several or sum(map(len, valid.sources)) * labels > BAYES_SYMBOLS:
            return found
        y, right = (np.array([one[0] for one in part.targets]) for part in (train, valid))
        tried = {}
        for order in bayes.ORDERS:
            model = bayes.fit(train.sources, y, labels, corpus.vocabulary.size, order)
            tried[order] = float((model.log_probabilities(valid.sources).argmax(axis=1) == right).mean())
        best = max(tried, key=lambda order: (tried[order], -order))
        return {**found, "bayes": tried[best], "bayes_order": best}

    def evaluator(
        self, run: Run, what: Any, config: EvalConfig, workers: int, watch: WatchSymbols = iter
    ) -> LabelEvaluator:
        self.assert_evaluates(config)
        return LabelEvaluator(
            self.several,
            self.bayes(run)[0] if config.mix else None,
            run,
            read(self, run, what, config.invalid),
            config,
            workers,
        )

    def bayes(self, run: Run) -> tuple[NGramBayes, Part]:
        """The n-grams of each label in the part that a run was trained on, and the part that was held out."""
        if self.several:
            raise UsageError("--mix ngram has no effect with --labels several: leave it out")
        train, valid = self.split(corpus := self.reread(run), run.config)
        y = np.array([one[0] for one in train.targets])
        order = int(run.origin.baselines.get("bayes_order", MIXED_ORDER))
        return bayes.fit(train.sources, y, len(run.vocabulary.labels), corpus.vocabulary.size, order), valid

    def validate(self, run: Run, part: Part, workers: int) -> Validated:
        part = part.some(slice(VALIDATED_PAIRS))
        found = label_score(probabilities(run.model, run.weights, part.sources, workers), part, self.several)
        figures = {"accuracy": found.accuracy, "macro_f1": found.macro_f1, "lines": len(part.rows)}
        return Validated(found.bits * math.log(2), figures)

    def counted_best(self, run: Run) -> str:
        found = run.origin.baselines
        if found.get("bayes", 0.0) <= run.best_record["accuracy"]:
            return ""
        return f"Bayes' rule on {found['bayes_order']:.0f}-grams is still better ({100 * found['bayes']:.1f} % right)"

    def describe(self, run: Run, train: Part, valid: Part) -> list[tuple[str, str]]:
        learnt, held_out = ({*np.concatenate(part.targets).tolist()} for part in (train, valid))
        found, unknown = super().describe(run, train, valid), {len(run.vocabulary.labels)}
        if count := len(valid.unknown_targets) + len(held_out - learnt - unknown):
            found.append(("labels", f"{plural(count, 'label')} of the held-out lines alone, which cannot be learnt"))
        return found

    def example(self, run: Run, part: Part) -> str:
        """One of the held-out texts, with the likeliest label."""
        one = part.one(run.step)
        p = probabilities(run.model, run.weights, one.sources)[0]
        return f"{one.source_texts[0]}: {run.vocabulary.labels[int(p.argmax())]} {p.max():.0%}"
