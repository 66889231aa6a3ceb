"""How a sequence ends, and what that costs: all that differs between one way and another.

With the characters c[1] ... c[n] of a sequence, each one's scores from what is before it:

    eos     a symbol among the others      P = prod_t softmax(o)[c[t]]  softmax(o)[EOS]
    node    an output of its own, o[EOS]   P = prod_t (1 - s) softmax'(o)[c[t]]  s,   s = 1 / (1 + exp(-o[EOS]))
    length  a symbol before c[1] says n    P = P(n) prod_t softmax'(o)[c[t]]

where softmax' is over the characters alone (Goodfellow, Bengio and Courville, 2016, section 10.2.3). Each is a
distribution over all sequences, so that their nats compare.

Letters: V symbols of the text, EOS = 0 among them; o (N, symbols) scores; y (N,) what was to be predicted.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import numpy as np

from ..data.vocabulary import EOS
from ..errors import CharnnError, UsageError
from ..io.lazy import Ids, pieces
from ..machine import available_memory
from . import functions

Array = np.ndarray
OCTAVES = 5, 10, 40  # lengths are told apart below 2^5, then by quarters of an octave, then by octaves, below 2^40
QUARTERS = 4


class Head(Protocol):
    """A row of the table. `size` is V; `symbols`, at least as many, is how many the network reads and scores."""

    size: int
    symbols: int
    says: str  # how a description of the network goes on

    def check(self, ids: Ids) -> None:
        """Raise `UsageError` for a stream to train on (N,) that teaches nothing of how sequences end."""

    def loss(self, o: Array, y: Array) -> Array:
        """Surprisal of y in nats, (N,), and its gradient dL/do, which overwrites o."""

    def surprisal(self, o: Array, y: Array) -> tuple[Array, Array]:
        """Surprisal of y in nats, and whether it was the likeliest, both (N,). o is overwritten."""

    def nats(self, o: Array, y: Array) -> Array:
        """The first of `surprisal` alone, which takes less time."""

    def objective(self, o: Array, y: Array) -> Array:
        """What training makes small, of which `loss` gives the gradient, (N,). o is overwritten."""

    def joint_scores(self, o: Array) -> Array:
        """Scores (..., V) whose softmax is the distribution of what comes next. Raises `UsageError` without one."""

    def length(self, ids: Ids) -> int:
        """How many symbols `stream` has."""

    def stream(self, ids: Ids) -> Ids:
        """What the network reads where the text is `ids`, (N,). Raises `CharnnError` if memory has no room."""

    def pieces(self, stream: Iterable[Array]) -> Iterable[Array]:
        """What the network reads for each of a text's pieces, none of them empty, as soon as that is known."""

    def to_text_symbols(self, read: Array, nats: Array, hits: Array) -> tuple[Array, Array]:
        """From what was read, and the nats and hits of each, to those of the text's own symbols alone."""

    def count(self, y: Array) -> int:
        """How many of the symbols read are the text's own."""

    def bytes(self, symbols: int) -> int:
        """Memory that `stream` takes for a text of so many symbols, but for one symbol a sequence."""


class SoftmaxHead:
    """eos: one softmax, whose first symbol is the end."""

    says = ""

    def __init__(self, size: int):
        self.size = self.symbols = size

    loss: Callable[[Array, Array], Array] = staticmethod(functions.cross_entropy)
    surprisal: Callable[[Array, Array], tuple[Array, Array]] = staticmethod(functions.surprisal)
    nats: Callable[[Array, Array], Array] = staticmethod(functions.nats)

    def objective(self, o: Array, y: Array) -> Array:
        return self.nats(o, y)

    def check(self, ids: Ids) -> None:
        return

    def joint_scores(self, o: Array) -> Array:
        return o

    def length(self, ids: Ids) -> int:
        return len(ids)

    def stream(self, ids: Ids) -> Ids:
        return ids

    def pieces(self, stream: Iterable[Array]) -> Iterable[Array]:
        return (ids for ids in stream if len(ids))

    def to_text_symbols(self, read: Array, nats: Array, hits: Array) -> tuple[Array, Array]:
        return nats, hits

    def count(self, y: Array) -> int:
        return y.size

    def bytes(self, symbols: int) -> int:
        return 0


