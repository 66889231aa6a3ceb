"""Texts scored as a config says: by a network alone, by one that learns while it reads, or beside an n-gram model."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import tee
from typing import TypeVar

import numpy as np

from ..config import EvalConfig
from ..conflicts import check
from ..data.vocabulary import Vocabulary
from ..io.lazy import WatchSymbols
from ..nn.layers.base import Array
from ..runs.run import Run
from . import score
from .dynamic import StreamReader, stream_reader, stream_surprisal
from .mixture import MixtureScorer
from .novelty import CorpusIndex
from .readers import Text, TextLike, cost, cut, names, policies, texts
from .rows import CharacterScore, FileScore, LineScore, Scored, by_character, by_line
from .score import Score
from .training_text import recognised, warn_after_reading

Scorer = Callable[[Iterable[Array]], Iterator[tuple[Array, Array]]]  # pieces of a stream -> nats and hits of each
Row = TypeVar("Row", LineScore, CharacterScore)

ROWS_AT_ONCE = 1 << 16  # symbols scored at a time, so that rows come soon and memory stays small
WATCHED_AT_ONCE = 1 << 12  # symbols between two looks at a bar


class Evaluator:
    """A run and the texts to score by it, each from EOS and the zero state on, by the run as it was trained.

    `what` is a text (str), a `Path` or names of files, or a corpus, whose held-out part is scored; None is the run's
    corpus. `workers` processes score where sequences do not depend on each other. `watch` passes on the symbols that
    are read slowly, to show progress. Texts are read once: call one of `score`, `lines` and `characters`.
    """

    def __init__(
        self,
        run: Run,
        what: TextLike = None,
        config: EvalConfig | None = None,
        *,
        workers: int = 1,
        watch: WatchSymbols = iter,
    ):
        self.run, self.config, self.workers, self.watch = run, config or EvalConfig(), workers, watch
        check({"burn_in": self.config.burn_in, "reset": run.reset, "path": run.path or "this model"})
        self.unknown, invalid = policies(self.config, what)
        what, self.corpus = recognised(run, what, bool(self.config.by))  # the run's corpus, if it is at hand
        self.texts = texts(run, what, "error" if self.unknown == "error" else "mark", invalid, whole=True)
        self.held_out = any(text.held_out for text in self.texts)
        self.each: list[tuple[str, Score]] = []  # the score of each text, once they are scored
        self._read: list[Array] = []  # what was scored, where its novelty is wanted

    @property
    def about(self) -> str:
        """How texts are read, where that is not exactly."""
        burn_in = self.config.burn_in
        return f", approximately: each piece read from {burn_in} characters before it" if burn_in else ""

    @property
    def names(self) -> str:
        """What is scored."""
        return names(self.texts)

    @cached_property
    def mixture(self) -> MixtureScorer | None:
        """The n-gram model beside the network, with a weight that is fitted at the first use of this property."""
        make = self._reader
        return MixtureScorer(self.run, make, self.held_out, self.watch, self.corpus) if self.config.mix else None

    def score(self) -> Score:
        """The score of all texts together. Figures of `mix` and `novelty` are among its `more`."""
        self.each = [(text.name, self._score(text)) for text in self.texts]
        warn_after_reading(self.run, self.texts)
        total = sum((found for _, found in self.each), Score())
        more = dict(self.mixture.figures) if self.mixture else {}
        if self.config.novelty and total.count:
            (found,) = CorpusIndex(self.run, self.corpus).overlaps([np.concatenate(self._read)])
            more |= {"copied_8grams": found.share, "longest_copied": found.longest}
        return replace(total, more=more)

    def lines(self) -> Iterator[list[LineScore]]:
        """The scores of lines, as many at a time as are complete."""
        return self._rows(by_line)

    def characters(self) -> Iterator[list[CharacterScore]]:
        """The scores of characters, a list for each piece that is read."""
        return self._rows(by_character)

    def _rows(self, by: Callable[[Vocabulary, Iterable[Scored], bool], Iterator[list[Row]]]) -> Iterator[list[Row]]:
        """The rows that `by` makes of each text, with its name where there are several."""
        skipped, several = self.unknown == "skip", len(self.texts) > 1
        for text in self.texts:
            for rows in by(self.run.vocabulary, self._scored(text), skipped):
                yield [row._replace(file=text.name) for row in rows] if several else rows
        warn_after_reading(self.run, self.texts)

    def files(self) -> Iterator[list[FileScore]]:
        """The score of each text."""
        self.score()
        yield [FileScore(name, found) for name, found in self.each]

    def table(self) -> Iterator[list[tuple[str, ...]]]:
        """The scores of lines, characters or files, as the config says, as rows of TSV."""
        ways: dict[str | None, Callable[[], Iterator[Sequence[LineScore | CharacterScore | FileScore]]]]
        ways = {"line": self.lines, "char": self.characters, "file": self.files}
        return ([row.cells for row in rows] for rows in ways[self.config.by]())

    def _reader(self) -> StreamReader:
        return stream_reader(self.run.network, self.config)

    @property
    def _plain(self) -> bool:
        """Whether the network alone scores, and learns nothing."""
        return not self.config.dynamic and not self.config.mix

    def _scorer(self) -> Scorer:
        if self._plain:
            return partial(score.surprisal, self.run.network)
        return self.mixture or partial(stream_surprisal, self._reader())

    def _score(self, text: Text) -> Score:
        if self._plain and (self.config.burn_in or text.at_hand):
            read = text.ids
            ids, count = (read, 0) if text.held_out else self._known(np.asarray(read))
            self._read += [np.asarray(ids)] if self.config.novelty else []
            known = score.evaluate(self.run.network, ids, burn_in=self.config.burn_in, workers=self.workers)
            return known + Score(count * self._cost, 0 if self.unknown == "skip" else count, unknown=count)
        size = ROWS_AT_ONCE if self._plain else WATCHED_AT_ONCE
        watch = iter if self._plain else self.watch
        return sum((self._summed(*scored) for scored in self._scored(text, size, watch)), Score())

    def _summed(self, ids: Array, nats: Array, hits: Array) -> Score:
        return Score.of_text(nats, hits, ids < self.run.vocabulary.size, self.unknown == "skip")

    def _scored(self, text: Text, size: int = ROWS_AT_ONCE, watch: WatchSymbols = iter) -> Iterator[Scored]:
        """The symbols of a text, piece by piece, with the surprisal of each in nats and whether it was likeliest.

        The network reads the known ones alone.
        """
        read, again = tee(watch(cut(text.pieces, size)))
        found = self._scorer()(known for ids in again if len(known := self._known(ids)[0]))
        for ids in read:
            at = ids < self.run.vocabulary.size
            nats, hits = np.full(len(ids), self._cost), np.zeros(len(ids), bool)
            if at.any():
                nats[at], hits[at] = next(found)
            self._read += [ids[at]] if self.config.novelty else []
            yield ids, nats, hits

    def _known(self, ids: Array) -> tuple[Array, int]:
        """The symbols that the network knows, and how many others there are."""
        at = ids < self.run.vocabulary.size
        return (ids, 0) if at.all() else (ids[at].astype(self.run.vocabulary.dtype), int(np.count_nonzero(~at)))

    @property
    def _cost(self) -> float:
        """Nats of a character that the network does not know."""
        return 0.0 if self.unknown == "skip" else cost(self.run.vocabulary)
