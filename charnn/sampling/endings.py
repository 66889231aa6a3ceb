"""Streams of symbols that know how a sequence ends: what sampling draws from. A row for each of `endings.ENDINGS`."""

from collections.abc import Callable
from copy import copy
from typing import Any, Protocol

import numpy as np

from ..data.vocabulary import EOS
from ..nn.heads import LengthHead, NodeHead
from ..nn.layers.base import Array, State
from ..nn.network import Network
from .stepper import Stepper, make_stepper

STEPS = 64  # of a prime, scored at a time


class Drawer(Protocol):
    """What draws symbols from scores less c / temperature, and how."""

    temperature: float
    greedy: bool
    rng: np.random.Generator

    def __call__(self, o: Array) -> Any: ...


def primed_stepper(network: Network, prime: Array, rows: int, draws: Drawer) -> Stepper:
    """Streams that have read EOS and the prime, (N,) ids."""
    return STREAMS[network.model.config.ending](network, prime, rows, draws)


def _symbol(network: Network, prime: Array, rows: int, draws: Drawer) -> Stepper:
    """eos: the network's own scores."""
    streams = make_stepper(network, rows, draws.temperature)
    _read(streams, rows, (EOS, *prime.tolist()))
    return streams


class NodeStream:
    """A `Stepper` by scores made of the network's. Those are at temperature 1: what is made of them is divided.

    node: one softmax over the end and the characters, so that `--temp` and `--top-k` see them side by side.
    """

    def __init__(self, network: Network, prime: Array, rows: int, draws: Drawer):
        self.network, self.rows, self.draws = network, rows, draws
        self.c = network.weights["readout/c"]
        self.inner = make_stepper(network, rows, 1.0)
        self._begin(prime)
        self.o = self._show(self._scores())

    def read(self, x: Any) -> None:
        self.inner.read(x)
        self.o = self._show(self._scores())

    def select(self, rows: Array) -> "NodeStream":
        fewer = copy(self)
        fewer.inner, fewer.rows = self.inner.select(rows), len(rows)
        return fewer

    def allow_helper(self) -> None:
        self.inner.allow_helper()

    def _begin(self, prime: Array) -> None:
        _read(self.inner, self.rows, (EOS, *prime.tolist()))

    def _scores(self) -> Array:
        """Scores of what may come next, (rows, symbols), or (symbols,) of one row."""
        assert isinstance(self.network.model.ending, NodeHead)
        return self.network.model.ending.joint_scores(self.inner.o + self.c)

    def _show(self, o: Array) -> Array:
        """As `Stepper` says: divided by the temperature, and less c / temperature."""
        return (o - o.max(axis=-1, keepdims=True) - self.c) / self.draws.temperature


class LengthStream(NodeStream):
    """length: a class is drawn, a length of it, so many characters, and then EOS is certain.

    A sequence that a prime begins is no shorter than the prime. Its class k is drawn from what the network says of a
    text that begins so:

        P(k | prime) ~ P(k) P(n >= the prime's length | k) P(the prime's characters | k)

    One row goes on to another sequence after EOS; of several rows, those that ended write EOS for ever.
    """

    left: Array  # characters before the end of each row's sequence

    def read(self, x: Any) -> None:
        self.inner.read(x)
        self.left = self.left - 1
        if self.rows == 1 and x == EOS:
            self._tell(np.array([], int))
        self.o = self._show(self._scores())

    def select(self, rows: Array) -> "LengthStream":
        fewer = super().select(rows)
        assert isinstance(fewer, LengthStream)
        fewer.left = self.left[rows]
        return fewer

    @property
    def ending(self) -> LengthHead:
        assert isinstance(self.network.model.ending, LengthHead)
        return self.network.model.ending

    def _begin(self, prime: Array) -> None:
        ends = np.flatnonzero(prime == EOS)
        start = ends[-1] + 1 if len(ends) else 0
        before = np.append(EOS, np.asarray(self.ending.stream(prime[:start])))
        _read(self.inner, self.rows, before.tolist())
        self._tell(prime[start:], self._evidence(before, prime[start:]))

    def _tell(self, rest: Array, evidence: Array | float = 0.0) -> None:
        """Draw a length, and read its class and the beginning of its sequence."""
        V, least = self.ending.size, len(rest)
        o = np.full_like(self.inner.o, -np.inf)
        o[..., V:] = (self.inner.o + self.c)[..., V:] + (self.ending.shares(least) + evidence).astype(o.dtype)
        symbols = np.maximum(self.draws(self._show(o)), V)  # numbers that are none make argmax 0
        drawn = None if self.draws.greedy else self.draws.rng
        self.left = np.atleast_1d(self.ending.lengths(symbols - V, least, drawn)) - least
        self.inner.read(symbols)
        _read(self.inner, self.rows, rest.tolist())

    def _scores(self) -> Array:
        o = (self.inner.o + self.c).reshape(self.rows, -1)
        o[:, EOS] = -np.inf
        o[:, self.ending.size :] = -np.inf
        done = self.left <= 0
        o[done] = -np.inf
        o[done, EOS] = 0
        return o.reshape(self.inner.o.shape)

    def _evidence(self, before: Array, rest: Array) -> Array:
        """log P(rest | class, before), for each class, (classes,)."""
        V, count = self.ending.size, self.ending.symbols - self.ending.size
        state = self._walk(before[:, None], self.network.zero_state(1))[1] if len(rest) else ()
        x = np.empty((len(rest), count), int)
        x[:1], x[1:] = V + np.arange(count), rest[:-1, None]
        y = np.broadcast_to(rest[:, None], x.shape)
        return -self._walk(x, tuple(np.repeat(s, count, 0) for s in state), y)[0]

    def _walk(self, x: Array, state: State, y: Array | None = None) -> tuple[Array, State]:
        """The summed nats of y (T, B) where x (T, B) is read, (B,), and the state after it."""
        nats, ws = np.zeros(x.shape[1]), self.network.workspace(back=False)
        for part in (slice(start, start + STEPS) for start in range(0, len(x), STEPS)):
            ws.reset()
            found, _, after = self.network.score(x[part], (x if y is None else y)[part], state, ws)
            nats, state = nats + found.sum(axis=0), tuple(s.copy() for s in after)
        return nats, state


STREAMS: dict[str, Callable[[Network, Array, int, Drawer], Stepper]] = {
    "eos": _symbol,
    "node": NodeStream,
    "length": LengthStream,
}


def _read(streams: Stepper, rows: int, symbols: Any) -> None:
    """The same symbols in all rows."""
    for symbol in symbols:
        streams.read(symbol if rows == 1 else np.full(rows, symbol))
