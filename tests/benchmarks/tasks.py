"""How well tasks are learnt: python -m tests.benchmarks.tasks --data DIR [--only NAME] [--seeds N] [--processor].

DIR holds the data of others (see `JOBS`). Each job is one command, with the default options but for its time, and is
run with several seeds, one after the other. Its figures are those of `charnn eval --json` on lines that it was not
trained on. Records are kept in a file (`--cache`), so that the whole can be interrupted and goes on. At the end a table
of medians over the seeds is printed.

On a machine that has other work too, `--processor` counts the processor's time of one worker in place of the clock's.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from charnn import machine
from tests.benchmarks import tables

CACHE = Path(__file__).with_suffix(".jsonl")
MIXED = "mixed_"


class Job(NamedTuple):
    """Files below the folder of data, options of `charnn train`, and the figures that matter, with their goals."""

    train: str
    dev: str | None
    options: str
    minutes: float
    goals: dict[str, float]  # at least, 0 for none; names that begin with MIXED are of --mix ngram


NAMES = "names-by-language/train.tsv", "names-by-language/dev.tsv"
FORMS = "--task translate --columns 1+3,2"
PHONES = "--task translate --target-units words"


def forms(language: str) -> tuple[str, str]:
    """Inflected forms of a language, from the shared task of 2017."""
    return f"inflection-2017/{language}-train-high.tsv", f"inflection-2017/{language}-dev.tsv"


def phones(language: str) -> tuple[str, str]:
    """Words and their phones, from the shared task of 2021."""
    return f"g2p-2021/{language}_train.tsv", f"g2p-2021/{language}_dev.tsv"


JOBS = {
    "names, 18 languages": Job(
        *NAMES,
        "--task classify",
        1,
        {"accuracy": 0.85, "macro_f1": 0.55, f"{MIXED}accuracy": 0.85, f"{MIXED}macro_f1": 0.55},
    ),
    "names given the language": Job(*NAMES, "--task condition", 5, {"bayes_accuracy": 0.82}),
    "inflection, German": Job(*forms("german"), FORMS, 10, {"written_exact": 0.91}),
    "inflection, Turkish": Job(*forms("turkish"), FORMS, 10, {"written_exact": 0.95}),
    "inflection, English": Job(*forms("english"), FORMS, 10, {"written_exact": 0.96}),
    "phones, Hungarian": Job(*phones("hun"), PHONES, 10, {"written_exact": 0.96}),
    "phones, French": Job(*phones("fre"), PHONES, 10, {"written_exact": 0.88}),
    "dates": Job("dates/train.tsv", None, "--task translate", 5, {"written_exact": 0.995}),
    "gaps in Shakespeare": Job("tinyshakespeare.txt", None, "--task fill", 10, {"filled": 0.9, f"{MIXED}filled": 0.9}),
    "the next character of Shakespeare": Job("tinyshakespeare.txt", None, "", 10, {"accuracy": 0}),
}


BY_PROCESSOR = """
import os, time
os.environ["OPENBLAS_NUM_THREADS"] = "1"
from charnn.__main__ import main
from charnn.training.trainer import Trainer
Trainer.__init__.__defaults__ = None, time.process_time
main()
"""  # charnn, which trains by one worker's time


def charnn(*args: object, folder: Path, processor: bool = False) -> str:
    """What a command writes to standard output."""
    how = ["-c", BY_PROCESSOR] if processor else ["-m", "charnn"]
    command = [sys.executable, *how, *map(str, args)]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def measure(name: str, seed: int, data: Path, scale: float = 1, processor: bool = False) -> dict[str, Any]:
    """Train and evaluate a job; its record. `scale` shortens its time, which with `processor` is one worker's."""
    job = JOBS[name]
    with tempfile.TemporaryDirectory() as folder:
        at, minutes = Path(folder), job.minutes * scale
        dev = ["--valid-file", data / job.dev] if job.dev else []
        alone = ["--workers", 1] if processor else []
        options = [*job.options.split(), *dev, "--minutes", f"{minutes:g}", "--seed", seed, *alone]
        started = time.monotonic()
        charnn("train", data / job.train, *options, "--name", "run", folder=at, processor=processor)
        took = time.monotonic() - started
        figures = json.loads(charnn("eval", "-m", "run", "--json", folder=at))
        if any(name.startswith(MIXED) for name in job.goals):
            mixed = json.loads(charnn("eval", "-m", "run", "--json", "--mix", "ngram", folder=at))
            figures |= {f"{MIXED}{name}": value for name, value in mixed.items()}
        return {
            "job": name,
            "seed": seed,
            "command": f"charnn train {Path(job.train).name} {job.options} --minutes {minutes:g}",
            "minutes": minutes if processor else round(took / 60, 2),
            "cores": 1 if processor else machine.cores(),
            "clock": "processor" if processor else "wall",
            "load": machine_load(),
            "date": datetime.now(UTC).date().isoformat(),
            **figures,
        }


def machine_load() -> float:
    """Processes that want a core, on average over five minutes: more than there are cores make training slower."""
    return float(Path("/proc/loadavg").read_text("ascii").split()[1]) if Path("/proc/loadavg").exists() else 0.0


def table(records: list[dict[str, Any]]) -> str:
    """Medians over the seeds, a row for each figure that has a goal, beside what there was to beat."""
    heads = ("job", "figure", "median (seeds)", "goal", "to beat", "command", "measured")
    rows: list[Sequence[str]] = [heads, ["---"] * len(heads)]
    for name, job in JOBS.items():
        found = [record for record in records if record["job"] == name]
        for figure, goal in job.goals.items() if found else ():
            values = [record[figure] for record in found if figure in record]
            if not values:
                continue
            last = found[-1]
            beaten = ", ".join(f"{key} {value:.3g}" for key, value in last["baselines"].items())
            got = f"{median(values):.4f} ({len(values)})"
            counted = " of one worker" if last.get("clock") == "processor" else ""
            place = f"{last['minutes']:g} min{counted}, {last['cores']} cores, load {last['load']:g}, {last['date']}"
            rows.append((name, figure, got, f"{goal:g}" if goal else "", beaten, f"`{last['command']}`", place))
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how well tasks are learnt.")
    parser.add_argument("--data", type=Path, help="folder of the data of others")
    parser.add_argument("--only", choices=JOBS, help="this job alone")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="share of each job's time")
    parser.add_argument("--processor", action="store_true", help="count one worker's processor time, not the clock's")
    parser.add_argument("--cache", type=Path, default=CACHE)
    given = parser.parse_args()
    for name in [given.only] if given.only else JOBS:
        for seed in range(given.seeds) if given.data else ():
            if (name, seed) not in {(record["job"], record["seed"]) for record in tables.kept(given.cache)}:
                tables.keep(
                    given.cache, record := measure(name, seed, given.data.resolve(), given.scale, given.processor)
                )
                print(record, flush=True)
    print(table(tables.kept(given.cache)))


if __name__ == "__main__":
    main()
