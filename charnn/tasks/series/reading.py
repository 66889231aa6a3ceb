"""Series that a run reads: scored vector by vector, or gone on from."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ...config import EvalConfig, SampleConfig
from ...data import series
from ...data.series import Part, Series
from ...errors import UsageError, expect
from ...evaluation.training_text import (
    note_held_out_part,
    warn_of_training_files,
    warn_of_training_text,
    warn_that_all_is_scored,
)
from ...io.text import Source, file_sources
from ...nn.parameters import Parameters
from ...options import flag
from ...runs.corpus import assert_same_corpus, is_own, own_sources
from ...runs.run import Run
from ...sampling.text import TextSample
from .forecasts import continued, forecasts

SAMPLED = "length", "count", "seed"  # options of `SampleConfig` that a series may have; there is one continuation


def parts(run: Run, what: Any) -> list[tuple[str, Part]]:
    """Series by their names: a str itself, a `Path` or names of files, a corpus' or the run's own held-out part."""
    if isinstance(what, str):
        return [("the text", _read(run, [_source("the text", what)]).whole)]
    if what is None or isinstance(what, Series):
        corpus = what or own_series(run)
        return [("held-out part", corpus.split(run.config.valid_share)[1])]
    return [(file.shown, _read(run, [file]).whole) for file in _files(what)]


def recognised(run: Run, what: Any, rows: bool) -> Any:
    """What to score: a corpus in place of files that are the run's own, of which the held-out part is scored.

    For `rows` all of a series is. Warns of files that the run was trained on.
    """
    if what is None or isinstance(what, str | Series):
        return what
    files = _files(what)
    if files and is_own(run, files):
        corpus, names = series.read(files, run.origin.invalid), ", ".join(file.shown for file in files)
        if rows:
            valid = corpus.split(run.config.valid_share)[1]
            warn_that_all_is_scored(names, f"{len(valid.values) - valid.read:,} vectors")
            return what
        note_held_out_part(names)
        return corpus
    warn_of_training_files(run, files)
    return what


def own_series(run: Run) -> Series:
    """The series that a run was trained on. Raises what `own_sources` and `assert_same_corpus` do."""
    found = series.read(own_sources(run), run.origin.invalid)
    assert_same_corpus(found, run)
    return found


def _files(what: Any) -> list[Source]:
    expect("the series", what, str, Path, Source, Series, list, tuple)
    return file_sources(what)


def _read(run: Run, sources: Sequence[Source]) -> Series:
    """Series on the scale of a run. Warns of a stream that the run was trained on."""
    found = series.read(sources, scale=run.vocabulary)
    if found.sha256 == run.origin.sha256 and sources[0].name == "-":
        warn_of_training_text(sources[0].shown)
    return found


def _source(name: str, text: str) -> Source:
    return Source(name, lambda: io.BytesIO(text.encode()))


@dataclass(frozen=True)
class SquaredError:
    """The mean squared error of forecasts in units of the variance of the training part, and its root by columns in the
    columns' own units."""

    mse: float
    roots: tuple[float, ...]
    count: int  # vectors

    @property
    def figures(self) -> dict[str, Any]:
        """All figures by name."""
        roots = {f"rmse_{column}": root for column, root in enumerate(self.roots, 1)}
        return {"mse": self.mse, **roots, "count": self.count}


class SeriesEvaluator:
    """A run and series to score by it: see `evaluation.evaluator.Evaluator`."""

    about = "; each vector given those before it"
    mixture = None

    def __init__(self, run: Run, what: Any, config: EvalConfig):
        what = recognised(run, what, bool(config.by))
        self.run, self.config, self.parts = run, config, parts(run, what)
        self.held_out = what is None or (isinstance(what, Series) and what.sha256 == run.origin.sha256)

    @property
    def names(self) -> str:
        """What is scored."""
        return ", ".join(name for name, _ in self.parts)

    def score(self) -> SquaredError:
        """The error over all series together."""
        found = [(forecasts(*self._network, part) - part.values)[part.read :] for _, part in self.parts]
        errors = np.concatenate(found)
        squares = np.square(errors, dtype=np.float64)
        roots = np.sqrt(squares.mean(axis=0)) * self.run.vocabulary.deviation
        return SquaredError(float(squares.mean()), tuple(roots.tolist()), len(errors))

    @property
    def _network(self) -> tuple[Any, Parameters]:
        return self.run.model, self.run.weights

    def table(self) -> Iterator[list[tuple[str, ...]]]:
        """For each vector: its squared error, its number, itself, what was expected, and of several files the name."""
        for name, part in self.parts:
            found, right = (rows[part.read :] for rows in (forecasts(*self._network, part), part.values))
            squares = np.square(found - right, dtype=np.float64).mean(axis=1)
            both = zip(*(map(" ".join, self.run.vocabulary.texts(rows)) for rows in (right, found)), strict=True)
            rows = enumerate(zip(squares, both, strict=True), 1)
            file = [name] * (len(self.parts) > 1)
            yield [(f"{square:.6g}", str(number), *shown, *file) for number, (square, shown) in rows]


class SeriesSampler:
    """A run that continues a series, vector by vector, each the one that it expects: see `sampling.text.TextSampler`.

    Raises `UsageError` for options without an effect, and `InputError` for a prime that is no series.
    """

    def __init__(self, run: Run, prime: str, config: SampleConfig, contexts: Sequence[str] | None):
        for spec in fields(config):
            if spec.name not in SAMPLED and getattr(config, spec.name) != spec.default:
                raise UsageError(f"{flag(spec.name)} has no effect on a model of --task values: leave it out")
        if contexts is not None or config.count != 1:
            raise UsageError("a series goes on in one way: leave out --contexts, and -n")
        if not prime.strip():
            raise UsageError("there is no series to go on from: give --prime - and lines of numbers on standard input")
        self.run, self.config = run, config
        self.given = _read(run, [_source("the prime", prime)]).whole
        self.prime = prime if prime.endswith("\n") else prime + "\n"

    def stream(self) -> Iterator[str]:
        """The vectors that follow, a line each but for the last line end."""
        values = self.given.values[self.given.edges[-2] :]
        rows = continued(self.run.model, self.run.weights, values, self.config.length)
        for number, row in enumerate(rows):
            line = "\t".join(self.run.vocabulary.texts(row[None])[0])
            yield line if number == self.config.length - 1 else line + "\n"

    def samples(self, *, novelty: bool = False) -> Iterator[TextSample]:
        """The one continuation, the prime before it."""
        if novelty:
            raise UsageError("--novelty is for texts, and has no effect on numbers: leave it out")
        yield TextSample(self.prime + "".join(self.stream()), False)
