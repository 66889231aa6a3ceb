"""How well a network predicts a text that it reads: teacher-forced surprisal, in nats, each symbol counted once."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ..data.batches import shifted
from ..data.vocabulary import EOS
from ..io.lazy import Ids, pieces
from ..nn.functions import ignore_overflow
from ..nn.layers.base import State
from ..nn.network import Network
from ..nn.tuning import tuned
from ..parallel.processes import spread

PIECE_SYMBOLS = 1 << 18  # symbols scored at a time
SCORING_ROWS = 64  # read side by side where that changes nothing, or next to nothing
MIN_SYMBOLS_PER_WORKER = 1 << 15  # symbols that are worth a process
SCORING_WINDOW = 2048  # symbols read at a time, all lanes together
ScoreWindow = Callable[[np.ndarray, np.ndarray, State], tuple[np.ndarray, np.ndarray, State]]  # x, y, state: `_scorer`


@dataclass(frozen=True)
class Score:
    """Summed surprisal in nats of `count` symbols, EOS among them, and how many of them were the likeliest one.

    `unknown` of the symbols are characters that the network does not know.
    `more` holds figures that options add: of `--mix` the weight of the network, and bits per character of both parts;
    of `--novelty` the share of 8-grams that the training text has, and the longest run of characters that it has.
    """

    nats: float = 0.0
    count: int = 0
    hits: int = 0
    more: Mapping[str, float] = field(default_factory=dict, hash=False)
    unknown: int = 0

    def __repr__(self) -> str:
        return (
            f"<Score: {self.bits:.4f} bits/char, {self.accuracy:.1%} of {self.count:,} characters were the likeliest>"
        )

    @classmethod
    def of(cls, nats: np.ndarray, hits: np.ndarray) -> "Score":
        """The score of symbols with these surprisals and hits, (N,) each."""
        return cls(float(nats.sum()), nats.size, int(hits.sum()))

    @classmethod
    def of_text(cls, nats: np.ndarray, hits: np.ndarray, known: np.ndarray, skip: bool) -> "Score":
        """The same of symbols of which the network knows some, `known` (N,); with `skip` the others do not count."""
        found = cls.of(nats[known], hits[known]) if skip else cls.of(nats, hits)
        return replace(found, unknown=int(np.count_nonzero(~known)))

    @property
    def mean(self) -> float:
        """Nats per character."""
        return self.nats / self.count if self.count else math.nan

    @property
    def bits(self) -> float:
        """Bits per character."""
        return self.mean / math.log(2)

    @property
    def perplexity(self) -> float:
        """exp(nats per character): as many equally likely characters would surprise as much."""
        return math.exp(min(self.mean, 700.0))

    @property
    def accuracy(self) -> float:
        """The share of characters that were the likeliest one."""
        return self.hits / self.count if self.count else math.nan

    @property
    def figures(self) -> dict[str, float]:
        """All figures by name."""
        return {
            "nats_per_char": self.mean,
            "bits_per_char": self.bits,
            "perplexity": self.perplexity,
            "accuracy": self.accuracy,
            "count": self.count,
            "nats": self.nats,
            "unknown": self.unknown,
            **self.more,
        }

    def __add__(self, other: "Score") -> "Score":
        unknown = self.unknown + other.unknown
        return Score(self.nats + other.nats, self.count + other.count, self.hits + other.hits, unknown=unknown)


def evaluate(network: Network, ids: Ids, *, burn_in: int | None = None, workers: int = 1, hits: bool = True) -> Score:
    """The score of a stream, (N,) ids, read from EOS and the zero state on, by so many processes.

    The score is exact where the state is `reset` at EOS: sequences are then read side by side. Without `burn_in` it is
    exact too: one process then reads the stream from end to end. With `burn_in`, pieces of the stream are read side by
    side, each from the zero state and so many symbols early. That is faster by an order of magnitude, and off by some
    thousandths of a bit. Without `hits` no likeliest symbol is looked for, which takes less time: `Score.hits` is 0.
    """
    workers = workers if len(ids) >= MIN_SYMBOLS_PER_WORKER else 1
    count = SCORING_ROWS if network.reset else 1 if burn_in is None else _lanes(len(ids), burn_in)
    rows = count if network.reset else -(-count // workers)
    network = tuned(network, network.weights.count * len(ids) / workers, partial(read_zeros, rows=rows))
    score: Callable[[np.ndarray], Score]
    if network.reset or burn_in is None:
        score = partial(_exact, network, ids, hits)
        edges = _sequences(ids, workers) if network.reset else np.array([0, len(ids)])
        parts = [edges[i : i + 2] for i in range(len(edges) - 1)]
    else:
        ids = network.model.ending.stream(ids)
        score = partial(_burnt, network, ids, burn_in, hits)
        edges = np.unique(np.linspace(0, len(ids), _lanes(len(ids), burn_in) + 1).astype(np.int64))
        groups = np.array_split(np.arange(len(edges) - 1), workers)
        parts = [edges[lanes[0] : lanes[-1] + 2] for lanes in groups if len(lanes)]
    return sum(spread(score, parts, workers), Score())


def _lanes(symbols: int, burn_in: int) -> int:
    """Pieces of a stream to read side by side, so long that what is read twice is little."""
    return min(SCORING_ROWS, max(1, symbols // (4 * burn_in + 1)))


def read_zeros(network: Network, rows: int) -> None:
    """The products of scoring so many rows side by side, with what they find thrown away."""
    x = np.zeros((2, rows), np.int64)
    network.score(x, x, network.zero_state(rows), network.workspace(back=False))


def _exact(network: Network, ids: Ids, hits: bool, part: np.ndarray) -> Score:
    """The score of a part of the stream that starts a sequence."""
    read = surprisal(network, pieces(ids[slice(*part.tolist())], PIECE_SYMBOLS), hits)
    return sum((Score.of(nats, likeliest) for nats, likeliest in read), Score())


def _burnt(network: Network, ids: Ids, burn_in: int, hits: bool, edges: np.ndarray) -> Score:
    """The score of lanes that lie between the edges, each read from `burn_in` symbols before it."""
    first = np.maximum(edges[:-1] - burn_in, 0)
    start = int(max(first[0] - 1, 0))
    read = np.asarray(ids[start : int(edges[-1])])
    lanes = Lanes(*(at - start for at in (first, edges[:-1], edges[1:])))
    nats, likeliest, _ = _read(_scorer(network, hits), read, lanes, EOS, network.zero_state(len(first)))
    own = slice(int(edges[0]) - start, None)
    return Score.of(*network.model.ending.to_text_symbols(read[own], nats[own], likeliest[own]))


def _sequences(ids: Ids, parts: int) -> np.ndarray:
    """Edges of so many parts of a stream, of about the same length, that start with a sequence each."""
    edges = [0]
    for i in range(1, parts):
        at = max(edges[-1], len(ids) * i // parts)
        for piece in pieces(ids[at:], PIECE_SYMBOLS):
            if len(ends := np.flatnonzero(piece == EOS)):
                at += int(ends[0]) + 1
                break
            at += len(piece)
        edges.append(at)
    return np.unique([*edges, len(ids)])


def surprisal(
    network: Network, stream: Iterable[np.ndarray], hits: bool = True
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For the pieces (N,) of a stream: the surprisal of each symbol in nats, (N,), and whether it was the likeliest.

    Exact, and in bounded memory. Where the state is `reset`, the sequences of a piece are read side by side; a piece
    may end within one. `hits` as in `evaluate`.
    """
    last, state, ending = EOS, network.zero_state(1), network.model.ending
    score = _scorer(network, hits)
    for ids in ending.pieces(stream):
        edges = _edges(ids) if network.reset else np.array([0, len(ids)])
        begin = tuple(np.concatenate([s, np.zeros((len(edges) - 2, s.shape[1]), s.dtype)]) for s in state)
        nats, likeliest, state = _read(score, ids, Lanes(edges[:-1], edges[:-1], edges[1:]), last, begin)
        last = int(ids[-1])
        yield ending.to_text_symbols(ids, nats, likeliest)


