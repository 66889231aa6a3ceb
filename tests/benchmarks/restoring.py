"""How well lines are restored: python -m tests.benchmarks.restoring TEXT [--damage case,accents,spaces] [--processor].

A text's lines lose their capitals, accents and spaces. charnn learns to write them again, with its default options. So
does an n-gram corrector: of all lines that would be damaged to the same, a beam seeks the likeliest one under a
Kneser-Ney model of the right lines. Both are scored by the share of words that are wrong, on lines held out at random.
Records are kept in a file (`--cache`), so that the whole can be interrupted and goes on.
"""

import argparse
import json
import random
import tempfile
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from charnn import machine
from charnn.evaluation import ngram
from charnn.evaluation.pairs import Written
from tests.benchmarks import tables
from tests.benchmarks.tasks import charnn, machine_load

CACHE = Path(__file__).with_suffix(".jsonl")
HELD_OUT = 500  # lines
ORDERS = 3, 5, 7  # of the corrector's n-grams
BEAM = 20  # beginnings that the corrector keeps


def damaged(line: str, damage: Sequence[str]) -> str:
    """A line without what `damage` names: accents, capitals (case), spaces."""
    if "accents" in damage:
        apart = unicodedata.normalize("NFD", line)
        line = unicodedata.normalize("NFC", "".join(c for c in apart if unicodedata.category(c) != "Mn"))
    line = line.lower() if "case" in damage else line
    return line.replace(" ", "") if "spaces" in damage else line


def corrector(lines: Sequence[str], damage: Sequence[str], order: int) -> Callable[[str], str]:
    """What restores a line by n-grams of these lines, each followed by EOS, which is 0."""
    characters = sorted(set("".join(lines)))
    ids = {c: i for i, c in enumerate(characters, 1)}
    stream = np.array([i for line in lines for i in (*(ids[c] for c in line), 0)])
    model = ngram.fit(stream, len(ids) + 1, order)
    known: dict[tuple[int, ...], Any] = {}
    choices = defaultdict(list)  # what a damaged character can have been, with a space before it or without
    for c in characters:
        if c != " " or "spaces" not in damage:
            choices[damaged(c, damage)] += [c, f" {c}"] if "spaces" in damage else [c]

    def nats(before: tuple[int, ...]) -> Any:
        if before not in known:
            known[before] = -np.log(model.distributions(np.zeros(1, int), np.array(before))[0])
        return known[before]

    def longer(cost: float, before: tuple[int, ...], written: str) -> tuple[float, tuple[int, ...]]:
        for c in written:
            cost += float(nats(before)[ids[c]])
            before = (*before, ids[c])[-max(1, order - 1) :]
        return cost, before

    def restored(line: str) -> str:
        beam = [(0.0, (0,), "")]  # costs in nats, the last symbols, and what is written
        for c in line:
            found: dict[tuple[int, ...], tuple[float, tuple[int, ...], str]] = {}
            for cost, before, text in beam:
                for more in choices[c]:
                    end, after = longer(cost, before, more)
                    if after not in found or end < found[after][0]:
                        found[after] = end, after, text + more
            beam = sorted(found.values())[:BEAM] or beam
        return min((cost + float(nats(before)[0]), text) for cost, before, text in beam)[1]

    return restored


def measure(text: Path, damage: Sequence[str], minutes: float, seed: int, processor: bool) -> dict[str, Any]:
    """Restore held-out lines by a run of this seed."""
    whole = [line.strip() for line in text.read_text("utf-8").splitlines() if line.strip() and "\t" not in line]
    random.Random(0).shuffle(whole)
    train, dev = whole[HELD_OUT:], whole[:HELD_OUT]
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        for name, lines in (("train", train), ("dev", dev)):
            rows = [f"{damaged(line, damage)}\t{line}\n" for line in lines]
            (at / f"{name}.tsv").write_text("".join(rows), "utf-8")
        options = ["--task", "translate", "--valid-file", "dev.tsv", "--minutes", f"{minutes:g}", "--seed", seed]
        options += ["--workers", 1] if processor else []
        charnn("train", "train.tsv", *options, "--name", "run", folder=at, processor=processor)
        figures = json.loads(charnn("eval", "-m", "run", "--json", folder=at))
    return {
        "word_error": figures["written_word_error"],
        "exact": figures["written_exact"],
        "minutes": minutes,
        "clock": "processor" if processor else "wall",
        "load": machine_load(),
        "copied_word_error": Written.of([damaged(line, damage) for line in dev], dev).word_error,
        **(counted(train, dev, damage) if seed == 0 else {}),
    }


def counted(train: Sequence[str], dev: Sequence[str], damage: Sequence[str]) -> dict[str, Any]:
    """The word error of correctors, by their order."""
    found = {}
    for order in ORDERS:
        restored = corrector(train, damage, order)
        found[order] = Written.of([restored(damaged(line, damage)) for line in dev], dev).word_error
    return {"corrected_word_error": found}


def row(records: Sequence[dict[str, Any]]) -> str:
    """Median of the network's word error, beside those of others."""
    first = records[0]
    ours = median(one["word_error"] for one in records)
    grams = ", ".join(f"{order}-grams {error:.2%}" for order, error in first["corrected_word_error"].items())
    return (
        f"{first['text']}, without {first['damage']}: words wrong {ours:.2%} ({len(records)} seeds), {grams}, "
        f"copying {first['copied_word_error']:.2%}; {first['minutes']:g} min, {first['clock']} time, {first['date']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Restore lines that lost capitals, accents or spaces.")
    parser.add_argument("text", type=Path)
    parser.add_argument("--damage", default="case,accents,spaces")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processor", action="store_true", help="count one worker's processor time, not the clock's")
    parser.add_argument("--cache", type=Path, default=CACHE)
    given = parser.parse_args()
    key = {"text": given.text.name, "damage": given.damage, "minutes": given.minutes}
    for seed in range(given.seeds):
        if not any((key | {"seed": seed}).items() <= one.items() for one in tables.kept(given.cache)):
            found = measure(given.text, given.damage.split(","), given.minutes, seed, given.processor)
            about = {"machine": machine.describe(), "date": datetime.now(UTC).date().isoformat()}
            tables.keep(given.cache, {**key, "seed": seed, **about, **found})
    print(row([one for one in tables.kept(given.cache) if key.items() <= one.items()]))


if __name__ == "__main__":
    main()
