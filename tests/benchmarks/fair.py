"""Every cell on the same text, with the same parameters, for the same minutes of one core: a table and a picture.

    python -m tests.benchmarks.fair tinyshakespeare.txt --minutes 10 --write

Networks of one seed are trained one after the other, then those of the next. Beside them stand Markov models, which are
counted, and a hidden Markov model. Each is measured in a process of its own, by one thread. Minutes are minutes of
processor time, validations among them. Other work on the machine makes a measurement longer. It also slows a core down,
up to twofold where two threads share one: the load average stands beside each row.

Records are kept in `fair.jsonl`: an interrupted measurement goes on.
"""

import argparse
import datetime
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import charnn
from charnn import machine
from charnn.config import ModelConfig, TrainConfig
from charnn.data.corpus import Corpus
from charnn.evaluation.ngram import START, bits_by_order
from charnn.inspection import hmm
from charnn.nn.model import Model
from charnn.pictures.charts import Line, lines
from charnn.runs.run import CorpusInfo
from charnn.training.plan import new_run, resolve
from charnn.training.session import Session, Validation
from charnn.training.trainer import Update
from tests.benchmarks import tables

CELLS: dict[str, dict[str, Any]] = {
    "elman": {"cell": "elman", "layers": 1},
    "elman, 3 layers": {"cell": "elman", "layers": 3},
    "jordan": {"cell": "jordan", "layers": 1, "decay": 0.9},
    "gru": {"cell": "gru", "layers": 1},
    "lstm": {"cell": "lstm", "layers": 1},
    "conv, 4 layers": {"cell": "conv", "layers": 4, "width": 5},
    "transformer, 4 layers": {"cell": "transformer", "layers": 4, "skip": False},
}
HEADER = "model", "hidden", "parameters", "bits/char", "char/s", "MB", "samples/s", "load"
SAMPLES, SAMPLED = 50, 100  # samples that are drawn, and characters of each at most
STATES, STREAM, ORDERS = 64, 200_000, 8  # of the HMM, and characters that it is fitted to; largest Markov order
MARKOV, HIDDEN_MARKOV = f"markov, best order to {ORDERS}", f"hmm, {STATES} states"
NAMES = (*CELLS, MARKOV, HIDDEN_MARKOV)
MARKS = 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4  # of the minutes, after which networks are validated, and at the end
CACHE = Path(__file__).with_suffix(".jsonl")
PAGE, PICTURES = tables.DOCS / "networks.md", tables.DOCS / "images"
BEGIN, END = "<!-- fair: python -m tests.benchmarks.fair -->\n", "<!-- end of fair -->\n"


def hidden(options: dict[str, Any], parameters: int, symbols: int) -> int:
    """Hidden units, a multiple of 8, with which a network has about so many parameters."""

    def size(units: int) -> int:
        return Model(ModelConfig(hidden=units, dropout=0.0, **options), symbols).parameters

    units = 8
    while size(units + 8) <= parameters:
        units += 8
    return units if abs(size(units) - parameters) <= abs(size(units + 8) - parameters) else units + 8


