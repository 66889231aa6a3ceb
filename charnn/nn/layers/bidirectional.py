"""Two layers over the same sequence, one of which reads it from its end."""

from dataclasses import dataclass

import numpy as np

from ..parameters import Views
from ..replay import as_one_call
from ..workspace import Workspace
from .base import Array, Arrays, Forward, Gradients, Keep, Layer, Rng, State, read_in_reverse
from .linear import rows


@dataclass(frozen=True)
class Bidirectional(Layer):
    """y[t] = [forward(x)[t], R(backward(R(x)))[t]]   (Schuster and Paliwal, 1997)

    R reverses the order of the steps within each segment of a row. A segment starts at the window's first step and at
    every step where keep is 0; R is its own inverse, and the segments of R(x) start at the same steps.

    So a padded row is a segment of its own length, with keep 0 at every step after its end: `backward` starts at the
    row's last symbol, and neither layer reads what lies beyond.

    The two layers see the same x, and their arrays stand side by side in y. The state is that of `forward`, before its
    first segment, and that of `backward`, before the first segment in reverse order.
    """

    forwards: Layer
    backwards: Layer

    causal = False  # y[t] depends on later steps

    def at_depth(self, depth: int) -> Layer:
        return Bidirectional(self.forwards.at_depth(depth), self.backwards.at_depth(depth))

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return *self.forwards.state_sizes, *self.backwards.state_sizes

    @property
    def output_sizes(self) -> tuple[int, ...]:
        return *self.forwards.output_sizes, *self.backwards.output_sizes

    @property
    def reverse(self) -> tuple[bool, ...]:
        return *read_in_reverse(self.forwards), *(not r for r in read_in_reverse(self.backwards))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {f"{at}/{n}": s for at, layer in self._named for n, s in layer.shapes().items()}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return {f"{at}/{n}": a for at, layer in self._named for n, a in layer.initial(rng).items()}

    @property
    def _named(self) -> tuple[tuple[str, Layer], ...]:
        return ("forwards", self.forwards), ("backwards", self.backwards)

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        order, own = reversal(x[0].shape[:2], keep), len(self.forwards.state_sizes)
        y, after, back = self.forwards.forward(p.at("forwards"), x, state[:own], ws, keep, rng)
        turned = tuple(reorder(a, order, ws) for a in x)
        z, later, turned_back = self.backwards.forward(p.at("backwards"), turned, state[own:], ws, keep, rng)

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            dx, before = back(dy[: len(y)], dstate[:own], g.at("forwards"))
            dz = tuple(reorder(d, order, ws) for d in dy[len(y) :])
            dturned, end = turned_back(dz, dstate[own:], g.at("backwards"))
            for d, more in zip(dx, dturned, strict=True):
                if d is not None:
                    with ws.scratch():
                        d += reorder(more, order, ws)
            return dx, (*before, *end)

        return (*y, *(reorder(a, order, ws) for a in z)), (*after, *later), backward


@as_one_call
def reversal(shape: tuple[int, ...], keep: Keep) -> Array:
    """R as indices (T*B,) into an array of T*B rows: the step of the same segment, as far from its end."""
    T, B = shape
    t = np.arange(T)[:, None]
    if keep is None:
        there = np.broadcast_to(T - 1 - t, shape)
    else:
        starts = keep[..., 0] == 0
        first = np.maximum.accumulate(np.where(starts, t, 0))
        end = np.full(shape, T)
        end[:-1] = np.minimum.accumulate(np.where(starts, t, T)[::-1])[::-1][1:]
        there = first + end - 1 - t
    return (there * B + np.arange(B)).reshape(-1)


def reorder(a: Array, order: Array, ws: Workspace) -> Array:
    """The rows of a (T, B, ...) in this order (T*B,)."""
    out = ws.empty(a.shape, a.dtype)
    np.take(rows(a), order, axis=0, out=rows(out), mode="clip")
    return out
