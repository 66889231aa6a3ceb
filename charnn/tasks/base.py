"""What a task is: how a corpus becomes batches, what a validation says, what there is to beat, an example to show."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..choices import TASKS
from ..config import EvalConfig, ModelConfig, SampleConfig, TaskConfig, TrainConfig
from ..errors import UsageError
from ..io.lazy import WatchSymbols
from ..io.text import Source, Watch, file_sources
from ..options import flag
from ..runs.run import Run

if TYPE_CHECKING:
    from ..evaluation.readers import Text as Reading
    from ..inspection.results import Gradients

CHARACTERS_PER_VALIDATION = 200_000, 2_000_000


class Validated(NamedTuple):
    """What a held-out part says of a network."""

    loss: float  # in nats for each of what the task counts
    figures: dict[str, float]  # more of it, by name; kept in the run's history
    trivial: float = 0.0  # the loss of a network that has learnt nothing, where that is more than log V


class Task:
    """A row of `choices.TASKS`, with the options of a run. Training and terminal know tasks by these methods alone.

    `read` gives a corpus, and `split` its parts to train on and to hold out. Losses are counted for each `unit`.
    """

    unit = "char"
    given = ""  # what is known beside the text before, in words that follow the unit: " given both sides"
    shown = "a sample"  # what `example` is
    between_validations = CHARACTERS_PER_VALIDATION  # losses, at least and at most: an epoch in between
    right = ""  # the figure of a validation that says what share of its `lines` is right, if that decides
    material = "text"  # what there may be too little of
    solved = 0.02  # bits of held-out loss, below which there is nothing left to learn
    mixes = ""  # the command that mixes a network with what was counted, by --mix ngram
    columns: Mapping[str, str] = MappingProxyType({})  # figures of a validation that are shown, and their headings
    digits = ".4f"  # of figures of an evaluation
    use = "`charnn sample {model}` writes"  # what to do with a model
    sizes = False  # whether the length of a text, or a budget, chooses the size of the network
    evaluates: tuple[str, ...] = ()  # options of `EvalConfig` that have an effect
    tables: tuple[str, ...] = ("line",)  # rows that evaluation writes
    kept_as = "tokens.npz"  # the file in a run's folder that holds a text which can be read only once

    def __init__(self, options: TaskConfig):
        self.options = options

    def read(self, sources: Sequence[Source], watch: Watch = iter, invalid: str = "error", **reading: Any) -> Any:
        """The corpus in some texts, with its names, its sha256, its vocabulary and `name`, what a run is called."""
        raise NotImplementedError

    def assert_takes(self, corpus: Any) -> None:
        """Raise `UsageError` for a corpus that was read in another way than by `read`."""
        raise UsageError(f"--task {self.options.task} takes no corpus that was read before: name its files")

    def sources(self, what: Any) -> list[Source]:
        """The texts in what is given from Python: names of files, or a list of them. Raises `UsageError` for others."""
        if isinstance(what, list | tuple) and what and isinstance(what[0], tuple):
            raise UsageError(f"--task {self.options.task} reads no pairs: give texts, or a task on pairs")
        return file_sources(what)

    def tokenize(
        self, path: Path, sources: Sequence[Source], watch: Watch = iter, invalid: str = "error", **reading: Any
    ) -> None:
        """Write the corpus in some texts to a file, which `read` takes too."""
        raise NotImplementedError

    def keep(self, path: Path, sources: Sequence[Source], **reading: Any) -> None:
        """Write a text that can be read only once to a file, which `read` takes."""
        self.tokenize(path, sources, **reading)

    def reread(self, run: Run, sources: Sequence[Source] = (), watch: Watch = iter) -> Any:
        """The corpus of a run, from where it was or from other files. Raises `UsageError` where it is gone."""
        raise NotImplementedError

    def split(self, corpus: Any, config: TrainConfig) -> tuple[Any, Any]:
        """The part to train on, and the part that is held out."""
        raise NotImplementedError

    def count(self, part: Any) -> int:
        """How many losses a part has."""
        raise NotImplementedError

    def decide(self, train: Any, vocabulary: Any, model: ModelConfig, config: TrainConfig) -> tuple[Any, TrainConfig]:
        """A network and its training for a part to train on: all is decided but how often to validate."""
        raise NotImplementedError

    def check(self, network: Any, corpus: Any, train: Any) -> None:
        """Raise `InputError` where there is nothing to learn."""

    def layout(self, config: TrainConfig, part: Any, network: Any, reset: bool) -> Any:
        """The part side by side: what a training scheme makes updates of. With `reset` sequences are independent."""
        raise NotImplementedError

    def count_laid_out(self, layout: Any) -> int:
        """How many losses an epoch of a layout has."""
        raise NotImplementedError

    def largest(self, config: TrainConfig, part: Any) -> tuple[int, int] | None:
        """Steps and rows of what an update has in memory at once, where it reads whole sequences."""
        return None

    def baselines(self, corpus: Any, train: Any, valid: Any) -> dict[str, float]:
        """What there is to beat, by name."""
        raise NotImplementedError

    def validate(self, run: Run, part: Any, workers: int) -> Validated:
        """What a part says of the network as it is now; of a large one, its beginning."""
        raise NotImplementedError

    def better(self, new: Mapping[str, float], best: Mapping[str, float], most: float = 0.0) -> bool:
        """Whether one record of the history is better than another.

        What is right decides, where a task has such a share; `most` is the largest of the history. A difference of one
        line says nothing: there, and elsewhere, the loss decides.
        """
        if not self.right:
            return new["valid"] < best["valid"]
        one_line = 1.5 / new["lines"] if "lines" in new else 0.0
        if new[self.right] < most - one_line:
            return False
        more = new[self.right] - best[self.right]
        return more > one_line or (more >= -one_line and new["valid"] < best["valid"])

    def doubts(self, train: Any, valid: Any, vocabulary: Any) -> str | None:
        """Why the loss of a held-out part would not say what was learnt, in words; None where nothing is known."""
        return None

    def last(self, part: Any) -> Any:
        """The end of a part, large enough to say how well it is known."""
        raise NotImplementedError

    def example(self, run: Run, part: Any) -> str:
        """A line to show while training; the part is the one that is held out."""
        raise NotImplementedError

    def evaluator(self, run: Run, what: Any, config: EvalConfig, workers: int, watch: WatchSymbols = iter) -> Any:
        """What scores texts by a run: `score`, whose `figures` are all by name, and `table`, rows as `config.by` says.

        `what` is read as by `evaluation.readers.texts`. Raises `UsageError` for options without an effect.
        """
        raise NotImplementedError

    def sampler(self, run: Run, prime: str, config: SampleConfig, contexts: Sequence[str] | None, workers: int) -> Any:
        """What writes after a prime, for contexts or without. Raises `UsageError` for options without an effect."""
        raise NotImplementedError

    def readings(self, run: Run, what: Any, unknown: str, invalid: str) -> "list[Reading]":
        """Texts that a run reads while its units are looked at."""
        raise NotImplementedError

    def activations(self, run: Run, gates: bool) -> Any:
        """What reads them: see `inspection.activations`."""
        raise NotImplementedError

    def gradients(self, run: Run, what: Any, lags: int, unknown: str, invalid: str) -> "Gradients":
        """How far gradients reach, up to so many symbols."""
        raise NotImplementedError

    def cases(self, run: Run, what: Any, rng: np.random.Generator, unknown: str, invalid: str) -> Sequence[Any]:
        """Where the gradient of a run is compared with finite differences: see `inspection.gradcheck`."""
        raise NotImplementedError

    def assert_evaluates(self, config: EvalConfig) -> None:
        """Raise `UsageError` for an option of evaluation that has no effect on models of this task."""
        for spec in fields(config):
            if spec.name not in self.evaluates and getattr(config, spec.name) != spec.default:
                raise UsageError(
                    f"{flag(spec.name)} has no effect on a model of --task {self.options.task}: leave it out"
                )
        if config.by and config.by not in self.tables:
            raise UsageError(
                f"--by {config.by} is not for a model of --task {self.options.task}: choose {' or '.join(self.tables)}"
            )

    def compared(self, run: Run, held_out: bool) -> str:
        """What there is to compare a score with, in a line, or nothing."""
        raise NotImplementedError

    def known(self, run: Run, held_out: bool) -> dict[str, float]:
        """Baselines that hold for what was scored, by name."""
        return run.origin.baselines if held_out else {}

    def about(self, corpus: Any) -> list[tuple[str, str]]:
        """What a corpus is, as it was understood: names, and words for their values."""
        raise NotImplementedError

    def ids(self, corpus: Any) -> Iterator[str]:
        """The numbers of a corpus, as a text of lines."""
        raise NotImplementedError

    def summary(self, corpus: Any, config: TrainConfig) -> list[tuple[str, str]]:
        """What a corpus is, and what there is to learn: names, and words for their values."""
        raise NotImplementedError

    def describe(self, run: Run, train: Any, valid: Any) -> list[tuple[str, str]]:
        """How its parts are learnt, in the same way."""
        raise NotImplementedError

    def to_beat(self, run: Run, train: Any) -> str:
        """What there is to beat, in a line."""
        raise NotImplementedError

    def counted_best(self, run: Run) -> str:
        """That counting does better than the best validation, in words; nothing where it does not."""
        found = run.origin.baselines
        if run.best is None or "ngram" not in found or run.best / math.log(2) <= found["ngram"]:
            return ""
        return f"the {found['order']:.0f}-gram model is still better ({found['ngram']:.3f} bits/{self.unit})"

    def result(self, run: Run) -> str:
        """What the best validation said, beside what there was to beat."""
        raise NotImplementedError

    def wins(self, run: Run) -> bool | None:
        """Whether the best validation beats what there was to beat; None where one number does not say."""
        return None


def describe_network(run: Run) -> str:
    """The layers of a run's network, and its dropout."""
    m = run.model.config
    cell = f"{m.activation} {m.cell}" if m.activation else m.cell
    noise = "dropout" if m.dropout_kind == "standard" else f"{m.dropout_kind} dropout"
    return f"{', '.join([f'{m.layers} x {m.hidden} {cell}', *m.describe()])}{run.model.says}, {noise} {m.dropout:g}"


def make(options: TaskConfig) -> Task:
    """The task that options are of."""
    task: Task = TASKS[options.task].load()(options)
    return task


def plural(count: int | None, noun: str) -> str:
    """A number and what is counted: 1 worker, 2 workers."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
