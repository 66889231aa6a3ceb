"""What reads a source: an encoder, whose states can be attended to, or a table of labels. Both give one vector."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from ...data.pair_batches import Padded
from ...data.vocabulary import EOS
from ..layers.base import Array, Arrays, Layer, Rng, is_causal, read_in_reverse
from ..layers.linear import Linear
from ..parameters import Views
from ..workspace import Workspace
from .pooling import pool


class Encoded(NamedTuple):
    """A source that was read."""

    z: Arrays  # (B, n) each, side by side: one vector of all of it
    h: Arrays  # (S, B, n) each: the states of an encoder
    backward: Callable[[Arrays, Arrays, Views], None]  # (dz, dh, g): ADDS into g; dh is taken over


class SourceReader(Protocol):
    """A layer, but that it reads a whole source, and has no state before or after."""

    @property
    def z_sizes(self) -> tuple[int, ...]: ...

    def shapes(self) -> dict[str, tuple[int, ...]]: ...

    def initial(self, rng: np.random.Generator) -> dict[str, Array]: ...

    def read(self, p: Views, source: Padded, ws: Workspace, rng: Rng = None) -> Encoded: ...

    @property
    def hidden(self) -> tuple[int, ...]:
        """Ids that are read in place of a source that is hidden."""

    def hide(self, source: Padded, which: np.ndarray) -> Padded:
        """Sources of which those where `which` (B,) is true are hidden."""


@dataclass(frozen=True)
class LabelTable:
    """z = U[label]: a row of a table for each label, and with `hides` one more for a label that is hidden.

    U starts as `Linear` says. `source.ids` (1, B) are the labels.
    """

    labels: int
    size: int
    hides: bool = False

    @property
    def hidden(self) -> tuple[int, ...]:
        return (self.labels,)

    def hide(self, source: Padded, which: np.ndarray) -> Padded:
        ids = source.ids.copy()
        ids[0, which] = self.labels
        return Padded(ids, source.inside)

    @property
    def _table(self) -> Linear:
        rows = self.labels + self.hides
        return Linear((rows,), self.size, symbols=rows)

    @property
    def z_sizes(self) -> tuple[int, ...]:
        return (self.size,)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self._table.shapes()

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return self._table.initial(rng)

    def read(self, p: Views, source: Padded, ws: Workspace, rng: Rng = None) -> Encoded:
        (z,), _, back = self._table.forward(p, (source.ids[:1],), (), ws)

        def backward(dz: Arrays, dh: Arrays, g: Views) -> None:
            back((dz[0][None],), (), g)

        return Encoded((z[0],), (), backward)


@dataclass(frozen=True)
class Encoder:
    """h = stack(source),   z = pool(h)

    The stack reads the source and the EOS that closes it. Its states beyond a row's end are padding.
    """

    stack: Layer
    pooling: str = "last"

    hidden = ()

    def hide(self, source: Padded, which: np.ndarray) -> Padded:
        """A source that is hidden is empty."""
        ids, inside = source.ids.copy(), source.inside.copy()
        ids[:, which] = EOS
        inside[1:, which] = False
        return Padded(ids, inside)

    @property
    def z_sizes(self) -> tuple[int, ...]:
        return self.stack.output_sizes

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self.stack.shapes()

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return self.stack.initial(rng)

    def read(self, p: Views, source: Padded, ws: Workspace, rng: Rng = None) -> Encoded:
        (x, inside), sizes, dtype = source, self.stack.state_sizes, next(iter(p.values())).dtype
        zero = tuple(np.zeros((x.shape[1], n), dtype) for n in sizes)
        keep = None if is_causal(self.stack) else inside[..., None].astype(dtype)
        h, _, back = self.stack.forward(p, (x,), zero, ws, keep, rng)
        pooled = pool(self.pooling, h, read_in_reverse(self.stack), inside, ws)

        def backward(dz: Arrays, dh: Arrays, g: Views) -> None:
            pooled.add(dz, dh)
            back(dh, tuple(np.zeros_like(s) for s in zero), g)

        return Encoded(pooled.z, h, backward)