class SquaredHead(SoftmaxHead):
    """eos, learnt by the squared error of the softmax; see `functions.squared_error`. Losses are told in nats still."""

    says = ", squared error"
    objective = staticmethod(functions.squared_error)

    def loss(self, o: Array, y: Array) -> Array:
        nats = functions.nats(o.copy(), y)
        functions.squared_error(o, y)
        return nats


class NodeHead(SoftmaxHead):
    """node: e = o[EOS] is the score of the end against all else.

    y = EOS: L = log(1 + exp(-e)),   dL/de = s - 1
    else:    L = log(1 + exp(e)) - log softmax'(o)[y],   dL/de = s,   dL/do = softmax'(o) - onehot(y)
    """

    says = ", a node for the end"

    def __init__(self, size: int):
        super().__init__(size)
        if size == 1:
            raise UsageError("--ending node tells an end from characters, and this text has none: try --ending eos")

    def loss(self, o: Array, y: Array) -> Array:
        e, ends = o[:, EOS].copy(), y == EOS
        o[:, EOS] = -np.inf
        _certain(o, ends)
        nats = functions.cross_entropy(o, y)
        o[:, EOS] = (1 + np.tanh(e / 2)) / 2 - ends
        return nats + np.logaddexp(0, np.where(ends, -e, e))

    def surprisal(self, o: Array, y: Array) -> tuple[Array, Array]:
        return functions.surprisal(self.joint_scores(o), y)

    def nats(self, o: Array, y: Array) -> Array:
        return functions.nats(self.joint_scores(o), y)

    def joint_scores(self, o: Array) -> Array:
        """Scores whose softmax is the distribution of the end and the characters: e + log sum_c exp(o_c), and o."""
        o = o.copy()
        rest = o[..., EOS + 1 :]
        top = rest.max(axis=-1)
        o[..., EOS] += top + np.log(np.exp(rest - top[..., None]).sum(axis=-1))
        return o


