"""How good the defaults are: trains on each text given, scores the held-out part exactly, writes README's table.

    python -m tests.benchmarks.quality TEXT... [--minutes 10] [--seeds 0 1 2] [--cache results.jsonl] [--write]

One run after another, alone on the machine. What is in the cache is not run again, so that it can be interrupted. With
several seeds the table holds the medians.
"""

import argparse
import datetime
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from charnn.bench import machine

from . import tables

BEGIN, END = "<!-- results: python -m tests.benchmarks.quality -->\n", "<!-- end of results -->\n"


def run(*words: str) -> str:
    """What `charnn` with these words prints on standard output."""
    command = [sys.executable, "-m", "charnn", *words]
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout


def measure(text: Path, minutes: float | None, seed: int) -> dict[str, Any]:
    """Train with default options, and score what came of it on its own held-out part."""
    budget = ["--minutes", f"{minutes:g}"] if minutes else []
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        run("train", str(text), *budget, "--seed", str(seed), "--out", folder, "--name", "run")
        seconds = time.monotonic() - started
        score = json.loads(run("eval", "-m", f"{folder}/run", "--json"))
        facts = json.loads(run("info", "-m", f"{folder}/run", "--json"))
    return {
        "text": text.name,
        "sha256": facts["sha256"],
        "command": " ".join(["charnn train", text.name, *budget]),
        "seed": seed,
        "bits": score["bits_per_char"],
        "held_out": score["count"],
        "ngram": score["baselines"]["ngram"],
        "order": score["baselines"]["order"],
        "parameters": facts["parameters"],
        "dropout": facts["model"]["dropout"],
        "minutes": seconds / 60,
        "date": datetime.date.today().isoformat(),
        "machine": machine.describe(),
    }


def table(results: list[dict[str, Any]]) -> str:
    """Markdown rows, one for each command, medians over seeds."""
    lines = [
        "| command | held out, last 10 % | bits/char | Kneser-Ney | parameters | minutes | seed | machine, date |",
        "|---|---|---|---|---|---|---|---|",
    ]
    commands = dict.fromkeys((result["command"], result["sha256"]) for result in results)
    for key in commands:
        same = [result for result in results if (result["command"], result["sha256"]) == key]
        middle, first = {n: statistics.median(r[n] for r in same) for n in ("bits", "minutes")}, same[0]
        seeds = ", ".join(str(result["seed"]) for result in same) + (" (median)" if len(same) > 1 else "")
        lines.append(
            f"| `{first['command']}` | {first['held_out']:,} symbols | **{middle['bits']:.4f}** "
            f"| {first['ngram']:.4f} ({first['order']}-gram) | {first['parameters']:,} | {middle['minutes']:.1f} "
            f"| {seeds} | {first['machine']}, {first['date']} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--minutes", type=float, help="budget of each run; the default budget without it")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--cache", type=Path, default=Path("results.jsonl"))
    parser.add_argument("--write", action="store_true", help="put all that the cache holds into README")
    arguments = parser.parse_args()
    results = tables.kept(arguments.cache)
    budget = f" --minutes {arguments.minutes:g}" if arguments.minutes else ""
    for text in arguments.texts:
        for seed in arguments.seeds:
            if any((r["command"], r["seed"]) == (f"charnn train {text.name}{budget}", seed) for r in results):
                continue
            results.append(measure(text, arguments.minutes, seed))
            tables.keep(arguments.cache, results[-1])
    print(table(results), end="")
    if arguments.write:
        tables.write(BEGIN, table(results), END)


if __name__ == "__main__":
    main()
