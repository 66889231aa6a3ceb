"""A network and an n-gram model together: counting and recurrence err in different places.

    p(w | h) = p_net(w | h)^a p_gram(w | h)^(1 - a) / Z(h),   Z(h) = sum_w p_net(w | h)^a p_gram(w | h)^(1 - a)

which is interpolation in log space (Klakow, 1998). The weight a is fitted on a text that is not scored with it, as the
best of `MIXTURE_WEIGHTS`: nats are convex in a and flat around the best, so a finer grid would gain nothing.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from ..data.corpus import Corpus
from ..errors import CharnnError, UsageError
from ..io.lazy import Ids, WatchSymbols, pieces
from ..machine import available_memory
from ..nn.functions import ignore_overflow, log_softmax
from ..nn.layers.base import Array
from ..runs.corpus import PUT_BACK, parts
from ..runs.run import Run
from . import ngram
from .dynamic import StreamReader
from .ngram import BYTES_PER_COUNTED_SYMBOL, KneserNey

MIXTURE_WEIGHTS = tuple(i / 20 for i in range(21))
MAX_LOG_PROBABILITIES = 1 << 20  # log probabilities of all symbols at a time
MAX_FITTING_SYMBOLS = 1 << 17  # symbols of the held-out part that tell the weight for another text
FITTED_AT_ONCE = 1 << 12  # symbols between two looks at a bar


class Mixture:
    """A stream read by a network and an n-gram model, mixed with each of these weights a. On V symbols both.

    Raises `UsageError` for a network that gives no distribution over them at each step.
    """

    def __init__(self, reader: StreamReader, grams: KneserNey, weights: Sequence[float] = MIXTURE_WEIGHTS):
        self.reader, self.grams, self.weights = reader, grams, weights
        self.joint_scores = reader.network.model.ending.joint_scores
        self.joint_scores(np.zeros((1, reader.network.model.symbols)))
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
        net = log_softmax(np.concatenate([self.joint_scores(o.astype(np.float64)) for _, o in self.reader.read(ids)]))
        nats, hits = np.empty((len(self.weights), len(ids))), np.empty((len(self.weights), len(ids)), bool)
        there = np.arange(len(ids)), ids
        for i, a in enumerate(self.weights):
            mixed = log_softmax(a * net + (1 - a) * gram)
            nats[i], hits[i] = -mixed[there], mixed.argmax(axis=1) == ids
        return nats, hits


class MixtureScorer:
    """Scores streams by a network and the n-gram model of its baseline, counted on the network's training part.

    The weight is fitted on the held-out part. Where that is what is scored, each half has the weight fitted on the
    other. `watch` passes on the symbols that are read for the fit, to show progress.
    """

    def __init__(
        self,
        run: Run,
        make: Callable[[], StreamReader],
        held_out: bool,
        watch: WatchSymbols = iter,
        corpus: Corpus | None = None,
    ):
        grams, valid = counted(run, corpus)
        fitting, self.middle = Mixture(make(), grams), len(valid) // 2 if held_out else 0

        def fit(ids: Ids) -> float:
            return fitting.fit(watch(pieces(ids, FITTED_AT_ONCE)))

        if held_out:
            second, first = fit(valid[: self.middle]), fit(valid[self.middle :])
            self.fitted = {"weight_first_half": first, "weight_second_half": second}
        else:
            first = second = fit(valid[:MAX_FITTING_SYMBOLS])
            self.fitted = {"weight": first}
        self.weights = first, second
        self.make, self.grams = make, grams
        self.nats, self.count = np.zeros(2), 0  # of the network and of the n-gram model alone

    def __call__(self, stream: Iterable[Array]) -> Iterator[tuple[Array, Array]]:
        """For the pieces (N,) of a stream: nats of each symbol, (N,), and whether it was the likeliest."""
        at, mixture = 0, Mixture(self.make(), self.grams, (*self.weights, 1.0, 0.0))
        for nats, hits in mixture.surprisal(stream):
            cut = min(max(0, self.middle - at), nats.shape[1])
            at += nats.shape[1]
            self.count += nats.shape[1]
            self.nats += nats[2:].sum(axis=1)
            nats[0, cut:], hits[0, cut:] = nats[1, cut:], hits[1, cut:]
            yield nats[0], hits[0]

    @property
    def figures(self) -> dict[str, float]:
        """The weights of the network, and bits per character of the network and of the n-gram model alone."""
        network, grams = (self.nats / max(1, self.count) / math.log(2)).tolist()
        return {**self.fitted, "network_bits_per_char": network, "ngram_bits_per_char": grams}

    def __str__(self) -> str:
        first, second = self.weights
        halves = f"{first:.2f}, and {second:.2f} in the second half, each fitted on the other half"
        weight = halves if self.middle else f"{first:.2f}, fitted on the held-out part"
        return f"the network mixed with the {self.grams.order}-gram of its training part: the network's weight {weight}"


def counted(run: Run, corpus: Corpus | None = None) -> tuple[KneserNey, Ids]:
    """The n-gram model of a run's baseline, counted on its training part, and its held-out part, (N,) ids.

    `corpus` is the run's, where it is at hand.

    Raises what `own_corpus` does, and `CharnnError` where there is not memory enough for all orders at once.
    """
    try:
        train, valid = parts(run, corpus, PUT_BACK)
    except UsageError as error:
        raise UsageError(f"n-grams are counted on the training text, and {error}") from None
    order, symbols = (int(run.origin.baselines[name]) for name in ("order", "counted"))
    countable_at_once(symbols, order)
    return ngram.fit(np.asarray(train[:symbols]), run.vocabulary.size, order), valid


def countable_at_once(symbols: int, order: int) -> None:
    """Raise `CharnnError` where an n-gram model's orders, counted on so many symbols, do not fit side by side."""
    need, there = symbols * order * BYTES_PER_COUNTED_SYMBOL, available_memory()
    if there is not None and need > there:
        raise CharnnError(
            f"a {order}-gram model of {symbols:,} symbols needs {need / 1e9:.1f} GB, "
            f"and there are {there / 1e9:.1f} GB: do without --mix"
        )
