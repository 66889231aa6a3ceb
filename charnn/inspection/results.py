"""What inspecting a network finds, to look at: gradients by lag, eigenvalues, activations of units."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any

from ..conflicts import check
from ..nn.layers.base import Array
from ..nn.network import Network
from ..pictures import charts, shades
from ..pictures.charts import Line
from .gradients import LagNorm, by_layer, factor, gradients_by_lag
from .probes import Saturation, radius, spectra

TABLES = "norms", "eigenvalues", "saturation"


@dataclass(frozen=True, eq=False)
class Gradients:
    """Norms of the gradient by layer and lag, saturation by layer, and eigenvalues by the recurrent weights' names."""

    norms: Sequence[LagNorm]
    saturation: Sequence[Saturation]
    eigenvalues: Mapping[str, Array]
    about: str = ""  # what lags and layers are, where not those of a text

    @property
    def tables(self) -> list[str]:
        """Those of `TABLES` that have rows: a cell without a recurrent matrix has no eigenvalues, for instance."""
        there = self.norms, self.eigenvalues, self.saturation
        return [name for name, rows in zip(TABLES, there, strict=True) if rows]

    @property
    def reach(self) -> int:
        """The largest lag at which the loss depends on a state at all."""
        return max((norm.lag for norm in self.norms), default=0)

    @property
    def each_step(self) -> dict[int, float]:
        """By layer: what the norm is multiplied with at each step back in time, the geometric mean."""
        return {layer: factor(norms) for layer, norms in by_layer(self.norms).items()}

    def table(self, name: str) -> Iterator[tuple[str | float, ...]]:
        """One of `TABLES` row by row, the names of its columns first."""
        if name == "eigenvalues":
            yield "array", "real", "imaginary", "modulus"
            for array, values in self._complex().items():
                yield from ((array, v.real, v.imag, abs(v)) for v in values)
            return
        rows: Sequence[LagNorm | Saturation] = self.norms if name == "norms" else self.saturation
        yield tuple(spec.name for spec in fields(LagNorm if name == "norms" else Saturation))
        yield from map(astuple, rows)

    def plain(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {
            "norms": [asdict(norm) for norm in self.norms],
            "each step": {str(layer): value for layer, value in self.each_step.items()},
            "eigenvalues": {
                name: {"radius": radius(self.eigenvalues[name]), "values": [[v.real, v.imag] for v in values]}
                for name, values in self._complex().items()
            },
            "saturation": [asdict(one) for one in self.saturation],
        }

    def svg(self, table: str = "norms") -> str:
        """The norms by lag, a line for each layer within its 10 % and 90 % quantiles, or the eigenvalues.

        A faint line shows the norm by the powers of W alone, for layers that have it.
        """
        check({"svg": True, "table": table})
        if table == "eigenvalues":
            return charts.plane("Eigenvalues of the recurrent weights", self._complex())
        layers = by_layer(self.norms)
        shown = [_line(i, *each) for i, each in enumerate(layers.items())]
        shown += [_predicted(i, *each) for i, each in enumerate(layers.items())]
        title = "Norm of the gradient of the loss by lag; areas: from 10 % to 90 % of the positions"
        return charts.lines(title, "lag k, characters", "|dL[t]/dh[t-k]|, nats per unit", shown, log=True)

    def _complex(self) -> dict[str, list[complex]]:
        return {name: values.tolist() for name, values in self.eigenvalues.items()}

    def _repr_svg_(self) -> str:
        return self.svg()


def _line(colour: int, layer: int, norms: Sequence[LagNorm]) -> Line:
    shown = [norm for norm in norms if norm.low > 0 and math.isfinite(norm.high)]
    band = [(norm.lag, norm.low, norm.high) for norm in shown]
    return Line(f"layer {layer}", [(norm.lag, norm.rms) for norm in norms], colour, band=band)


def _predicted(colour: int, layer: int, norms: Sequence[LagNorm]) -> Line:
    points = [(norm.lag, norm.predicted) for norm in norms]
    return Line(f"layer {layer}, by W alone", points, colour, faint=True)


def gradients(network: Network, ids: Array, lags: int) -> Gradients:
    """How far gradients reach in a text (N,), up to so many characters."""
    return Gradients(*gradients_by_lag(network, ids, lags), spectra(network))


@dataclass(frozen=True, eq=False)
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
