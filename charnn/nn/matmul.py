"""x W for many x and one W, in pieces that BLAS multiplies fast. Only layout: no other arithmetic.

The rows of x are cut into blocks, and the columns of W into tiles: contiguous copies, made once for many products. One
batched `np.matmul` multiplies them all. `Workspace.tilings` says how a product of each shape is cut.
"""

from collections.abc import Callable

import numpy as np

from .tiling import MANY, WHOLE, Shape, Tiling
from .workspace import Workspace

STRIP = 32  # columns that are transposed at a time: the lines they touch stay in cache
LONG = 512  # rows that are worth copies of W, made for one product


class Product:
    """y = x W, as `times(left(x), W, right(y))`, for any number of x (rows, K) and y (rows, N), each contiguous.

    W (K, N) is copied where that pays, so it must not change as long as this is used; never where it is used `once`.
    With `transposed`, y = x W^T.
    The views that `left` and `right` give cost more than a call of `times`: make those of a whole window at once.
    """

    def __init__(self, W: np.ndarray, rows: int, ws: Workspace, transposed: bool = False, once: bool = False):
        depth, columns = W.shape[::-1] if transposed else W.shape
        whole = once or rows == 1
        tiling = WHOLE if whole else ws.tilings[Shape(rows, depth, columns, transposed)]
        self.W = pieces(W, tiling, ws, transposed)
        self.block, self.tile = tiling.block or rows, self.W.shape[-1]
        self.times: Callable[..., object] = np.matmul
        if rows == 1:  # a vector: `dot` starts in half the time
            self.times = type(self.W).dot
        elif self.W.ndim == 2 and self.block == rows and self.W.flags.forc:
            self.times = np.dot  # the same call of BLAS, a little sooner

    def left(self, x: np.ndarray) -> np.ndarray:
        """x (..., rows, K), as `times` takes it: a view. (..., K) where there is one row."""
        *outer, rows, depth = x.shape
        if rows == 1:
            return x.reshape(*outer, depth)
        assert x.flags.c_contiguous, "np.dot would copy it"
        return in_blocks(x, self.block, self.W)

    def right(self, y: np.ndarray) -> np.ndarray:
        """y (..., rows, N), as `times` writes it: a view."""
        *outer, rows, columns = y.shape
        return y.reshape(*outer, columns) if rows == 1 else in_tiles(y, self.block, self.W)


def multiply(x: np.ndarray, W: np.ndarray, out: np.ndarray, ws: Workspace, transposed: bool = False) -> np.ndarray:
    """out = x W, or x W^T, once, for x (R, K) of many rows. Rows beyond the last block are multiplied as they lie."""
    depth, columns = W.shape[::-1] if transposed else W.shape
    tiling = ws.tilings[Shape(MANY, depth, columns, transposed)]
    worth = tiling.block and (len(x) >= LONG or not tiling.tile)
    even = len(x) // tiling.block * tiling.block if worth else 0
    with ws.scratch():
        if even:
            W_ = pieces(W, tiling, ws, transposed)
            np.matmul(in_blocks(x[:even], tiling.block, W_), W_, out=in_tiles(out[:even], tiling.block, W_))
        if even < len(x):
            np.matmul(x[even:], W.T if transposed else W, out=out[even:])
    return out


def pieces(W: np.ndarray, tiling: Tiling, ws: Workspace, transposed: bool) -> np.ndarray:
    """W (K, N), or W^T, as a product takes it: in copied tiles (tiles, K, columns), copied, or as it lies."""
    depth, columns = W.shape[::-1] if transposed else W.shape
    if tiling.tile:
        copies = ws.empty((columns // tiling.tile, depth, tiling.tile), W.dtype)
        for i, copy in enumerate(copies):
            part = slice(i * tiling.tile, (i + 1) * tiling.tile)
            _transpose(W[part], copy) if transposed else np.copyto(copy, W[:, part])
        return copies
    if transposed and tiling.copied:
        copy = ws.empty((depth, columns), W.dtype)
        _transpose(W, copy)
        return copy
    return W.T if transposed else W


def in_blocks(x: np.ndarray, block: int, W: np.ndarray) -> np.ndarray:
    """x (..., rows, K), seen in blocks of rows, with an axis for the tiles of W where it has some."""
    *outer, rows, depth = x.shape
    if W.ndim == 3:
        return x.reshape(*outer, rows // block, 1, block, depth)
    return x if block == rows else x.reshape(*outer, rows // block, block, depth)


def in_tiles(y: np.ndarray, block: int, W: np.ndarray) -> np.ndarray:
    """y (..., rows, N), seen in blocks of rows and tiles of columns: a view, which products are written through."""
    *outer, rows, columns = y.shape
    if W.ndim == 3:
        tile = W.shape[-1]
        return y.reshape(*outer, rows // block, block, columns // tile, tile).swapaxes(-3, -2)
    return y if block == rows else y.reshape(*outer, rows // block, block, columns)


def _transpose(W: np.ndarray, out: np.ndarray) -> None:
    """out = W^T, strip by strip: 2 to 5 times faster than at once."""
    for i in range(0, len(W), STRIP):
        out[:, i : i + STRIP] = W[i : i + STRIP].T
