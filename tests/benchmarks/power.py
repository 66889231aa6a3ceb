"""Which cell learns what: each task of helpers/power.py by each cell, several seeds; writes the table of docs/power.md.

    python -m tests.benchmarks.power [--seeds 0 1 2 3 4] [--only WORDS] [--cache power.jsonl] [--write]

What is in the cache is not run again, so that it can be interrupted. `--only lstm` runs the cells and the tasks whose
names have that in them. Figures do not depend on what else the machine does.
"""

import argparse
import datetime
import statistics
import time
from pathlib import Path
from typing import Any

from charnn import machine
from tests.helpers.power import CELLS, TASKS

from . import tables

PAGE = tables.DOCS / "power.md"
BEGIN, END = "<!-- power: python -m tests.benchmarks.power -->\n", "<!-- end of power -->\n"


def measure(cell: str, task: str, seed: int) -> dict[str, Any]:
    """One training, and what came of it."""
    started = time.process_time()
    figure = TASKS[task].run(CELLS[cell], seed)
    return {
        "cell": cell,
        "task": task,
        "seed": seed,
        "figure": figure,
        "passed": TASKS[task].passed(figure),
        "seconds": time.process_time() - started,
        "date": datetime.date.today().isoformat(),
        "machine": machine.describe(),
    }


def entry(cell: str, task: str, results: list[dict[str, Any]]) -> str:
    """How many passed, and their median figure; bold where all did."""
    same = [result for result in results if (result["cell"], result["task"]) == (cell, task)]
    if not same:
        return "-"
    passed, middle = sum(result["passed"] for result in same), statistics.median(r["figure"] for r in same)
    counted = f"{passed} of {len(same)}"
    return f"{f'**{counted}**' if passed == len(same) else counted} ({TASKS[task].show.format(middle)})"


def table(results: list[dict[str, Any]]) -> str:
    """Markdown: a row for each cell, a column for each task."""
    lines = [f"| {' | '.join(['cell', *TASKS])} |", "|" + "---|" * (1 + len(TASKS))]
    lines += [f"| {' | '.join([cell, *(entry(cell, task, results) for task in TASKS)])} |" for cell in CELLS]
    if results:
        seeds = ", ".join(map(str, sorted({result["seed"] for result in results})))
        dates = sorted({result["date"] for result in results})
        when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        seconds = [result["seconds"] for result in results]
        lines += [
            "",
            f"Seeds {seeds}; {min(seconds):.0f} to {max(seconds):.0f} seconds each on one core of "
            f"{results[0]['machine']}; {when}.",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--only", default="", help="run the cells and tasks whose names have these words in them")
    parser.add_argument("--cache", type=Path, default=Path("power.jsonl"))
    parser.add_argument("--write", action="store_true", help="put all that the cache holds into docs/power.md")
    arguments = parser.parse_args()
    cache = arguments.cache
    results = tables.kept(cache)
    done = {(result["cell"], result["task"], result["seed"]) for result in results}
    for seed, task, cell in ((s, t, c) for s in arguments.seeds for t in TASKS for c in CELLS):
        if (cell, task, seed) in done or arguments.only not in f"{cell} {task}":
            continue
        results.append(measure(cell, task, seed))
        tables.keep(cache, results[-1])
    print(table(results), end="")
    if arguments.write:
        tables.write(BEGIN, table(results), END, PAGE)


if __name__ == "__main__":
    main()