class LengthHead(SoftmaxHead):
    """length: before a sequence's first character, a symbol V + k says that its length n is in class k.

    P(n) = P(k) / width_k: below 2^5 a class is one length, above it a quarter of an octave, from 2^10 on an octave.
    What can come is known: after EOS a class, after it n characters, then EOS. So the softmax is over the characters,
    or over the classes; EOS costs nothing, and a class costs log width_k more. A sequence that breaks off, where a
    text or the part that is read ends, is as long as what is there.
    """

    says = ", lengths told first"

    def __init__(self, size: int):
        self.size = size
        fine = range(OCTAVES[0], OCTAVES[1])
        quarters = [(QUARTERS + q << k) // QUARTERS for k in fine for q in range(QUARTERS)]
        edges = [*range(1 << OCTAVES[0]), *quarters, *(1 << k for k in range(OCTAVES[1], OCTAVES[2] + 1))]
        self.first, self.end = np.array(edges[:-1]), np.array(edges[1:])  # lengths of class k: first ... end - 1
        self.symbols = size + len(self.first)
        self.more = np.concatenate([np.zeros(size), np.log(self.end - self.first)])  # nats of a symbol, (symbols,)
        self.dtype = np.min_scalar_type(self.symbols - 1)

    def check(self, ids: Ids) -> None:
        if not any((piece == EOS).any() for piece in pieces(ids)):
            raise UsageError(
                "--ending length has no length to learn: no sequence ends in the part of the text that is trained on; "
                "try --ending eos, or a shorter --sequence"
            )

    def loss(self, o: Array, y: Array) -> Array:
        self._due(o, y)
        return functions.cross_entropy(o, y) + self.more[y]

    def surprisal(self, o: Array, y: Array) -> tuple[Array, Array]:
        self._due(o, y)
        nats, hits = functions.surprisal(o, y)
        return nats + self.more[y], hits

    def nats(self, o: Array, y: Array) -> Array:
        self._due(o, y)
        return functions.nats(o, y) + self.more[y]

    def length(self, ids: Ids) -> int:
        starts = 1 + sum(np.count_nonzero(piece == EOS) for piece in pieces(ids[:-1])) if len(ids) else 0
        return len(ids) + int(starts)

    def stream(self, ids: Ids) -> Ids:
        need, there = self.bytes(length := self.length(ids)), available_memory()
        if there is not None and need > there:
            raise CharnnError(
                f"the text takes {need / 1e9:.1f} GB as --ending length reads it, and there are {there / 1e9:.1f} GB: "
                "try --ending eos"
            )
        read, end = np.empty(length, self.dtype), 0
        for piece in self.pieces(pieces(ids)):
            read[end : end + len(piece)] = piece
            end += len(piece)
        return read

    def pieces(self, stream: Iterable[Array]) -> Iterator[Array]:
        """A piece is held back until the sequence that it leaves open has ended."""
        held, fresh = list[Array](), True  # whether a sequence starts with the first of them
        for ids in super().pieces(stream):
            held.append(ids)
            count = len(held) - int(ids[-1] != EOS)
            if count and (ids == EOS).any():
                yield from self._told(held, fresh)[:count]
                fresh, held = bool(held[count - 1][-1] == EOS), held[count:]
        yield from self._told(held, fresh)

    def to_text_symbols(self, read: Array, nats: Array, hits: Array) -> tuple[Array, Array]:
        """A class counts for the symbol that it stands before: a sequence's first, which is right if both are."""
        own, told = np.flatnonzero(read < self.size), np.flatnonzero(read >= self.size)
        next = np.minimum(told + 1, own[-1])
        np.add.at(nats, next, nats[told])
        np.logical_and.at(hits, next, hits[told])
        return nats[own], hits[own]

    def count(self, y: Array) -> int:
        return int(np.count_nonzero(y < self.size))

    def bytes(self, symbols: int) -> int:
        return symbols * self.dtype.itemsize

    def joint_scores(self, o: Array) -> Array:
        raise UsageError(
            "a network of --ending length chooses how long a sequence is before its first character: it has no "
            "distribution of the next character alone; use a model of --ending eos or node"
        )

    def classes(self, n: Array) -> Array:
        """The class of each length."""
        return np.searchsorted(self.first, n, "right") - 1

    def shares(self, least: int) -> Array:
        """The log of the share of each class' lengths that are no less than this, (classes,)."""
        left = np.maximum(self.end - np.maximum(self.first, least), 0)
        with np.errstate(divide="ignore"):
            return np.log(left / (self.end - self.first))

    def lengths(self, classes: Array, least: int, rng: np.random.Generator | None) -> Array:
        """A length of each class, none below `least`: the shortest, or one drawn."""
        low = np.maximum(self.first[classes], least)
        return low if rng is None else rng.integers(low, np.maximum(self.end[classes], low + 1))

    def _due(self, o: Array, y: Array) -> None:
        """Set the scores of all that cannot come where y does to minus infinity."""
        told = np.flatnonzero(y >= self.size)
        classes = o[told, self.size :]
        o[:, EOS] = -np.inf
        o[:, self.size :] = -np.inf
        o[told, : self.size], o[told, self.size :] = -np.inf, classes
        _certain(o, y == EOS)

    def _told(self, held: list[Array], fresh: bool) -> list[Array]:
        """The pieces with each sequence's class before it; the last one's by what is there."""
        if not held:
            return []
        ids = np.concatenate(held).astype(self.dtype)
        ends = np.flatnonzero(ids == EOS)
        starts = np.append(np.zeros(int(fresh), int), ends + 1)
        starts = starts[starts < len(ids)]
        n = np.append(ends, len(ids))[np.searchsorted(ends, starts)] - starts
        read = np.insert(ids, starts, (self.size + self.classes(n)).astype(self.dtype))
        edges = np.cumsum([len(piece) for piece in held])[:-1]
        return np.split(read, edges + np.searchsorted(starts, edges))


def _certain(o: Array, ends: Array) -> None:
    """Where a sequence ends, let nothing else be possible: no loss, and no gradient."""
    o[ends] = -np.inf
    o[ends, EOS] = 0
