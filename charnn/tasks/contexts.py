"""Texts written by a run of the task condition, each for a context."""

import warnings
from collections.abc import Iterator, Sequence

import numpy as np

from ..config import SampleConfig
from ..data.vocabulary import EOS
from ..errors import CharnnWarning, InputError, UsageError, some_of
from ..nn.layers.base import Array
from ..parallel.processes import spread
from ..runs.run import Run
from ..sampling.contexts import ROWS_AT_ONCE, draw, steps
from ..sampling.text import TextSample, until

SHOWN_LABELS = 20  # in a message


class ContextSampler:
    """A run that writes after a prime, for contexts, each of `config.count` samples; see `sampling.text.TextSampler`.

    Without contexts the run has to know what it is to write without one: by context dropout, or an empty text.
    """

    def __init__(
        self, run: Run, prime: str, config: SampleConfig, contexts: Sequence[str] | None = None, *, workers: int = 1
    ):
        self.run, self.config, self.workers = run, config, workers
        self._assert_possible()
        given = [config.context] if contexts is None else contexts
        self.contexts = [self._read(context) for context in given for _ in range(config.count)]
        self.ids = run.vocabulary.encode(prime, "characters")
        if (self.ids == run.vocabulary.unknown).any() and config.unknown == "error":
            raise InputError(
                f"the prime {prime!r} has characters that the model does not know: --unknown skip drops them"
            )
        self.ids = self.ids[self.ids != run.vocabulary.unknown]
        self.prime = run.vocabulary.decode(self.ids, "characters")

    def stream(self) -> Iterator[str]:
        """One sample as it is drawn, without the prime and its end."""
        rng = np.random.default_rng(self.config.seed)
        drawn = steps(self.run.model, self.run.weights, self.contexts[:1], self.ids, self.config, rng)
        texts = (self.run.vocabulary.decode(x.tolist(), "characters") for x in drawn if x[0] != EOS)
        return until(self.config.stop, texts)

    def samples(self, *, novelty: bool = False) -> Iterator[TextSample]:
        """All samples, those of each context together."""
        if novelty:
            raise UsageError("--novelty is of models of --task text: leave it out")
        entropy = np.random.SeedSequence(self.config.seed).entropy

        def batch(start: int) -> list[TextSample]:
            some = self.contexts[start : start + ROWS_AT_ONCE]
            rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(start,)))
            found = draw(self.run.model, self.run.weights, some, self.ids, self.config, rng)
            return [self._sample(self.run.vocabulary.decode(one.ids, "characters"), one.ended) for one in found]

        for some in spread(batch, range(0, len(self.contexts), ROWS_AT_ONCE), self.workers):
            yield from some

    def _sample(self, text: str, ended: bool) -> TextSample:
        cut = "".join(until(self.config.stop, [text]))
        return TextSample(self.prime + cut, ended and cut == text)

    def _assert_possible(self) -> None:
        if self.config.past_end:
            raise UsageError("--past-end is of models of --task text: a text for a context ends")
        if self.config.match is not None or self.config.beam is not None:
            raise UsageError("--match and --beam are of models of --task text: leave them out")
        if self.config.guidance != 1 and not self.run.task.context_dropout:
            raise UsageError("--guidance needs a model that was trained with --context-dropout: leave it out")

    def _read(self, context: str | None) -> Array:
        """A context as ids, (n,)."""
        vocabulary, labels = self.run.vocabulary, self.run.vocabulary.labels
        by_label, choices = self.run.task.context_as == "label", some_of(labels, SHOWN_LABELS)
        if context is None:
            if by_label and not self.run.task.context_dropout:
                raise UsageError(f"the model writes for a context: give --context, one of {choices}")
            return np.array([len(labels)] if by_label else [], vocabulary.dtype)
        ids: Array = vocabulary.encode(context, vocabulary.source)
        unknown = sorted(vocabulary.strangers(context, vocabulary.source))
        if unknown and by_label:
            raise InputError(f"--context {context!r} is no label of the model: give one of {choices}")
        if unknown:
            names = some_of([*map(repr, unknown)])
            message = f"note: the model has not learnt {names} of --context {context!r}: it reads each as unknown"
            warnings.warn(message, CharnnWarning, stacklevel=4)
        return ids
