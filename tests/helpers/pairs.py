"""Toy pairs, and runs that are trained on them."""

import math
import random
from pathlib import Path
from typing import Any

import charnn
from charnn.runs.run import Run

TINY: dict[str, Any] = {"hidden": 16, "batch": 8, "dropout": 0.0, "schedule": "constant", "rate": 0.02, "patience": 0}
TINY |= {"workers": 1, "steps": 60, "validate_every": 30}


def lines(task: str, count: int = 240) -> str:
    """Lines for a task: words of vowels or of consonants, by their kind; words, and the same in
    capitals; or for the task fill the alphabet from some letter on; or for the task values two waves, in sequences."""
    if task == "values":
        waves = (f"{math.sin(t / 3):.4f}\t{7 + math.cos(t / 2):.4f}\n" + "\n" * (t % 40 == 39) for t in range(count))
        return "".join(waves)
    rng, kinds = random.Random(0), {"vowels": "aeiou", "consonants": "bcdfg"}
    made = []
    for _ in range(count):
        kind = rng.choice(sorted(kinds))
        word, start = "".join(rng.choices(kinds[kind], k=rng.randint(2, 5))), rng.randint(0, 8)
        cycle = ("abcdefgh" * 3)[start : start + rng.randint(6, 12)]
        made.append({"translate": f"{word}\t{word.upper()}", "fill": cycle}.get(task, f"{kind}\t{word}"))
    return "".join(f"{line}\n" for line in made)


def write(folder: Path, task: str) -> Path:
    """A file of such lines."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{task}.tsv"
    path.write_text(lines(task), "utf-8")
    return path


def fitted(folder: Path, task: str, **changes: Any) -> Run:
    """A run of a task, kept below `folder`."""
    options = {**TINY, **changes}
    session = charnn.train(write(folder, task), runs=folder, name=task, task=task, **options)
    for _ in session:
        pass
    return session.run
