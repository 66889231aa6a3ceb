"""Training from a trained network beside training from nothing: python -m tests.benchmarks.finetuning --data DIR.

DIR holds the texts of others (see `EXPERIMENTS`). Every network is an LSTM of one layer with 128 units. A base is
trained once, with seed 0. The new text is then learnt for some updates with seeds 0, 1 and 2: from nothing, from the
base, and from the base with its lowest layer frozen. Records are kept in a file (`--cache`), so that the whole can be
interrupted and goes on. Scores are exact, on the held-out part. `--write` puts medians into docs/guides/fine-tuning.md.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import charnn
from tests.benchmarks import tables

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "fine-tuning.md"
CACHE = Path(__file__).with_suffix(".jsonl")
BEGIN, END = "<!-- finetuning: python -m tests.benchmarks.finetuning -->\n", "<!-- end of finetuning -->"
SEEDS = 0, 1, 2
NETWORK = {"hidden": 128, "layers": 1}
WAYS: dict[str, dict[str, Any]] = {"from nothing": {}, "from the base": {}, "lowest layer frozen": {"freeze": 1}}
RUSSIAN = "Russian"


class Experiment(NamedTuple):
    """Two texts, and the updates that each is learnt for."""

    base: Callable[[Path], str]
    base_steps: int
    new: Callable[[Path], str]
    steps: int


def whole(name: str) -> Callable[[Path], str]:
    """A text file."""
    return lambda data: (data / name).read_text("utf-8")


def words(language: str) -> Callable[[Path], str]:
    """Different word forms of a language, one a line, from the shared task on inflection of 2017."""

    def read(data: Path) -> str:
        lines = (data / "inflection-2017" / f"{language}-train-high.tsv").read_text("utf-8").splitlines()
        return "".join(f"{form}\n" for form in dict.fromkeys(line.split("\t")[1] for line in lines))

    return read


def russian_names(data: Path) -> str:
    """Russian surnames in Latin script, one a line."""
    lines = (data / "names-by-language" / "train.tsv").read_text("utf-8").splitlines()
    found = (line.split("\t") for line in lines)
    return "".join(f"{name}\n" for name in dict.fromkeys(name for kind, name in found if kind == RUSSIAN))


def given_names(data: Path) -> str:
    """The list of this repository."""
    return (ROOT / "corpora" / "names.txt").read_text("utf-8")


EXPERIMENTS = {
    "War and Peace, then Shakespeare": Experiment(whole("warandpeace.txt"), 2000, whole("tinyshakespeare.txt"), 200),
    "English words, then German ones (ä ö ü ß are new)": Experiment(words("english"), 1000, words("german"), 200),
    "given names, then Russian surnames": Experiment(given_names, 1000, russian_names, 200),
}


def learn(text: str, at: Path, **options: Any) -> Path:
    """Train on a text, in a folder of its own below `at`; the file of the best weights."""
    at.mkdir(parents=True, exist_ok=True)
    (at / "text.txt").write_text(text, "utf-8")
    network = {} if "start" in options else NETWORK
    once = {"validate_every": options["steps"], "patience": 0, "workers": 1}
    session = charnn.train(at / "text.txt", runs=at, name="run", **network, **once, **options)
    for _ in session:
        pass
    assert session.folder is not None
    return session.folder.best


def base_of(name: str, data: Path, at: Path) -> Path:
    """The base of an experiment, trained if it is not there."""
    place = at / name.replace(" ", "-") / "base"
    found = place / "run" / "best.npz"
    if (place / "done").exists():
        return found
    experiment = EXPERIMENTS[name]
    best = learn(experiment.base(data), place, steps=experiment.base_steps, seed=0)
    (place / "done").touch()
    return best


def measure(name: str, way: str, seed: int, data: Path, at: Path) -> dict[str, Any]:
    """A record: bits per character on the new text's held-out part, before (where there is a base) and after."""
    experiment = EXPERIMENTS[name]
    start = {} if way == "from nothing" else {"start": base_of(name, data, at)}
    with tempfile.TemporaryDirectory() as folder:
        best = learn(experiment.new(data), Path(folder), steps=experiment.steps, seed=seed, **start, **WAYS[way])
        run = charnn.load(best)
        found = {"experiment": name, "way": way, "seed": seed, "bits": charnn.evaluate(run).bits}
    return {**found, **({"before": run.start.bits} if run.start else {}), "ngram": run.origin.baselines["ngram"]}


def table(records: list[dict[str, Any]]) -> str:
    """Medians over the seeds, in bits per character."""
    heads = ["", "updates", "n-gram", "base, before training", *WAYS]
    rows = [heads, ["---"] * len(heads)]
    for name, experiment in EXPERIMENTS.items():
        own = [record for record in records if record["experiment"] == name]
        if own:
            medians = [median(r["bits"] for r in own if r["way"] == way) for way in WAYS]
            best = min(medians)
            shown = [f"**{bits:.3f}**" if bits == best else f"{bits:.3f}" for bits in medians]
            before = next(record["before"] for record in own if "before" in record)
            rows.append([name, f"{experiment.steps:,}", f"{own[0]['ngram']:.3f}", f"{before:.3f}", *shown])
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Training from a trained network beside training from nothing.")
    parser.add_argument("--data", type=Path, help="the folder with the texts; without it nothing is measured")
    parser.add_argument("--bases", type=Path, default=Path("bases"), help="the folder that trained bases are kept in")
    parser.add_argument("--cache", type=Path, default=CACHE, help="the file of records")
    parser.add_argument("--only", nargs="+", default=[], help="experiments whose names have one of these words")
    parser.add_argument("--write", action="store_true", help="put the table into docs/guides/fine-tuning.md")
    given = parser.parse_args()
    for name in EXPERIMENTS if given.data else ():
        for seed in SEEDS if not given.only or any(word in name for word in given.only) else ():
            for way in WAYS:
                done = {(r["experiment"], r["way"], r["seed"]) for r in tables.kept(given.cache)}
                if (name, way, seed) not in done:
                    tables.keep(given.cache, record := measure(name, way, seed, given.data, given.bases))
                    print(record, flush=True)
    made = table(tables.kept(given.cache))
    print(made)
    if given.write:
        tables.write(BEGIN, made, END, PAGE)


if __name__ == "__main__":
    main()
