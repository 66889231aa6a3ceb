"""A network and an n-gram model together: counting and recurrence err in different places.

    p(w | h) = p_net(w | h)^a p_gram(w | h)^(1 - a) / Z(h),   Z(h) = sum_w p_net(w | h)^a p_gram(w | h)^(1 - a)

which is interpolation in log space (Klakow, 1998). The weight a is fitted on a text that is not scored with it, as the
best of `MIXTURE_WEIGHTS`: nats are convex in a and flat around the best, so a finer grid would gain nothing.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

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
SHARPNESS = tuple(i / 10 for i in range(3, 13))  # of a `Mixing`, that are tried
ROUNDS = 2


class Mixture:
    """A stream read by a network and an n-gram model, mixed with each of these weights a. On V symbols both.

    Raises `UsageError` for a network that gives no distribution over them at each step.
    """

    def __init__(self, reader: StreamReader, grams: KneserNey, weights: Sequence[float] = MIXTURE_WEIGHTS):
        self.reader, self.grams, self.weights = reader, grams, weights
        self.joint_scores = reader.network.model.ending.joint_scores
        try:
            self.joint_scores(np.zeros((1, reader.network.model.symbols)))
        except UsageError as error:
            raise UsageError(f"{error}, or leave out --mix") from None
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

    Raises what `training_parts` does, and `CharnnError` where there is not memory enough for all orders at once.
    """
    train, valid = training_parts(run, corpus)
    order, symbols = (int(run.origin.baselines[name]) for name in ("order", "counted"))
    countable_at_once(symbols, order)
    return ngram.fit(np.asarray(train[:symbols]), run.vocabulary.size, order), valid


def training_parts(run: Run, corpus: Corpus | None = None) -> tuple[Ids, Ids]:
    """The part of its corpus that a run was trained on, where n-grams are counted, and the held-out one.

    Raises what `own_corpus` does.
    """
    try:
        return parts(run, corpus, PUT_BACK)
    except UsageError as error:
        raise UsageError(f"n-grams are counted on the training text, and {error}") from None


def countable_at_once(symbols: int, order: int) -> None:
    """Raise `CharnnError` where an n-gram model's orders, counted on so many symbols, do not fit side by side."""
    need, there = symbols * order * BYTES_PER_COUNTED_SYMBOL, available_memory()
    if there is not None and need > there:
        raise CharnnError(
            f"a {order}-gram model of {symbols:,} symbols needs {need / 1e9:.1f} GB, "
            f"and there are {there / 1e9:.1f} GB: do without --mix"
        )


class Mixing(NamedTuple):
    """How p of a network and q of n-grams are mixed: r ~ (p^w q^(1-w))^s, w the weight of the network.

    A sharpness s below 1 takes back what both are too sure of, which n-grams are more than networks.
    """

    weight: float
    sharpness: float = 1.0


def interpolate(p: np.ndarray, q: np.ndarray, y: np.ndarray, held_out: bool) -> tuple[np.ndarray, float]:
    """Probabilities p (N, L) of a network and q of n-grams as `mixed`, and the weight of the network.

    Weight and sharpness are those for which the right labels y (N,) cost least. Where these rows are all that are
    `held_out`, each half is mixed by those of the other, and the weight is the mean of both.
    """
    halves = [slice(0, None, 2), slice(1, None, 2)] if held_out and len(y) > 1 else [slice(None)]
    mixings = [best_mixing(p[half], q[half], y[half]) for half in halves]
    found = np.empty_like(p)
    for half, mixing in zip(halves, reversed(mixings), strict=True):
        found[half] = mixed(p[half], q[half], mixing)
    return found, float(np.mean([mixing.weight for mixing in mixings]))


def mixed(p: np.ndarray, q: np.ndarray, mixing: Mixing) -> np.ndarray:
    """log r = s (w log p + (1 - w) log q), up to a constant of each row: probabilities r (N, L)."""
    w, s = mixing
    log_p, log_q = (np.log(np.maximum(a, np.finfo(float).tiny)) for a in (p, q))
    return normalised(s * (w * log_p + (1 - w) * log_q))


def best_mixing(p: np.ndarray, q: np.ndarray, y: np.ndarray) -> Mixing:
    """The mixing for which the right labels y (N,) cost least; those beyond L are left out.

    Weight and sharpness are tried one after the other, in `ROUNDS` rounds: the cost is convex in (w s, (1 - w) s).
    """
    known, found = np.flatnonzero(y < p.shape[1]), Mixing(0.5)
    p, q, y = p[known], q[known], y[known]
    if not len(y):
        return found

    def cost(mixing: Mixing) -> float:
        return float(-np.log(mixed(p, q, mixing)[np.arange(len(y)), y]).sum())

    for _ in range(ROUNDS):
        found = min((found._replace(weight=w) for w in MIXTURE_WEIGHTS), key=cost)
        found = min((found._replace(sharpness=s) for s in SHARPNESS), key=cost)
    return found


def normalised(logs: np.ndarray) -> np.ndarray:
    """Probabilities (N, L) of their logarithms, which are known up to a constant of each row."""
    p: np.ndarray = np.exp(logs - logs.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)
