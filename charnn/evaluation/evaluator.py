"""Texts scored as a config says: by a network alone, by one that learns while it reads, or beside an n-gram model."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import tee

import numpy as np

from ..config import EvalConfig
from ..conflicts import check
from ..io.lazy import WatchSymbols
from ..nn.layers.base import Array
from ..runs.run import Run
from . import score
from .dynamic import StreamReader, stream_reader, stream_surprisal
from .mixture import MixtureScorer
from .novelty import CorpusIndex
from .readers import Text, TextLike, cut, names, texts
from .rows import CharacterScore, LineScore, Scored, by_character, by_line
from .score import Score

Scorer = Callable[[Iterable[Array]], Iterator[tuple[Array, Array]]]  # pieces of a stream -> nats and hits of each

ROWS_AT_ONCE = 1 << 16  # symbols scored at a time, so that rows come soon and memory stays small
WATCHED_AT_ONCE = 1 << 12  # symbols between two looks at a bar


class Evaluator:
    """A run and the texts to score by it, each from EOS and the zero state on, by the run as it was trained.

    `what` is a text (str), a `Path` or names of files, a corpus, whose held-out part is scored, or None for that of the
    run's own. `workers` processes score where sequences do not depend on each other; `watch` passes on the symbols that
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
        self.texts = texts(run, what, self.config.unknown, self.config.invalid)
        self.held_out = any(text.held_out for text in self.texts)
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
        return MixtureScorer(self.run, make, self.held_out, self.watch) if self.config.mix else None

    def score(self) -> Score:
        """The score of all texts together. Figures of `mix` and `novelty` are among its `more`."""
        total = sum(map(self._score, self.texts), Score())
        more = dict(self.mixture.figures) if self.mixture else {}
        if self.config.novelty and total.count:
            (found,) = CorpusIndex(self.run).overlaps([np.concatenate(self._read)])
            more |= {"copied_8grams": found.share, "longest_copied": found.longest}
        return replace(total, more=more)

    def lines(self) -> Iterator[list[LineScore]]:
        """The scores of lines, as many at a time as are complete."""
        return (rows for text in self.texts for rows in by_line(self.run.vocabulary, self._scored(text)))

    def characters(self) -> Iterator[list[CharacterScore]]:
        """The scores of characters, a list for each piece that is read."""
        return (rows for text in self.texts for rows in by_character(self.run.vocabulary, self._scored(text)))

    def table(self) -> Iterator[list[tuple[str, ...]]]:
        """The scores of lines or of characters, as the config says, as rows of TSV."""
        found: Iterator[Sequence[LineScore | CharacterScore]] = (
            self.lines() if self.config.by == "line" else self.characters()
        )
        return ([row.cells for row in rows] for rows in found)

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
            ids = text.ids
            self._read += [np.asarray(ids)] if self.config.novelty else []
            return score.evaluate(self.run.network, ids, burn_in=self.config.burn_in, workers=self.workers)
        size = ROWS_AT_ONCE if self._plain else WATCHED_AT_ONCE
        watch = iter if self._plain else self.watch
        return sum((Score.of(nats, hits) for _, nats, hits in self._scored(text, size, watch)), Score())

    def _scored(self, text: Text, size: int = ROWS_AT_ONCE, watch: WatchSymbols = iter) -> Iterator[Scored]:
        """The symbols of a text, piece by piece, with the surprisal of each in nats and whether it was likeliest."""
        read, scored = tee(watch(cut(text.pieces, size)))
        for ids, (nats, hits) in zip(read, self._scorer()(scored), strict=True):
            self._read += [ids] if self.config.novelty else []
            yield ids, nats, hits