def _scorer(network: Network, hits: bool) -> ScoreWindow:
    """What scores one window after the other, in the same memory."""
    ws = network.workspace(back=False)

    def score(x: np.ndarray, y: np.ndarray, state: State) -> tuple[np.ndarray, np.ndarray, State]:
        ws.reset()
        return network.score(x, y, state, ws, hits)

    return score


def _edges(ids: np.ndarray) -> np.ndarray:
    """Where lanes of whole sequences begin and end: up to `SCORING_ROWS` of about the same length."""
    ends = np.append(np.flatnonzero(ids == EOS) + 1, len(ids))
    goals = np.linspace(0, len(ids), SCORING_ROWS + 1)[1:]
    return np.unique(np.append(0, ends[np.searchsorted(ends, goals).clip(max=len(ends) - 1)]))


class Lanes(NamedTuple):
    """Parts of a stream that are read side by side: where each begins, from where on it is scored, and its end, (B,)"""

    begin: np.ndarray
    scored: np.ndarray
    end: np.ndarray


@ignore_overflow()  # the score of a network beyond all bounds says so
def _read(
    score: ScoreWindow, ids: np.ndarray, lanes: Lanes, last: int, state: State
) -> tuple[np.ndarray, np.ndarray, State]:
    """Read lanes of a stream side by side, each from its own state, and score them.

    `last` is the symbol before the stream. Returns nats and hits (N,), and the state (1, .) at the stream's end, which
    the last lane reaches. Lanes are sorted, longest first, so that those still going on are the first rows; where one
    ends within a window, what is read there beyond its end does not count.
    """
    order = np.argsort(lanes.begin - lanes.end, kind="stable")
    begin, scored, end = (edge[order] for edge in lanes)
    state = tuple(s[order] for s in state)
    lengths, final = end - begin, int(np.argmax(order == len(order) - 1))
    nats, hits = np.zeros(len(ids)), np.zeros(len(ids), bool)
    start, done = 0, state
    while (going := int(np.count_nonzero(lengths > start))) > 0:
        steps = min(max(1, SCORING_WINDOW // going), int(lengths[0]) - start)
        if start < lengths[final]:  # up to there, where its state is wanted
            steps = min(steps, int(lengths[final]) - start)
        at = begin[:going] + np.arange(start, start + steps)[:, None]  # (T, B)
        counted = (at >= scored[:going]) & (at < end[:going])
        np.minimum(at, len(ids) - 1, out=at)
        n, hit, after = score(*shifted(ids, at, last), tuple(s[:going] for s in state))
        if not counted.all():  # else the arrays as they are, which takes less time
            at, n, hit = at[counted], n[counted], hit[counted]
        nats[at], hits[at] = n, hit
        state = tuple(s.copy() for s in after)
        start += steps
        if start == lengths[final]:
            done = tuple(s[final : final + 1].copy() for s in state)
    return nats, hits, done
