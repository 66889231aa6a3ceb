"""Free-running generation: the network's own output is its next input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import SampleConfig
from ..data.vocabulary import EOS
from ..nn.functions import ignore_overflow, log_softmax
from ..nn.network import Network
from ..nn.tuning import tuned
from ..parallel.processes import spread
from .endings import Drawer, primed_stepper
from .stepper import FastStepper, Stepper, make_stepper

if TYPE_CHECKING:
    from .automaton import MatchingSampler, PatternAutomaton

TINY = np.finfo(np.float32).tiny
MIN_TEMPERATURE = 1e-30  # temperatures below are 0
NOISE_AHEAD = 1 << 12  # random numbers drawn at a time
MAX_BATCH = 64  # samples drawn side by side, at most
MIN_SAMPLES_FOR_TWO = 32  # samples that are worth two batches, and so two processes
MIN_ROWS_FOR_SUMS = 16  # from which on drawing by sums is faster than by noise
MAX_SYMBOLS_FOR_SUMS = 256  # symbols up to which it is
BLOCK_SECONDS = 0.005  # seconds for which drawn symbols may be held back
LEAST, MOST = 1e-30, 1e30  # outside, sums of exponentials in float32 say too little


@dataclass(frozen=True)
class Sample:
    """Ids of a sample, the prime before and EOS after not among them, and whether it ended by EOS."""

    ids: np.ndarray
    ended: bool

    @classmethod
    def of(cls, drawn: np.ndarray) -> Sample:
        """The sample in ids that were drawn, (N,), up to the first EOS if there is one."""
        ends = np.flatnonzero(drawn == EOS)
        return cls(drawn[: ends[0]], True) if len(ends) else cls(drawn, False)


def probabilities(o: np.ndarray, config: SampleConfig) -> np.ndarray:
    """Scores o (B, V) to the probabilities that symbols are drawn with.

    p = softmax(o / temperature). All but the k likeliest are set to 0, then all but the likeliest that reach a share
    of top_p (Holtzman et al., 2020). Then p is scaled to sum 1. Temperature 0: the likeliest has probability 1.
    """
    o = o.astype(np.float64)
    if config.temp == 0:
        return (np.arange(o.shape[1]) == o.argmax(axis=1)[:, None]).astype(np.float64)
    with np.errstate(over="ignore"):  # below the largest score, which is 0, there may be minus infinity
        p = np.exp(log_softmax((o - o.max(axis=1, keepdims=True)) / config.temp))
    if config.top_k or config.top_p < 1:
        order = np.argsort(-p, axis=1, kind="stable")
        ranked = np.take_along_axis(p, order, axis=1)
        if config.top_k:
            ranked[:, config.top_k :] = 0
        before = ranked.cumsum(axis=1) - ranked  # probability of those likelier
        ranked[before >= config.top_p * ranked.sum(axis=1, keepdims=True)] = 0
        np.put_along_axis(p, order, ranked, axis=1)
        p /= p.sum(axis=1, keepdims=True)
    return p


def noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Gumbel noise G: argmax(o + G) is drawn from softmax(o) (Gumbel, 1954). -log E, with E exponential."""
    e = rng.standard_exponential(shape, np.float32)
    np.maximum(e, TINY, out=e)  # once in 10 million it is 0, and the noise would make up for minus infinity
    return -np.log(e, out=e)


