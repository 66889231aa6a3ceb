"""Spans of windows: how an update learns from them, whatever the recurrence and however many windows there are.

No cell is known here: `gradient` and `after` are called as `Model` has them, so that any h[t] = f(h[t-1], x[t]) can be
trained.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..data.batch import Batch
from ..data.batches import BatchLayout, Window
from ..nn.layers.base import Rng, State
from ..nn.model import Gradient, PassContext
from ..nn.network import Network
from ..nn.parameters import Parameters
from ..nn.workspace import Workspace


def no_noise(window: int) -> Rng:
    """The noise of a network without dropout."""
    return None


@dataclass
class Replica:
    """What one worker learns with: a network that all share, `rows` of each batch, and the gradient g of their loss.

    `noise` is the source of dropout's noise for each of an update's windows, by their numbers.
    """

    network: Network
    rows: slice
    g: Parameters
    noise: Callable[[int], Rng] = no_noise
    ws: Workspace = field(default_factory=Workspace)

    def read(self, layout: BatchLayout, window: Window) -> Batch:
        """This worker's rows of a window."""
        x, y, _, counted = layout.read(window, self.rows)
        return Batch(x, y, self.network.keep(x), counted)

    def after(self, batch: Batch, state: State, window: int) -> State:
        """The state after a batch, which draws the noise of this window."""
        self.ws.reset()
        return self.network.model.after(self.network.weights, batch, state, self._context(window))

    def gradient(self, batch: Batch, state: State, window: int, dstate: State | None = None) -> Gradient:
        """ADD into g, as `Model.gradient` does, with the noise of this window."""
        self.ws.reset()
        model, p = self.network.model, self.network.weights
        return model.gradient(p, self.g, batch, state, self._context(window), dstate)

    def _context(self, window: int) -> PassContext:
        return PassContext(self.ws, self.noise(window))


@dataclass(frozen=True)
class Span:
    """Windows of an update, in the order of time. Gradients go back over every edge between them, times `factor`.

    All windows but the last are read twice. The pass forwards keeps only the states at the edges. Then windows are read
    from the last to the first, each for its gradient. So the activations of one window at a time are in memory.
    """

    layout: BatchLayout
    windows: tuple[Window, ...]
    carried: int = 0  # windows after which the state is the one that the next update starts from
    done: int = 1  # what the run's cursor goes on by
    factor: float = 1.0

    def gradient(self, replica: Replica, state: State) -> tuple[float, int]:
        """ADD into g the gradient of the summed loss, and carry the state, (rows, n) each, on in place.

        Returns that loss in nats, and its count.
        """
        now, last = tuple(s.copy() for s in state), len(self.windows) - 1
        edges, carried = [], state
        for i, window in enumerate(self.windows):
            rows = len(range(window.rows)[replica.rows])
            edges.append(tuple(s[:rows].copy() for s in now))
            if 0 < i == self.carried:
                carried = tuple(s.copy() for s in now)
            if i < last and rows:
                put(now, replica.after(replica.read(self.layout, window), edges[i], i))
        later: State = ()
        nats, count = 0.0, 0
        for i in range(last, -1, -1):
            found = self._learn(replica, i, edges.pop(), later)
            if i == last:
                put(now, found.after)
            nats, count, later = nats + found.nats, count + found.counted, tuple(self.factor * d for d in found.dstate)
        put(state, now if self.carried > last else carried)
        return nats, count

    def _learn(self, replica: Replica, i: int, state: State, later: State) -> Gradient:
        """What `Model.gradient` tells of a window. `later` is the gradient at its end, of fewer rows."""
        batch = replica.read(self.layout, self.windows[i])
        if not batch.y.size:
            return Gradient(0.0, 0, (), ())
        dstate = tuple(np.zeros_like(s) for s in state)
        put(dstate, later)
        return replica.gradient(batch, state, i, dstate)


class OneStepSpan(Span):
    """A window whose gradients go one step back only: each step is learnt from by itself, and all of them at once.

    First every step is read, for the state after it; then all T steps are rows of one window of one step, (1, T B).
    With dropout, the second reading, which is learnt from, draws other noise than the first.
    """

    def gradient(self, replica: Replica, state: State) -> tuple[float, int]:
        batch = replica.read(self.layout, self.windows[0])
        if not batch.y.size:
            return 0.0, 0
        steps, rows = batch.y.shape
        before = tuple(np.empty((steps, rows, s.shape[1]), s.dtype) for s in state)
        now = tuple(s[:rows] for s in state)
        for t in range(steps):
            put(tuple(b[t] for b in before), now)
            if t < steps - 1:
                now = replica.after(batch.at(slice(t, t + 1)), tuple(b[t] for b in before), t + 1)
        together = tuple(b.reshape(steps * rows, -1) for b in before)
        found = replica.gradient(batch.as_one_step(), together, 0)
        put(state, tuple(s[-rows:] for s in found.after))
        return found.nats, found.counted


class WholeLayout(Protocol):
    """Batches of whole sequences, as many in every epoch."""

    batch: int  # rows of a batch
    size: float  # what the loss of a batch is summed over, on average

    def __len__(self) -> int:
        """Batches of an epoch."""

    def read(self, epoch: int, index: int, part: slice) -> Iterator[Any]:
        """Some rows of a batch, in as many pieces as fit in memory one after the other."""


@dataclass(frozen=True)
class WholeSpan:
    """A batch of whole sequences: gradients go back to the beginning of each, and no state is carried."""

    layout: WholeLayout
    epoch: int
    index: int
    done: int = 1

    def gradient(self, replica: Replica, state: State) -> tuple[float, int]:
        """ADD into g the gradient of the summed loss; return that loss in nats, and its count."""
        nats, count = 0.0, 0
        for i, batch in enumerate(self.layout.read(self.epoch, self.index, replica.rows)):
            found = replica.gradient(batch, (), i)
            nats, count = nats + found.nats, count + found.counted
        return nats, count


def put(state: State, values: State) -> None:
    """Set the first rows of a state, as many as there are values."""
    for s, new in zip(state, values, strict=bool(values)):
        s[: len(new)] = new
