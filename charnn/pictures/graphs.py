"""Graphs: states in a ring, and arrows from one to another."""

import math
from collections.abc import Mapping, Sequence

from .svg import Picture, Point, widest

RADIUS, GAP, TOP = 22.0, 150.0, 40.0  # pixels: of a state, between neighbours at least, and above all
SPREAD = 14.0  # pixels between neighbours for each state: then chords of the ring miss the states beside them
BEND = 12.0  # pixels that the middle of an arrow is beside the straight way
HEAD = 8.0  # pixels of an arrow's head
LABEL = 15.0  # pixels: the height of a label
PLACES = 0.34, 0.28, 0.4, 0.46, 0.22, 0.52, 0.58, 0.64, 0.7, 0.76  # of a label on its arrow, the best first
Box = tuple[float, float, float, float]  # left, top, right, bottom


def graph(title: str, names: Sequence[str], edges: Mapping[tuple[int, int], str], ringed: Sequence[bool]) -> str:
    """States by their names, the first with an arrow from outside; those `ringed` have two rings; labels of arrows."""
    gap = max(GAP, SPREAD * len(names))
    around = max(gap / 2, gap / (2 * math.sin(math.pi / len(names)))) if len(names) > 1 else 0.0
    loop = 2.2 * RADIUS + 16
    margin = RADIUS + loop + 12
    side = 2 * around + 2 * margin
    beside = widest([label for (a, b), label in edges.items() if a == b])
    picture = Picture(side + 2 * beside, TOP + side, title)
    middle = (picture.width / 2, TOP + side / 2)
    places = _ring(middle, around, len(names))
    x, y = places[0]
    slope = math.sqrt(0.5)
    arrow(picture, [(x - slope * far, y - slope * far) for far in (RADIUS + 36, RADIUS)])
    for (a, b), label in edges.items():
        if a == b:
            _loop(picture, places[a], middle, label)
    curves = [(_bent(picture, places[a], places[b]), label) for (a, b), label in edges.items() if a != b]
    taken = [(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in places]
    for curve, label in curves:
        taken.append(_label(picture, curve, label, taken))
    for (x, y), name, two in zip(places, names, ringed, strict=True):
        picture.ring(x, y, RADIUS, "ink")
        if two:
            picture.ring(x, y, RADIUS - 4, "ink")
        picture.text(x, y + 4, name, "middle")
    return str(picture)


def _ring(middle: Point, around: float, count: int) -> list[Point]:
    """Places in a circle, from the left on."""
    turns = [math.pi + 2 * math.pi * i / count for i in range(count)]
    return [(middle[0] + around * math.cos(turn), middle[1] + around * math.sin(turn)) for turn in turns]


def _bent(picture: Picture, start: Point, end: Point) -> list[Point]:
    """An arrow to the right of the straight way, so that the one back has room: its points."""
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    across = (-(y1 - y0) / length, (x1 - x0) / length)
    control = ((x0 + x1) / 2 - across[0] * BEND * 2, (y0 + y1) / 2 - across[1] * BEND * 2)
    count = math.ceil(length / 4)
    curve = [_quadratic(start, control, end, i / count) for i in range(count + 1)]
    seen = [point for point in curve if min(math.dist(point, start), math.dist(point, end)) >= RADIUS]
    arrow(picture, seen)
    return seen


def _label(picture: Picture, curve: Sequence[Point], label: str, taken: Sequence[Box]) -> Box:
    """Write a label on an arrow, where it covers the least of what is taken: the place of it."""
    wide = widest([label]) + 4
    points = [curve[round(share * (len(curve) - 1))] for share in PLACES]
    boxes = [(x - wide / 2, y - LABEL / 2, x + wide / 2, y + LABEL / 2) for x, y in points]
    best = min(boxes, key=lambda box: sum(_shared(box, other) for other in taken))
    picture.box(best[0], best[1], (wide, LABEL), "page")
    picture.text((best[0] + best[2]) / 2, best[1] + LABEL / 2 + 4, label, "middle")
    return best


def _shared(one: Box, other: Box) -> float:
    """The area that two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _loop(picture: Picture, place: Point, middle: Point, label: str) -> None:
    """An arrow from a state to itself, on the side away from the others."""
    x, y = place
    turn = math.atan2(y - middle[1], x - middle[0]) if math.dist(place, middle) > 1 else -math.pi / 2
    size = 0.9 * RADIUS
    centre = (x + math.cos(turn) * (RADIUS + 0.6 * size), y + math.sin(turn) * (RADIUS + 0.6 * size))
    ways = [turn + math.pi + 2 * math.pi * i / 32 for i in range(33)]
    points = [(centre[0] + size * math.cos(way), centre[1] + size * math.sin(way)) for way in ways]
    arrow(picture, [point for point in points if math.dist(point, place) >= RADIUS])
    away = RADIUS + 2.2 * size
    anchor = "middle" if abs(math.cos(turn)) < 0.5 else "start" if math.cos(turn) > 0 else "end"
    picture.text(x + math.cos(turn) * away, y + math.sin(turn) * away + 4, label, anchor)


def _quadratic(a: Point, b: Point, c: Point, t: float) -> Point:
    x, y = ((1 - t) ** 2 * p + 2 * t * (1 - t) * q + t**2 * r for p, q, r in zip(a, b, c, strict=True))
    return x, y


def arrow(picture: Picture, points: Sequence[Point]) -> None:
    """A line with a head at its last point."""
    picture.line(points, "soft", 1.5)
    (x0, y0), (x1, y1) = points[-2:]
    turn = math.atan2(y1 - y0, x1 - x0)
    sides = [(x1 - HEAD * math.cos(turn + way), y1 - HEAD * math.sin(turn + way)) for way in (0.45, -0.45)]
    picture.area([(x1, y1), *sides], "soft")
