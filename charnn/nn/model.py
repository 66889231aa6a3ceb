"""The network: a stack of recurrent layers below a readout, and the loss of its predictions.

o[t] = c + h[t] V,   y[t] = softmax(o[t]),   L = -sum_t log y[t][target[t]]   (nats)
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import NamedTuple, Self

import numpy as np

from ..choices import ENDINGS
from ..config import ModelConfig, TaskConfig
from ..data.batch import Batch
from ..data.vocabulary import Vocabulary
from . import replay
from .heads import Head, SquaredHead
from .layers.base import Array, Arrays, Keep, Layer, Rng, State
from .layers.linear import Linear, rows
from .layers.stack import Stack
from .parameters import Parameters, Views
from .replay import as_one_call
from .stacks import make_stack
from .workspace import DType, Workspace

CHUNK = 1 << 16  # scores at a time: they stay in cache from the product to its gradients


class PassContext(NamedTuple):
    """What a pass through the network draws on: where its arrays come from, and dropout's noise (None: no dropout)."""

    ws: Workspace
    rng: Rng = None


class Gradient(NamedTuple):
    """What `Model.gradient` tells of a batch, beside the weights' gradient."""

    nats: float  # the summed loss
    counted: int  # characters that it is summed over
    after: State  # the state after it
    dstate: State  # the gradient with respect to the state before it


def text_model(config: ModelConfig, task: TaskConfig, vocabulary: Vocabulary) -> "Model":
    """The network of the task text."""
    return Model(config, vocabulary.size)


