"""A network unrolled over time: a column for each step, its layers above what it reads."""

from collections.abc import Sequence
from typing import NamedTuple

from .graphs import arrow
from .svg import Picture, widest

CELL_WIDTH, CELL = 58.0, 18.0  # pixels of a unit
GAP, ACROSS = 46.0, 50.0  # pixels between layers, and between steps
TOP, LEFT = 40.0, 24.0


class Step(NamedTuple):
    """What is read, what stands above the layers, from below, and each layer's units and size of its gradient."""

    read: str
    share: str
    loss: str
    layers: Sequence[Sequence[float]]
    sizes: Sequence[float]


def unrolled(title: str, steps: Sequence[Step]) -> str:
    """Units with their values, red above 0 and blue below; arrows lead from step to step and from layer to layer."""
    heights = [CELL * len(layer) for layer in steps[0].layers]
    width = max(CELL_WIDTH, widest([step.share for step in steps]))
    picture = Picture(2 * LEFT + (width + ACROSS) * len(steps), TOP + 96 + sum(heights) + GAP * len(heights), title)
    for number, step in enumerate(steps):
        middle = LEFT + width / 2 + (width + ACROSS) * number
        picture.text(middle, TOP + 18, step.loss, "middle")
        picture.text(middle, TOP + 36, step.share, "middle", colour="soft")
        bottom = TOP + 44
        for layer, size, height in zip(step.layers[::-1], step.sizes[::-1], heights[::-1], strict=True):
            top = bottom + GAP - 24
            arrow(picture, [(middle, top), (middle, bottom)])
            _units(picture, middle, top, layer)
            picture.text(middle, top + height + 14, f"|dh| = {size:.3g}", "middle", colour="soft", size=10)
            if number + 1 < len(steps):
                start, across = middle + CELL_WIDTH / 2, width + ACROSS - CELL_WIDTH
                arrow(picture, [(start, top + height / 2), (start + across, top + height / 2)])
            bottom = top + height + 24
        arrow(picture, [(middle, bottom + 18), (middle, bottom)])
        picture.text(middle, bottom + 32, step.read, "middle", weight="bold")
    return str(picture)


def _units(picture: Picture, middle: float, top: float, values: Sequence[float]) -> None:
    """A cell for each unit, its value inside."""
    left = middle - CELL_WIDTH / 2
    for unit, value in enumerate(values):
        y = top + CELL * unit
        strength = 0.1 + 0.5 * min(1.0, abs(value))
        picture.box(left, y, (CELL_WIDTH, CELL - 1), "hot" if value > 0 else "cold", strength)
        picture.text(middle, y + 13, f"{value:.3f}", "middle", size=11)
