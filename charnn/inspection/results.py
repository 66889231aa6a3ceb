"""What inspecting a network finds, to look at: gradients by lag, eigenvalues, activations of units."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import UsageError
from ..nn.layers.base import Array
from ..pictures import charts, shades
from ..pictures.charts import Line
from .gradients import LagNorm
from .probes import Saturation


@dataclass(frozen=True)
class Gradients:
    """Norms of the gradient by layer and lag, saturation by layer, and eigenvalues by the recurrent weights' names."""

    norms: Sequence[LagNorm]
    saturation: Sequence[Saturation]
    eigenvalues: Mapping[str, Array]

    def svg(self, table: str = "norms") -> str:
        """The norms by lag, a line for each layer within its 10 % and 90 % quantiles, or the eigenvalues."""
        if table == "saturation":
            raise UsageError("--table saturation has no picture: leave --svg out, or give norms or eigenvalues")
        if table == "eigenvalues":
            return charts.plane("Eigenvalues of the recurrent weights", self._complex())
        layers = sorted({norm.layer for norm in self.norms})
        shown = [self._line(i, layer) for i, layer in enumerate(layers)]
        title = "Norm of the gradient of the loss by lag; areas: from 10 % to 90 % of the positions"
        return charts.lines(title, "lag k, characters", "|dL[t]/dh[t-k]|, nats per unit", shown, log=True)

    def _line(self, colour: int, layer: int) -> Line:
        norms = [norm for norm in self.norms if norm.layer == layer]
        shown = [norm for norm in norms if norm.low > 0 and math.isfinite(norm.high)]
        band = [(norm.lag, norm.low, norm.high) for norm in shown]
        return Line(f"layer {layer}", [(norm.lag, norm.rms) for norm in norms], colour, band=band)

    def _complex(self) -> dict[str, list[complex]]:
        return {name: values.tolist() for name, values in self.eigenvalues.items()}

    def _repr_svg_(self) -> str:
        return self.svg()


@dataclass(frozen=True)
class Units:
    """The activations of units after each character of a text, (N, n) by the names of layers or gates."""

    characters: Sequence[str]
    activations: Mapping[str, Array]
    most: float = 1.0  # the largest activation that is told apart

    def svg(self) -> str:
        """A row of shades for each unit, a column for each character."""
        blocks = [(name, values.T.tolist()) for name, values in self.activations.items()]
        gates = any("/" in name for name in self.activations)
        title = f"{'Values of gates' if gates else 'Activations'}, a row for each unit"
        return shades.matrix(title, "characters of the text, in their order", blocks, self.characters, self.most)

    def _repr_svg_(self) -> str:
        return self.svg()
