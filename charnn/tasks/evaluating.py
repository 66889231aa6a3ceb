"""Pairs scored by a run: what a command writes is the same for all tasks on pairs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..data import pairs
from ..data.pair_batches import lengths, within_memory
from ..data.pairs import Pairs
from ..data.units import is_label, join
from ..errors import InputError, UsageError, expect, some_of
from ..evaluation.bayes import NGramBayes
from ..evaluation.labels import THRESHOLD, LabelScore
from ..evaluation.mixture import interpolate
from ..evaluation.pairs import Taught, Written, probabilities, taught
from ..evaluation.score import Score
from ..evaluation.training_text import note_held_out_part, warn_of_training_files, warn_of_training_text
from ..inspection.gradcheck import BATCH_ROWS, WINDOW_STEPS, WholeCase, whole_case
from ..inspection.results import Gradients
from ..inspection.source_gradients import ABOUT, MAX_SYMBOLS, gradients_by_distance
from ..io.text import Source, encode, nothing_in
from ..runs.corpus import is_own
from ..runs.run import Run
from ..sampling.writer import write
from ..verbs import EvalConfig
from .pairs import PairTask, Part

Row = tuple[str, ...]
LOOKED_AT = 64  # pairs whose gradients are looked at


class Figures(Protocol):
    """What can be counted of a part."""

    @property
    def count(self) -> int:
        """Pairs."""

    @property
    def figures(self) -> dict[str, float]:
        """All figures by name."""


class PairsRead(NamedTuple):
    """Pairs to score, their name, and whether they are the held-out part of the corpus that the run was trained on."""

    part: Part
    names: str
    held_out: bool


def read(task: PairTask, run: Run, what: Any, invalid: str | None) -> PairsRead:
    """Lines (a str), a `Path` or names of files, a list of pairs, or the held-out part of some `Pairs`.

    None is the held-out part of the run's own corpus, as are files and pairs that are that corpus.
    """
    expect("the lines", what, str, Path, Source, Pairs, list, tuple, type(None))
    if not isinstance(what, str | Pairs | None):
        sources = task.sources(what)
        if sources and is_own(run, sources):
            note_held_out_part(", ".join(source.name for source in sources))
            what = task.reread(run, sources)
        else:
            warn_of_training_files(run, sources)
    if what is None or isinstance(what, Pairs):
        valid = task.held_out(run, what)
        own = what is None or what.sha256 == run.origin.sha256
        return PairsRead(valid, task.options.valid_file or "held-out part", own)
    if isinstance(what, str):
        sources = [Source("the text", lambda: BytesIO(encode(what)))]
    else:
        sources = [source.held() for source in sources]
    invalid = invalid or "error"
    found = pairs.read(sources, task.format, invalid, vocabulary=run.vocabulary)
    names = ", ".join(source.shown for source in sources)
    if found.sha256 == run.origin.sha256 and any(source.name == "-" for source in sources):
        warn_of_training_text(names)
    again = partial(pairs.parse_all, sources, task.format, invalid)
    return PairsRead(Part(found, np.arange(len(found)), again), names, False)


class InspectedPairs(PairTask):
    """A task on pairs whose gradients can be looked at, and checked."""

    def gradients(self, run: Run, what: Any, lags: int, unknown: str, invalid: str) -> Gradients:
        """How far gradients reach into the sources of the first pairs, as many as `MAX_SYMBOLS` allows."""
        few = self._first(LOOKED_AT, run, what, invalid)
        part = few.some(next(within_memory(lengths(few.pairs, few.rows)[:1], MAX_SYMBOLS)))
        batch = run.model.network.batch(part.sources, part.targets, part.sources[0].dtype)
        return Gradients(gradients_by_distance(run, batch, lags), [], {}, ABOUT)

    def cases(self, run: Run, what: Any, rng: np.random.Generator, unknown: str, invalid: str) -> Sequence[WholeCase]:
        """The beginnings of the first pairs, where the gradient of a run is checked."""
        few = self._first(BATCH_ROWS, run, what, invalid)
        sources, targets = ([one[:WINDOW_STEPS] for one in side] for side in (few.sources, few.targets))
        return [whole_case(run.model, run.weights, run.model.network.batch(sources, targets, sources[0].dtype))]

    def _first(self, count: int, run: Run, what: Any, invalid: str) -> Part:
        """The first pairs, so many at most. Raises `InputError` for none, and for a label that has no loss."""
        part, names, _ = read(self, run, what, invalid)
        if not len(part.rows):
            raise InputError(nothing_in(names))
        few, labels = part.some(slice(count)), run.vocabulary.labels
        if is_label(run.vocabulary.target) and any((one == len(labels)).any() for one in few.targets):
            raise InputError(f"{names} has labels that the model does not know: give lines of {', '.join(labels[:5])}")
        return few


class PairEvaluator:
    """A run and pairs to score by it, once: see `evaluation.evaluator.Evaluator` for a text.

    A subclass counts (`score`), and has a method for each way of `--by`, which `tables` names.
    """

    tables: Mapping[str, str] = MappingProxyType({})
    about = ""
    mixture = None

    def __init__(self, run: Run, read: PairsRead, config: EvalConfig, workers: int):
        self.run, self.config, self.workers = run, config, workers
        self.part, self.names, self.held_out = read

    def score(self) -> Figures:
        """All figures. Raises `InputError` where there is nothing to score."""
        if not len(self.part.rows):
            raise InputError(nothing_in(self.names, "score"))
        return self._figures()

    def table(self) -> Iterator[Sequence[Row]]:
        """Rows as the config says, some at a time."""
        return iter(getattr(self, self.tables[self.config.by or ""])())

    def _figures(self) -> Figures:
        raise NotImplementedError


class LabelEvaluator(PairEvaluator):
    """Labels of texts."""

    tables = MappingProxyType({"line": "lines", "label": "by_label", "confusion": "confusion"})

    def __init__(self, several: bool, bayes: NGramBayes | None, *args: Any):
        super().__init__(*args)
        self.several, self.bayes = several, bayes

    @cached_property
    def p(self) -> np.ndarray:
        """Of each label for each text, (N, L)."""
        return self._mixed[0]

    @cached_property
    def _mixed(self) -> tuple[np.ndarray, float]:
        """Probabilities, those of n-grams among them where that is wanted, and the weight of the network."""
        sources = self.part.sources
        p = probabilities(self.run.model, self.run.weights, sources, self.workers)
        if not self.bayes:
            return p, 1.0
        y = np.array([one[0] for one in self.part.targets], int)
        return interpolate(p, self.bayes.probabilities(sources), y, self.held_out)

    @cached_property
    def found(self) -> LabelScore:
        """All that can be counted."""
        return label_score(self.p, self.part, self.several)

    def lines(self) -> Iterator[list[Row]]:
        """Whether it is right, the right label and the one given, its probability, the line's number and its text."""
        given = [self._given(p) for p in self.p]
        rows = zip(self.part.target_texts, given, self.part.source_texts, strict=True)
        yield [
            (f"{right == label:d}", right, label, f"{p:.4f}", str(number), text)
            for number, (right, (label, p), text) in enumerate(rows, 1)
        ]

    def by_label(self) -> Iterator[list[Row]]:
        """Precision, recall, F1 and count of each label."""
        score, names = self.found, self._names
        yield [("label", "precision", "recall", "f1", "count")]
        yield [
            (name, *(f"{figure[i]:.4f}" for figure in (score.precision, score.recall, score.f1)), str(score.there[i]))
            for i, name in enumerate(names)
            if score.there[i] + score.found[i]
        ]

    def confusion(self) -> Iterator[list[Row]]:
        """How often each right label (rows) is taken for each (columns)."""
        if self.several:
            raise UsageError("sources have several labels, of which none is taken for another: give --by label")
        names, counts = self.found.confused(self._names)
        yield [("right / given", *names)]
        yield [(name, *map(str, row)) for name, row in zip(names, counts.tolist(), strict=True)]

    def svg(self) -> str:
        """The confusion as shades."""
        return self.found.svg(self._names)

    def _figures(self) -> Figures:
        weight = self._mixed[1] if self.bayes else None
        return replace(self.found, weight=weight, unknown_read=self.part.unknown[0])

    def _given(self, p: np.ndarray) -> tuple[str, float]:
        labels = self.run.vocabulary.labels
        if not self.several:
            return labels[int(p.argmax())], float(p.max())
        there = p >= THRESHOLD
        return join((labels[i] for i in np.flatnonzero(there)), "labels"), float(np.where(there, p, 1 - p).prod())

    @cached_property
    def _names(self) -> list[str]:
        """The labels, and at last all that the model does not know."""
        return [*self.run.vocabulary.labels, some_of(sorted(self.part.unknown_targets)) or "\ufffd"]


