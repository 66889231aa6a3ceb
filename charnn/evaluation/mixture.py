"""A network and an n-gram model together: counting and recurrence err in different places.

    p(w | h) = p_net(w | h)^a p_gram(w | h)^(1 - a) / Z(h),   Z(h) = sum_w p_net(w | h)^a p_gram(w | h)^(1 - a)

which is interpolation in log space (Klakow, 1998). The weight a is fitted on a text that is not scored with it, as the
best of `WEIGHTS`: nats are convex in a and flat around the best, so that there is no more to find between two of these.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ..errors import CharnnError, UsageError
from ..io.lazy import Ids, pieces
from ..machine import available_memory
from ..nn.functions import ignore_overflow, log_softmax
from ..nn.layers.base import Array
from ..runs.corpus import PUT_BACK, own_corpus
from ..runs.run import Run
from . import mixture, ngram
from .dynamic import StreamReader
from .ngram import BYTES_PER_COUNTED_SYMBOL, KneserNey

MIXTURE_WEIGHTS = tuple(i / 20 for i in range(21))
MAX_LOG_PROBABILITIES = 1 << 20  # log probabilities of all symbols at a time


class Mixture:
    """A stream read by a network and an n-gram model, mixed with each of these weights a. On V symbols both.

    Raises `UsageError` for a network that gives no distribution over them at each step.
    """

    def __init__(self, reader: StreamReader, grams: KneserNey, weights: Sequence[float] = MIXTURE_WEIGHTS):
        self.reader, self.grams, self.weights = reader, grams, weights
        self.joint = reader.network.model.ending.joint
        self.joint(np.zeros((1, reader.network.model.symbols)))
        self.before = np.zeros(1, np.intp)  # the last of what was read, EOS first

    def surprisal(self, stream: Iterable[Array]) -> Iterator[tuple[Array, Array]]:
        """For the pieces (N,) of a stream: each symbol's nats, (A, N) for A weights, and whether it was likeliest."""
        size = max(1, MAX_LOG_PROBABILITIES // self.grams.symbols)
        for ids in stream:
            found = [self._read(part) for part in pieces(ids, size)]
            if found:
                nats, hits = zip(*found, strict=True)
                yield np.concatenate(nats, axis=1), np.concatenate(hits, axis=1)

    def fit(self, stream: Iterable[Array]) -> float:
        """Read on, pieces (N,), and say which weight was the best there."""
        nats = np.zeros(len(self.weights))
        for found, _ in self.surprisal(stream):
            nats += found.sum(axis=1)
        return self.weights[int(nats.argmin())]

    @ignore_overflow()  # a network may be beyond all bounds: its score says so
    def _read(self, ids: Array) -> tuple[Array, Array]:
        """Nats and hits of the stream's next symbols, (A, N)."""
        gram = np.log(self.grams.distributions(ids, self.before))  # (N, V)
        self.before = np.concatenate([self.before, ids])[-self.grams.order :]
        net = log_softmax(np.concatenate([self.joint(o.astype(np.float64)) for _, o in self.reader.read(ids)]))
        nats, hits = np.empty((len(self.weights), len(ids))), np.empty((len(self.weights), len(ids)), bool)
        there = np.arange(len(ids)), ids
        for i, a in enumerate(self.weights):
            mixed = log_softmax(a * net + (1 - a) * gram)
            nats[i], hits[i] = -mixed[there], mixed.argmax(axis=1) == ids
        return nats, hits


def counted(run: Run) -> tuple[KneserNey, Ids]:
    """The n-gram model of a run's baseline, counted on its training part, and its held-out part, (N,) ids.

    Raises what `own_corpus` does, and `CharnnError` where there is not memory enough for all orders at once.
    """
    try:
        train, valid = own_corpus(run, PUT_BACK).split(run.config.valid)
    except UsageError as error:
        raise UsageError(f"n-grams are counted on the training text, and {error}") from None
    order, symbols = (int(run.origin.baselines[name]) for name in ("order", "counted"))
    mixture.countable_at_once(symbols, order)
    return ngram.fit(np.asarray(train[:symbols]), run.vocabulary.size, order), valid


def countable_at_once(symbols: int, order: int) -> None:
    """Raise `CharnnError` where an n-gram model's orders, counted on so many symbols, do not fit side by side."""
    need, there = symbols * order * BYTES_PER_COUNTED_SYMBOL, available_memory()
    if there is not None and need > there:
        raise CharnnError(
            f"a {order}-gram model of {symbols:,} symbols needs {need / 1e9:.1f} GB, "
            f"and there are {there / 1e9:.1f} GB: do without --mix"
        )
