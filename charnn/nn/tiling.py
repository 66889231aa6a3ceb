"""How products are cut into pieces that BLAS multiplies fast: all ways that are tried, and one by rule.

For a large product OpenBLAS first packs both factors into a layout of its own. With the few rows of a batch, packing
takes as long as a third of the arithmetic. The kernels for AVX-512 read small products (M N K <= 10^6) where they lie:
there tiles are 1.2 to 2 times as fast. Other kernels are best left alone, and some multiply by W^T faster than by a
copy of W^T. Where there is enough to multiply, `tuning` measures which way is the fastest on the machine at hand.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from ..machine import blas_kernel

MANY = 0  # the rows of a product of all steps of a window, however many they are
SMALL = 1_000_000  # M N K up to which nothing is packed
TILES = (64, 32, 128)  # columns
BLOCKS = (32, 16, 8, 4)  # rows
WINDOW_BLOCKS = (64, 32, 16)  # rows, of many
NARROW = 128  # columns of W below which it is no tile that is copied, but W itself
FEW = 1 << 17  # numbers of W up to which a window's product is worth cutting
UNPACKED = "SkylakeX", "Cooperlake", "SapphireRapids"  # kernels that read small products where they lie
VIEWED = "Haswell", "Zen"  # kernels that multiply by W^T faster than by a copy of it
KEY = re.compile(r"(\d{1,9}|many) x (\d{1,9}) x (\d{1,9})( T)?")


class Shape(NamedTuple):
    """Products x W, or x W^T where `transposed`, with x (rows, depth) and as many columns."""

    rows: int
    depth: int
    columns: int
    transposed: bool

    def __str__(self) -> str:
        return f"{self.rows or 'many'} x {self.depth} x {self.columns}{' T' * self.transposed}"

    @classmethod
    def parse(cls, text: str) -> "Shape":
        """Read what `str` writes. Raises `ValueError`."""
        found = KEY.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r:.40} is no shape of a product")
        rows, depth, columns, transposed = found.groups()
        return cls(MANY if rows == "many" else int(rows), int(depth), int(columns), transposed is not None)


class Tiling(NamedTuple):
    """Rows of a block and columns of a tile, 0 for all of them; and whether W^T is copied where there are no tiles."""

    block: int = 0
    tile: int = 0
    copied: bool = False

    def __str__(self) -> str:
        if not (self.block or self.tile):
            return "W^T copied" if self.copied else "as it is"
        tiles, blocks = f"tiles of {self.tile} columns", f"{self.block} rows at a time"
        return ", ".join([*[tiles] * (self.tile > 0), *[blocks] * (self.block > 0)])

    def fits(self, shape: Shape) -> bool:
        """Whether such a product can be cut so, without remainder. Many rows may leave one."""
        block, tile = self.block, self.tile
        return (
            0 <= block <= (shape.rows or block)
            and 0 <= tile <= shape.columns
            and not (block and shape.rows % block)
            and not (tile and shape.columns % tile)
        )


WHOLE = Tiling()


class Tilings(dict[Shape, Tiling]):
    """The tiling of each shape: the one that was chosen, else the one by rule."""

    def __missing__(self, shape: Shape) -> Tiling:
        return by_rule(shape)

    def dump(self) -> dict[str, list[int]]:
        """For JSON."""
        return {str(shape): [*map(int, tiling)] for shape, tiling in self.items()}

    @classmethod
    def load(cls, values: Any) -> "Tilings":
        """Read what `dump` wrote. Raises `ValueError` for anything else."""
        found = cls()
        if not isinstance(values, dict):
            raise ValueError(f"{values!r:.40} are no tilings")
        for key, value in values.items():
            shape = Shape.parse(key)
            if not (isinstance(value, list) and len(value) == 3 and all(type(number) is int for number in value)):
                raise ValueError(f"{value!r:.40} is no tiling")
            found[shape] = Tiling(value[0], value[1], bool(value[2]))
            if not found[shape].fits(shape):
                raise ValueError(f"{value} does not cut {key}")
        return found


@lru_cache(1 << 12)
def by_rule(shape: Shape) -> Tiling:
    """A tiling that is good on most machines: tiles of all rows where kernels read small products as they lie."""
    rows, depth, columns, transposed = shape
    unpacked = blas_kernel() in UNPACKED
    if rows == MANY:
        narrow = unpacked and columns < NARROW and not transposed
        blocks = (t for t in candidates(shape) if narrow and 0 < t.block * depth * columns <= SMALL)
        return next(blocks, WHOLE)
    if unpacked and rows * depth * columns > SMALL:
        whole = Tiling(0, 0, transposed)
        tiles = (t for t in candidates(shape) if t.tile and not t.block and t.tile < NARROW)
        return next(tiles, whole)
    return Tiling(0, 0, transposed and blas_kernel() not in VIEWED)


def candidates(shape: Shape) -> Iterator[Tiling]:
    """All tilings to try, without tiles first."""
    rows, depth, columns, transposed = shape
    if rows == MANY:
        yield from _of_a_window(shape)
        return
    yield WHOLE
    if transposed:
        yield Tiling(copied=True)
    for tile in (*TILES, 0):
        for block in (0, *BLOCKS):
            tiling = Tiling(block, tile, transposed)
            small = (block or rows) * depth * (tile or columns) <= SMALL
            if small and (tile or block) and tile < columns and block < rows and tiling.fits(shape):
                yield tiling


def _of_a_window(shape: Shape) -> Iterator[Tiling]:
    """Those of a product of many rows: W^T is multiplied as it is, and W too where it is narrow."""
    _, depth, columns, transposed = shape
    yield WHOLE
    narrow = columns < NARROW and not transposed
    tile = 0 if narrow else TILES[0]
    if depth * columns <= FEW and columns % (tile or 1) == 0 and columns > tile:
        yield from (Tiling(block, tile) for block in WINDOW_BLOCKS)
