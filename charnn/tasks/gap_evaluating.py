"""Texts scored by a run of the task fill: each character given both sides of it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..config import EvalConfig
from ..data.vocabulary import EOS
from ..evaluation.gap_score import GapScore, every, score
from ..evaluation.readers import Text, TextLike, cost, names, policies, texts
from ..evaluation.rows import CharacterScore, LineScore, Scored, by_character, by_line
from ..evaluation.score import Score
from ..evaluation.training_text import recognised
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


def filled(run: Run, ids: Array, workers: int = 1) -> Filled:
    """What is found of a text, (N,) ids, of which every tenth symbol is hidden, but for those not known."""
    hidden = every(ids) & (ids < run.vocabulary.size)
    found = _scored(run, ids, hidden, workers)
    return Filled(found.likeliest, int((found.likeliest == ids)[hidden].sum()), int(hidden.sum()))


def _scored(run: Run, ids: Array, hidden: Array, workers: int) -> GapScore:
    """The score of a text, (N,) ids, in which all that is not known is hidden too."""
    known = ids < run.vocabulary.size
    return score(run.model.network, run.weights, np.where(known, ids, EOS), run.reset, hidden | ~known, workers)


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
    """A run and texts to score by it, given both sides: see `evaluation.evaluator.Evaluator`."""

    about = "; each character given those on both sides; filled: of every tenth that is hidden"
    mixture = None

    def __init__(self, run: Run, what: TextLike, config: EvalConfig, workers: int):
        self.run, self.config, self.workers = run, config, workers
        self.unknown, invalid = policies(config, what)
        what, _ = recognised(run, what, bool(config.by))
        marked = self.unknown == "cost" or (self.unknown == "skip" and config.by)
        self.texts = texts(run, what, "mark" if marked else self.unknown, invalid)
        self.held_out = any(text.held_out for text in self.texts)

    @property
    def names(self) -> str:
        """What is scored."""
        return names(self.texts)

    def score(self) -> BothSides:
        """The score of all texts together."""
        total, hits, hidden = Score(), 0, 0
        for text in self.texts:
            ids, nats, right = self._scored(text)
            total += replace(Score.of(nats, right), unknown=int(np.count_nonzero(ids >= self.run.vocabulary.size)))
            again = filled(self.run, ids, self.workers)
            hits, hidden = hits + again.hits, hidden + again.count
        return BothSides(total, hits / hidden if hidden else math.nan)

    def characters(self) -> Iterator[list[CharacterScore]]:
        """The scores of characters, a list for each text."""
        skipped, several = self.unknown == "skip", len(self.texts) > 1
        for text in self.texts:
            for rows in by_character(self.run.vocabulary, [self._scored(text)], skipped):
                yield [row._replace(file=text.name) for row in rows] if several else rows

    def lines(self) -> Iterator[list[LineScore]]:
        """The scores of lines, a list for each text."""
        skipped, several = self.unknown == "skip", len(self.texts) > 1
        for text in self.texts:
            for rows in by_line(self.run.vocabulary, [self._scored(text)], skipped):
                yield [row._replace(file=text.name) for row in rows] if several else rows

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
        found = _scored(self.run, ids[read], np.zeros(int(read.sum()), bool), self.workers)
        nats, right = np.zeros(len(ids)), np.zeros(len(ids), bool)
        nats[read], right[read] = found.nats, found.likeliest == ids[read]
        if self.unknown != "skip":
            nats[~known] = cost(vocabulary)
        return ids, nats, right
