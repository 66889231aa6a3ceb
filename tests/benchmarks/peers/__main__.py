"""charnn beside torch, JAX and a min-char-rnn loop, the same work in turns: writes the table of docs/speed.md.

    python -m tests.benchmarks.peers [--rows train,sample,evaluate] [--only WORDS] [--rounds 7] [--turn 0.3]
                                     [--quick] [--cache peers.jsonl] [--write]

Alone on the machine. Gradients are checked equal before anything is timed. What is in the cache is not run again, so
that it can be interrupted. `--quick` leaves out torch.compile, which takes minutes to be ready. Each row is printed as
it is done; `--only "train 50"` runs the rows whose names have that in them.
"""

import argparse
import sys
from pathlib import Path

from .. import tables
from . import table
from .work import TASKS

PAGE = tables.DOCS / "speed.md"
BEGIN, END = "<!-- peers: python -m tests.benchmarks.peers -->\n", "<!-- end of peers -->\n"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", default=",".join(TASKS), help="kinds of rows to run")
    parser.add_argument("--only", default="", help="run the rows whose names have these words in them")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--turn", type=float, default=0.3, help="seconds for each in a round")
    parser.add_argument("--quick", action="store_true", help="without torch.compile")
    parser.add_argument("--cache", type=Path, default=Path("peers.jsonl"))
    parser.add_argument("--write", action="store_true", help="put all that the cache holds into docs/speed.md")
    arguments = parser.parse_args()
    cache = arguments.cache
    results = tables.kept(cache)
    for name, work in table.rows():
        if work.task not in arguments.rows.split(",") or arguments.only not in name:
            continue
        if any(result["row"] == name for result in results):
            continue
        found = table.measure(name, work, arguments.rounds, arguments.turn, arguments.quick, _tell)
        results.append(found)
        tables.keep(cache, found)
        print(" | ".join(table.cells(found)), flush=True)
    if arguments.write:
        tables.write(BEGIN, table.markdown(results), END, PAGE)
    else:
        print(table.markdown(results), end="")


if __name__ == "__main__":
    main()
