"""Charts: lines over an axis, bars, and points in the complex plane."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from .axes import LEFT, TOP, Axis, Frame, room, spread
from .svg import Picture, colour

WIDTH, HEIGHT = 720, 360
LABEL = 15  # pixels from one label to the next


@dataclass(frozen=True)
class Line:
    """A line with a name, through points; `band` has the edges of an area around it, or nothing.

    Lines of the same `colour` belong together; a `faint` one stands behind.
    """

    name: str
    points: Sequence[tuple[float, float]]
    colour: int
    faint: bool = False
    band: Sequence[tuple[float, float, float]] = ()  # x, low, high


def lines(
    title: str, x: str, y: str, shown: Sequence[Line], levels: Mapping[str, float] | None = None, log: bool = False
) -> str:
    """Lines with their names at their right ends, and dashed levels across; with `log` heights are logarithmic."""
    levels = levels or {}
    there = [Line(one.name, _finite(one.points, log), one.colour, one.faint, one.band) for one in shown]
    heights = [height for one in there for _, height in one.points] + list(levels.values())
    wide = Axis.around(x, [place for one in there for place, _ in one.points])
    labels = [one.name for one in there if one.points] + list(levels)
    picture = Picture(WIDTH, HEIGHT, title)
    frame = Frame(picture, wide, Axis.around(y, heights, log), room(labels))
    ends: list[float] = []
    for one in there:
        name, dash = colour(one.colour)
        if one.band:
            low = [frame.at(place, height) for place, height, _ in one.band]
            high = [frame.at(place, height) for place, _, height in one.band]
            picture.area([*low, *reversed(high)], name, 0.15)
        if one.points:
            places = [frame.at(*point) for point in one.points]
            picture.line(places, name, 1 if one.faint else 2, "2 3" if one.faint else dash)
            ends.append(places[-1][1])
    for level in levels.values():
        height = frame.at(wide.low, level)[1]
        picture.line([(LEFT, height), (LEFT + frame.width, height)], "ink", 1, "4 4")
        ends.append(height)
    colours = [colour(one.colour)[0] for one in there if one.points] + ["ink"] * len(levels)
    bottom = TOP + frame.height
    for label, height, name in zip(labels, spread(ends, LABEL, TOP, bottom), colours, strict=True):
        picture.text(LEFT + frame.width + 8, height + 4, label, colour=name)
    return str(picture)


def _finite(points: Sequence[tuple[float, float]], log: bool) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if math.isfinite(y) and (y > 0 or not log)]


@dataclass(frozen=True)
class Bars:
    """Heights by place, each with its name; the `marked` ones stand out, and `best` is drawn across each."""

    heights: Sequence[float]
    names: Sequence[str]
    marked: Collection[int] = ()
    best: Sequence[float] = ()


def bars(title: str, x: str, y: str, shown: Bars, step: int = 14) -> str:
    """A bar for each value, so many pixels wide, its name below it."""
    width = max(480, LEFT + 20 + step * len(shown.heights))
    picture = Picture(width, 260, title)
    tall = Axis.around(y, [0.0, *shown.heights, *shown.best])
    frame = Frame(picture, Axis(x, 0, max(1, (width - LEFT - 20) / step)), tall, ticks=False)
    for place, (value, name) in enumerate(zip(shown.heights, shown.names, strict=True)):
        left, top = frame.at(place, value)
        bottom = frame.at(place, tall.low)[1]
        marked = place in shown.marked
        picture.box(left + 2, top, (step - 4, bottom - top), "s0", 1 if marked else 0.4)
        picture.text(left + step / 2, bottom + 16, name, "middle", family="monospace")
    for place, value in enumerate(shown.best):
        picture.line([frame.at(place, value), frame.at(place + 1, value)], "s1", 2)
    return str(picture)


def plane(title: str, shown: Mapping[str, Sequence[complex]]) -> str:
    """Points in the complex plane beside the unit circle, a panel for each name, all of one scale."""
    across, side, gap = max(1, min(4, len(shown))), 220.0, 16.0
    down = -(-len(shown) // across)
    picture = Picture(across * (side + gap) + gap, TOP + down * (side + 40) + 10, title)
    far = max([1.0, *(abs(value) for values in shown.values() for value in values)]) * 1.08
    scale = side / 2 / far
    for i, (name, values) in enumerate(shown.items()):
        x, y = gap + (side + gap) * (i % across) + side / 2, TOP + (side + 40) * (i // across) + side / 2
        picture.line([(x - side / 2, y), (x + side / 2, y)], "grid")
        picture.line([(x, y - side / 2), (x, y + side / 2)], "grid")
        if i == 0:
            picture.text(x + side / 2, y + 14, "real", "end", colour="soft")
            picture.text(x + 4, y - side / 2 + 8, "imaginary", colour="soft")
        picture.ring(x, y, scale)
        picture.text(x + scale * 0.71 + 3, y - scale * 0.71 - 3, "1", colour="soft")
        for value in values:
            picture.dot(x + scale * value.real, y - scale * value.imag, "s1" if abs(value) > 1 else "s0")
        radius = max(map(abs, values), default=0.0)
        picture.text(x, y + side / 2 + 18, f"{name}, radius {radius:.3f}", "middle")
    return str(picture)