@dataclass(frozen=True)
class Model:
    """A network's shape: what it computes, apart from its weights, which are `Parameters` that it is given."""

    config: ModelConfig
    size: int  # of the vocabulary
    teacher: float | None = None  # the share of teacher forcing at work; the last of its schedule where None

    @cached_property
    def ending(self) -> Head:
        """How sequences end: what the loss is made of."""
        made = SquaredHead if self.config.loss == "squared" else ENDINGS[self.config.ending].load()
        head: Head = made(self.size)
        return head

    @property
    def symbols(self) -> int:
        """V: what is read, and what is scored."""
        return self.ending.symbols

    @cached_property
    def hidden(self) -> Stack:
        seen = 2 if self.config.feedback == "output" else 1  # what was put out, and the symbols read
        return make_stack(self.config, (self.symbols,) * seen, self.symbols, "hidden/")

    @cached_property
    def recurrent(self) -> Layer:
        """All below the readout: with feedback, what leads from the readout back to it too."""
        beside, shares = self.config.feedback == "output", self.config.shares
        if shares == (1, 1) and not beside:
            return self.hidden
        from .layers.feedback import Feedback, TeacherForced

        if shares == (1, 1):
            return TeacherForced(self.hidden)
        teacher = shares[1] if self.teacher is None else self.teacher
        return Feedback(self.hidden, self.readout, teacher, beside)

    def taught(self, teacher: float) -> Self:
        """The network with this share of teacher forcing: other work, the same weights and the same state."""
        return self if self.config.shares[0] == self.config.shares[1] else replace(self, teacher=teacher)

    @cached_property
    def readout(self) -> Linear:
        return Linear(self.hidden.output_sizes, self.symbols, "V", "c")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every array of weights."""
        return {**self.hidden.shapes(), **{f"readout/{name}": s for name, s in self.readout.shapes().items()}}

    @property
    def fixed(self) -> tuple[str, ...]:
        """Names of weights that are 0 and stay so: the biases of a network without them."""
        return () if self.config.bias else (*self.hidden.biases, "readout/c")

    @property
    def says(self) -> str:
        """How a description of its layers goes on."""
        return self.ending.says

    def stream_bytes(self, symbols: int) -> int:
        """Memory for what is read of a text of so many symbols, where that is not the text itself."""
        return self.ending.bytes(symbols)

    @property
    def noisy(self) -> bool:
        """Whether gradients depend on random numbers."""
        return bool(self.config.dropout)

    @property
    def parameters(self) -> int:
        """How many numbers the weights are that can change."""
        return sum(prod(shape) for name, shape in self.shapes().items() if name not in self.fixed)

    def initial(self, rng: np.random.Generator, dtype: DType = np.float32) -> Parameters:
        """Weights to start from; each layer's docstring says how they are drawn."""
        p = Parameters(self.shapes(), dtype)
        for name, value in self.hidden.initial(rng).items():
            p[name] = value
        for name in self.hidden.recurrent_weights:
            p[name] *= self.config.init_scale
        for name, value in self.readout.initial(rng).items():
            p[f"readout/{name}"] = value
        for name in self.fixed:
            p[name].fill(0)
        return p

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return self.recurrent.state_sizes

    def zero_state(self, rows: int, dtype: DType = np.float32) -> State:
        """The state that every sequence starts from."""
        return tuple(np.zeros((rows, n), dtype) for n in self.state_sizes)

    def gradient(
        self,
        p: Parameters,
        g: Parameters,
        batch: Batch,
        state: State,
        context: PassContext,
        dstate: State | None = None,
    ) -> Gradient:
        """ADD into g the gradient of the summed loss of a batch, of the targets that are counted.

        `dstate` is the gradient of a later loss with respect to the state after the batch: none where gradients are
        truncated there.
        """
        (x, y, keep, counted), (ws, rng), first = batch, context, batch.first_counted
        assert ws.back, "this workspace keeps nothing to go back on"
        count = self.ending.count(y if counted is None else y[counted])
        if counted is not None and counted[first:].all():
            counted = None
        dstate = dstate or tuple(np.zeros_like(s) for s in state)
        inputs = x, y, keep, counted, state, dstate
        nats, after, before = replay.run(replay.Window(self._gradient, (p, g), inputs, rng, (first,)), ws)
        return Gradient(float(nats[0]), count, after, before)

    def _gradient(
        self,
        p: Views,
        g: Views,
        x: Array,
        y: Array,
        keep: Keep,
        counted: Keep,
        state: State,
        dstate: State,
        ws: Workspace,
        rng: Rng,
        first: int,
    ) -> tuple[Array, State, State]:
        """The summed loss, (1,), the state after, and the gradient of the state before. ADDS into g."""
        h, after, backward = self.recurrent.forward(p, (x,), state, ws, keep, rng)
        dh, nats = tuple(ws.empty(part.shape, part.dtype) for part in h), ws.empty((1,), np.float64)
        for part in (*(part[:first] for part in dh), nats):
            part[...] = 0
        for steps in self._chunks(y.shape, first):
            with ws.scratch():
                o = self._scores(p, _at(h, steps), ws)
                losses = as_one_call(self.ending.loss)(rows(o), rows(y[steps]))
                if counted is not None:
                    o *= counted[steps][..., None]
                    losses = _of_counted(losses, rows(counted[steps]))
                nats += losses.sum(dtype=np.float64)
                self.readout.reverse(p.at("readout"), _at(h, steps), o, g.at("readout"), _at(dh, steps), ws)
        before = backward(dh, dstate, g)[1]
        for name in self.fixed:
            g[name].fill(0)
        return nats, after, before

    def score(
        self, p: Parameters, batch: Batch, state: State, ws: Workspace, hits: bool = True
    ) -> tuple[Array, Array, State]:
        """Surprisal of each target in nats, whether it was the likeliest symbol, (T, B), and the state after them.

        Without `hits` no likeliest symbol is looked for, which takes less time, and none of the targets is one.
        """
        found: tuple[Array, Array, State] = replay.run(
            replay.Window(self._score, (p,), (batch.x, batch.y, batch.keep, state), None, (hits,)), ws
        )
        return found

    def _score(
        self, p: Views, x: Array, y: Array, keep: Keep, state: State, ws: Workspace, rng: Rng, hits: bool
    ) -> tuple[Array, Array, State]:
        h, after, _ = self.recurrent.forward(p, (x,), state, ws, keep)
        nats, likeliest = ws.empty(y.shape, np.float64), ws.empty(y.shape, bool)
        likeliest.fill(False)
        for steps in self._chunks(y.shape):
            with ws.scratch():
                o, right = rows(self._scores(p, _at(h, steps), ws)), rows(y[steps])
                if hits:
                    n, hit = as_one_call(self.ending.surprisal)(o, right)
                    likeliest[steps] = hit.reshape(-1, y.shape[1])
                else:
                    n = as_one_call(self.ending.nats)(o, right)
                nats[steps] = n.reshape(-1, y.shape[1])
        return nats, likeliest, after

    def objective(self, p: Parameters, batch: Batch, state: State, ws: Workspace) -> float:
        """What `gradient` is the gradient of, summed over all targets."""
        h, _, _ = self.recurrent.forward(p, (batch.x,), state, ws, batch.keep)
        total = 0.0
        for steps in self._chunks(batch.y.shape):
            with ws.scratch():
                total += float(
                    self.ending.objective(rows(self._scores(p, _at(h, steps), ws)), rows(batch.y[steps])).sum()
                )
        return total

    def after(self, p: Parameters, batch: Batch, state: State, context: PassContext) -> State:
        """The state after a batch was read, as `gradient` would find it."""
        ws, rng = context
        after: State = replay.run(replay.Window(self._after, (p,), (batch.x, batch.keep, state), rng), ws)
        return after

    def _after(self, p: Views, x: Array, keep: Keep, state: State, ws: Workspace, rng: Rng) -> State:
        return self.recurrent.forward(p, (x,), state, ws, keep, rng)[1]

    def scores(self, p: Parameters, x: Array, state: State, ws: Workspace, keep: Keep) -> tuple[Array, State]:
        """Scores o (T, B, V) of what follows each of the symbols x (T, B), and the state after reading them."""
        found: tuple[Array, State] = replay.run(replay.Window(self._read, (p,), (x, keep, state)), ws)
        return found

    def _read(self, p: Views, x: Array, keep: Keep, state: State, ws: Workspace, rng: Rng) -> tuple[Array, State]:
        h, after, _ = self.recurrent.forward(p, (x,), state, ws, keep)
        return self._scores(p, h, ws), after

    def step(self, p: Parameters, x: Array, state: State, ws: Workspace, keep: Keep = None) -> tuple[Array, State]:
        """Scores o (B, V) of what follows the symbols x (B,), and the state after reading them."""
        o, after = self.scores(p, x[None], state, ws, keep)
        return o[0], after

    def _scores(self, p: Views, h: Arrays, ws: Workspace) -> Array:
        """o = c + h V, (T, B, V)"""
        o = ws.empty((*h[0].shape[:2], self.symbols), h[0].dtype)
        self.readout.apply(p.at("readout"), h, o, ws)
        return o

    def _chunks(self, shape: tuple[int, ...], first: int = 0) -> Iterator[slice]:
        steps, batch = shape
        size = max(1, CHUNK // (batch * self.symbols))
        return (slice(start, start + size) for start in range(first, steps, size))


@as_one_call
def _of_counted(losses: Array, counted: Array) -> Array:
    """The sum of the losses that count, with no others between them: other sums have other last bits."""
    return np.asarray(losses[counted].sum(dtype=np.float64))


def _at(h: Arrays, steps: slice) -> Arrays:
    return tuple(part[steps] for part in h)
