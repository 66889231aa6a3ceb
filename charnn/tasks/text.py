"""The task text: the next character of a text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import EvalConfig, ModelConfig, SampleConfig, TrainConfig
from ..data.summary import about, beside, hint, of_pairs
from ..data.vocabulary import Vocabulary
from ..draws import Draw
from ..errors import InputError, UsageError
from ..io.lazy import Ids, WatchSymbols
from ..io.text import Source, Watch
from ..nn.model import Model
from ..parallel.launcher import rank
from ..runs.run import Run
from ..sampling.sampler import generate
from ..sampling.text import TextSampler
from .base import Task, Validated, describe_network, plural
from .fitting import choose_dropout, fit, suits

if TYPE_CHECKING:  # what one command needs is imported where it is used: to write a sample takes little of it
    from ..data.batches import StreamBatches
    from ..data.corpus import Corpus
    from ..evaluation.evaluator import Evaluator
    from ..evaluation.readers import Text as Reading
    from ..inspection.activations import ActivationReader
    from ..inspection.gradcheck import Case
    from ..inspection.results import Gradients

VALIDATION_SYMBOLS = 500_000  # symbols of the held-out part, from its start, that validations while training score
TRAINING_LOSS_SYMBOLS = 100_000  # symbols of the training part, from its end, that say at last how well that is known
BURN_IN = 256  # symbols that each lane of a validation reads before it counts, where the state is carried
SAMPLE_LENGTH = 72  # characters of the line sampled at each validation
HINT = "each line has one TAB: --task classify, condition or translate learns pairs left<TAB>right"
HINT_SYMBOLS = 100_000  # of the training part, that tell whether its lines are pairs


class OfText(Task):
    """A task on running text or lines, read as a stream of symbols. A part is a stream of ids, (N,)."""

    def read(self, sources: Sequence[Source], watch: Watch = iter, invalid: str = "error", **reading: Any) -> Corpus:
        from ..data.read import read

        return read(*sources, invalid=invalid, watch=watch, **reading)

    def assert_takes(self, corpus: Any) -> None:
        from ..data.corpus import Corpus

        if not isinstance(corpus, Corpus):
            raise UsageError(f"{corpus.names[0]} was read as pairs, and --task {self.options.task} needs a text")

    def tokenize(
        self, path: Path, sources: Sequence[Source], watch: Watch = iter, invalid: str = "error", **reading: Any
    ) -> None:
        from ..data import tokenized

        tokenized.write(path, sources, invalid=invalid, watch=watch, **reading)

    def reread(self, run: Run, sources: Sequence[Source] = (), watch: Watch = iter) -> Corpus:
        from ..runs.corpus import own_corpus, read_as

        return read_as(run, *sources, watch=watch) if sources else own_corpus(run)

    def split(self, corpus: Corpus, config: TrainConfig) -> tuple[Ids, Ids]:
        return corpus.split(config.valid_share, config.order)

    def count(self, part: Ids) -> int:
        return len(part)

    def about(self, corpus: Corpus) -> list[tuple[str, str]]:
        return about(corpus)

    def ids(self, corpus: Corpus) -> Iterator[str]:
        """Every sequence on a line, its EOS the last of them; but no EOS that stands for nothing in the text."""
        start = 0
        for ids in corpus.pieces(1 << 16):
            skip = {at - start for at in corpus.silent} if corpus.vocabulary.end else set()
            kept = (i for at, i in enumerate(ids.tolist()) if at not in skip)
            yield "".join(f"{i} " if i else "0\n" for i in kept)
            start += len(ids)

    def summary(self, corpus: Corpus, config: TrainConfig) -> list[tuple[str, str]]:
        """What a text is, and what counting makes of its held-out part, in bits per character."""
        from ..evaluation import ngram

        train, valid = self.split(corpus, config)
        limit = ngram.countable(ngram.COUNTED_SYMBOLS)
        counted = ngram.baselines(train, valid, corpus.vocabulary.size, limit=limit)
        whole = "" if counted.counted == len(train) else f"; n-grams counted on the first {counted.counted:,}"
        return [
            *about(corpus),
            ("split", f"{len(train):,} symbols to train on, the last {len(valid):,} held out{whole}"),
            ("uniform", f"{counted.uniform:.4f} bits/char on the held-out part"),
            ("unigram", f"{counted.unigram:.4f}"),
            ("bigram", f"{counted.bigram:.4f}"),
            (f"{counted.order}-gram", f"{counted.ngram:.4f} (interpolated Kneser-Ney of the best order)"),
        ]


class Text(OfText):
    """The next character."""

    sizes = True
    evaluates = "by", "burn_in", "dynamic", "dynamic_rate", "segment", "mix", "novelty", "unknown", "invalid"
    tables = "line", "char", "file"

    def decide(
        self, train: Ids, vocabulary: Vocabulary, model: ModelConfig, config: TrainConfig
    ) -> tuple[Model, TrainConfig]:
        return decide(train, vocabulary, model, config)

    def doubts(self, train: Ids, valid: Ids, vocabulary: Vocabulary) -> str | None:
        from ..data.likeness import doubts

        return doubts(train, valid, vocabulary)

    def check(self, network: Model, corpus: Corpus, train: Ids) -> None:
        if network.symbols < 2:
            raise InputError(f"{corpus.names[0]} has nothing but line ends: there is nothing to learn")
        network.ending.check(train)

    def layout(self, config: TrainConfig, part: Ids, network: Model, reset: bool) -> StreamBatches:
        from ..data.batches import StreamBatches

        return StreamBatches(network.ending.stream(part), config.batch, config.window)

    def count_laid_out(self, layout: StreamBatches) -> int:
        return len(layout.ids)

    def baselines(self, corpus: Corpus, train: Ids, valid: Ids) -> dict[str, float]:
        """Bits per character by counting."""
        from ..evaluation import ngram

        limit = ngram.countable(ngram.COUNTED_SYMBOLS) if rank() == 0 else 0
        return asdict(ngram.baselines(train, valid, corpus.vocabulary.size, limit=limit))

    def validate(self, run: Run, part: Ids, workers: int) -> Validated:
        from ..evaluation.score import evaluate

        read, burn_in = part[:VALIDATION_SYMBOLS], None if run.reset else BURN_IN
        return Validated(evaluate(run.network, read, burn_in=burn_in, workers=workers, hits=False).mean, {})

    def last(self, part: Ids) -> Ids:
        return part[-TRAINING_LOSS_SYMBOLS:]

    def example(self, run: Run, part: Ids) -> str:
        """A line of what the network writes now."""
        config = SampleConfig(length=SAMPLE_LENGTH, count=1, temp=0.8)
        rng = np.random.default_rng((run.config.seed, Draw.SAMPLE, run.step))
        (sample,) = generate(run.network, config, rng, np.array([], np.int64))
        text: str = run.vocabulary.decode(sample.ids)
        return text

    def evaluator(self, run: Run, what: Any, config: EvalConfig, workers: int, watch: WatchSymbols = iter) -> Evaluator:
        from ..evaluation.evaluator import Evaluator

        self.assert_evaluates(config)
        return Evaluator(run, what, config, workers=workers, watch=watch)

    def sampler(
        self, run: Run, prime: str, config: SampleConfig, contexts: Sequence[str] | None, workers: int
    ) -> TextSampler:
        if contexts is not None or config.context is not None or config.guidance != 1:
            raise UsageError("--context, --contexts and --guidance are of models of --task condition: leave them out")
        return TextSampler(run, prime, config, workers=workers)

    def readings(self, run: Run, what: Any, unknown: str, invalid: str) -> list[Reading]:
        from ..evaluation.readers import texts

        return texts(run, what, unknown, invalid)

    def activations(self, run: Run, gates: bool) -> ActivationReader:
        from ..inspection.activations import ActivationReader

        return ActivationReader(run.network, gates)

    def gradients(self, run: Run, what: Any, lags: int, unknown: str, invalid: str) -> Gradients:
        from ..inspection import excerpt, results

        ids = excerpt.excerpt(self.readings(run, what, unknown, invalid))
        return results.gradients(run.network, ids, lags)

    def cases(self, run: Run, what: Any, rng: np.random.Generator, unknown: str, invalid: str) -> Sequence[Case]:
        from ..inspection import excerpt, gradcheck

        return gradcheck.cases(run.network, excerpt.excerpt(self.readings(run, what, unknown, invalid)), rng)

    def compared(self, run: Run, held_out: bool) -> str:
        counted = run.origin.baselines
        if "ngram" not in counted:  # a network of another program has no corpus to count
            return f"uniform {counted['uniform']:.3f} bits/char" if counted else ""
        if held_out:
            return f"{beside(counted)} on the same text"
        return f"uniform {counted['uniform']:.3f} bits/char; on its own held-out part: {beside(counted)}"

    def known(self, run: Run, held_out: bool) -> dict[str, float]:
        counted = run.origin.baselines
        return counted if held_out else {name: bits for name, bits in counted.items() if name == "uniform"}

    def describe(self, run: Run, train: Ids, valid: Ids) -> list[tuple[str, str]]:
        config, count = run.config, run.model.parameters
        carried, reset = "carried on from one to the next (--state reset forgets it)", "reset at the end of each"
        usual = suits(run.model.config, len(train), run.vocabulary.sequence)
        kind = "shuffled, the last" if config.shuffle else "the last"
        return [
            ("state", f"{reset} (--state carry keeps the state)" if run.reset else carried),
            ("split", f"{len(train):,} symbols to train on, {kind} {len(valid):,} held out"),
            ("model", f"{describe_network(run)}: {count:,} parameters{hint(count, len(train), usual)}"),
            ("windows", f"{config.batch} rows x {config.window} characters, {plural(config.workers, 'worker')}"),
            *([("hint", HINT)] if of_pairs(train[:HINT_SYMBOLS], run.vocabulary) else []),
        ]

    def to_beat(self, run: Run, train: Ids) -> str:
        counted = run.origin.baselines
        cut = "" if counted["counted"] == len(train) else f", n-grams counted on {counted['counted']:,.0f} symbols"
        return f"{beside(counted)}{cut}"

    def result(self, run: Run) -> str:
        bits, counted = (run.best or 0.0) / math.log(2), run.origin.baselines
        side = "better" if self.wins(run) else "worse"
        against = f"{100 * abs(bits / max(counted['ngram'], 1e-9) - 1):.1f} % {side} than the {counted['order']}-gram"
        return f"{bits:.4f} bits/char held out at step {run.best_step:,}, {against}"

    def wins(self, run: Run) -> bool:
        return (run.best or 0.0) / math.log(2) < run.origin.baselines["ngram"]


def decide(train: Ids, vocabulary: Vocabulary, model: ModelConfig, config: TrainConfig) -> tuple[Model, TrainConfig]:
    """A network and its training for a training part (N,): all is decided but how often to validate."""
    network = Model(choose_dropout(model, vocabulary.size, len(train)), vocabulary.size)
    return network, fit(config, network.ending.length(train))
