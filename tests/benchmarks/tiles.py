"""What cutting a product into pieces is worth on this machine: each product plain, as it was chosen, and in all ways.

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.tiles [--only WORDS] [--rounds 60] [--write]

A tiling is chosen as at a run's start, by some milliseconds of measurement; then all candidates take turns for longer.
Seconds are of the processor, and the fewest count, so that others on the machine disturb little. Copies of W count as
in a window of 32 steps. `env OPENBLAS_CORETYPE=Haswell` measures the kernels for AVX2.
"""

import argparse
import datetime
import sys
import time
from pathlib import Path

from charnn.machine import blas_kernel, describe
from charnn.nn import tuning
from charnn.nn.tiling import MANY, WHOLE, Shape, Tiling, by_rule, candidates
from charnn.nn.tuning import Trial, arrays, measure

from . import tables

PAGE = Path(__file__).parents[2] / "docs" / "speed.md"
BEGIN = f"<!-- tiles, {blas_kernel()}: python -m tests.benchmarks.tiles -->\n"
END = f"<!-- end of tiles, {blas_kernel()} -->\n"
LOOPS = [  # rows, H, gates
    *((rows, hidden, 1) for hidden in (128, 256, 512, 1024) for rows in (8, 16, 25, 32, 64)),
    *((rows, hidden, 4) for hidden in (128, 256, 512) for rows in (16, 25, 32)),
]
WINDOWS = [(128, 65), (256, 65), (512, 65), (128, 128), (128, 512), (256, 256), (512, 128)]  # K, N


def shapes() -> list[Shape]:
    """Those of h[t-1] W and da[t] W^T, and those of whole windows, both ways."""
    loops = [(rows, hidden, gates * hidden) for rows, hidden, gates in LOOPS]
    ahead = [Shape(rows, depth, columns, False) for rows, depth, columns in [*loops, *((MANY, *w) for w in WINDOWS)]]
    return [shape for one in ahead for shape in (one, Shape(one.rows, one.columns, one.depth, True))]


def seconds(shape: Shape, rounds: int) -> dict[Tiling, float]:
    """Of a product in each way, its copies of W shared out."""
    given = arrays(shape)
    trials = [Trial(shape, tiling, given, time.thread_time) for tiling in {*candidates(shape), by_rule(shape)}]
    for _ in range(rounds):
        for trial in trials:
            trial.turn()
    return {trial.tiling: trial.product + trial.copying / tuning.STEPS for trial in trials}


def row(shape: Shape, rounds: int) -> str:
    chosen, found = measure(shape), seconds(shape, rounds)
    best = min(found, key=lambda tiling: found[tiling])
    plain = min(found[tiling] for tiling in (WHOLE, Tiling(copied=True)) if tiling in found)
    work = 2e-9 * (shape.rows or tuning.LONG) * shape.depth * shape.columns
    cells = [
        str(shape),
        f"{work / plain:.0f}",
        f"{work / found[chosen]:.0f}",
        str(chosen),
        f"{plain / found[chosen]:.2f}",
        f"{found[best] / found[chosen]:.2f}",
        f"{plain / found[by_rule(shape)]:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="the rows whose names have these words in them")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--write", action="store_true", help="put the table into docs/speed.md, by the kernel of BLAS")
    arguments = parser.parse_args()
    tables.need_one_thread()
    heads = "product", "plain, GFLOP/s", "chosen", "which is", "of plain", "of the best", "by rule, of plain"
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for shape in shapes():
        if arguments.only in str(shape):
            lines.append(row(shape, arguments.rounds))
            print(lines[-1], file=sys.stderr, flush=True)
    table = "\n".join([*lines, "", f"{describe()}; {datetime.date.today().isoformat()}."]) + "\n"
    if arguments.write:
        tables.write(BEGIN, table, END, PAGE)
    else:
        print(table, end="")


if __name__ == "__main__":
    main()
