"""What repeating the calls of windows is worth on this machine: updates of one worker with lists of calls and without.

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.windows [--only WORDS] [--write]

Both ways take turns, and the fewest seconds of the processor count, so that others on the machine disturb little.
`--write` puts the table into docs/speed.md. Rows are B, T, H, L as in the table beside PyTorch and JAX.
"""

import argparse
import datetime
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from charnn.config import ModelConfig, TrainConfig
from charnn.data.vocabulary import Vocabulary
from charnn.machine import describe
from charnn.nn import replay
from charnn.nn.model import Model
from charnn.runs.run import CorpusInfo
from charnn.training.plan import lay_out, new_run
from charnn.training.trainer import Trainer

from . import tables

PAGE = tables.DOCS / "speed.md"
BEGIN, END = "<!-- windows: python -m tests.benchmarks.windows -->\n", "<!-- end of windows -->\n"
SYMBOLS, TEXT = 64, 20_000
ENDS = 0.12  # the share of symbols that end a sequence
ROUNDS, TURN = 12, 0.05  # turns of each way, seconds of each turn
WARM = 200  # updates that nobody times: shapes that come often have their lists by then


@dataclass(frozen=True)
class Row:
    """Updates from B rows of T steps, elman with tanh unless another cell is named, with options of training."""

    batch: int
    window: int
    hidden: int = 100
    layers: int = 1
    cell: str = "elman"
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        sizes = ", ".join(map(str, (self.batch, self.window, self.hidden, self.layers)))
        more = [f"`--{name.replace('_', '-')} {value}`" for name, value in self.options.items()]
        return ", ".join([f"{'' if self.cell == 'elman' else self.cell + ' '}{sizes}", *more])

    def trainer(self) -> Trainer:
        """What makes these updates of one worker, on random text. The rate is 0, so that nothing can diverge."""
        activation = "tanh" if self.cell == "elman" else None
        network = ModelConfig(self.cell, self.hidden, self.layers, activation, skip=False, dropout=0.0)
        limits: dict[str, Any] = {"rate": 0.0, "schedule": "constant", "steps": 10**9, "workers": 1}
        config = TrainConfig(batch=self.batch, window=self.window, **{**limits, "state": "carry", **self.options})
        rng = np.random.default_rng(0)
        ids = np.where(rng.random(TEXT) < ENDS, 0, rng.integers(1, SYMBOLS, TEXT)).astype(np.uint8)
        vocabulary = Vocabulary(tuple(range(32, 31 + SYMBOLS)), "line")
        plan = lay_out(Model(network, SYMBOLS), config, vocabulary, ids, ids[:0])
        return Trainer(new_run(plan, CorpusInfo(("random",), "", TEXT)), plan)


ROWS = (
    Row(1, 1),
    Row(1, 25),
    Row(1, 25, options={"stride": 1}),
    Row(1, 25, options={"scheme": "one-step"}),
    Row(1, 25, options={"scheme": "unbiased"}),
    Row(1, 32, options={"scheme": "full", "state": "reset"}),
    Row(8, 25, options={"state": "reset"}),
    Row(50, 50, 128, 2),
    Row(1, 25, cell="lstm"),
    Row(50, 50, 128, 2, "lstm"),
)


@contextmanager
def in_python() -> Iterator[None]:
    """Every window as it is written, without a list of calls."""
    original = replay.run
    replay.run = lambda window, ws: window.run(ws)
    try:
        yield
    finally:
        replay.run = original


def updates(trainer: Trainer, count: int) -> float:
    """Seconds of the processor for an update."""
    start = time.thread_time()
    for _ in range(count):
        trainer.update()
    return (time.thread_time() - start) / count


def measure(row: Row) -> tuple[float, float]:
    """Seconds of an update without a list of calls, and with one."""
    trainer = row.trainer()
    count = max(1, round(TURN / updates(trainer, WARM if row.batch < 50 else 2 * replay.TIMES_SEEN)))
    plain, repeated = [], []
    for _ in range(ROUNDS):
        with in_python():
            plain.append(updates(trainer, count))
        repeated.append(updates(trainer, count))
    return min(plain), min(repeated)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="the rows whose names have these words in them")
    parser.add_argument("--write", action="store_true", help="put the table into docs/speed.md")
    arguments = parser.parse_args()
    tables.need_one_thread()
    lines = ["| an update of one worker | in Python, us | repeated, us | times as fast |", "|---|---|---|---|"]
    for row in ROWS:
        if arguments.only in str(row):
            plain, repeated = measure(row)
            lines.append(f"| {row} | {1e6 * plain:,.0f} | {1e6 * repeated:,.0f} | {plain / repeated:.2f} |")
            print(lines[-1], file=sys.stderr, flush=True)
    table = "\n".join([*lines, "", f"{describe()}; {datetime.date.today().isoformat()}."]) + "\n"
    if arguments.write:
        tables.write(BEGIN, table, END, PAGE)
    else:
        print(table, end="")


if __name__ == "__main__":
    main()
