"""Samples as text: a prime read before, the end of a sequence left out, and a text to stop at."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..config import SampleConfig
from ..data.vocabulary import EOS, describe
from ..errors import CharnnWarning, UsageError
from ..runs.run import Run
from . import sampler

if TYPE_CHECKING:
    from ..evaluation.novelty import Novelty
    from .automaton import PatternAutomaton


@dataclass(frozen=True)
class TextSample:
    """A sample with its prime, whether it ended by the end of a sequence, and its novelty where that is wanted.

    `bits` is what the text after the prime costs the network, its end included, where the likeliest one was looked for.
    """

    text: str
    ended: bool
    novelty: Novelty | None = None
    bits: float | None = None


class TextSampler:
    """A run that writes after a prime, as a config says. Raises `InputError` for characters that it does not know.

    `workers` processes draw samples side by side; one long sample gets the help of a second one.
    """

    def __init__(self, run: Run, prime: str = "", config: SampleConfig | None = None, *, workers: int = 1):
        self.run, self.config, self.workers = run, config or SampleConfig(), workers
        self.ids = run.vocabulary.ids(prime, "the prime", self.config.unknown)
        self.prime = run.vocabulary.decode(self.ids)  # without what the run does not know
        if self.config.stop and (strange := set(self.config.stop) - set(map(chr, run.vocabulary.known))):
            _warn_of_stop(strange)
        self.automaton: PatternAutomaton | None = None
        if self.config.match is not None:
            from . import automaton

            if run.model.config.ending == "length":
                raise UsageError("--match has no effect on a model of --ending length, whose ends are announced")
            self.automaton = automaton.build(self.config.match, run.vocabulary.characters, self.config.length)

    def stream(self) -> Iterator[str]:
        """One sample as it is drawn, without the prime. The end of its sequence is left out, unless past it."""
        if self.config.beam:
            return (one.text.removeprefix(self.prime) for one in self._likeliest()[:1])
        rng = np.random.default_rng(self.config.seed)
        drawn = sampler.stream(
            self.run.network, self.config, rng, self.ids, workers=self.workers, automaton=self.automaton
        )
        kept = (symbol for symbol in drawn if symbol != EOS or self.config.past_end)
        return until(self.config.stop, self.run.vocabulary.texts(kept))

    def samples(self, *, novelty: bool = False) -> Iterator[TextSample]:
        """All samples, batch after batch; with `novelty`, which needs the run's corpus, each with what is not new."""
        index = None
        if novelty:
            from ..evaluation.novelty import CorpusIndex

            index = CorpusIndex(self.run)
        for batch in self._batches():
            found = index.novelty([(one.text, one.ended) for one in batch]) if index else []
            yield from (replace(one, novelty=new) for one, new in zip(batch, found, strict=True)) if found else batch

    def _likeliest(self) -> list[TextSample]:
        """The texts that a beam finds, the likeliest first."""
        from .likeliest import likeliest

        config = self.config
        found = likeliest(self.run.network, self.ids, config.beam or 1, config.length, self.automaton)
        return [
            replace(self._sample(self.run.vocabulary.decode(one.ids), one.ended), bits=one.nats / math.log(2))
            for one in found
        ]

    def _batches(self) -> Iterator[list[TextSample]]:
        if self.config.beam:
            yield self._likeliest()[: self.config.count]
            return
        if self.config.past_end:
            yield [TextSample(self.prime + "".join(self.stream()), False)]
            return
        drawn = sampler.batches(self.run.network, self.config, self.ids, workers=self.workers, automaton=self.automaton)
        for batch in drawn:
            yield [self._sample(self.run.vocabulary.decode(one.ids), one.ended) for one in batch]

    def _sample(self, text: str, ended: bool) -> TextSample:
        cut = "".join(until(self.config.stop, [text]))
        return TextSample(self.prime + cut, ended and cut == text)


def until(stop: str | None, pieces: Iterable[str]) -> Iterator[str]:
    """A text up to a `stop` text; what may be the beginning of that is held back until it is clear."""
    if not stop:
        yield from pieces
        return
    held = ""
    for piece in pieces:
        held += piece
        if (at := held.find(stop)) >= 0:
            yield held[:at]
            return
        keep = next((n for n in range(min(len(stop) - 1, len(held)), 0, -1) if stop.startswith(held[-n:])), 0)
        yield held[: len(held) - keep]
        held = held[len(held) - keep :]
    yield held


def _warn_of_stop(strange: set[str]) -> None:
    """Say that a text with characters which the model does not know never appears."""
    escapes = r"; escapes are the shell's, as in $'a\nb'" if "\\" in strange else ""
    named = describe(min(strange))
    warnings.warn(
        f"note: the model does not know {named}, so that --stop never appears{escapes}", CharnnWarning, stacklevel=4
    )
