"""Pictures of a network's inside for a terminal: results, so on standard output."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.cells import set_cell_size
from rich.style import Style
from rich.table import Table

from ..inspection.attention import Attention
from ..inspection.gradients import LagNorm, by_layer, factor, predicted_factor
from ..inspection.probes import Saturation, radius
from ..inspection.results import Gradients
from . import tables
from .text import Text

TABLE_LAGS = 0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000  # lags that a table has columns for
STEP_HEADS = "each step", "by W alone"
BAR_LINES = 4  # lines of a layer's bars
BARS = " ▁▂▃▄▅▆▇█", "│", "└", "─"
ASCII_BARS = " .:#", "|", "+", "-"  # where standard output cannot have those
WIDE_COLUMNS = 80  # columns that have room for a second eigenvalue
POSITION_COLUMNS = 14  # columns for the position and the character


def gradients(found: Gradients) -> None:
    """Norms by lag as a table and as bars; eigenvalues of each W; saturation."""
    blocks = tables.encodes("".join(BARS))
    console, norms, eigenvalues, saturation = tables.screen(), found.norms, found.eigenvalues, found.saturation
    layers = by_layer(norms)
    if norms:
        console.print(Text(f"norm of dL[t]/dh[t-k], nats per unit, over {norms[0].positions} positions t"))
        lags = _lags(norms, console.width)
        heads = (f"k = {lag}" for lag in lags)
        console.print(_table("layer", *heads, *STEP_HEADS, rows=_norms(layers, lags)))
    for line in bars(layers, console.width, blocks):
        console.print(Text(line, no_wrap=True))
    if eigenvalues:
        most = 2 if console.width >= WIDE_COLUMNS else 1
        console.print()
        console.print(_table("eigenvalues of", "radius", "outside 1", "largest", rows=_eigenvalues(eigenvalues, most)))
    if saturation:
        console.print()
        console.print(_table("layer", "function", "flat", "always flat", rows=_saturation(saturation)))


def attention(found: Attention) -> None:
    """The shares of attention as shaded cells below the units of the source, a row for each unit of the target."""
    console = tables.screen()
    source, target = ([unit if unit.isprintable() else "·" for unit in side] for side in (found.source, found.target))
    width = max(map(len, target)) + 1
    cells = [max(2, len(unit) + 1) for unit in source]
    plain = console.no_color or console.color_system is None
    console.print(Text(" " * width + "".join(f"{u:<{n}}" for u, n in zip(source, cells, strict=True))))
    for unit, row in zip(target, found.weights.tolist(), strict=True):
        line = Text(f"{unit:<{width}}", no_wrap=True, overflow="crop")
        for share, cell in zip(row, cells, strict=True):
            tenths = min(9, int(10 * share))
            line.append(f"{str(tenths) if tenths else '.':<{cell}}" if plain else " " * cell, _shade(share))
        console.print(line)


def _shade(share: float) -> Style:
    return Style.parse(f"on rgb({int(30 + 200 * share)},{int(30 + 40 * share)},40)")


def _table(*heads: str, rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i else "left", no_wrap=True, overflow="crop")
    for row in rows:
        table.add_row(*row)
    return table


def _lags(norms: Sequence[LagNorm], width: int) -> list[int]:
    """Those that a table has room for."""
    last = max(norm.lag for norm in norms)
    lags = [lag for lag in TABLE_LAGS if lag <= last]
    beside = len("  ".join(("layer", *STEP_HEADS)))
    room = (width - beside) // (2 + max(len(f"{norm.rms:.1e}") for norm in norms))
    while len(lags) > max(1, room):
        del lags[len(lags) // 2]
    return lags


def _norms(layers: Mapping[int, Sequence[LagNorm]], lags: Sequence[int]) -> Iterable[Sequence[str]]:
    for layer, norms in layers.items():
        found = {norm.lag: f"{norm.rms:.1e}" for norm in norms}
        linear = predicted_factor(norms)
        shown = "" if math.isnan(linear) else f"x {linear:.3f}"
        yield str(layer), *(found.get(lag, "") for lag in lags), f"x {factor(norms):.3f}", shown


def _eigenvalues(found: Mapping[str, Any], most: int) -> Iterable[Sequence[str]]:
    for name, values in found.items():
        upper = [v for v in values.tolist() if v.imag >= 0][:most]  # of a pair one
        shown = ", ".join(f"{v.real:.2f} +- {v.imag:.2f}i" if v.imag else f"{v.real:.2f}" for v in upper)
        outside = int((abs(values) > 1).sum())
        yield name, f"{radius(values):.4f}", f"{outside:,} of {len(values):,}", shown


def _saturation(found: Iterable[Saturation]) -> Iterable[Sequence[str]]:
    for one in found:
        yield str(one.layer), one.function, f"{one.share:.1%}", f"{one.always:,} of {one.units:,} units"


def bars(layers: Mapping[int, Sequence[LagNorm]], width: int, blocks: bool) -> list[str]:
    """The norm by lag on a logarithmic scale, the same for all layers, in at most `width` columns."""
    cells, wall, corner, floor = BARS if blocks else ASCII_BARS
    norms = [norm.rms for found in layers.values() for norm in found]
    there = [math.log10(norm) for norm in norms if 0 < norm < math.inf]
    low, high = (math.floor(min(there)), math.ceil(max(there))) if there else (0, 1)
    high, room, lines = max(high, low + 1), width - len("1e-300 |") - 1, []
    for layer, found in layers.items():
        each = max(1, min(4, room // len(found)))
        picked = [found[i * len(found) // room] for i in range(room)] if len(found) > room else list(found)
        levels = [_level(norm.rms, low, high, BAR_LINES * (len(cells) - 1)) for norm in picked]
        lines.append(f"layer {layer}: norm by lag k = {found[0].lag} ... {found[-1].lag}")
        for line in reversed(range(BAR_LINES)):
            label = f"1e{high:+d}" if line == BAR_LINES - 1 else ""
            filled = (min(max(level - line * (len(cells) - 1), 0), len(cells) - 1) for level in levels)
            lines.append(f"{label:>6} {wall}" + "".join(cells[n] * each for n in filled).rstrip())
        lines.append(f"{f'1e{low:+d}':>6} {corner}{floor * each * len(picked)}")
    return lines


def _level(norm: float, low: int, high: int, top: int) -> int:
    """How high a norm's bar is; at least 1 unless there is nothing to see."""
    if not norm > 0:
        return 0
    return top if norm == math.inf else max(1, round((math.log10(norm) - low) / (high - low) * top))


