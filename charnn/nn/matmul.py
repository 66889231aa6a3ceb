"""x W for many x and one W, cut into tiles that OpenBLAS multiplies at full speed. Only layout: no other arithmetic.

For a large product OpenBLAS first packs both factors into a layout of its own; with the few rows of a batch that takes
as long as a third of the arithmetic. Its AVX-512 kernels read small products (M N K <= 10^6) where they lie. So the
rows of x are cut into blocks, and the columns of W into tiles, contiguous copies made once for many products; one
batched `np.matmul` multiplies them all: 1.05 to 2 times as fast (tests/benchmarks/tiles.py).
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from .workspace import Workspace

SMALL = 1_000_000  # M N K up to which nothing is packed
COLUMNS = 64  # of a tile
BLOCK = 64  # rows of a block, at most
ENOUGH = 8  # rows of a block that keep the kernels busy
FEWEST = 4  # rows of a block that are worth cutting
STRIP = 32  # columns that are transposed at a time: the lines they touch stay in cache
LONG = 512  # rows that are worth a copy of W, made for one product


def unpacked() -> bool:
    """Whether this processor's BLAS kernels leave small products unpacked; the others are better left to themselves."""
    found: dict[str, Any] = np.show_config(mode="dicts")  # type: ignore[assignment]
    features = {name for names in found.get("SIMD Extensions", {}).values() for name in names}
    blas = found.get("Build Dependencies", {}).get("blas", {}).get("name", "")
    return bool("openblas" in blas and features & {"AVX512_SKX", "X86_V4"} and not os.environ.get("OPENBLAS_CORETYPE"))


TILED = unpacked()


class Product:
    """y = x W, as `times(left(x), W, right(y))`, for any number of x (rows, K) and y (rows, N).

    W (K, N) is copied where that pays, so it must not change as long as this is used; never where it is used `once`.
    With `transposed`, y = x W^T.
    The views that `left` and `right` give cost more than a call of `times`: make those of a whole window at once.
    """

    def __init__(self, W: np.ndarray, rows: int, ws: Workspace, transposed: bool = False, once: bool = False):
        depth, columns = W.shape[::-1] if transposed else W.shape
        cut: tuple[int, int] = (rows, columns) if once else _cut(rows, depth, columns)
        self.block, self.tile = cut
        self.times: Callable[..., object] = np.matmul
        if self.tile < columns:
            self.W = ws.empty((columns // self.tile, depth, self.tile), W.dtype)
            for i, tile in enumerate(self.W):
                part = slice(i * self.tile, (i + 1) * self.tile)
                _transpose(W[part], tile) if transposed else np.copyto(tile, W[:, part])
        elif transposed and rows > 1 and not once:
            self.W = ws.empty((depth, columns), W.dtype)
            _transpose(W, self.W)
        else:
            self.W = W.T if transposed else W
        if rows == 1:  # a vector: `dot` starts in half the time
            self.times = np.ndarray.dot

    def left(self, x: np.ndarray) -> np.ndarray:
        """x (..., rows, K), seen in blocks of rows; (..., K) where there is one row."""
        *outer, rows, depth = x.shape
        if rows == 1:
            return x.reshape(*outer, depth)
        if self.W.ndim == 3:
            return x.reshape(*outer, rows // self.block, 1, self.block, depth)
        return x if self.block == rows else x.reshape(*outer, rows // self.block, self.block, depth)

    def right(self, y: np.ndarray) -> np.ndarray:
        """y (..., rows, N), seen in blocks of rows and tiles of columns: a view, which products are written through."""
        *outer, rows, columns = y.shape
        if rows == 1:
            return y.reshape(*outer, columns)
        if self.W.ndim == 3:
            return y.reshape(*outer, rows // self.block, self.block, columns // self.tile, self.tile).swapaxes(-3, -2)
        return y if self.block == rows else y.reshape(*outer, rows // self.block, self.block, columns)


def multiply(x: np.ndarray, W: np.ndarray, out: np.ndarray, ws: Workspace, transposed: bool = False) -> np.ndarray:
    """out = x W, or x W^T, once, for x (R, K) of many rows: what is left over by the blocks is multiplied as it is."""
    size = _rows(W.shape[transposed], W.shape[not transposed])
    worth = TILED and (len(x) >= LONG or not (transposed or W.shape[1] >= 2 * COLUMNS))
    even = len(x) // size * size if worth else 0
    with ws.scratch():
        if even:
            W_ = Product(W, even, ws, transposed)
            W_.times(W_.left(x[:even]), W_.W, W_.right(out[:even]))
        if even < len(x):
            np.matmul(x[even:], W.T if transposed else W, out=out[even:])
    return out


def _rows(depth: int, columns: int) -> int:
    """Rows of a block in a product of many: as many as leave a tile's product small, a multiple of 8."""
    return max(ENOUGH, min(BLOCK, SMALL // (depth * min(columns, COLUMNS)) // ENOUGH * ENOUGH))


def _cut(rows: int, depth: int, columns: int) -> tuple[int, int]:
    """Rows of a block and columns of a tile, both without remainder; all rows and all columns where that is best."""
    whole = rows, columns
    if not TILED or rows * depth * columns <= SMALL:
        return whole
    found = []
    for tile in (columns, COLUMNS, COLUMNS // 2):
        most = min(rows, BLOCK, SMALL // (depth * tile))
        block = next((n for n in range(most, 0, -1) if rows % n == 0), 0)
        if columns % tile == 0 and tile < 2 * COLUMNS and block >= FEWEST:
            found.append((block, tile))
    return max(found, key=lambda cut: (min(cut[0], ENOUGH), cut[1]), default=whole)


def _transpose(W: np.ndarray, out: np.ndarray) -> None:
    """out = W^T, strip by strip: 2 to 5 times faster than at once."""
    for i in range(0, len(W), STRIP):
        out[:, i : i + STRIP] = W[i : i + STRIP].T
