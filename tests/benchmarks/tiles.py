"""What cutting a product into tiles is worth on this machine: x W for the rows of a batch, plain and tiled, in turns.

OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.tiles
"""

import statistics
import time

import numpy as np

from charnn.nn import matmul
from charnn.nn.matmul import Product
from charnn.nn.workspace import Workspace

STEPS, ROUNDS = 16, 9


def speed(W: np.ndarray, x: np.ndarray, y: np.ndarray, ws: Workspace) -> float:
    """GFLOP/s of x[t] W for every t, again and again for some milliseconds."""
    product = Product(W, x.shape[1], ws)
    pairs = list(zip(product.left(x), product.right(y), strict=True))
    flops = 2 * x.size * W.shape[1]
    repeats = max(1, round(5e-3 * 90e9 / flops))
    start = time.perf_counter()
    for _ in range(repeats):
        for left, right in pairs:
            product.times(left, product.W, right)
    return repeats * flops / (time.perf_counter() - start) / 1e9


def main() -> None:
    print("| B, H | plain, GFLOP/s | tiled | block, tile | ratio |\n|---|---|---|---|---|")
    for hidden in (128, 256, 512, 1024):
        for rows in (8, 16, 25, 32, 64):
            ws, rng = Workspace(), np.random.default_rng(0)
            x, y = (ws.empty((STEPS, rows, hidden), np.float32) for _ in range(2))
            W = ws.empty((hidden, hidden), np.float32)
            for array in (x, W):
                array[...] = rng.standard_normal(array.shape) / hidden
            turns: dict[bool, list[float]] = {False: [], True: []}
            for _ in range(ROUNDS):
                for matmul.TILED in (False, True):
                    turns[matmul.TILED].append(speed(W, x, y, Workspace()))
            plain, tiled = (statistics.median(turns[way]) for way in (False, True))
            cut = Product(W, rows, Workspace())
            print(f"| {rows}, {hidden} | {plain:.0f} | {tiled:.0f} | {cut.block}, {cut.tile} | {tiled / plain:.2f} |")


if __name__ == "__main__":
    main()