def peak() -> int:
    """Bytes of memory that this process has taken at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(name: str, corpus: Corpus, parameters: int, minutes: float, seed: int) -> dict[str, Any]:
    """What a model of this name reaches, in this process."""
    if name == MARKOV:
        return counted(corpus)
    if name == HIDDEN_MARKOV:
        return fitted(corpus, minutes, seed)
    return trained(CELLS[name], corpus, parameters, minutes, seed)


def trained(options: dict[str, Any], corpus: Corpus, parameters: int, minutes: float, seed: int) -> dict[str, Any]:
    """Train a network, score its best weights exactly, and let it write."""
    units = hidden(options, parameters, corpus.vocabulary.size)
    config = TrainConfig(minutes=minutes, workers=1, patience=0, validate_every=10**9, seed=seed)
    plan = resolve(corpus, ModelConfig(hidden=units, **options), config)
    session = Session(new_run(plan, CorpusInfo(corpus.names, corpus.sha256, len(corpus.ids))), plan)
    clock = session.trainer.clock = time.process_time
    start = session.trainer.last = clock()
    marks, characters, updating = [60 * minutes * share for share in MARKS], 0, 0.0
    points: list[tuple[float, float]] = []
    best, before = session.run.weights.flat.copy(), start
    for event in session:
        if isinstance(event, Update):
            now = clock()
            characters, updating, before = characters + event.count, updating + now - before, now
            if not marks or now - start < marks[0]:
                continue
            marks = marks[1:]
            event = session.validate()
        if isinstance(event, Validation):
            before = clock()
            points.append(((before - start) / 60, event.valid))
            if event.best:
                best = session.run.weights.flat.copy()
    speed, memory = characters / updating, peak()
    session.run.weights.flat[...] = best
    start = clock()
    written = charnn.generate(session.run, SAMPLES, seed=0, length=SAMPLED)
    samples = len(written) / (clock() - start)
    told = {"hidden": units, "parameters": session.run.model.parameters, "updates": session.run.step}
    bits = charnn.evaluate(session.run, corpus).bits
    return {**told, "bits": bits, "speed": speed, "memory": memory, "samples": samples, "points": points}


def counted(corpus: Corpus) -> dict[str, Any]:
    """The Markov model of the best order."""
    train, valid = (np.asarray(part) for part in corpus.split(TrainConfig().valid_share))
    bits = list(islice(bits_by_order(train, valid, corpus.vocabulary.size), ORDERS + 1))
    return {"bits": min(bits), "order": bits.index(min(bits)), "memory": peak()}


def fitted(corpus: Corpus, minutes: float, seed: int) -> dict[str, Any]:
    """A hidden Markov model, fitted by Baum and Welch for so long."""
    train, valid = (np.asarray(part) for part in corpus.split(TrainConfig().valid_share))
    size, start, rounds, seconds = corpus.vocabulary.size, time.process_time(), 0, 0.0
    fitting = hmm.fit(train[:STREAM], size, STATES, 10**9, seed)
    while seconds < 60 * minutes:
        model = next(fitting)
        rounds, seconds = rounds + 1, time.process_time() - start
    speed, free = rounds * min(STREAM, len(train)) / seconds, STATES * (STATES + size)
    bits = float(model.nats(valid, START).mean()) / math.log(2)
    return {"parameters": free, "rounds": rounds, "bits": bits, "speed": speed, "memory": peak()}


def load() -> float:
    """Processes that want a core, on average over a minute."""
    return os.getloadavg()[0]


def complete(text: Path, minutes: float, parameters: int, seeds: int, cache: Path) -> dict[str, Any]:
    """Measure what the cache has no record of, and return what its records for this comparison have in common."""
    corpus = charnn.read(text)
    key = {"text": text.name, "sha256": corpus.sha256, "minutes": minutes, "budget": parameters}
    for seed in range(seeds):
        for name in NAMES:
            one = {**key, "model": name, "seed": 0 if name == MARKOV else seed}
            if any(one.items() <= record.items() for record in tables.kept(cache)):
                continue
            print(f"{name}, seed {seed}", file=sys.stderr)
            asked = ["--minutes", str(minutes), "--parameters", str(parameters), "--measure", name, "--seed", str(seed)]
            command = [sys.executable, "-m", "tests.benchmarks.fair", str(text), *asked]
            alone, before = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}, load()
            told = subprocess.run(command, env=alone, stdout=subprocess.PIPE, check=True, text=True).stdout
            place = {"machine": machine.describe(), "load": [before, load()], "date": str(datetime.date.today())}
            tables.keep(cache, {**one, **json.loads(told), **place})
    return key


def row(name: str, records: Sequence[dict[str, Any]]) -> list[str]:
    """Medians over the seeds; the least and the largest bits beside theirs."""

    def middle(field: str, digits: int = 0, unit: float = 1) -> str:
        found = [one[field] / unit for one in records if field in one]
        return f"{statistics.median(found):,.{digits}f}" if found else ""

    bits = sorted(one["bits"] for one in records)
    span = f" ({bits[0]:.4f}-{bits[-1]:.4f})" if len(bits) > 1 else ""
    name = f"markov, order {records[0]['order']}" if name == MARKOV else name
    sizes = [middle(field) for field in ("hidden", "parameters")]
    speeds = middle("speed"), middle("memory", 0, 1e6), middle("samples")
    load = statistics.mean(value for one in records for value in one["load"])
    return [name, *sizes, middle("bits", 4) + span, *speeds, f"{load:.0f}"]


def table(records: Sequence[dict[str, Any]]) -> str:
    """Markdown: a table for each text and number of minutes, with its picture and where it was measured."""
    told = ""
    for text, minutes, budget in dict.fromkeys((one["text"], one["minutes"], one["budget"]) for one in records):
        some = [one for one in records if (one["text"], one["minutes"], one["budget"]) == (text, minutes, budget)]
        rows = [row(name, found) for name in NAMES if (found := [one for one in some if one["model"] == name])]
        told += "".join(f"| {' | '.join(cells)} |\n" for cells in (HEADER, ["---"] * len(HEADER), *rows))
        places, dates = (sorted({one[field] for one in some}) for field in ("machine", "date"))
        command = f"python -m tests.benchmarks.fair {text} --minutes {minutes:g} --parameters {budget}"
        seeds = sorted({one["seed"] for one in some})
        told += f"\n`{command} --seeds {len(seeds)}`: seeds {', '.join(map(str, seeds))}; "
        told += f"{'; '.join(places)}; one thread; {', '.join(dates)}.\n"
        if left := [name for name in NAMES if all(one["model"] != name for one in some)]:
            told += f"Not measured yet: {'; '.join(left)}. The same command goes on from here.\n"
        told += f"\n![bits per character against minutes, for each model](images/{picture_name(text, minutes)})\n\n"
    return told


def picture_name(text: str, minutes: float) -> str:
    return f"fair-{Path(text).stem}-{minutes:g}.svg"


def picture(records: Iterable[dict[str, Any]]) -> str:
    """Bits per character held out against minutes, of the first seed; what counting reaches is dashed."""
    first = {one["model"]: one for one in records if one["seed"] == 0}
    shown = [Line(name, first[name]["points"], i) for i, name in enumerate(CELLS) if name in first]
    levels = {name: first[name]["bits"] for name in (MARKOV, HIDDEN_MARKOV) if name in first}
    text, minutes = next((one["text"], one["minutes"]) for one in first.values())
    title = f"{text}: bits per character held out by minutes of one core"
    return lines(title, f"minutes, of {minutes:g}", "bits per character", shown, levels)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("text", type=Path)
    parser.add_argument("--minutes", type=float, default=10, help="of processor time, for each network")
    parser.add_argument("--parameters", type=int, default=500_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="FILE", help="records, a line each")
    parser.add_argument("--write", action="store_true", help="put all records into docs/networks.md, with pictures")
    parser.add_argument("--measure", choices=NAMES, help="this model alone, in this process; prints a record")
    parser.add_argument("--seed", type=int, default=0, help="of --measure")
    given = parser.parse_args(arguments)
    if given.measure:
        corpus = charnn.read(given.text)
        assert isinstance(corpus, Corpus)
        print(json.dumps(measure(given.measure, corpus, given.parameters, given.minutes, given.seed)))
        return
    key = complete(given.text, given.minutes, given.parameters, given.seeds, given.cache)
    found = tables.kept(given.cache)
    print(table([one for one in found if key.items() <= one.items()]), end="")
    if given.write:
        tables.write(BEGIN, table(found), END, PAGE)
        drawn = picture(one for one in found if key.items() <= one.items())
        (PICTURES / picture_name(given.text.name, given.minutes)).write_text(drawn, "utf-8")


if __name__ == "__main__":
    main()
