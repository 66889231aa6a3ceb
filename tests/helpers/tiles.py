"""Products cut into pieces at sizes at which nobody would cut them."""

import pytest

from charnn.nn import matmul, tiling
from charnn.nn.tiling import MANY, Shape, Tiling

BLOCK = 2  # rows
STRIP, LONG = 4, 4  # in the place of those in `matmul`


def in_pieces(shape: Shape) -> Tiling:
    """Blocks of two rows, and as many tiles as there can be of two columns or more; W^T is copied."""
    tile = next((n for n in range(2, shape.columns) if shape.columns % n == 0), 0)
    block = BLOCK if shape.rows == MANY or (shape.rows > BLOCK and shape.rows % BLOCK == 0) else 0
    return Tiling(block, tile, shape.transposed)


def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on every product is cut `in_pieces`."""
    monkeypatch.setattr(tiling, "by_rule", in_pieces)
    monkeypatch.setattr(matmul, "STRIP", STRIP)
    monkeypatch.setattr(matmul, "LONG", LONG)
