"""What writes a target: a stack that reads what was written so far, and attention to an encoder's states above it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..layers.base import Array, Arrays, Layer, Rng, State
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.linear import constant
from ..parameters import Views
from ..workspace import Workspace
from .attention import attend
from .nearness import Nearness


class Seen(NamedTuple):
    """What a decoder sees of B sources."""

    state: State  # that it starts from, (B, n) each
    z: Arrays = ()  # what it reads at each step, (B, n) each
    memory: Array | None = None  # (S, B, H): what it attends to
    inside: Array | None = None  # (S, B): where that is no padding


class Decoded(NamedTuple):
    """A window that a decoder read."""

    u: Arrays  # (T, B, n) each
    state: State  # after it
    weights: Array | None  # (B, T, S): of attention
    backward: Callable[[Arrays, State, Views], Seen]  # (du, dstate, g) -> the gradient of what was seen


@dataclass(frozen=True)
class Decoder:
    """h[t] = stack(z, x[t]; s[t-1])

    With attention: c[t] = attention(h[t], memory), u[t] = tanh(b + [h[t], c[t]] U) (Luong, Pham and Manning, 2015);
    else u[t] = h[t]. `dropout` falls on u where that is not h. c takes no part in the recurrence, so that attention is
    one product a window. With `near` it has a preference for places, and the state counts the steps: see `Nearness`.
    """

    stack: Layer
    attention: bool = False
    dropout: float = 0.0
    near: bool = False

    @cached_property
    def parts(self) -> dict[str, Any]:
        if not self.attention:
            return {"stack": self.stack}
        width = sum(self.stack.output_sizes)
        near = {"near": Nearness()} if self.near else {}
        return {"stack": self.stack, **near, "upper": Dense((*self.stack.output_sizes, width), width)}

    @property
    def output_sizes(self) -> tuple[int, ...]:
        return self.parts["upper"].output_sizes if self.attention else self.stack.output_sizes

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return self.stack.state_sizes

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {f"{at}/{name}": shape for at, layer in self.parts.items() for name, shape in layer.shapes().items()}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return {f"{at}/{name}": a for at, layer in self.parts.items() for name, a in layer.initial(rng).items()}

    def read(self, p: Views, seen: Seen, x: Array, state: State, ws: Workspace, rng: Rng = None) -> Decoded:
        """Read x (T, R) on from a state. At a single step R may be a multiple of B: row k B + b is of source b."""
        T, R = x.shape
        z = tuple(constant(np.tile(part, (R // len(part), 1)), T) for part in seen.z)
        count = state[len(self.state_sizes) :]  # (R, 1): steps so far, the same in all rows
        state = state[: len(self.state_sizes)]
        h, after, stack_back = self.stack.forward(p.at("stack"), (*z, x), state, ws, None, rng)
        if seen.memory is None:

            def backward(du: Arrays, dstate: State, g: Views) -> Seen:
                dx, dstart = stack_back(du, dstate, g.at("stack"))
                return Seen(dstart, tuple(d[0] for d in dx[:-1]))

            return Decoded(h, after, None, backward)
        B, H = seen.memory.shape[1:]
        query = h[0] if len(h) == 1 else np.concatenate(h, axis=-1)
        near, steps = self.parts.get("near"), _steps(count, T, R // B)
        r = near.scores(p.at("near"), steps, len(seen.memory)) if near else None
        found = attend(query.reshape(-1, B, H), seen.memory, seen.inside, ws, r)
        c = found.c.reshape(query.shape)
        u, _, upper_back = self.parts["upper"].forward(p.at("upper"), (*h, c), (), ws)
        u, _, drop_back = Dropout(self.dropout).forward(p, u, (), ws, None, rng)

        def back(du: Arrays, dstate: State, g: Views) -> Seen:
            du, _ = drop_back(du, (), g)
            (*dh, dc), _ = upper_back(du, (), g.at("upper"))
            dquery, dm, dr = found.backward(dc)
            if near:
                near.add(g.at("near"), steps, dr)
            ends = np.cumsum(self.stack.output_sizes)
            for d, part in zip(dh, np.split(dquery, ends[:-1], axis=-1), strict=True):
                d += part
            dx, dstart = stack_back(tuple(dh), dstate[: len(self.state_sizes)], g.at("stack"))
            return Seen(dstart, tuple(d[0] for d in dx[:-1]), dm)

        return Decoded(u, (*after, *(part + T for part in count)), found.weights, back)


def _steps(count: State, steps: int, times: int) -> Array:
    """The number of each step of a window, from 0 on, each so many times; `count` (R, 1) are those before."""
    return np.repeat(np.arange(steps), times) + int(count[0][0, 0] if count else 0)
