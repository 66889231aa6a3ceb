"""The task values: the next vector of a series of numbers, by a linear output and squared error."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ...choices import TASKS
from ...config import EvalConfig, ModelConfig, SampleConfig, TrainConfig
from ...data import series
from ...data.series import Part, Scale, Series
from ...draws import Draw
from ...errors import InputError, UsageError
from ...inspection.gradcheck import BATCH_ROWS, WINDOW_STEPS, WholeCase, whole_case
from ...io import durable
from ...io.lazy import WatchSymbols
from ...io.text import BOM, Source, Watch, encode, short_path
from ...nn.pairs.series import SeriesBatch, SeriesModel
from ...runs.corpus import assert_same_corpus
from ...runs.run import Run
from ..base import Task, Validated, describe_network, plural
from ..fitting import fit, fit_workers
from .forecasts import forecasts, mean_square, to_beat
from .reading import SeriesEvaluator, SeriesSampler, own_series, parts

VALIDATION_VECTORS = 100_000  # of the held-out part, from its start, that validations while training score
MIN_BATCHES = 8  # in an epoch
FORECASTS = {  # baselines, in words
    "persistence": "the last value",
    "moving_average": "a mean of the last values",
    "autoregression": "a linear autoregression",
    "kalman": "a Kalman filter",
}
NO_TOKENS = "--task values reads numbers: there is nothing to tokenise"


class Values(Task):
    """Vectors after others."""

    unit = "value"
    shown = "a vector, and what was expected"
    between_validations = 1, 2_000_000
    columns = MappingProxyType({"mse": "mse"})
    digits = ".4g"  # squared errors may be small, and their roots are in the units of the file
    evaluates = ("by",)
    kept_as = "numbers.txt"
    material = "vectors"
    solved = 0.0
    use = "`charnn sample {model} --prime -` goes on from lines of numbers"

    def read(self, sources: Sequence[Source], watch: Watch = iter, invalid: str = "error", **reading: Any) -> Series:
        return series.read(sources, invalid, watch)

    def tokenize(
        self, path: Path, sources: Sequence[Source], watch: Watch = iter, invalid: str = "error", **reading: Any
    ) -> None:
        raise UsageError(f"{NO_TOKENS}; train on the text itself")

    def keep(self, path: Path, sources: Sequence[Source], **reading: Any) -> None:
        held = [source.held() for source in sources]
        self.read(held, **reading)  # nothing is kept that cannot be read
        durable.replace(path, lambda file: file.writelines(_with_blank_lines_between(held)))

    def reread(self, run: Run, sources: Sequence[Source] = (), watch: Watch = iter) -> Series:
        found = self.read(sources, watch, run.origin.invalid) if sources else own_series(run)
        assert_same_corpus(found, run)
        return found

    def split(self, corpus: Series, config: TrainConfig) -> tuple[Part, Part]:
        return corpus.split(config.valid_share)

    def count(self, part: Part) -> int:
        return int(part.values[part.read :].size)

    def decide(
        self, train: Part, vocabulary: Scale, model: ModelConfig, config: TrainConfig
    ) -> tuple[SeriesModel, TrainConfig]:
        """No dropout by default; batch and window that leave updates enough in an epoch."""
        model = replace(model, dropout=model.dropout or 0.0)
        network: SeriesModel = TASKS[self.options.task].network.load()(model, self.options, vocabulary)
        window = min(config.window, int(np.diff(train.edges).max()))
        fitted = fit(replace(config, window=window), len(train.values))
        batch = max(1, min(config.batch, len(train.values) // window // MIN_BATCHES))
        return network, replace(fitted, batch=batch, window=window, workers=fit_workers(config, batch))

    def layout(self, config: TrainConfig, part: Part, network: SeriesModel, reset: bool) -> "SeriesLayout":
        return SeriesLayout(part, config)

    def count_laid_out(self, layout: "SeriesLayout") -> int:
        return layout.losses

    def largest(self, config: TrainConfig, part: Part) -> tuple[int, int]:
        return config.window, -(-config.batch // (config.workers or 1))

    def baselines(self, corpus: Series, train: Part, valid: Part) -> dict[str, float]:
        return to_beat(train, valid)

    def validate(self, run: Run, part: Part, workers: int) -> Validated:
        part = part.some(0, min(VALIDATION_VECTORS, len(part.values)))
        mse = mean_square(part, forecasts(run.model, run.weights, part))
        by_the_mean = mean_square(part, np.zeros_like(part.values))
        return Validated(mse / 2, {"mse": mse}, by_the_mean / 2)

    def last(self, part: Part) -> Part:
        return part.some(max(0, len(part.values) - VALIDATION_VECTORS), len(part.values))

    def example(self, run: Run, part: Part) -> str:
        """A vector of the held-out part, and what the network expected there."""
        place = part.read + run.step % (len(part.values) - part.read)
        start = int(part.edges[part.edges <= place].max())
        some = part.some(start, place + 1)
        right, found = (
            run.vocabulary.restored(rows[-1:]) for rows in (some.values, forecasts(run.model, run.weights, some))
        )
        return " ".join(f"{a:.4g} ({b:.4g})" for a, b in zip(right[0].tolist(), found[0].tolist(), strict=True))

    def evaluator(
        self, run: Run, what: Any, config: EvalConfig, workers: int, watch: WatchSymbols = iter
    ) -> SeriesEvaluator:
        self.assert_evaluates(config)
        return SeriesEvaluator(run, what, config)

    def sampler(
        self, run: Run, prime: str, config: SampleConfig, contexts: Sequence[str] | None, workers: int
    ) -> SeriesSampler:
        return SeriesSampler(run, prime, config, contexts)

    def cases(self, run: Run, what: Any, rng: np.random.Generator, unknown: str, invalid: str) -> Sequence[WholeCase]:
        (_, part), *_ = parts(run, what)
        if not (count := len(part.values)):
            raise InputError("there are no vectors: give lines of numbers")
        steps = min(WINDOW_STEPS, count)
        pieces = [(row * steps, steps) for row in range(min(BATCH_ROWS, count // steps))]
        batch = _batch(part.values, part.before(1), pieces)
        return [whole_case(run.model, run.weights, SeriesBatch(*(a.astype(np.float64) for a in batch)))]

    def about(self, corpus: Series) -> list[tuple[str, str]]:
        return [
            ("corpus", ", ".join(map(short_path, corpus.names))),
            ("vectors", f"{len(corpus.values):,} of {corpus.vocabulary.size} numbers"),
            ("sequences", f"{len(corpus.edges) - 1:,}, with blank lines between"),
        ]

    def ids(self, corpus: Series) -> Iterator[str]:
        raise UsageError(f"{NO_TOKENS}; leave out --output")

    def summary(self, corpus: Series, config: TrainConfig) -> list[tuple[str, str]]:
        train, valid = self.split(corpus, config)
        return [*self.about(corpus), ("to beat", _told(self.baselines(corpus, train, valid)))]

    def describe(self, run: Run, train: Part, valid: Part) -> list[tuple[str, str]]:
        config = run.config
        return [
            ("split", f"{len(train.values):,} vectors to train on, {len(valid.values) - valid.read:,} held out"),
            ("model", f"{describe_network(run)}, linear output: {run.weights.count:,} parameters"),
            ("pieces", f"{config.batch} of {config.window} vectors, {plural(config.workers, 'worker')}"),
        ]

    def to_beat(self, run: Run, train: Part | None = None) -> str:
        return _told(run.origin.baselines)

    def compared(self, run: Run, held_out: bool) -> str:
        return self.to_beat(run) if held_out else ""

    def counted_best(self, run: Run) -> str:
        found = {name: run.origin.baselines[name] for name in FORECASTS if name in run.origin.baselines}
        best = min(found, key=lambda name: found[name], default="")
        if not best or found[best] >= run.best_record["mse"]:
            return ""
        return f"{FORECASTS[best]} is still better (mean squared error {found[best]:.4g})"

    def result(self, run: Run) -> str:
        record = run.best_record
        return f"mean squared error {record['mse']:.4g}, at step {run.best_step:,}; to beat: {self.to_beat(run)}"


def _with_blank_lines_between(sources: Sequence[Source]) -> Iterator[bytes]:
    """Texts one after the other, so that the sequences of each stay apart."""
    for number, source in enumerate(sources):
        data = b"".join(source.pieces()).removeprefix(encode(BOM))
        yield b"\n" * bool(number) + data + b"\n" * (not data.endswith(b"\n"))


def _told(found: Mapping[str, float]) -> str:
    """Baselines in words."""
    told = [
        f"mean squared error {found['persistence']:.4g} by the last value",
        f"{found['moving_average']:.4g} by the mean of the last {found['steps']:.0f}",
        f"{found['autoregression']:.4g} by a linear autoregression of order {found['order']:.0f}",
    ]
    if "kalman" in found:
        told.append(f"{found['kalman']:.4g} by a Kalman filter of {plural(int(found['states']), 'state')}")
    return f"{', '.join(told)}; the variance is 1"


class SeriesLayout:
    """Pieces of sequences, `window` vectors each or fewer, side by side in another order each epoch.

    Where the first piece of a sequence begins is drawn by (seed, epoch), as is the order of all pieces. So a batch is
    known by epoch and index.
    """

    def __init__(self, part: Part, config: TrainConfig):
        self.part, self.batch, self.window, self.seed = part, config.batch, config.window, config.seed
        self.before = part.before(1)
        pieces = self._pieces([0] * (len(part.edges) - 1))
        self.count = len(pieces)
        self.losses = sum(length for _, length in pieces) * part.values.shape[1]
        self.size = self.losses / len(self)
        self._epoch = (-1, pieces)  # with its pieces, in their order

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-self.count // self.batch)

    def read(self, epoch: int, index: int, part: slice) -> Iterator[SeriesBatch]:
        """Some rows of a batch."""
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._shuffled(epoch))
        pieces = self._epoch[1][index * self.batch : (index + 1) * self.batch][part]
        if pieces:
            yield _batch(self.part.values, self.before, pieces)

    def _shuffled(self, epoch: int) -> list[tuple[int, int]]:
        """Starts and lengths of the pieces of an epoch, in their order."""
        rng = np.random.default_rng((self.seed, Draw.SERIES_ORDER, epoch))
        pieces = self._pieces([int(rng.integers(1 + slack)) for slack in self._slack])
        return [pieces[i] for i in rng.permutation(len(pieces)).tolist()]

    @property
    def _slack(self) -> list[int]:
        """Vectors of each sequence that fill no piece; none of one that is shorter than a piece."""
        lengths: list[int] = np.diff(self.part.edges).tolist()
        return [length % self.window if length > self.window else 0 for length in lengths]

    def _pieces(self, firsts: Sequence[int]) -> list[tuple[int, int]]:
        """Starts and lengths, where the first piece of each sequence begins so many vectors after its start."""
        found = []
        for first, start, end in zip(firsts, self.part.edges[:-1].tolist(), self.part.edges[1:].tolist(), strict=True):
            if end - start <= self.window:
                found.append((start, end - start))
            else:
                count = (end - start) // self.window
                found += [(start + first + i * self.window, self.window) for i in range(count)]
        return found


def _batch(values: np.ndarray, before: np.ndarray, pieces: Sequence[tuple[int, int]]) -> SeriesBatch:
    """Pieces by starts and lengths, side by side: of `values` (N, D), and of the vectors `before` each of them."""
    steps = max(length for _, length in pieces)
    x, y = np.zeros((2, steps, len(pieces), values.shape[1]), np.float32)
    inside = np.zeros((steps, len(pieces), 1), np.float32)
    for row, (start, length) in enumerate(pieces):
        x[:length, row], y[:length, row] = before[start : start + length], values[start : start + length]
        inside[:length, row] = 1
    return SeriesBatch(x, y, inside)
