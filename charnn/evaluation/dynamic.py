"""Dynamic evaluation: a network that goes on learning from what it reads, each symbol scored before it is learnt.

The stream is read in segments. Each segment is scored with the weights w as they are. Then the gradient g of the
segment's summed loss, cut off at the segment's start, moves w:

    v = mean of g^2 over all segments so far
    r = sqrt(v)
    s = r / mean(r)
    w -= rate g / (r + e mean(r))
    w += min(1, decay s) (w0 - w)

w0 are the weights that training gave: what was learnt is forgotten in time, soonest where gradients are large. v is
measured on the stream, so nothing is needed but the network. Krause et al. measure v on the training part. With that v,
or with v of text that the network writes, the first surprising segment throws the weights far off. (Mikolov et al.,
2010; Krause, Kahembwe, Murray and Renals, 2018.)
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from ..config import EvalConfig
from ..data.batches import shifted
from ..data.vocabulary import EOS
from ..io.lazy import Ids, pieces
from ..nn.functions import ignore_overflow
from ..nn.layers.base import Array, State
from ..nn.model import PassContext
from ..nn.network import Network
from ..nn.optimizers import PIECE

DYNAMIC_DECAY = 0.005
EPSILON = 0.01  # e
SCORED_AT_ONCE = 1 << 10  # symbols scored at a time by a network that does not learn


class StreamReader:
    """Reads a stream, from EOS and the zero state on, by a network whose weights stay as they are."""

    def __init__(self, network: Network):
        self.network = network
        self.last, self.state = EOS, network.zero_state(1)
        self.ws = network.workspace(back=False)

    def read(self, ids: Ids) -> Iterator[tuple[Array, Array]]:
        """The next symbols (N,) of the stream, part by part: the part (n,), and the scores o (n, V) of what comes.

        o is there until the next part is asked for, and may be overwritten.
        """
        for part in pieces(ids, SCORED_AT_ONCE):
            yield part, self._scores(part)

    def _scores(self, y: Array) -> Array:
        self.ws.reset()
        x, _ = _one_row(y, self.last)
        o, after = self.network.scores(x, self.state, self.ws)
        self.state, self.last = tuple(s.copy() for s in after), int(y[-1])
        return o[:, 0]


def _one_row(y: Array, last: int) -> tuple[Array, Array]:
    """What is read, (n, 1), where y (n,) is to be predicted, and y (n, 1); `last` is the symbol before it."""
    return shifted(y, np.arange(len(y))[:, None], last)


class StreamLearner(StreamReader):
    """A reader whose network learns from each `segment` of the stream once it is read. Its weights are a copy."""

    def __init__(
        self,
        network: Network,
        *,
        segment: int = EvalConfig.segment,
        rate: float = EvalConfig.dynamic_rate,
        decay: float = DYNAMIC_DECAY,
    ):
        weights = network.weights.like()
        weights.flat[...] = network.weights.flat
        super().__init__(replace(network, weights=weights))
        self.ws = network.workspace()
        self.trained, self.segment, self.rate, self.decay = network.weights.flat, segment, rate, decay
        self.g, self.v, self.count = weights.like(), np.zeros_like(weights.flat), 0
        self._begin()

    def _begin(self) -> None:
        """A segment starts here."""
        self.held, self.left = list[Array](), self.segment
        self.before: tuple[int, State] = self.last, self.state

    def read(self, ids: Ids) -> Iterator[tuple[Array, Array]]:
        at = 0
        while at < len(ids):
            part = np.asarray(ids[at : at + self.left])
            yield part, self._scores(part)
            at, self.left = at + len(part), self.left - len(part)
            self.held.append(part)
            if not self.left:
                self.learn()

    @ignore_overflow()  # a network may be beyond all bounds: its score says so
    def learn(self) -> None:
        """Take the step on what was read since the last one: a whole segment, or less at the stream's end."""
        if not self.held:
            return
        (last, state), model, weights = self.before, self.network.model, self.network.weights
        batch = self.network.batch(*_one_row(np.concatenate(self.held), last))
        self.ws.reset()
        self.g.flat.fill(0)
        model.gradient(weights, self.g, batch, state, PassContext(self.ws))
        self._step(weights.flat, self.g.flat)
        self._begin()

    def _step(self, w: Array, g: Array) -> None:
        """The step of the gradient g; in pieces, each of which stays in cache from one line to the next."""
        self.count += 1
        parts = [slice(start, start + PIECE) for start in range(0, w.size, PIECE)]
        total, scratch = 0.0, np.empty((2, min(PIECE, w.size)), w.dtype)
        for part in parts:
            v, (d, _) = self.v[part], scratch[:, : w[part].size]
            np.multiply(g[part], g[part], out=d)
            d -= v
            d /= self.count
            v += d
            total += float(np.sqrt(v, out=d).sum())
        mean = total / self.network.model.parameters  # between arrays there are zeros
        if not mean:
            return  # nothing to learn yet
        for part in parts:
            r, d = scratch[:, : w[part].size]
            np.sqrt(self.v[part], out=r)
            np.divide(g[part], np.add(r, EPSILON * mean, out=d), out=d)
            d *= self.rate
            w[part] -= d
            r *= self.decay / mean
            np.minimum(r, 1, out=r)
            r *= np.subtract(self.trained[part], w[part], out=d)
            w[part] += r


def stream_reader(network: Network, config: EvalConfig) -> StreamReader:
    """A network at the start of a stream, which learns from it where the config says so."""
    if not config.dynamic:
        return StreamReader(network)
    return StreamLearner(network, segment=config.segment, rate=config.dynamic_rate)


def stream_surprisal(reader: StreamReader, stream: Iterable[Array]) -> Iterator[tuple[Array, Array]]:
    """For the pieces (N,) of a stream: the surprisal of each symbol in nats, and whether it was the likeliest, (N,)."""
    return (_surprisal(reader, ids) for ids in reader.network.model.ending.pieces(stream))


@ignore_overflow()  # a network may be beyond all bounds: its score says so
def _surprisal(reader: StreamReader, ids: Array) -> tuple[Array, Array]:
    ending = reader.network.model.ending
    found = [ending.surprisal(o, part) for part, o in reader.read(ids)]
    nats, hits = (np.concatenate(values) for values in zip(*found, strict=True))
    return ending.to_text_symbols(ids, nats.astype(np.float64), hits)


def adapted(learner: StreamLearner, stream: Iterable[Array]) -> float:
    """Read the pieces (N,) of a text, and learn from all of it: `learner.network` is then what it made of them.

    Returns nats per symbol, each scored before it was learnt.
    """
    nats = [nats for nats, _ in stream_surprisal(learner, stream)]
    learner.learn()
    return float(np.concatenate(nats).mean()) if nats else math.nan
