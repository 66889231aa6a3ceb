"""What a character of training takes as the corpus, or the window, grows; and two workers or ranks against one.

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.growth [--gigabyte]

Everything is timed in turns, one round after the other, and given as the median of the rounds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import charnn
from charnn.config import ModelConfig, TrainConfig
from charnn.data import tokenized
from charnn.data.corpus import Corpus
from charnn.io.text import Source, file_source
from charnn.runs.run import CorpusInfo
from charnn.training.plan import new_run, resolve
from charnn.training.session import Session

from . import tables

SYMBOLS = 64
ROUNDS, SECONDS = 9, 0.3
SHAPE: dict[str, Any] = {"cell": "elman", "activation": "tanh", "hidden": 128, "layers": 1, "skip": False}
SHAPE |= {"dropout": 0.0}
RANKS = "import sys; from tests.benchmarks.growth import rank_speed; rank_speed(*map(int, sys.argv[1:]))"


def letters(path: Path, size: int) -> Source:
    """A text of random letters in lines."""
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for _ in range(0, size, 1 << 20):
            file.write((rng.integers(0, SYMBOLS - 1, min(size, 1 << 20)) + 48).astype(np.uint8).tobytes() + b"\n")
    return file_source(str(path))


def session(corpus: Corpus, batch: int = 32, window: int = 64, workers: int = 1, **shape: int) -> Session:
    """A run without baselines, whose counting would take longer than all else."""
    size = len(corpus.split(0.1)[0])
    config = TrainConfig(
        batch=batch,
        window=window,
        workers=workers,
        schedule="constant",
        steps=10**9,
        validate_every=10**9,
        state="carry",
    )
    model = ModelConfig(**{**SHAPE, **shape})
    plan = resolve(corpus, model, config)
    return Session(new_run(plan, CorpusInfo(("random",), "", size)), plan)


def speeds(contenders: dict[str, Session]) -> dict[str, float]:
    """Characters a second of each, in turns."""
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, one in contenders.items():
            found[name].append(speed(one.trainer.update))
    for one in contenders.values():
        one.group.close()
    return {name: statistics.median(rates) for name, rates in found.items()}


def speed(update: Callable[[], Any], seconds: float = SECONDS) -> float:
    update()
    new_run, count = time.perf_counter(), 0
    while time.perf_counter() - new_run < seconds:
        count += update().count
    return count / (time.perf_counter() - new_run)


def rank_speed(hidden: int, layers: int) -> None:
    """What each rank does: train, and let rank 0 print characters a second of all."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = charnn.read(letters(Path(folder) / "text.txt", 1 << 20))
        one = session(corpus, 64, 64, hidden=hidden, layers=layers)
        for _ in range(20):
            one.trainer.update()
        new_run = time.perf_counter()
        for _ in range(100):
            one.trainer.update()
        if one.group.rank == 0:
            print(json.dumps(100 * 64 * 64 / (time.perf_counter() - new_run)))


def ranks(count: int, hidden: int, layers: int) -> float:
    """Characters a second of so many MPI ranks."""
    mpiexec = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(count)]
    command = [*mpiexec, sys.executable, "-c", RANKS, str(hidden), str(layers)]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def show(title: str, found: dict[str, float]) -> None:
    first = next(iter(found.values()))
    print(f"\n{title}")
    for name, rate in found.items():
        print(f"  {name:>16}  {rate:12,.0f} char/s  {1e9 / rate:8.0f} ns/char  {first / rate:6.3f} x the first's time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabyte", action="store_true", help="corpora up to 1 GB, which takes a minute more")
    sizes = [10**6, 10**7, 10**8, *([10**9] if parser.parse_args().gigabyte else [])]
    tables.need_one_thread()
    with tempfile.TemporaryDirectory() as folder:
        corpora = {}
        for size in sizes:
            out = Path(folder) / f"{size}.npz"
            tokenized.write(out, [letters(Path(folder) / f"{size}.txt", size)], "file", "error", iter)
            (Path(folder) / f"{size}.txt").unlink()
            corpora[f"{size:,}"] = tokenized.read(out)
        show("corpus size, characters", speeds({name: session(corpus) for name, corpus in corpora.items()}))
        some = corpora[f"{10**7:,}"]
        show("window T", speeds({str(T): session(some, window=T) for T in (64, 16, 32, 128, 256, 512, 1024)}))
        for hidden, layers in ((128, 2), (256, 1), (512, 1)):
            both = {str(n): session(some, 64, 64, n, hidden=hidden, layers=layers) for n in (1, 2)}
            show(f"workers, {layers} x {hidden}", speeds(both))
    for hidden, layers in ((128, 2), (256, 1), (512, 1)):
        turns = [(ranks(1, hidden, layers), ranks(2, hidden, layers)) for _ in range(5)]
        one, two = (statistics.median(rates) for rates in zip(*turns, strict=True))
        show(f"MPI ranks, {layers} x {hidden}", {"1": one, "2": two})


if __name__ == "__main__":
    main()