def label_score(p: np.ndarray, part: Part, several: bool) -> LabelScore:
    """All that can be counted of labels with these probabilities (N, L)."""
    if not several:
        return LabelScore.of_one(p, np.array([one[0] for one in part.targets], int))
    y = np.zeros((len(p), p.shape[1] + 1), bool)
    for row, one in zip(y, part.targets, strict=True):
        row[one] = True
    return LabelScore.of_several(p, y)


@dataclass(frozen=True)
class TargetScore:
    """What the right targets cost, and how far those that are written are from them."""

    taught: Score
    written: Written
    unknown: tuple[int, int] = (0, 0)  # symbols of the sources, and of the right targets, that the model does not know

    @property
    def count(self) -> int:
        """Targets."""
        return self.written.count

    @property
    def figures(self) -> dict[str, float]:
        """All figures by name: of what was written freely, then of what each symbol costs after the right ones."""
        return {
            "written_exact": self.written.accuracy,
            "written_character_error": self.written.character_error,
            "written_word_error": self.written.word_error,
            "taught_bits_per_symbol": self.taught.bits,
            "taught_accuracy": self.taught.accuracy,
            "count": self.count,
            "unknown_read": self.unknown[0],
            "unknown": self.unknown[1],
        }


class TargetEvaluator(PairEvaluator):
    """Targets of sources, written freely by a beam, and scored where each symbol is taught the right ones before it."""

    tables = MappingProxyType({"line": "lines"})

    @property
    def about(self) -> str:  # type: ignore[override]
        return f"; written: by a beam of {self.config.beam}; taught: each symbol read after the right ones before it"

    @cached_property
    def taught(self) -> Taught:
        """What the right targets cost."""
        return taught(self.run.model, self.run.weights, self.part.sources, self.part.targets, self.workers)

    @cached_property
    def written(self) -> list[str]:
        """The likeliest target that the beam finds for each source."""
        return best_targets(self.run, self.part, self.config.beam, self.workers)

    def lines(self) -> Iterator[list[Row]]:
        """Whether it is right, bits of the right target, the line's number, the source, both targets."""
        rights = self.part.target_texts
        rows = zip(self.taught.nats / math.log(2), self.part.source_texts, rights, self.written, strict=True)
        yield [
            (f"{right == wrote:d}", f"{bits:.2f}", str(number), source, right, wrote)
            for number, (bits, source, right, wrote) in enumerate(rows, 1)
        ]

    def _figures(self) -> Figures:
        return TargetScore(self.taught.score, Written.of(self.written, self.part.target_texts), self.part.unknown)


def best_targets(run: Run, part: Part, width: int = 1, workers: int = 1) -> list[str]:
    """The likeliest target that a beam finds for each source."""
    found = write(run.model, run.weights, part.sources, width, workers)
    return [run.vocabulary.decode(some[0].ids, run.vocabulary.target) if some else "" for some in found]
