"""The task fill: each symbol of a text from those on both sides of it, so that gaps can be filled."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ..choices import TASKS
from ..config import EvalConfig, ModelConfig, TrainConfig
from ..data.summary import hint
from ..data.vocabulary import Vocabulary
from ..draws import Draw
from ..errors import UsageError
from ..evaluation import gaps, ngram
from ..evaluation.gap_score import GapScorer, begins, every
from ..evaluation.gaps import GapMixture
from ..evaluation.mixture import Mixing, best_mixing, countable_at_once, training_parts
from ..evaluation.ngram import COUNTED_SYMBOLS
from ..evaluation.readers import Text as Reading
from ..evaluation.readers import texts
from ..inspection.activations import GapActivations
from ..inspection.excerpt import excerpt
from ..inspection.gradcheck import BATCH_ROWS, WINDOW_STEPS, WholeCase, whole_case
from ..inspection.results import Gradients
from ..inspection.source_gradients import ABOUT_GAPS, gradients_around_gaps
from ..io.lazy import Ids, WatchSymbols
from ..nn.layers.base import Array
from ..nn.task_model import TaskModel
from ..runs.run import Run
from .base import Validated, describe_network, plural
from .fitting import fit, usual_dropout
from .gap_evaluating import GapEvaluator, filled
from .text import OfText

VALIDATION_SYMBOLS = 100_000  # of the held-out part, from its start, that validations while training score
COUNTED_GAPS = 5_000  # gaps of the held-out part that n-grams fill: those of validations
FITTED_GAPS = 2_000  # gaps that say how n-grams and a network are mixed
SHOWN = 60  # characters of the example


class Fill(OfText):
    """Symbols between others."""

    between_validations = 1, 2_000_000
    given = " given both sides"
    shown = "a text and how it is filled"
    columns = MappingProxyType({"filled": "filled"})
    evaluates, tables = ("by", "mix", "unknown", "invalid"), ("line", "char")
    mixes = "fill"
    use = "`charnn fill {model}` fills gaps, `charnn proof {model}` looks for errors"

    def decide(
        self, train: Ids, vocabulary: Vocabulary, model: ModelConfig, config: TrainConfig
    ) -> tuple[TaskModel, TrainConfig]:
        """Dropout by the parameters of one direction for each symbol; batch and window by the updates of an epoch."""
        make = TASKS[self.options.task].network.load()
        if model.dropout is None:
            parameters = make(replace(model, dropout=0.0), self.options, vocabulary).parameters
            model = replace(model, dropout=usual_dropout(parameters // 2, len(train)))
        network: TaskModel = make(model, self.options, vocabulary)
        return network, fit(config, len(train))

    def layout(self, config: TrainConfig, part: Ids, network: TaskModel, reset: bool) -> "GapLayout":
        return GapLayout(part, config, network, reset)

    def count_laid_out(self, layout: "GapLayout") -> int:
        return layout.losses

    def largest(self, config: TrainConfig, part: Ids) -> tuple[int, int]:
        return config.window, -(-config.batch // (config.workers or 1))

    def baselines(self, corpus: Any, train: Ids, valid: Ids) -> dict[str, float]:
        """The share of gaps that n-grams fill from both sides, each gap by itself, and the order that scores best."""
        limit = ngram.countable(COUNTED_SYMBOLS)
        order = ngram.baselines(train, valid, corpus.vocabulary.size, limit=limit).order
        ids = np.asarray(valid[: 10 * COUNTED_GAPS])
        places = np.flatnonzero(every(ids))
        model = gaps.fit(np.asarray(train[:limit]), corpus.vocabulary.size, order)
        guesses = [logp.argmax(axis=1) for logp in gaps.from_both_sides(model, ids, places)]
        right = np.concatenate([np.empty(0, int), *guesses]) == ids[places]
        return {"filled": float(right.sum() / max(1, len(right))), "fill_order": float(order)}

    def evaluator(
        self, run: Run, what: Any, config: EvalConfig, workers: int, watch: WatchSymbols = iter
    ) -> GapEvaluator:
        self.assert_evaluates(config)

        def scorer(held_out: bool) -> GapScorer:
            return self.scorer(run, workers, self.mixture(run, held_out, workers) if config.mix else None)

        return GapEvaluator(run, what, config, scorer)

    def scorer(self, run: Run, workers: int = 1, mixture: GapMixture | None = None) -> GapScorer:
        """What scores texts by a run, with the help of n-grams or without."""
        return GapScorer(run.model.network, run.weights, run.reset, workers, mixture)

    def mixture(self, run: Run, held_out: bool = False, workers: int = 1) -> GapMixture:
        """The n-grams of a run's training part, and how they are mixed with its network, which the held-out part says.

        Where that is what is scored, each half is mixed as the other half says. Raises what `training_parts` does, and
        `CharnnError` where there is not memory enough for all orders at once.
        """
        train, valid = training_parts(run)
        order, limit = int(run.origin.baselines["fill_order"]), ngram.countable(COUNTED_SYMBOLS)
        countable_at_once(min(len(train), limit), order)
        grams, middle = gaps.fit(np.asarray(train[:limit]), run.vocabulary.size, order), len(valid) // 2 * held_out
        alone = self.scorer(run, workers)

        def best(ids: Array) -> Mixing:
            hidden = every(ids)
            places = np.flatnonzero(hidden)
            x = np.where(hidden, run.vocabulary.size, ids)
            p = np.exp(alone.log_probabilities(x, places))
            return best_mixing(p, gaps.grams_at(grams, x, places), ids[places])

        second, first = (best(np.asarray(part[: 10 * FITTED_GAPS])) for part in (valid[:middle], valid[middle:]))
        return GapMixture(grams, (first, second if middle else first), middle)

    def readings(self, run: Run, what: Any, unknown: str, invalid: str) -> list[Reading]:
        return texts(run, what, unknown, invalid)

    def activations(self, run: Run, gates: bool) -> GapActivations:
        if gates:
            raise UsageError("--gates has no effect on a model of --task fill: leave it out")
        return GapActivations(run)

    def gradients(self, run: Run, what: Any, lags: int, unknown: str, invalid: str) -> Gradients:
        """How far gradients reach to both sides of a symbol."""
        ids = excerpt(texts(run, what, unknown, invalid))
        return Gradients(gradients_around_gaps(run, ids, lags), [], {}, ABOUT_GAPS)

    def cases(self, run: Run, what: Any, rng: np.random.Generator, unknown: str, invalid: str) -> Sequence[WholeCase]:
        ids = excerpt(texts(run, what, unknown, invalid))[: BATCH_ROWS * WINDOW_STEPS]
        rows = ids[: max(1, len(ids) // BATCH_ROWS) * BATCH_ROWS].reshape(-1, max(1, len(ids) // BATCH_ROWS))
        keep = begins(rows.T, run.reset, np.dtype(np.float64))
        return [whole_case(run.model, run.weights, run.model.network.batch(rows, rows, rows.dtype, keep))]

    def validate(self, run: Run, part: Ids, workers: int) -> Validated:
        ids = np.asarray(part[:VALIDATION_SYMBOLS])
        found = (scorer := self.scorer(run, workers)).score(ids)
        share = filled(scorer, ids[: 10 * COUNTED_GAPS])
        return Validated(float(found.nats.mean()), {"filled": share.accuracy})

    def example(self, run: Run, part: Ids) -> str:
        """A line of the held-out part with gaps, as it is filled."""
        start = SHOWN * run.step % max(1, len(part) - SHOWN)
        ids = np.asarray(part[start : start + SHOWN])
        found = filled(self.scorer(run), ids).symbols
        text: str = run.vocabulary.decode(np.where(every(ids), found, ids))
        return text

    def describe(self, run: Run, train: Ids, valid: Ids) -> list[tuple[str, str]]:
        config, count = run.config, run.weights.count
        return [
            ("split", f"{len(train):,} symbols to train on, the last {len(valid):,} held out"),
            ("model", f"{describe_network(run)}, both ways: {count:,} parameters{hint(count, len(train))}"),
            ("pieces", f"{config.batch} of {config.window} characters, {plural(config.workers, 'worker')}"),
        ]

    def to_beat(self, run: Run, train: Ids | None = None) -> str:
        found = run.origin.baselines
        return f"{found['fill_order']:.0f}-grams from both sides fill {100 * found['filled']:.1f} % of gaps"

    def compared(self, run: Run, held_out: bool) -> str:
        return self.to_beat(run) if held_out else ""

    def counted_best(self, run: Run) -> str:
        found = run.origin.baselines
        if found["filled"] <= run.best_record["filled"]:
            return ""
        return f"{found['fill_order']:.0f}-grams from both sides still fill more gaps ({100 * found['filled']:.1f} %)"

    def result(self, run: Run) -> str:
        record = run.best_record
        told = f"{100 * record['filled']:.1f} % of gaps filled, {record['valid']:.4f} bits/char given both sides"
        return f"{told}, at step {run.best_step:,}; to beat: {self.to_beat(run)}"

    def last(self, part: Ids) -> Ids:
        return part[-VALIDATION_SYMBOLS:]


class GapLayout:
    """Pieces of a stream of ids (N,), `window` symbols each, side by side in another order each epoch.

    Where the first piece begins is drawn by (seed, epoch), as is their order: a batch is known by epoch and index.
    """

    def __init__(self, ids: Ids, config: TrainConfig, network: TaskModel, reset: bool):
        self.ids, self.network, self.reset = ids, network, reset
        self.batch, self.window, self.seed = config.batch, min(config.window, len(ids)), config.seed
        self.pieces = max(1, (len(ids) - self.window) // self.window)
        self.losses = self.pieces * self.window
        self.size = self.losses / len(self)
        self._epoch = (-1, np.empty(0, np.int64))  # with where its pieces begin, in their order

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-self.pieces // self.batch)

    def read(self, epoch: int, index: int, part: slice) -> Iterator[Any]:
        """Some rows of a batch."""
        starts = self._starts(epoch)[index * self.batch : (index + 1) * self.batch][part]
        if not len(starts):
            return
        rows: list[Array] = [np.asarray(self.ids[int(start) : int(start) + self.window]) for start in starts]
        keep = begins(np.stack(rows, axis=1), self.reset, np.dtype(np.float32))
        yield self.network.network.batch(rows, rows, np.dtype(np.intp), keep)

    def _starts(self, epoch: int) -> np.ndarray:
        """Where the pieces of an epoch begin, in their order, (N,)."""
        if self._epoch[0] != epoch:
            rng = np.random.default_rng((self.seed, Draw.GAP_ORDER, epoch))
            first = rng.integers(len(self.ids) - self.pieces * self.window + 1)
            self._epoch = (epoch, first + rng.permutation(self.pieces) * self.window)
        return self._epoch[1]
