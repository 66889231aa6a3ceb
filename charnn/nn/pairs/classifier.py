"""A network that sorts a source into classes.

z = what the encoder makes of the source,   u = tanh(b + z U), or z itself,   o = c + u V

While training there may be a second loss. States that have not read x[t] yet predict x[t], as those of a network that
fills gaps do: what an encoder learns of a language helps to sort its words (Rei, 2017).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ...data.pair_batches import Padded, pad
from ..layers.base import Array, Arrays, Rng, read_in_reverse
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.linear import Linear
from ..parameters import Parameters
from ..workspace import Workspace
from .composite import Composite
from .encoder import Encoder
from .gaps import from_others
from .label_heads import LabelHead
from .readout import Readout


class LabelBatch(NamedTuple):
    """Sources side by side, and their labels, as `LabelHead.targets` gives them.

    `read` are the sources to be predicted by the second loss, if there is one: `source` may have symbols hidden.
    """

    source: Padded
    target: Array
    read: Padded | None = None


@dataclass(frozen=True)
class Classifier(Composite):
    """See above. Between z and the scores there is a feedforward layer of `between` units, or none for 0.

    `dropout` falls on z's states in the encoder, and on u. The second loss is of `symbols`, and counts `reading` times;
    0 for none.
    """

    reader: Encoder
    head: LabelHead
    between: int = 0
    dropout: float = 0.0
    reading: float = 0.0
    symbols: int = 0

    @cached_property
    def parts(self) -> dict[str, Any]:
        found: dict[str, Any] = {"reader": self.reader}
        sizes = self.reader.z_sizes
        if self.between:
            found["between"] = Dense(sizes, self.between)
            sizes = (self.between,)
        found["readout"] = Linear(sizes, self.head.outputs, "V", "c")
        if self.reading:
            found["guess"] = Dense(self.reader.z_sizes, max(self.reader.z_sizes))
            found["guessed"] = Readout(found["guess"].output_sizes, self.symbols)
        return found

    @property
    def stacks(self) -> dict[str, Any]:
        return {"reader": self.reader.stack}

    def batch(self, sources: Sequence[Array], targets: Sequence[Array], dtype: np.dtype) -> LabelBatch:
        """Sources (n,) of ids and their labels (k,), side by side."""
        return LabelBatch(pad(sources, dtype), self.head.targets(targets))

    def gradient(self, p: Parameters, g: Parameters, batch: LabelBatch, ws: Workspace, rng: Rng) -> tuple[float, int]:
        """ADD into g the gradient of the summed loss of a batch; return that loss in nats, and its count of sources.

        A second loss is in the gradient alone.
        """
        o, back = self._scores(p, batch.source, ws, rng)
        nats = float(self.head.loss(o, batch.target).sum(dtype=np.float64))
        back(o, g, batch.read)
        return nats, len(o)

    def probabilities(self, p: Parameters, source: Padded, ws: Workspace) -> Array:
        """Of each label for each source, (B, L)."""
        return self.head.probabilities(self._scores(p, source, ws, None)[0])

    def _scores(
        self, p: Parameters, source: Padded, ws: Workspace, rng: Rng
    ) -> tuple[Array, Callable[[Array, Parameters, Padded | None], None]]:
        """o (B, outputs), and backward(do, g, what the second loss predicts)."""
        read = self.reader.read(p.at("reader"), source, ws, rng)
        u: Arrays = tuple(part[None] for part in read.z)
        upper_back = None
        if self.between:
            u, _, upper_back = self.parts["between"].forward(p.at("between"), u, (), ws)
            u, _, drop_back = Dropout(self.dropout).forward(p, u, (), ws, None, rng)
        (o,), _, readout_back = self.parts["readout"].forward(p.at("readout"), u, (), ws)

        def backward(do: Array, g: Parameters, target: Padded | None) -> None:
            du, _ = readout_back((do[None],), (), g.at("readout"))
            if upper_back:
                du, _ = upper_back(drop_back(du, (), g)[0], (), g.at("between"))
            dh = self._predicted(p, g, read.h, target, ws) if target else tuple(np.zeros_like(part) for part in read.h)
            read.backward(tuple(d[0] for d in du), dh, g.at("reader"))

        return o[0], backward

    def _predicted(self, p: Parameters, g: Parameters, h: Arrays, target: Padded, ws: Workspace) -> Arrays:
        """The gradient of the second loss, times `reading`: that of states h (S, B, n), and of its weights, ADDED."""
        keep, parts = target.inside[..., None].astype(h[0].dtype), self.parts
        u, back = from_others(parts["guess"], p.at("guess"), (h, read_in_reverse(self.reader.stack)), keep, ws)
        _, du = parts["guessed"].add_gradient(p.at("guessed"), g.at("guessed"), u, target, ws, self.reading)
        return back(du, g.at("guess"))
