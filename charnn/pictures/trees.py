"""Trees of clusters, from left to right."""

from collections.abc import Callable
from dataclasses import dataclass

from .axes import Axis
from .svg import Picture, widest

ROW, WIDE, LEFT = 18.0, 420.0, 20.0  # pixels: of a leaf, of the tree, and beside it


@dataclass(frozen=True)
class Tree:
    """A leaf with a name, or two trees joined at a distance."""

    name: str = ""
    distance: float = 0.0
    branches: "tuple[Tree, ...]" = ()

    @property
    def leaves(self) -> list[str]:
        """The names of all leaves, from the top."""
        return [name for one in self.branches for name in one.leaves] if self.branches else [self.name]


def tree(title: str, x: str, root: Tree, colour: Callable[[list[str]], str]) -> str:
    """A tree whose branches are joined at their distance; `colour` says that of a branch by its leaves."""
    leaves = root.leaves
    height = 48 + ROW * len(leaves) + 52
    picture = Picture(LEFT + WIDE + 24 + widest(leaves), height, title)
    heights = iter(48 + ROW * (place + 0.5) for place in range(len(leaves)))

    def across(one: Tree) -> float:
        return LEFT + WIDE * (1 - one.distance / root.distance)

    def draw(one: Tree) -> float:
        """Draw what is below a node, and say at what height the node is."""
        if not one.branches:
            y = next(heights)
            picture.text(LEFT + WIDE + 6, y + 4, one.name)
            return y
        name, here = colour(one.leaves), across(one)
        ends = [(across(branch), draw(branch)) for branch in one.branches]
        for place, y in ends:
            picture.line([(here, y), (place, y)], name, 1.5)
        picture.line([(here, ends[0][1]), (here, ends[-1][1])], name, 1.5)
        return (ends[0][1] + ends[-1][1]) / 2

    draw(root)
    bottom = 48 + ROW * len(leaves) + 6
    picture.line([(LEFT, bottom), (LEFT + WIDE, bottom)])
    for distance, label in Axis(x, 0, root.distance).ticks:
        place = LEFT + WIDE * (1 - distance / root.distance)
        picture.line([(place, bottom), (place, bottom + 5)])
        picture.text(place, bottom + 19, label, "middle", colour="soft")
    picture.text(LEFT + WIDE / 2, bottom + 38, x, "middle")
    return str(picture)
