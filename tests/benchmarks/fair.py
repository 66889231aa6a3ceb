"""Every cell on the same text, with the same parameters, for the same minutes, on the same cores: a table.

    python -m tests.benchmarks.fair tinyshakespeare.txt --minutes 10

Networks of one seed are trained one after the other, so that all meet the same disturbances; then those of the next.
Beside them stand Markov models and a hidden Markov model, which are counted. Nothing else should run meanwhile.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import charnn
from charnn.config import ModelConfig
from charnn.data.corpus import Corpus
from charnn.nn.model import Model

CELLS: dict[str, dict[str, Any]] = {
    "elman": {"cell": "elman", "layers": 1},
    "elman, 3 layers": {"cell": "elman", "layers": 3},
    "jordan": {"cell": "jordan", "layers": 1, "decay": 0.9},
    "gru": {"cell": "gru", "layers": 1},
    "lstm": {"cell": "lstm", "layers": 1},
    "conv, 4 layers": {"cell": "conv", "layers": 4, "width": 5},
    "transformer, 4 layers": {"cell": "transformer", "layers": 4, "skip": False},
}
HEADER = "model", "hidden", "parameters", "bits/char", "char/s", "MB", "samples/s"
SAMPLES, SAMPLED = 200, 100  # samples that are drawn, and characters of each at most
STATES, ORDERS, ROUNDS = 64, 8, 100  # of the models that are counted


class Measured(NamedTuple):
    """Of one network: bits per character held out, characters trained on a second, bytes, and samples a second."""

    bits: float
    speed: float
    memory: int
    samples: float


def hidden(options: dict[str, Any], parameters: int, symbols: int) -> int:
    """Hidden units, a multiple of 8, with which a network has about so many parameters."""

    def size(units: int) -> int:
        return Model(ModelConfig(hidden=units, dropout=0.0, **options), symbols).parameters

    units = 8
    while size(units + 8) <= parameters:
        units += 8
    return units if abs(size(units) - parameters) <= abs(size(units + 8) - parameters) else units + 8


def call(*words: str) -> tuple[float, int]:
    """The seconds that a command takes, and its peak memory or that of the largest of its workers."""
    start, quiet = time.perf_counter(), subprocess.DEVNULL
    running = subprocess.Popen([sys.executable, "-m", "charnn", *words], stdout=quiet, stderr=quiet)
    _, status, used = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise SystemExit(f"charnn {' '.join(words)} ended with code {running.returncode}")
    return time.perf_counter() - start, used.ru_maxrss * 1024


def measure(text: Path, options: dict[str, Any], minutes: float, seed: int, runs: str) -> Measured:
    """Train a network, score it exactly, and let it write."""
    flags = [("--" if value else "--no-") + name for name, value in options.items() if isinstance(value, bool)]
    named = [word for name, v in options.items() if not isinstance(v, bool) for word in (f"--{name}", str(v))]
    where = ["--runs", runs]
    name = f"{options['cell']}-{options['layers']}-{seed}"
    budget = ["--minutes", str(minutes), "--patience", "0", "--seed", str(seed), "--name", name]
    _, memory = call("train", str(text), *flags, *named, *budget, *where)
    run = charnn.load(name, runs)
    seconds, _ = call("sample", "-m", name, *where, "-n", str(SAMPLES), "--length", str(SAMPLED), "--seed", "0")
    train = run.origin.symbols * (1 - run.config.valid_share)
    speed = charnn.load(Path(runs) / name / "last.npz").history[-1]["epoch"] * train / (60 * minutes)
    return Measured(charnn.evaluate(run).bits, speed, memory, SAMPLES / seconds)


def counted(text: Path, name: str, runs: str) -> list[list[str]]:
    """Rows of models that are counted: the best Markov model, and a hidden Markov model."""
    rows = list(charnn.markov(name, ORDERS, states=STATES, rounds=ROUNDS, runs=runs))[:-1]
    best = min((one for one in rows if one.model.startswith("markov")), key=lambda one: one.bits)
    return [[one.model, "", "", f"{one.bits:.4f}", "", "", ""] for one in (best, rows[-1])]


def table(text: Path, minutes: float, parameters: int, seeds: int, runs: str) -> list[list[str]]:
    """A row for each cell: medians over the seeds, the least and the largest of the bits beside theirs."""
    corpus = charnn.read(text)
    assert isinstance(corpus, Corpus)
    sizes = {name: hidden(options, parameters, corpus.vocabulary.size) for name, options in CELLS.items()}
    found: dict[str, list[Measured]] = {name: [] for name in CELLS}
    for seed in range(seeds):
        for name, options in CELLS.items():
            found[name].append(measure(text, {**options, "hidden": sizes[name]}, minutes, seed, runs))
    rows = []
    for name, options in CELLS.items():
        bits, speed, memory, samples = ([getattr(one, field) for one in found[name]] for field in Measured._fields)
        config = ModelConfig(**{**options, "hidden": sizes[name], "dropout": 0.0})
        size = Model(config, corpus.vocabulary.size).parameters
        told = f"{statistics.median(bits):.4f} ({min(bits):.4f}-{max(bits):.4f})"
        middle = (f"{statistics.median(one):,.0f}" for one in (speed, [m / 1e6 for m in memory], samples))
        rows.append([name, str(sizes[name]), f"{size:,}", told, *middle])
    return rows + counted(text, "elman-1-0", runs)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("text", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--parameters", type=int, default=500_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", default="fair", help="folder of the runs: `charnn plot --runs` draws their losses")
    given = parser.parse_args(arguments)
    rows = table(given.text, given.minutes, given.parameters, given.seeds, given.runs)
    for row in (HEADER, ["---"] * len(HEADER), *rows):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
