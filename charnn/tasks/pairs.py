"""What all tasks on pairs have in common: how lines become pairs, parts and batches."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ..choices import TASKS
from ..config import ModelConfig, TrainConfig
from ..data import pairs, tokenized_pairs
from ..data.pair_batches import MAX_SYMBOLS, PairBatches, lengths, within_memory
from ..data.pairs import PairFormat, Pairs
from ..data.units import PairVocabulary
from ..data.vocabulary import EOS
from ..errors import InputError, UsageError
from ..evaluation.readers import Text as Reading
from ..inspection.activations import SourceActivations
from ..io.lines import Line, lines
from ..io.text import Source, Watch, file_source, file_sources, short_path
from ..nn.task_model import TaskModel
from ..runs.corpus import assert_same_corpus, own_sources
from ..runs.run import Run
from .base import Task, describe_network, plural
from .fitting import DEFAULT_MINUTES, fit_workers

VALIDATED_PAIRS = 2000  # of the held-out part, from its start, that validations while training score
MIN_BATCHES = 8  # in an epoch
DEFAULT_PAIRS, EPOCHS = 800_000, (20.0, 200.0)  # pairs read by default, and the epochs for that


class Part(NamedTuple):
    """Some of the pairs of a corpus, by their numbers (n,).

    `read_again` gives the text of all pairs, from where it is needed for what the vocabulary does not have.
    """

    pairs: Pairs
    rows: np.ndarray
    read_again: Callable[[], Sequence[pairs.Pair]] | None = None

    @property
    def sources(self) -> list[np.ndarray]:
        """Ids of each source."""
        return [self.pairs.source[i] for i in self.rows.tolist()]

    @property
    def targets(self) -> list[np.ndarray]:
        """Ids of each target."""
        return [self.pairs.target[i] for i in self.rows.tolist()]

    @property
    def unknown(self) -> tuple[int, int]:
        """How many symbols of the sources, and of the targets, the vocabulary does not have."""
        read, wanted = (
            sum(int(np.count_nonzero(ids == self.pairs.vocabulary.stranger(kind))) for ids in side)
            for side, kind in self._sides
        )
        return read, wanted

    @property
    def unknown_targets(self) -> set[str]:
        """What the targets are made of, and the vocabulary does not have."""
        vocabulary = self.pairs.vocabulary
        if not self.unknown[1]:
            return set()
        return {one for text in self.target_texts for one in vocabulary.strangers(text, vocabulary.target)}

    @property
    def source_texts(self) -> list[str]:
        """Each source."""
        return self._texts(0)

    @property
    def target_texts(self) -> list[str]:
        """Each target."""
        return self._texts(1)

    def some(self, which: slice) -> "Part":
        """A part of them."""
        return self._replace(rows=self.rows[which])

    def one(self, number: int) -> "Part":
        """One of them; the first follows the last."""
        return self._replace(rows=self.rows[[number % len(self.rows)]])

    @property
    def _sides(self) -> tuple[tuple[list[np.ndarray], str], ...]:
        """Ids of the sources, and of the targets, and what each side is made of."""
        return (self.sources, self.pairs.vocabulary.source), (self.targets, self.pairs.vocabulary.target)

    def _texts(self, side: int) -> list[str]:
        """The text of a side: from its ids or, where these have something unknown, as it was read."""
        vocabulary, (read, kind) = self.pairs.vocabulary, self._sides[side]
        found = [vocabulary.decode(ids, kind) for ids in read]
        odd = [i for i, ids in enumerate(read) if vocabulary.stranger(kind) in ids]
        if odd and self.read_again:
            lines = self.read_again()
            for i in odd:
                found[i] = lines[self.rows[i]][side]
        return found


class PairTask(Task):
    """A task on lines left<TAB>right."""

    between_validations = 1, 2_000_000
    material = "pairs"
    beaten: Mapping[str, str] = MappingProxyType({})  # baselines that are shares of what is right, and words for them

    @property
    def format(self) -> PairFormat:
        """How a line is read."""
        raise NotImplementedError

    def sources(self, what: Any) -> list[Source]:
        found = pairs.sources(what)
        if self.options.autoencode and any(source.in_memory for source in found):
            raise UsageError("--autoencode learns lines, and these are pairs: give a file of lines, or leave it out")
        return found

    def read(self, sources: Sequence[Source], watch: Watch = iter, invalid: str = "error", **reading: Any) -> Pairs:
        if not any(source.name.endswith(".npz") for source in sources):
            return pairs.read(sources, self.format, invalid, watch, **_reserved(reading))
        if len(sources) > 1:
            raise UsageError("a tokenised file stands alone: give one, or texts")
        found = tokenized_pairs.read(sources[0].name)
        self.assert_takes(found)
        return found

    def assert_takes(self, corpus: Any) -> None:
        read_as = corpus.format if isinstance(corpus, Pairs) else "a text"
        if read_as != self.format:
            raise UsageError(f"{corpus.names[0]} was read as {read_as}, and {self.format} is asked for")

    def tokenize(
        self, path: Path, sources: Sequence[Source], watch: Watch = iter, invalid: str = "error", **reading: Any
    ) -> None:
        tokenized_pairs.write(path, sources, self.format, invalid, watch, **_reserved(reading))

    def reread(self, run: Run, sources: Sequence[Source] = (), watch: Watch = iter) -> Pairs:
        found = self.read(sources or own_sources(run), watch, run.origin.invalid)
        assert_same_corpus(found, run)
        return found

    def readings(self, run: Run, what: Any, unknown: str, invalid: str) -> list[Reading]:
        """Sources: lines (a str), a `Path` or names of files that have nothing else, or those of held-out pairs."""
        if what is None or isinstance(what, Pairs):
            valid = self.held_out(run, what)
            return [Reading("held-out part", (np.append(ids, EOS) for ids in valid.sources), held_out=True)]
        if isinstance(what, str):
            return [Reading("the text", self._sources(run, [[Line(1, one) for one in what.split("\n")]]))]
        return [Reading(file.shown, self._sources(run, lines(file, invalid))) for file in file_sources(what)]

    def activations(self, run: Run, gates: bool) -> SourceActivations:
        if gates:
            raise UsageError(f"--gates has no effect on a model of --task {self.options.task}: leave it out")
        return SourceActivations(run)

    def _sources(self, run: Run, lines: Iterable[Sequence[Line]]) -> Iterator[np.ndarray]:
        for line in (line for some in lines for line in some):
            if isinstance(line.text, InputError):
                raise InputError(f"line {line.number}: {line.text}")
            yield np.append(run.vocabulary.encode(line.text, run.vocabulary.source), EOS)

    def held_out(self, run: Run, corpus: Pairs | None) -> Part:
        """The held-out part of some pairs, or of a run's own. Raises what `assert_takes` and `reread` do, and
        `InputError` for another vocabulary."""
        if corpus:
            self.assert_takes(corpus)
            if corpus.vocabulary != run.vocabulary:
                told = "was read with another vocabulary than the model's: give the lines"
                raise InputError(f"{corpus.names[0]} {told}")
        return self.split(corpus or self.reread(run), run.config)[1]

    def split(self, corpus: Pairs, config: TrainConfig) -> tuple[Part, Part]:
        """The pairs to train on, and those that are held out: some at random, the last, or those of another file."""
        if self.options.valid_file is not None:
            if self.options.valid_file in ("", "-"):
                raise UsageError(f"--valid-file is {self.options.valid_file!r}: name a file, which is read again later")
            source = file_source(self.options.valid_file)
            held_out = pairs.read([source], corpus.format, corpus.invalid, vocabulary=corpus.vocabulary)
            if not len(held_out):
                raise InputError(f"{self.options.valid_file} has no lines: --valid-file needs some to hold out")
            again = cache(partial(pairs.parse_all, [source], corpus.format, corpus.invalid))
            return Part(corpus, np.arange(len(corpus))), Part(held_out, np.arange(len(held_out)), again)
        train, valid = corpus.split(config.valid_share, config.order)
        return Part(corpus, train), Part(corpus, valid)

    def decide(
        self, train: Part, vocabulary: PairVocabulary, model: ModelConfig, config: TrainConfig
    ) -> tuple[TaskModel, TrainConfig]:
        """At least 8 updates an epoch, and by default as many epochs as read 800,000 pairs, or 10 minutes."""
        network: TaskModel = TASKS[self.options.task].network.load()(model, self.options, vocabulary)
        count = len(train.rows)
        if config.epochs is None and config.steps is None and config.minutes is None:
            epochs = min(max(DEFAULT_PAIRS / count, EPOCHS[0]), EPOCHS[1])
            config = replace(config, epochs=epochs, minutes=DEFAULT_MINUTES)
        batch = max(1, min(config.batch, count // MIN_BATCHES))
        return network, replace(config, batch=batch, workers=fit_workers(config, batch))

    def layout(self, config: TrainConfig, part: Part, network: TaskModel, reset: bool) -> "PairLayout":
        return PairLayout(self, part, config, network)

    def count_laid_out(self, layout: "PairLayout") -> int:
        return layout.losses

    def largest(self, config: TrainConfig, part: Part) -> tuple[int, int]:
        steps = int(lengths(part.pairs, part.rows).max())
        return steps, max(1, min(-(-config.batch // (config.workers or 1)), MAX_SYMBOLS // (2 * steps)))

    def last(self, part: Part) -> Part:
        return part.some(slice(-VALIDATED_PAIRS, None))

    def about(self, corpus: Pairs) -> list[tuple[str, str]]:
        format = corpus.format
        sides = ((corpus.source, format.source, "read"), (corpus.target, format.target, "wanted"))
        sizes = [f"{side.lengths.mean():.1f} {kind} {use}" for side, kind, use in sides if kind != "label"]
        labels = f", {len(corpus.vocabulary.labels):,} labels" if corpus.vocabulary.labels else ""
        return [
            ("corpus", ", ".join(map(short_path, corpus.names))),
            ("pairs", f"{len(corpus):,}; on average {' and '.join(sizes)}"),
            ("vocabulary", f"{len(corpus.vocabulary.units):,} {format.source}{labels}"),
        ]

    def ids(self, corpus: Pairs) -> Iterator[str]:
        """A pair on a line: numbers of the source, a TAB, numbers of the target."""
        for i in range(len(corpus)):
            sides = (" ".join(map(str, side[i].tolist())) for side in (corpus.source, corpus.target))
            yield "\t".join(sides) + "\n"

    def summary(self, corpus: Pairs, config: TrainConfig) -> list[tuple[str, str]]:
        train, valid = self.split(corpus, config)
        counted = self.baselines(corpus, train, valid)
        split = ("split", f"{len(train.rows):,} pairs to train on, {len(valid.rows):,} held out")
        return [*self.about(corpus), split, ("to beat", self.counted(counted))]

    def describe(self, run: Run, train: Part, valid: Part) -> list[tuple[str, str]]:
        chosen = "at random, by the seed" if run.config.shuffle else "from the end"
        there = f"of {self.options.valid_file}" if self.options.valid_file else chosen
        rows = [("split", f"{len(train.rows):,} pairs to train on, {len(valid.rows):,} held out {there}")]
        if again := duplicates(train, valid):
            one = valid.one(again[0])
            told = f"one of them {one.source_texts[0]!r} with {one.target_texts[0]!r}"
            rows.append(("repeated", f"{len(again):,} of the held-out pairs are trained on as well, {told}"))
        return [
            *rows,
            ("model", f"{describe_network(run)}: {run.weights.count:,} parameters"),
            ("batches", f"{run.config.batch} pairs, {plural(run.config.workers, 'worker')}"),
        ]

    def compared(self, run: Run, held_out: bool) -> str:
        return self.to_beat(run) if held_out else ""

    def to_beat(self, run: Run, train: Part | None = None) -> str:
        return self.counted(run.origin.baselines)

    def counted(self, found: Mapping[str, float]) -> str:
        """Baselines in a line."""
        shares = {words: 100 * found[name] for name, words in self.beaten.items() if name in found}
        return f"{', '.join(f'{words.format(**found)} {share:.1f} %' for words, share in shares.items())} right"

    def result(self, run: Run) -> str:
        record = run.best_record
        told = [f"{words} {record[name]:.4f}" for name, words in self.columns.items()]
        told.append(f"{record['valid']:.4f} bits/{self.unit}")
        return f"{', '.join(told)} held out, at step {run.best_step:,}; to beat: {self.to_beat(run)}"


def _reserved(reading: Mapping[str, Any]) -> dict[str, Any]:
    """What to have symbols for, beside what there is in the pairs."""
    return {name: reading[name] for name in ("known", "characters") if name in reading}


class PairLayout(PairBatches):
    """Batches of pairs as a training scheme reads them."""

    def __init__(self, task: PairTask, part: Part, config: TrainConfig, network: TaskModel):
        super().__init__(part.pairs, part.rows, config.batch, config.seed)
        self.losses, self.network = task.count(part), network
        self.size = self.losses / len(self)

    def read(self, epoch: int, index: int, part: slice) -> Iterator[Any]:
        """Some rows of a batch, in as many pieces as fit in memory one after the other."""
        rows = self.at(epoch, index)[part]
        for piece in within_memory(lengths(self.pairs, rows)):
            some = Part(self.pairs, rows[piece])
            yield self.network.network.batch(some.sources, some.targets, self.pairs.source.ids.dtype)


def duplicates(train: Part, valid: Part) -> list[int]:
    """Which of the held-out pairs are to be trained on as well."""
    known = {(s.tobytes(), t.tobytes()) for s, t in zip(train.sources, train.targets, strict=True)}
    pairs_ = zip(valid.sources, valid.targets, strict=True)
    return [i for i, (s, t) in enumerate(pairs_) if (s.tobytes(), t.tobytes()) in known]