class GumbelSampler:
    """Symbols drawn from the scores of `rows` streams, with random numbers that are drawn for many steps at a time.

    By noise, a number for each score; for many rows of few symbols by sums, a number u in [0, 1) for each row: the
    first symbol where the sum of exp(scores) up to it exceeds u times that of all. It takes 2/3 to 1/2 of the time.
    """

    def __init__(self, network: Network, config: SampleConfig, rng: np.random.Generator, rows: int):
        self.greedy = config.temp < MIN_TEMPERATURE
        self.temperature = 1.0 if self.greedy else config.temp
        self.c = network.weights["readout/c"] / np.float32(self.temperature)
        self.limits = replace(config, temp=1.0) if config.top_k or config.top_p < 1 else None
        self.rng, self.ahead = rng, list[np.ndarray]()  # noise for the next steps, the next one last
        self.uniform = list[np.ndarray]()  # the same for u
        self._of(rows, network.model.symbols)

    def __call__(self, o: np.ndarray) -> Any:
        """Drawn from softmax(o + c), (rows,), for o = h V / temperature; a number where there is one row."""
        if self.sums is not None and (symbols := self._by_sums(o, self.sums)) is not None:
            return symbols
        if not self.ahead:
            self._more()
        total = np.add(o, self.ahead.pop(), self.total)
        if self.limits:
            scores = np.atleast_2d(o + self.c)
            total[probabilities(scores, self.limits).reshape(total.shape) == 0] = -np.inf
        return self.likeliest()

    def of_one(self) -> Callable[[np.ndarray], Any]:
        """This, for one stream, without what others need."""
        if self.limits:
            return self
        ahead, more, add, total, likeliest = self.ahead, self._more, np.add, self.total, self.likeliest

        def draw(o: np.ndarray) -> Any:
            if not ahead:
                more()
            add(o, ahead.pop(), total)
            return likeliest()

        return draw

    def select(self, rows: np.ndarray) -> None:
        """From now on for these of the streams."""
        self._of(len(rows), len(self.c))
        self.ahead = [noise[rows].reshape(self.total.shape) for noise in self.ahead]
        self.uniform = [u[rows] for u in self.uniform]

    def _of(self, rows: int, symbols: int) -> None:
        self.total = np.empty((rows, symbols)[rows == 1 :], self.c.dtype)
        self.likeliest = self.total.argmax if rows == 1 else partial(self.total.argmax, 1)
        self.sums = None
        if rows < MIN_ROWS_FOR_SUMS or symbols > MAX_SYMBOLS_FOR_SUMS or self.greedy or self.limits:
            return
        factors = np.exp(self.c)
        if factors.min() > LEAST:
            self.sums = np.triu(np.repeat(factors[:, None], symbols, axis=1))  # exp(o) times this: sums of exp(o + c)
            self.upto, self.past = np.empty_like(self.total), np.empty(self.total.shape, bool)

    def _by_sums(self, o: np.ndarray, sums: np.ndarray) -> np.ndarray | None:
        """None where there are numbers so large or small that rounding might draw what is impossible."""
        p = np.exp(o, out=self.total)
        if not p.min() > LEAST:
            return None
        upto = np.matmul(p, sums, out=self.upto)
        whole = upto[:, -1:]
        if not whole.max() < MOST:
            return None
        if not self.uniform:
            self.uniform = list(self.rng.random((max(1, NOISE_AHEAD // len(o)), len(o), 1), np.float32))[::-1]
        return np.greater(upto, whole * self.uniform.pop(), out=self.past).argmax(1)

    def _more(self) -> None:
        shape = (max(1, NOISE_AHEAD // self.total.size), *self.total.shape)
        block = np.zeros(shape, np.float32) if self.greedy else noise(self.rng, shape)
        self.ahead.extend(list(block + self.c)[::-1])


def drawer(
    network: Network, config: SampleConfig, rng: np.random.Generator, rows: int, automaton: PatternAutomaton | None
) -> GumbelSampler | MatchingSampler:
    """What draws the symbols of `rows` streams; with an automaton only those that it allows."""
    draws = GumbelSampler(network, config, rng, rows)
    if automaton is None:
        return draws
    from .automaton import MatchingSampler

    return MatchingSampler(draws, automaton, rows, config.length)


def stream(
    network: Network,
    config: SampleConfig,
    rng: np.random.Generator,
    prime: np.ndarray,
    *,
    workers: int = 1,
    automaton: PatternAutomaton | None = None,
) -> Iterator[int]:
    """Ids of one sample as they are drawn, EOS the last of them if it ends so; at most `config.length`.

    Starts as training does, from EOS and the zero state, then reads the `prime`, (N,) ids. With `config.past_end` EOS
    is a symbol like any other. With two `workers` or more another process may help, as long as that is faster; the
    symbols are the same. An `automaton` allows some symbols only.
    """
    draws = drawer(network, config, rng, 1, automaton)
    with ignore_overflow():  # a network may be beyond all bounds, and still write
        streams = primed_stepper(network, prime, 1, draws)
    if workers > 1:
        streams.allow_helper()
    symbol, left = None, config.length
    while left:
        yield from (block := _burst(streams, draws, symbol, left, config.past_end))
        symbol = block[-1]
        left = 0 if symbol == EOS and not config.past_end else left - len(block)


@ignore_overflow()
def _burst(streams: Stepper, draws: Drawer, last: int | None, most: int, past_end: bool) -> list[int]:
    """The next symbols of a stream, `most` of them, that are drawn within a moment, after the `last` one was read.

    All that a symbol needs is looked up once: Python takes as long as the product of a small network.
    """
    burst, end, now = list[int](), monotonic() + BLOCK_SECONDS, monotonic
    draw = draws.of_one() if isinstance(draws, GumbelSampler) else draws
    read = streams.of_one() if isinstance(streams, FastStepper) else streams.read
    for _ in range(most):
        if last is not None:
            read(last)
        last = int(draw(streams.o))
        burst.append(last)
        if now() >= end or (last == EOS and not past_end):
            break
    return burst


@ignore_overflow()  # a network may be beyond all bounds, and still write
def generate(
    network: Network,
    config: SampleConfig,
    rng: np.random.Generator,
    prime: np.ndarray,
    automaton: PatternAutomaton | None = None,
) -> list[Sample]:
    """`config.count` samples, drawn side by side as one batch, which those that ended leave once they are half."""
    if not config.count:
        return []
    draws = drawer(network, config, rng, config.count, automaton)
    streams = primed_stepper(network, prime, config.count, draws)
    parts: list[tuple[np.ndarray, list[Any]]] = [(np.arange(config.count), [])]  # rows, and what they wrote together
    going = np.full(config.count, True)  # of the rows in the batch: those that have not ended
    for _ in range(config.length):
        rows, columns = parts[-1]
        symbols = draws(streams.o)
        columns.append(symbols)
        if not symbols.all():  # EOS is 0
            going &= symbols != EOS
            stay = np.flatnonzero(going)
            if not len(stay):
                break
            if 2 * len(stay) <= len(rows):
                rows, symbols, going = rows[stay], symbols[stay], going[stay]
                parts.append((rows, []))
                streams = streams.select(stay)
                draws.select(stay)
        streams.read(symbols if len(rows) > 1 else int(symbols.item()))
    return _samples(parts, config.count)


def _samples(parts: list[tuple[np.ndarray, list[Any]]], count: int) -> list[Sample]:
    """Samples up to their first EOS, from what the rows of a batch wrote, part after part."""
    drawn, start = np.full((count, sum(len(columns) for _, columns in parts)), EOS, np.uint32), 0
    for rows, columns in parts:
        drawn[rows, start : start + len(columns)] = np.array(columns, np.uint32).reshape(-1, len(rows)).T
        start += len(columns)
    return [*map(Sample.of, drawn)]


def batches(
    network: Network,
    config: SampleConfig,
    prime: np.ndarray,
    *,
    workers: int = 1,
    automaton: PatternAutomaton | None = None,
) -> Iterator[list[Sample]]:
    """`config.count` samples, batch after batch, by so many processes; the same ones however many those are."""
    entropy = np.random.SeedSequence(config.seed).entropy
    count = -(-config.count // MAX_BATCH)
    count = max(count, 2) if config.count >= MIN_SAMPLES_FOR_TWO else count
    edges = [round(config.count * number / max(1, count)) for number in range(count + 1)]
    work = network.weights.count * config.count * config.length / workers
    network = tuned(network, work, partial(make_stepper, rows=edges[min(1, count)], temperature=1.0))

    def batch(number: int) -> list[Sample]:
        seed = np.random.SeedSequence(entropy, spawn_key=(number,) if number else ())
        own = replace(config, count=edges[number + 1] - edges[number])
        return generate(network, own, np.random.default_rng(seed), prime, automaton)

    yield from spread(batch, range(count), workers)