class Shades:
    """Rows of units on a terminal: red for positive, blue for negative, brighter the larger. Without colours, digits.

    A cell is full at 1, or, for functions without such a bound, has |h| / (1 + |h|) of its strength.
    """

    def __init__(self, layers: int, units: int, bounded: bool):
        self.console, self.bounded = tables.screen(soft_wrap=True), bounded
        self.plain = self.console.no_color or self.console.color_system is None
        room = (self.console.width - POSITION_COLUMNS - layers + 1) // layers
        self.units = max(1, min(units, room // (2 if self.plain else 1)))  # of each layer that have room
        self._styles: dict[int, Style] = {}

    @property
    def key(self) -> str:
        """What the cells mean, in a line."""
        full = "1" if self.bounded else "|h| / (1 + |h|) = 1"
        if self.plain:
            return f"a cell is a tenth part, +9 at {full}, a dot less than +1"
        return f"red is positive, blue is negative, brightest at {full}"

    def head(self, layers: Iterable[Sequence[int]]) -> None:
        """The numbers of every tenth unit, above the cells of these units of each layer."""
        line, width = " " * POSITION_COLUMNS, 2 if self.plain else 1
        for i, units in enumerate(layers):
            cells = ""
            for number in range(0, len(units), 10):
                cells = f"{cells:<{number * width}}{' ' * (width - 1)}{units[number]}"
            room = width * len(units)
            line += (" " if i else "") + f"{cells[:room]:<{room}}"
        self.console.print(Text(line.rstrip(), "dim", no_wrap=True, overflow="crop"))

    def row(self, position: int, character: str, layers: Iterable[Sequence[float]]) -> None:
        """A character and the activations after it, a list a layer."""
        line = Text(f"{position:7,} " + set_cell_size(character, 6), no_wrap=True, overflow="crop")
        for i, values in enumerate(layers):
            line.append(" " if i else "")
            for value in values:
                strength = self._strength(value)
                if self.plain:
                    tenths = min(9, int(10 * abs(strength)))
                    line.append(f"{'-' if value < 0 else '+'}{tenths}" if tenths else " .")
                else:
                    line.append(" ", self._style(round(20 * strength)))
        self.console.print(line)

    def _strength(self, value: float) -> float:
        """Between -1 and 1; what is no number is nothing."""
        if math.isnan(value):
            return 0.0
        if self.bounded or math.isinf(value):
            return max(-1.0, min(1.0, value))
        return value / (1 + abs(value))

    def _style(self, step: int) -> Style:
        if step not in self._styles:
            bright, dark = 30 + 11 * abs(step), 30 + 2 * abs(step)
            red, blue = (bright, dark) if step > 0 else (dark, bright)
            self._styles[step] = Style.parse(f"on rgb({red},{dark},{blue})")
        return self._styles[step]
