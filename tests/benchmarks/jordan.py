"""What recurrence from the output is worth: Jordan's cell against Elman's, in characters a second and in bits.

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.jordan [TEXT] [--updates 4000] [--seconds 120] [--write]

Speed: whole updates by one worker, of a text of random letters, in turns; medians of the rounds. Bits, where a TEXT is
given: of its last 10 %, after the same number of updates, and after the same time of training alone.
"""

import argparse
import datetime
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import charnn
from charnn import machine
from charnn.config import ModelConfig, TrainConfig
from charnn.data.corpus import Corpus
from charnn.evaluation.score import evaluate
from charnn.nn.network import Network
from charnn.runs.run import CorpusInfo
from charnn.tasks.text import BURN_IN
from charnn.training.plan import new_run, resolve
from charnn.training.trainer import Trainer, Update
from tests.benchmarks import tables
from tests.benchmarks.growth import letters, speed

PAGE = tables.DOCS / "networks.md"
BEGIN, END = "<!-- jordan: python -m tests.benchmarks.jordan -->\n", "<!-- end of jordan -->\n"
SIZES = (50, 50, 128, 1), (64, 64, 256, 1), (64, 64, 256, 2), (32, 100, 512, 2)  # B, T, H, L
CELLS: dict[str, dict[str, Any]] = {
    "elman": {"cell": "elman"},
    "jordan": {"cell": "jordan"},
    "jordan, decay 0.8": {"cell": "jordan", "decay": 0.8},
    "jordan, decay 0": {"cell": "jordan", "decay": 0.0},
}
TRAINED = (64, 64, 256, 2)  # in the comparison of bits


def trainer(corpus: Corpus, size: tuple[int, int, int, int], cell: dict[str, Any], steps: int) -> Trainer:
    """A run of plain layers, without what would tell the cells apart by anything but their recurrence."""
    batch, window, hidden, layers = size
    config = TrainConfig(batch=batch, window=window, workers=1, steps=steps, validate_every=10**9, state="carry")
    model = ModelConfig(hidden=hidden, layers=layers, activation="tanh", skip=False, dropout=0.0, **cell)
    plan = resolve(corpus, model, config)
    return Trainer(new_run(plan, CorpusInfo(("text",), "", len(plan.train))), plan)


def speeds(rounds: int) -> list[list[str]]:
    """For each size: characters a second of each cell, and how many times Elman's the others' are."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        corpus = charnn.read(letters(Path(folder) / "text.txt", 1 << 20))
    for size in SIZES:
        contenders = {name: trainer(corpus, size, cell, 10**9) for name, cell in CELLS.items()}
        found: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, one in contenders.items():
                found[name].append(speed(one.update))
        middle = {name: statistics.median(rates) for name, rates in found.items()}
        rows.append([", ".join(map(str, size)), *(told(rate, middle["elman"]) for rate in middle.values())])
    return rows


def told(rate: float, first: float) -> str:
    return f"{rate:,.0f}" if rate == first else f"{rate:,.0f} ({rate / first:.2f} x)"


def bits(corpus: Corpus, cell: dict[str, Any], updates: int, seconds: float | None) -> tuple[float, int, float]:
    """Bits per character of the held-out part, after so many updates; after so much time where that is given.

    The schedule has to know how many updates there will be: with a time, they follow from the speed at the start.
    """
    if seconds is not None:
        first = trainer(corpus, TRAINED, cell, 10**9)
        rate = statistics.median(speed(first.update) for _ in range(5))
        updates = max(1, round(seconds * rate / first.scheme.size))
    one, new_run = trainer(corpus, TRAINED, cell, updates), time.perf_counter()
    while one.run.step < updates:
        assert isinstance(one.update(), Update)
    passed, run = time.perf_counter() - new_run, one.run
    valid = corpus.split(run.config.valid_share)[1]
    return evaluate(Network(run.model, run.weights, False), valid, burn_in=BURN_IN).bits, updates, passed


def qualities(text: Path, updates: int, seconds: float) -> list[list[str]]:
    corpus, rows = charnn.read(text), []
    for name, cell in CELLS.items():
        same = [bits(corpus, cell, updates, None), bits(corpus, cell, updates, seconds)]
        rows.append([name, *(f"{b:.4f} ({n:,} updates, {passed:.0f} s)" for b, n, passed in same)])
    return rows


def markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("text", nargs="?", type=Path, help="text to learn; speeds alone without it")
    parser.add_argument("--updates", type=int, default=4000, help="the same for all")
    parser.add_argument("--seconds", type=float, default=120, help="the same for all, as far as speeds tell")
    parser.add_argument("--rounds", type=int, default=9, help="of the speeds, in turns")
    parser.add_argument("--write", action="store_true", help="put it into docs/networks.md, between its marks")
    arguments = parser.parse_args()
    tables.need_one_thread()
    found = markdown(["B, T, H, L: char/s", *CELLS], speeds(arguments.rounds))
    if arguments.text:
        header = [
            f"{arguments.text.name}, last 10 %, {', '.join(map(str, TRAINED))}",
            "bits/char, same updates",
            "same time",
        ]
        found += "\n" + markdown(header, qualities(arguments.text, arguments.updates, arguments.seconds))
    found += f"\n{machine.describe()}, {datetime.date.today().isoformat()}; tanh, no skip connections, one worker.\n"
    print(found, end="")
    if arguments.write:
        tables.write(BEGIN, found, END, PAGE)


if __name__ == "__main__":
    main()
