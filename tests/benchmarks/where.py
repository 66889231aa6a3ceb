"""Where the time goes: the parts of an update, or of reading a text to score it, as shares of the whole.

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.where [--only WORDS] [--write]

Each row's job runs as it is, and with a clock around what its parts call; the two take turns. A part's time is that of
its calls, less what other parts take within them; the rest, loops and additions among it, is what is left of the job
as it is. Of a team's workers it is the caller that is watched. `--write` puts the table into docs/speed.md.
"""

import argparse
import datetime
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from charnn.machine import cores, describe
from charnn.nn import functions, heads, matmul, optimizers, replay
from charnn.nn.layers import gru, linear, lstm
from charnn.parallel import processes

from . import tables
from .peers import ours
from .peers.contender import Entry, Job
from .peers.work import Work

PAGE = Path(__file__).parents[2] / "docs" / "speed.md"
BEGIN, END = "<!-- where: python -m tests.benchmarks.where -->\n", "<!-- end of where -->\n"
ROUNDS, TURN = 7, 0.3  # seconds
WORKS = (
    Work("train", 50, 50, 128, 2),
    Work("train", 64, 64, 256, 1),
    Work("train", 64, 128, 512, 1),
    Work("train", 32, 100, 512, 2),
    Work("train", 1, 25, 100, 1),
    Work("train", 50, 50, 128, 2, cell="lstm"),
    Work("train", 64, 128, 512, 1, cell="lstm"),
    Work("train", 32, 64, 256, 2, cell="lstm", skip=True, dropout=0.4),
    Work("evaluate", 64, 4096, 128, 1),
    Work("evaluate", 64, 1024, 512, 1),
    Work("evaluate", 64, 1024, 128, 2, cell="lstm"),
)
RATES = [functions.Tanh, functions.Sigmoid, functions.ReLU, lstm.LSTMGates, gru.GRUGates]
PARTS: dict[str, list[tuple[Any, str]]] = {
    "products of the loop": [(matmul.Product, "__init__")],  # its `times` too, see `watched`
    "other products": [(matmul, "multiply"), (linear, "add_product")],
    "gates": [(owner, name) for owner in RATES for name in ("forward", "backward")],
    "rows of symbols": [(linear, "add_rows")],
    "loss": [(heads.SoftmaxHead, "loss"), (heads.SoftmaxHead, "surprisal"), (heads.SoftmaxHead, "nats")],
    "optimiser": [(optimizers, "apply"), (optimizers, "norm")],
    "waiting": [(processes.Barrier, "wait")],
}


class Clock:
    """Seconds of each part, less those of the parts within it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.within = 0.0  # of the parts called by the one that runs now

    def around(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def timed(*args: Any, **named: Any) -> Any:
            outer, self.within, start = self.within, 0.0, time.perf_counter()
            try:
                return function(*args, **named)
            finally:
                passed = time.perf_counter() - start
                self.seconds[part] += passed - self.within
                self.within = outer + passed

        return timed


@contextmanager
def watched(clock: Clock) -> Iterator[None]:
    """All parts with a clock around them, wherever a module of charnn holds them."""
    undo: list[tuple[Any, str, Any]] = []

    def put(owner: Any, name: str, value: Any) -> None:
        undo.append((owner, name, owner.__dict__[name]))
        setattr(owner, name, value)

    for part, places in PARTS.items():
        for owner, name in places:
            original = owner.__dict__[name]
            function = original.__func__ if isinstance(original, staticmethod) else original
            timed: Any = clock.around(part, function)
            if name == "__init__":
                timed = _with_times(timed, clock, part)
            put(owner, name, staticmethod(timed) if isinstance(original, staticmethod) else timed)
            modules = [] if isinstance(owner, type) else list(sys.modules.values())
            for module in modules:
                if getattr(module, "__name__", "").startswith("charnn.") and module.__dict__.get(name) is original:
                    put(module, name, timed)
    put(replay, "run", lambda window, ws: window.run(ws))  # a window that is repeated does not call its parts
    try:
        yield
    finally:
        for owner, name, original in reversed(undo):
            setattr(owner, name, original)


def _with_times(init: Callable[..., None], clock: Clock, part: str) -> Callable[..., None]:
    def made(self: Any, *args: Any, **named: Any) -> None:
        init(self, *args, **named)
        self.times = clock.around(part, self.times)

    return made


def seconds(job: Job, times: int) -> float:
    start = time.perf_counter()
    job.run(times)
    return (time.perf_counter() - start) / times


def measure(work: Work) -> tuple[float, dict[str, float], float]:
    """Seconds of one repetition; of each of its parts; and what its products would take at the machine's peak."""
    team = cores() if work.task == "train" and work.batch > 1 else 1
    entry, clock = Entry("charnn", "numpy", work, team=team), Clock()
    plain = _job(entry)
    with watched(clock):
        timed = _job(entry)
        seconds(timed, 2)  # workers are forked here, with their clocks
    peak = ours.Products()
    times = max(1, round(TURN / seconds(plain, 2)))
    peak.run(1)
    whole, found, best = [], [], []
    for _ in range(ROUNDS):
        whole.append(seconds(plain, times))
        clock.seconds.clear()
        with watched(clock):
            timed.run(times)
        found.append({part: clock.seconds[part] / times for part in PARTS})
        best.append(seconds(peak, 1))
    parts = {part: statistics.median(turn[part] for turn in found) for part in PARTS}
    rate = peak.size / statistics.median(best)  # multiply-adds a second, of one core
    return statistics.median(whole), parts, work.multiplications / team / rate


def _job(entry: Entry) -> Job:
    job = ours.make(entry, 0, Path())
    job.run(2)
    return job


def name(work: Work) -> str:
    words = [work.task, *([work.cell] if work.cell != "elman" else [])]
    sizes = ", ".join(map(str, (work.batch, work.steps, work.hidden, work.layers)))
    return f"{' '.join(words)} {sizes}{', skip, dropout' if work.skip else ''}"


def row(work: Work) -> str:
    whole, parts, least = measure(work)
    shares = [part / whole for part in parts.values()]
    cells = [f"{share:.0%}" if share >= 0.005 else "-" for share in [*shares, max(0.0, 1 - sum(shares))]]
    scale, unit = (1e3, "ms") if whole >= 1e-3 else (1e6, "us")
    return f"| {' | '.join([name(work), f'{whole * scale:.3g} {unit}', f'{least / whole:.0%}', *cells])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="the rows whose names have these words in them")
    parser.add_argument("--write", action="store_true", help="put the table into docs/speed.md")
    arguments = parser.parse_args()
    tables.need_one_thread()
    heads = ["work", "one repetition", "products at peak", *PARTS, "the rest"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for work in WORKS:
        if arguments.only in name(work):
            lines.append(row(work))
            print(lines[-1], file=sys.stderr, flush=True)
    lines += ["", f"{describe()}; {datetime.date.today().isoformat()}."]
    table = "\n".join(lines) + "\n"
    if arguments.write:
        tables.write(BEGIN, table, END, PAGE)
    else:
        print(table, end="")


if __name__ == "__main__":
    main()
