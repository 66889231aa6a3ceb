"""Axes of a chart: where a value lies, and which values are written beside it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from .svg import Picture, widest

TICKS = 5  # on an axis, about
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LEFT, TOP, BOTTOM = 64, 40, 48  # pixels around a chart, for what is written there


@dataclass(frozen=True)
class Axis:
    """What an axis shows, with its unit, and from where to where; on a logarithmic one 0 is not shown."""

    title: str
    low: float
    high: float
    log: bool = False

    @classmethod
    def around(cls, title: str, values: Iterable[float], log: bool = False) -> "Axis":
        """An axis that has room for these values; those that are not finite are left out."""
        found = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
        low, high = min(found, default=1.0 if log else 0.0), max(found, default=1.0)
        if log:
            low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
            return cls(title, low, high if high > low else 10 * low, True)
        if low == high:
            low, high = low - 0.5, high + 0.5
        step = _step(low, high)
        return cls(title, math.floor(low / step) * step, math.ceil(high / step) * step)

    def place(self, value: float) -> float:
        """The share of the axis that lies before a value; one beyond its ends is at the end."""
        if self.log:
            value = math.log10(max(value, self.low) / self.low) / math.log10(self.high / self.low)
        else:
            value = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, value))

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Values on the axis, and how they are written."""
        if self.log:
            first, last = round(math.log10(self.low)), round(math.log10(self.high))
            powers = range(first, last + 1, max(1, math.ceil((last - first) / (TICKS + 2))))
            return [(10.0**power, "10" + str(power).translate(SUPERSCRIPTS)) for power in powers]
        step = _step(self.low, self.high)
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(i * step, f"{i * step:,.{digits}f}") for i in range(first, last + 1)]


def _step(low: float, high: float) -> float:
    """1, 2 or 5 times a power of ten, so that about `TICKS` of them fit in between."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)


class Frame:
    """A chart's place in a picture, with its axes drawn; `at` leads from values to pixels.

    Without `ticks` there is room for names below the horizontal axis.
    """

    def __init__(self, picture: Picture, x: Axis, y: Axis, right: float = 20, ticks: bool = True):
        self.picture, self.x, self.y = picture, x, y
        self.left, self.top = LEFT, TOP
        self.width, self.height = picture.width - LEFT - right, picture.height - TOP - BOTTOM
        bottom = TOP + self.height
        for value, label in y.ticks:
            height = self.at(x.low, value)[1]
            picture.line([(LEFT, height), (LEFT + self.width, height)], "grid")
            picture.text(LEFT - 8, height + 4, label, "end", colour="soft")
        for value, label in x.ticks if ticks else []:
            place = self.at(value, y.low)[0]
            picture.line([(place, bottom), (place, bottom + 5)])
            picture.text(place, bottom + 19, label, "middle", colour="soft")
        picture.line([(LEFT, TOP), (LEFT, bottom), (LEFT + self.width, bottom)])
        picture.text(LEFT + self.width / 2, bottom + 38, x.title, "middle")
        picture.text(16, TOP + self.height / 2, y.title, "middle", turn=-90)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where values lie in the picture."""
        return self.left + self.width * self.x.place(x), self.top + self.height * (1 - self.y.place(y))


def spread(heights: list[float], distance: float, low: float, high: float) -> list[float]:
    """Heights of labels moved apart to at least this distance, in their order, between two limits where that fits."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    found = list(heights)
    for before, after in pairwise(order):
        found[after] = max(found[after], found[before] + distance)
    for i, one in enumerate(reversed(order)):
        found[one] = min(found[one], high - distance * i)
    return [max(low, height) for height in found]


def room(labels: list[str]) -> float:
    """Pixels right of a chart for labels at the ends of its lines."""
    return widest(labels) + 24 if labels else 20
