"""Texts scored by a run of the task fill: each character given both sides of it."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..config import EvalConfig
from ..data.vocabulary import EOS
from ..evaluation.gap_score import GapScore, GapScorer, every
from ..evaluation.gaps import GapMixture
from ..evaluation.readers import Text, TextLike, cost, names, policies, texts
from ..evaluation.rows import CharacterScore, LineScore, Scored, by_character, by_line
from ..evaluation.score import Score
from ..evaluation.training_text import recognised, warn_after_reading
from ..nn.layers.base import Array
from ..runs.run import Run


@dataclass(frozen=True)
class Filled:
    """A text of which some symbols were hidden: the likeliest ones in all places, and how many were right."""

    symbols: Array
    hits: int
    count: int

    @property
    def accuracy(self) -> float:
        """The share of hidden symbols that were found; 0 where none was hidden."""
        return self.hits / max(1, self.count)


def filled(scorer: GapScorer, ids: Array) -> Filled:
    """What is found of a text, (N,) ids, of which every tenth symbol is hidden, but for those not known."""
    hidden = every(ids) & (ids < scorer.network.size)
    found = scored(scorer, ids, hidden, hidden)
    return Filled(found.likeliest, int((found.likeliest == ids)[hidden].sum()), int(hidden.sum()))


def scored(scorer: GapScorer, ids: Array, hidden: Array | None = None, wanted: Array | None = None) -> GapScore:
    """The score of a text, (N,) ids, in which all that is not known is hidden too."""
    known = ids < scorer.network.size
    return scorer.score(np.where(known, ids, EOS), ~known if hidden is None else hidden | ~known, wanted)


@dataclass(frozen=True)
class BothSides:
    """What characters cost given both sides, never beside bits/char; and the share of hidden ones that were found."""

    score: Score
    filled: float

    @property
    def count(self) -> int:
        """Symbols."""
        return self.score.count

    @property
    def figures(self) -> dict[str, float]:
        """All figures by name."""
        return {
            "bits_per_char_given_both_sides": self.score.bits,
            "accuracy_given_both_sides": self.score.accuracy,
            "filled": self.filled,
            "count": self.count,
            "unknown": self.score.unknown,
        }


class GapEvaluator:
    """A run and texts to score by it, given both sides: see `evaluation.evaluator.Evaluator`.

    `scorer` makes what scores them, and asks whether they are what was held out.
    """

    about = "; each character given those on both sides; filled: of every tenth that is hidden"

    def __init__(self, run: Run, what: TextLike, config: EvalConfig, scorer: Callable[[bool], GapScorer]):
        self.run, self.config = run, config
        self.unknown, invalid = policies(config, what)
        what, _ = recognised(run, what, bool(config.by))
        self.texts = texts(run, what, "error" if self.unknown == "error" else "mark", invalid, whole=True)
        self.held_out = any(text.held_out for text in self.texts)
        self.scorer = scorer(self.held_out)

    @property
    def mixture(self) -> GapMixture | None:
        """How n-grams help the network, if they do."""
        return self.scorer.mixture

    @property
    def names(self) -> str:
        """What is scored."""
        return names(self.texts)

    def score(self) -> BothSides:
        """The score of all texts together."""
        total, hits, hidden = Score(), 0, 0
        for text in self.texts:
            ids, nats, right = self._scored(text)
            total += Score.of_text(nats, right, ids < self.run.vocabulary.size, self.unknown == "skip")
            again = filled(self.scorer, ids)
            hits, hidden = hits + again.hits, hidden + again.count
        warn_after_reading(self.run, self.texts)
        return BothSides(total, hits / hidden if hidden else math.nan)

    def characters(self) -> Iterator[list[CharacterScore]]:
        """The scores of characters, a list for each text."""
        skipped, several = self.unknown == "skip", len(self.texts) > 1
        for text in self.texts:
            for rows in by_character(self.run.vocabulary, [self._scored(text)], skipped):
                yield [row._replace(file=text.name) for row in rows] if several else rows
        warn_after_reading(self.run, self.texts)

    def lines(self) -> Iterator[list[LineScore]]:
        """The scores of lines, a list for each text."""
        skipped, several = self.unknown == "skip", len(self.texts) > 1
        for text in self.texts:
            for rows in by_line(self.run.vocabulary, [self._scored(text)], skipped):
                yield [row._replace(file=text.name) for row in rows] if several else rows
        warn_after_reading(self.run, self.texts)

    def table(self) -> Iterator[list[tuple[str, ...]]]:
        """The scores of lines or of characters, as the config says, as rows of TSV."""
        found: Iterator[Sequence[LineScore | CharacterScore]] = (
            self.lines() if self.config.by == "line" else self.characters()
        )
        return ([row.cells for row in rows] for rows in found)

    def _scored(self, text: Text) -> Scored:
        """The symbols of a text. The network reads unknown ones as hidden, and they cost as in a text; or it does not
        read those that are skipped, which cost nothing."""
        ids, vocabulary = np.asarray(text.ids), self.run.vocabulary
        known = ids < vocabulary.size
        read = known if self.unknown == "skip" else np.ones(len(ids), bool)
        found = scored(self.scorer, ids[read])
        nats, right = np.zeros(len(ids)), np.zeros(len(ids), bool)
        nats[read], right[read] = found.nats, found.likeliest == ids[read]
        if self.unknown != "skip":
            nats[~known] = cost(vocabulary)
        return ids, nats, right
