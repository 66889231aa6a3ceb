"""Gaps filled in lines, and errors found in texts, by a run that reads both sides of a character."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..data.vocabulary import EOS
from ..errors import InputError, UsageError
from ..nn.layers.base import Array
from ..nn.task_model import TaskModel
from ..runs.run import Run
from ..sampling.gaps import fill_from_both, fill_from_left
from ..verbs import FillConfig, ProofConfig
from .answers import MAX_LINE
from .base import make
from .fill import Fill
from .gap_evaluating import scored


class Gapped(NamedTuple):
    """A line, its ids, (N,), with those of what stands around it, and where its gaps are, (N,)."""

    text: str
    ids: Array
    gaps: Array


class Filler:
    """A run that fills gaps, as a config says; see `answers.Answerer`. A run of text reads from the left, by a beam.

    To mix it with n-grams needs the run's corpus. A line stands between the ends of lines: where these end sequences,
    at the end of one; else between two.
    """

    def __init__(self, run: Run, config: FillConfig):
        self.run, self.config = run, config
        if run.model.config.ending == "length":
            raise UsageError(
                "a model of --ending length says how long a text is first: fill by a model of --ending eos"
            )
        task = make(run.task)
        self.mixture = task.mixture(run) if config.mix and isinstance(task, Fill) else None
        if config.mix and not self.mixture:
            raise UsageError("--mix has no effect on a model of --task text: leave it out")
        newline = run.vocabulary.marked("\n")
        self.before, self.after = ("", "\n") if newline.tolist() == [EOS] else ("\n", "\n")
        if newline.tolist() == [run.vocabulary.size]:  # there are no line ends
            self.before = self.after = ""
        self.banned = sorted({EOS, *newline.tolist()} - {run.vocabulary.size})

    def read(self, text: str) -> Gapped:
        vocabulary = self.run.vocabulary
        if len(text) > MAX_LINE:
            raise InputError(f"it has {len(text):,} characters: lines of {MAX_LINE:,} are filled at most")
        whole = f"{self.before}{text}{self.after}"
        ids = vocabulary.marked(whole)
        gaps = np.array([character == self.config.gap for character in whole], bool)
        gaps[: len(self.before)] = gaps[len(whole) - len(self.after) :] = False
        if not isinstance(self.run.model, TaskModel):
            unknown = sorted(
                {c for c, i, gap in zip(whole, ids, gaps, strict=True) if i == vocabulary.size and not gap}
            )
            if unknown:
                raise InputError(f"the model does not know {', '.join(map(repr, unknown))}")
        ids[gaps] = EOS
        return Gapped(text, ids, gaps)

    def unknown(self, text: str) -> set[str]:
        """The characters of a line with gaps that the model does not know."""
        ids = self.run.vocabulary.marked(text) if self.config.gap in text else ()
        return {c for c, i in zip(text, ids) if i == self.run.vocabulary.size} - {self.config.gap}

    def answer(self, lines: Sequence[Gapped]) -> list[str]:
        """Each line with its gaps filled."""
        return [self._filled(one) if one.gaps.any() else one.text for one in lines]

    def _filled(self, one: Gapped) -> str:
        model = self.run.model
        if isinstance(model, TaskModel):
            found = fill_from_both(model.network, self.run.weights, one.ids, one.gaps, self.banned, self.mixture)
        else:
            found = fill_from_left(self.run.network, one.ids, one.gaps, banned=self.banned)
        inside = slice(len(self.before), len(one.ids) - len(self.after))
        written = iter(self.run.vocabulary.texts(found[inside][one.gaps[inside]].tolist()))
        return "".join(next(written) if c == self.config.gap else c for c in one.text)


@dataclass(frozen=True)
class Doubt:
    """A character that another one is likelier for, given both sides, by so many bits; places count from 1."""

    line: int
    column: int
    found: str
    likelier: str
    bits: float


class Proofreader:
    """A run of the task fill that looks for errors, as a config says. To mix it with n-grams needs the run's corpus."""

    def __init__(self, run: Run, config: ProofConfig, workers: int = 1):
        self.vocabulary, self.gain = run.vocabulary, config.gain
        task = make(run.task)
        assert isinstance(task, Fill)
        self.scorer = task.scorer(run, workers, task.mixture(run, workers=workers) if config.mix else None)

    def doubts(self, text: str) -> Iterator[Doubt]:
        """Characters in whose place another one is likelier by `gain` bits or more, in their order.

        One that the run does not know is always among them, by infinitely many bits.
        """
        ids = self.vocabulary.marked(text)
        found = scored(self.scorer, ids)
        gain = np.where(ids < self.vocabulary.size, found.nats - found.least, np.inf) / math.log(2)
        places = np.flatnonzero((gain >= self.gain) & (found.likeliest != ids)).tolist()
        likelier = self.vocabulary.texts(found.likeliest[places].tolist())
        ends = np.array([-1, *(i for i, c in enumerate(text) if c == "\n")])  # the end of the line before each line
        lines = np.searchsorted(ends, places).tolist()
        for i, line, other in zip(places, lines, likelier, strict=True):
            yield Doubt(line, i - int(ends[line - 1]), text[i], other, float(gain[i]))
