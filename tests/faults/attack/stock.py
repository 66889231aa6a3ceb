"""Good files to attack with, and the commands that read them."""

import shutil
from pathlib import Path
from random import Random

from tests.helpers.pairs import lines
from tests.helpers.program import TINY, names

from .server import Attack, run

STEPS = ["--steps", "4", "--validate-every", "2"]
SMALL = ["--hidden", "4", "--batch", "4", "--dropout", "0", "--workers", "1", *STEPS]
TASKS = "classify", "condition", "translate", "fill", "values"
KEPT = "names.txt", "classify.tsv", "condition.tsv", "translate.tsv", "fill.tsv", "values.tsv", "prose.txt"
MODELS = "text", "prose", *TASKS
TOKENS = "text-ids", "pairs-ids"
GAP = ["--seed", "1"]


def make(folder: Path) -> None:
    """Texts, a small run of each task, tokenised files and a file of PyTorch's, in a folder."""
    (folder / "names.txt").write_text(names(80), "utf-8")
    (folder / "prose.txt").write_text(
        "It was a dark and stormy night; the rain fell.\n\nSo it went on.\n" * 12, "utf-8"
    )
    for task in TASKS:
        (folder / f"{task}.tsv").write_text(lines(task, 80), "utf-8")
    done: list[list[str]] = [
        ["train", "names.txt", *TINY, *STEPS, "--name", "text"],
        ["train", "prose.txt", *SMALL, "--window", "8", "--name", "prose"],
        *(["train", f"{task}.tsv", "--task", task, *SMALL, "--name", task] for task in TASKS),
        ["tokenize", "names.txt", "-o", "text-ids.npz"],
        ["tokenize", "classify.tsv", "--task", "classify", "-o", "pairs-ids.npz"],
        ["export", "weights.safetensors", "-m", "prose"],
    ]
    for args in done:
        end = run(Attack(args), folder)
        assert end.code == 0, (args, end)
    for name in MODELS:
        shutil.copy(folder / "checkpoints" / name / "last.npz", folder / f"{name}.npz")
    shutil.rmtree(folder / "checkpoints")


def command(line: str, **words: str) -> list[str]:
    """The words of a line, in which TINY, SMALL and STEPS stand for options, and names for the words given by name."""
    options = {"TINY": [*TINY, *STEPS], "SMALL": SMALL, "STEPS": STEPS}
    return [one for word in line.split() for one in options.get(word, [words.get(word, word)])]


def readers(kind: str, file: str) -> list[list[str]]:
    """Commands that read a file made of one of `MODELS` or `TOKENS`, or of weights of PyTorch."""
    model = ["-m", file]
    text = "prose.txt" if kind == "prose" else "names.txt"
    found = {
        "text-ids": [["train", file, *TINY, *STEPS], ["tokenize", "--decode", file], ["eval", file, "-m", "text.npz"]],
        "pairs-ids": [["train", file, *SMALL], ["eval", file, "-m", "classify.npz"]],
        "weights": [["import", file, "--name", "x"]],
        "classify": [["classify", *model, "classify.tsv"], ["eval", *model, "classify.tsv"]],
        "condition": [["sample", *model, "--context", "vowels", *GAP], ["eval", *model, "condition.tsv"]],
        "translate": [["translate", *model, "--beam", "2", "translate.tsv"], ["eval", *model, "translate.tsv"]],
        "fill": [["fill", *model, "ab_de"], ["proof", *model, "fill.tsv"], ["eval", *model, "fill.tsv"]],
        "values": [["sample", *model, "--length", "5", *GAP], ["eval", *model, "values.tsv"]],
    }
    if kind in ("text", "prose"):
        return [
            ["sample", *model, "--length", "30", *GAP],
            ["eval", text, *model],
            ["eval", text, *model, "--by", "line"],
            ["next", "An", *model, "--unknown", "skip"],
            ["inspect", "gradients", text, *model],
            ["inspect", "units", text, *model],
            ["inspect", "trace", "An", *model],
            ["export", "out.safetensors", *model],
            ["train", text, "--from", file, *STEPS],
            *_all(file),
        ]
    return found[kind] + ([] if kind in TOKENS or kind == "weights" else _all(file))


def _all(file: str) -> list[list[str]]:
    """Commands that read models of all tasks."""
    return [["info", "-m", file], ["info", "-m", file, "--json"], ["plot", file]]


def reader(rng: Random, kind: str, file: str) -> list[str]:
    """One of these commands."""
    return rng.choice(readers(kind, file))
