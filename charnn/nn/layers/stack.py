"""Layers one above the other: itself a layer."""

from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from ...errors import UsageError
from ..parameters import Views
from ..workspace import Workspace
from .base import Array, Arrays, Forward, Gradients, Keep, Layer, Rng, State, is_causal, read_in_reverse
from .dropout import Dropout


@dataclass(frozen=True)
class Stack(Layer):
    """y_1[t] = layer_1(x[t]),   y_l[t] = layer_l(y_{l-1}[t]),   y[t] = y_L[t]

    Each y_l is a tuple of arrays, one or several; the next layer reads all of them.

    With `skip` (Graves, 2013) the input also goes to every layer, and every layer to the output:
    y_l[t] = layer_l([y_{l-1}[t], x[t]]),   y[t] = [y_1[t], ..., y_L[t]].

    With `residual` (He et al., 2016) a layer adds to the one below: y_l[t] = layer_l(y_{l-1}[t]) + y_{l-1}[t] for
    l > 1. Raises `UsageError` where the sizes of these outputs differ.

    `dropout`, `locked` or not, falls on all that comes out of a layer on its way up, never on the recurrence. Weights
    are named 0/..., 1/... from the bottom, `prefix` before.
    """

    layers: tuple[Layer, ...]
    skip: bool = False
    dropout: float = 0.0
    residual: bool = False
    prefix: str = ""
    locked: bool = False

    def __post_init__(self) -> None:
        sizes = [layer.output_sizes for layer in self.layers]
        if self.residual and len(set(sizes)) > 1:
            found = " and ".join(str(one) for one in dict.fromkeys(sizes))
            raise UsageError(f"--residual adds outputs of one size, and layers here have {found}: leave it out")

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return tuple(n for layer in self.layers for n in layer.state_sizes)

    @property
    def output_sizes(self) -> tuple[int, ...]:
        sizes = [layer.output_sizes for layer in self.layers]
        return tuple(n for one in sizes for n in one) if self.skip else sizes[-1]

    @property
    def recurrent_weights(self) -> tuple[str, ...]:
        return tuple(f"{at}/{name}" for at, layer in self._named for name in layer.recurrent_weights)

    @property
    def biases(self) -> tuple[str, ...]:
        return tuple(f"{at}/{name}" for at, layer in self._named for name in layer.biases)

    @property
    def causal(self) -> bool:
        return all(map(is_causal, self.layers))

    @property
    def reverse(self) -> tuple[bool, ...]:
        found = [read_in_reverse(layer) for layer in self.layers]
        return tuple(r for one in found for r in one) if self.skip else found[-1]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {f"{at}/{n}": s for at, layer in self._named for n, s in layer.shapes().items()}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return {f"{at}/{n}": a for at, layer in self._named for n, a in layer.initial(rng).items()}

    @property
    def _named(self) -> list[tuple[str, Layer]]:
        return [(f"{self.prefix}{i}", layer) for i, layer in enumerate(self.layers)]

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        drop, states = Dropout(self.dropout, self.locked), iter(state)
        below, ys, backwards = x, list[Arrays](), []
        after: State = ()
        for i, (at, layer) in enumerate(self._named):
            own = tuple(next(states) for _ in layer.state_sizes)
            y, own, back = layer.forward(p.at(at), below, own, ws, keep, rng)
            y, _, drop_back = drop.forward(p, y, (), ws, keep, rng)
            if self.residual and i > 0:
                y = tuple(np.add(a, b, out=ws.empty(a.shape, a.dtype)) for a, b in zip(y, below, strict=False))
            ys.append(y)
            after += own
            backwards.append((at, back, drop_back, len(own)))
            below = (*y, *x) if self.skip else y

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            above = self._by_layer(dy, ys)  # what comes down to each y_l
            dx: list[Any] = [None] * len(x)
            before: State = ()
            for i, (at, back, drop_back, states) in reversed(list(enumerate(backwards))):
                own = dstate[len(dstate) - states :]
                dstate = dstate[: len(dstate) - states]
                around = [_copy(d, ws) for d in above[i]] if self.residual and i > 0 else repeat(None)
                dh, _ = drop_back(above[i], (), g)
                dbelow, own = back(dh, own, g.at(at))
                before = own + before
                count = len(ys[i - 1]) if i > 0 else 0
                if i > 0:
                    above[i - 1] = tuple(map(_sum, above[i - 1], dbelow[:count], around))
                if i == 0 or self.skip:
                    dx = [_sum(d, more) for d, more in zip(dx, dbelow[count:], strict=True)]
            return tuple(dx), before

        return tuple(a for y in ys for a in y) if self.skip else ys[-1], after, backward

    def _by_layer(self, dy: Arrays, ys: list[Arrays]) -> list[tuple[Any, ...]]:
        """The gradients of the output, layer by layer; None for arrays that are not part of it."""
        if not self.skip:
            return [*((None,) * len(y) for y in ys[:-1]), dy]
        parts = iter(dy)
        return [tuple(next(parts) for _ in y) for y in ys]


def _sum(*gradients: Any) -> Any:
    """The sum of those gradients that there are."""
    there: list[Any] = [gradient for gradient in gradients if gradient is not None]
    for gradient in there[1:]:
        there[0] += gradient
    return there[0] if there else None


def _copy(a: Array, ws: Workspace) -> Array:
    copy = ws.empty(a.shape, a.dtype)
    copy[...] = a
    return copy
