"""How far exported networks are from charnn: python -m tests.benchmarks.exports [--write].

Trains a small network of each kind on corpora/names.txt, exports it in every format, and prints the largest difference
of two scores, as export's own check finds it. It needs onnxruntime, torch, node and a C compiler. `--write` puts the
table into docs/guides/export.md.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import charnn
from tests.benchmarks import tables

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "export.md"
BEGIN, END = "<!-- exports: python -m tests.benchmarks.exports -->\n", "<!-- end of exports -->"
FILES = {"folder": "PyTorch", "model.onnx": "ONNX", "model.html": "HTML", "model.h": "C"}
TRAINING: dict[str, Any] = {"hidden": 64, "steps": 200, "workers": 1, "out": None}
NETWORKS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "lstm, no skip connections": {"skip": False},
    "lstm, layer normalisation": {"norm": "layer"},
    "lstm, an end node": {"ending": "node"},
    "gru": {"cell": "gru"},
    "elman, relu": {"cell": "elman"},
    "elman, tanh": {"cell": "elman", "activation": "tanh"},
    "elman, sigmoid": {"cell": "elman", "activation": "sigmoid"},
    "elman, recurrent depth 2, delay 3": {"cell": "elman", "recurrent_depth": 2, "delay": 3},
    "elman, output fed back, half taught": {"cell": "elman", "feedback": "output", "teacher_forcing": "0.5"},
    "jordan": {"cell": "jordan"},
    "classify: a bidirectional encoder": {"task": "classify"},
    "condition: on a label": {"task": "condition"},
    "translate: a bidirectional encoder, attention": {"task": "translate"},
}
PAIRS: dict[str, Callable[[str], str]] = {  # a line for a name
    "classify": lambda name: f"{name[-1]}\t{name[:-1]}\n",
    "condition": lambda name: f"{name[0]}\t{name}\n",
    "translate": lambda name: f"{name}\t{name[::-1]}\n",
}


def difference(run: charnn.Run, path: Path) -> str:
    """The largest difference of two scores; a dash where the format cannot hold the network."""
    try:
        found = charnn.export(run, path).checked
    except charnn.UsageError:
        return "-"
    assert found is not None and found.by not in ("charnn's arithmetic", "reading it back"), (
        f"nothing runs {path.name} here"
    )
    greedy = "" if found.greedy == int(found.counted.split()[0]) else f" ({found.greedy} of {found.counted})"
    return f"{found.difference:.1e}{greedy}"


def corpus(task: str, folder: Path) -> Path:
    """The names, or pairs made of them."""
    names = ROOT / "corpora" / "names.txt"
    if task == "text":
        return names
    pairs = folder / "pairs.tsv"
    pairs.write_text("".join(map(PAIRS[task], names.read_text("utf-8").split())), "utf-8")
    return pairs


def rows() -> list[list[str]]:
    """For each network its name, and a figure for each format."""
    found = []
    for name, options in NETWORKS.items():
        with tempfile.TemporaryDirectory() as folder:
            session = charnn.train(corpus(options.get("task", "text"), Path(folder)), **TRAINING, **options)
            for _ in session:
                pass
            found.append([name, *(difference(session.run, Path(folder, file)) for file in FILES)])
    return found


def table(found: list[list[str]]) -> str:
    heads = ["network", *FILES.values()]
    return "".join("| " + " | ".join(row) + " |\n" for row in (heads, ["---"] * len(heads), *found))


def main() -> None:
    parser = argparse.ArgumentParser(description="How far exported networks are from charnn.")
    parser.add_argument("--write", action="store_true", help="put the table into docs/guides/export.md")
    given = parser.parse_args()
    made = table(rows())
    print(made)
    if given.write:
        tables.write(BEGIN, made, END, PAGE)


if __name__ == "__main__":
    main()
