"""Chains of windows: how an update learns from them, whatever the recurrence and however long the chain.

No cell is known here: `gradient` and `after` are called as `Model` has them, so that any h[t] = f(h[t-1], x[t]) can be
trained.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..data.batches import BatchLayout, Window, keep_mask
from ..nn.layers.base import Array, Keep, Rng, State
from ..nn.model import Gradient
from ..nn.workspace import Workspace


class SpanModel(Protocol):
    """What can be trained: see `Model`."""

    def gradient(
        self,
        p: Any,
        g: Any,
        x: Array,
        y: Array,
        state: State,
        ws: Workspace,
        keep: Keep,
        rng: Rng,
        dstate: State | None = None,
        first: int = 0,
        counts: Array | None = None,
    ) -> Gradient: ...

    def after(self, p: Any, x: Array, state: State, ws: Workspace, keep: Keep, rng: Rng) -> State: ...


class Replica(NamedTuple):
    """Who learns: `part` of the rows, with weights p, their gradient g, and noise for each of an update's windows."""

    model: SpanModel
    p: Any
    g: Any
    ws: Workspace
    part: slice
    reset: bool  # the state at EOS
    noise: Callable[[int], Rng]

    def keep(self, x: Array, state: State) -> Keep:
        return keep_mask(x, self.reset, state[0].dtype if state else np.float32)


@dataclass(frozen=True)
class Span:
    """Windows of an update, in the order of time. Gradients go back over every edge between them, times `factor`.

    All but the last are read twice: forwards, which keeps only the states at the edges, and then from the last to the
    first, each for its gradient. So one window's activations are in memory at a time, however long the chain.
    """

    layout: BatchLayout
    windows: tuple[Window, ...]
    carried: int = 0  # windows after which the state is the one that the next update starts from
    done: int = 1  # what the run's cursor goes on by
    factor: float = 1.0

    def gradient(self, worker: Replica, state: State) -> tuple[float, int]:
        """ADD into g the gradient of the summed loss, and carry the state, (rows, n) each, on in place.

        Returns that loss in nats, and its count.
        """
        now, last = tuple(s.copy() for s in state), len(self.windows) - 1
        edges, carried = [], state
        for i, window in enumerate(self.windows):
            rows = len(range(window.rows)[worker.part])
            edges.append(tuple(s[:rows].copy() for s in now))
            if 0 < i == self.carried:
                carried = tuple(s.copy() for s in now)
            if i < last and rows:
                put(now, self._after(worker, i, edges[i]))
        later: State = ()
        nats, count = 0.0, 0
        for i in range(last, -1, -1):
            found = self._learn(worker, i, edges.pop(), later)
            if i == last:
                put(now, found.after)
            nats, count, later = nats + found.nats, count + found.counted, tuple(self.factor * d for d in found.dstate)
        put(state, now if self.carried > last else carried)
        return nats, count

    def _after(self, worker: Replica, i: int, state: State) -> State:
        """The state after a window."""
        x, *_ = self.layout.read(self.windows[i], worker.part)
        worker.ws.reset()
        return worker.model.after(worker.p, x, state, worker.ws, worker.keep(x, state), worker.noise(i))

    def _learn(self, worker: Replica, i: int, state: State, later: State) -> Gradient:
        """What `Model.gradient` tells of a window. `later` is the gradient at its end, of fewer rows."""
        model, p, g, ws, part, _, noise = worker
        x, y, counts = self.layout.read(self.windows[i], part)
        if not y.size:
            return Gradient(0.0, 0, (), ())
        dstate, first = tuple(np.zeros_like(s) for s in state), self.windows[i].first
        put(dstate, later)
        ws.reset()
        return model.gradient(p, g, x, y, state, ws, worker.keep(x, state), noise(i), dstate, first, counts)


class OneStepSpan(Span):
    """A window whose gradients go one step back only: each step is learnt from by itself, and all of them at once.

    First every step is read, for the state after it; then all T steps are rows of one window of one step, (1, T B).
    Where there is dropout, what is learnt from draws noise of its own.
    """

    def gradient(self, worker: Replica, state: State) -> tuple[float, int]:
        model, p, g, ws, part, _, noise = worker
        x, y, _ = self.layout.read(self.windows[0], part)
        if not y.size:
            return 0.0, 0
        steps, rows = y.shape
        keep = worker.keep(x, state)
        before = tuple(np.empty((steps, rows, s.shape[1]), s.dtype) for s in state)
        now = tuple(s[:rows] for s in state)
        for t in range(steps):
            put(tuple(b[t] for b in before), now)
            ws.reset()
            if t < steps - 1:
                forget = None if keep is None else keep[t : t + 1]
                now = model.after(p, x[t : t + 1], tuple(b[t] for b in before), ws, forget, noise(t + 1))
        together = tuple(b.reshape(steps * rows, -1) for b in before)
        keep = None if keep is None else keep.reshape(1, -1, 1)
        found = model.gradient(p, g, x.reshape(1, -1), y.reshape(1, -1), together, ws, keep, noise(0))
        put(state, tuple(s[-rows:] for s in found.after))
        return found.nats, found.counted


def put(state: State, values: State) -> None:
    """Set the first rows of a state, as many as there are values."""
    for s, new in zip(state, values, strict=bool(values)):
        s[: len(new)] = new
