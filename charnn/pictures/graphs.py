"""Graphs: states in a ring, and arrows from one to another."""

import math
from collections.abc import Mapping, Sequence

from .svg import Picture, Point, widest

RADIUS, GAP, TOP = 22.0, 130.0, 40.0  # pixels: of a state, between neighbours, and above all
BEND = 0.18  # of an arrow, as a share of its length
HEAD = 8.0  # pixels of an arrow's head


def graph(title: str, names: Sequence[str], edges: Mapping[tuple[int, int], str], ringed: Sequence[bool]) -> str:
    """States by their names, the first with an arrow from outside; those `ringed` have two rings; labels of arrows."""
    around = max(GAP / 2, GAP / (2 * math.sin(math.pi / len(names)))) if len(names) > 1 else 0.0
    loop = 2.2 * RADIUS + 16
    margin = RADIUS + loop + 12
    side = 2 * around + 2 * margin
    beside = widest([label for (a, b), label in edges.items() if a == b])
    picture = Picture(side + 2 * beside, TOP + side, title)
    middle = (picture.width / 2, TOP + side / 2)
    places = _ring(middle, around, len(names))
    first = places[0]
    arrow(picture, [(first[0] - 10, first[1] - RADIUS - 42), (first[0] - 4, first[1] - RADIUS)])
    for (a, b), label in edges.items():
        if a == b:
            _loop(picture, places[a], middle, label)
        else:
            _bent(picture, places[a], places[b], label)
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


def _bent(picture: Picture, start: Point, end: Point, label: str) -> None:
    """An arrow to the right of the straight way, so that the one back has room."""
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    across = (-(y1 - y0) / length, (x1 - x0) / length)
    bend = BEND * length
    control = ((x0 + x1) / 2 - across[0] * bend * 2, (y0 + y1) / 2 - across[1] * bend * 2)
    curve = [_quadratic(start, control, end, i / 24) for i in range(25)]
    seen = [point for point in curve if min(math.dist(point, start), math.dist(point, end)) >= RADIUS]
    arrow(picture, seen)
    top = _quadratic(start, control, end, 0.5)
    picture.text(top[0] - across[0] * 12, top[1] - across[1] * 12 + 4, label, "middle")


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
