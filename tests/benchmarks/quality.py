"""How good it is: trains on texts, scores what was held out exactly, and writes the table of docs/results.md.

    python -m tests.benchmarks.quality [--data DIR] [--only names] [--seeds 0 1 2] [--cache FILE] [--list] [--write]

What is run stands in `ROWS`, each row with several seeds, one run after another, alone on the machine; `--list` says
what is done and what is left. Texts that are not in `corpora/` have to be in DIR, and rows without theirs are passed
over: tinyshakespeare.txt is data/tinyshakespeare/input.txt of github.com/karpathy/char-rnn, warandpeace.txt the Maude
translation with LF line ends; `TEXTS` has their sha256.

Every number in docs/results.md comes from the records in the cache, which is part of the repository. `--write` runs
what is missing, then makes the table of all that the cache holds; with `--list` it runs nothing before. To measure
anew, name another `--cache`. Ctrl-C loses nothing: there is a record of each run that is done, and the one under way
is kept in a folder beside the cache, where the same command goes on with it. Its `--minutes` count while it trains.

`busy` in a record is the share of the time, since it was last resumed, in which its workers had a core each. Where that
is much less than 1, others were at work: take the record out, and run it again.
"""

import argparse
import datetime
import hashlib
import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import charnn
from charnn import machine
from charnn.io import text

from . import results, tables

PAGE = tables.DOCS / "results.md"
BEGIN, END = "<!-- results: python -m tests.benchmarks.quality -->\n", "<!-- end of results -->\n"
CACHE = Path(__file__).with_name("quality.jsonl")
CORPORA = Path(__file__).parents[2] / "corpora"
TEXTS = {  # and which text of that name is meant
    "tinyshakespeare.txt": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    "warandpeace.txt": "b0fc81c399971eaf738c8be89809e6a0d95c151749112b04f06b6af648d8a39f",
    "names.txt": "ba30a6f5ab77a2d4aa5e8788581c8be1be024d00c9e86df5177744c74878519e",
}
EVALUATIONS: dict[str, list[str]] = {
    "bits": [],
    "dynamic": ["--dynamic"],
    "mixed": ["--mix", "ngram"],
    "both": ["--dynamic", "--mix", "ngram"],
}


@dataclass(frozen=True)
class Row:
    """What is trained and scored, once for each seed. `parts` in percent: training, validation, and a test if any."""

    name: str
    text: str
    options: str  # of `charnn train`
    parts: tuple[int, ...] = (90, 10)
    seeds: tuple[int, ...] = (0, 1, 2)

    @property
    def key(self) -> dict[str, str]:
        """What the records of this row have in common."""
        split = "/".join(map(str, self.parts))
        return {"text": self.text, "sha256": TEXTS[self.text], "split": split, "options": self.options}

    def records(self, kept: Iterable[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Those of this row, by seed."""
        return {record["seed"]: record for record in kept if self.key.items() <= record.items()}

    def folder(self, seed: int) -> str:
        """A name of its own for each run."""
        return f"{self.name}-{hashlib.sha256(json.dumps(self.key).encode()).hexdigest()[:8]}-{seed}"


ROWS: tuple[Row, ...] = (
    Row("shakespeare", "tinyshakespeare.txt", "--minutes 10"),
    Row("shakespeare-best", "tinyshakespeare.txt", "--recipe best --workers 1"),
    Row("shakespeare-elman", "tinyshakespeare.txt", "--recipe elman --minutes 20 --workers 1"),
    Row("warandpeace", "warandpeace.txt", "--minutes 10", (80, 10, 10)),
    Row("warandpeace-elman", "warandpeace.txt", "--recipe elman --minutes 20 --workers 1", (80, 10, 10)),
    Row("names", "names.txt", "--epochs 20 --minutes 1", seeds=(0, 1, 2, 3, 4)),
)


def run(*commands: Sequence[str]) -> list[str]:
    """What `charnn` with the words of each command prints on standard output, all at once.

    They are told of Ctrl-C, and have the time to save.
    """
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "process_group": 0}
    children: list[subprocess.Popen[str]] = []
    with ExitStack() as stack:
        try:
            for words in commands:
                command = [sys.executable, "-m", "charnn", *words]
                child = subprocess.Popen(command, text=True, encoding="utf-8", **pipes)
                children.append(stack.enter_context(child))
            told = [child.communicate()[0] for child in children]
        except KeyboardInterrupt:
            for child in children:
                child.terminate()
            for child in children:
                child.wait()
            raise
    for child, words in zip(children, commands, strict=True):
        if child.returncode:
            raise subprocess.CalledProcessError(child.returncode, ["charnn", *words])
    return told


def parted(path: Path, parts: Sequence[int], folder: Path) -> tuple[Path, float, Path, int]:
    """A text in two files: of training and validation, with the share of the latter; of the test, with its characters.

    Where `charnn train` would cut: near that percentage, at the end of a sequence. Symbols count characters, since EOS
    is one of them wherever it stands, but for one more after a text that ends within a sequence.
    """
    whole = charnn.read(path)
    characters = "".join(text.decode(text.file_source(str(path)).pieces(), path.name))
    assert len(characters) == len(whole.ids) - len(whole.silent)
    learnt, known = (len(whole.split(sum(parts[i:]) / 100)[0]) for i in (1, 2))
    first, last = (folder / f"{path.stem}-{word}.txt" for word in ("learnt", "test"))
    folder.mkdir(parents=True, exist_ok=True)
    first.write_bytes(text.encode(characters[:known]))
    last.write_bytes(text.encode(characters[known:]))
    corpus = charnn.read(first)
    valid = 1 - learnt / len(corpus.ids)
    if len(corpus.split(valid)[0]) != learnt or corpus.vocabulary.sequence != whole.vocabulary.sequence:
        raise SystemExit(f"{path} cannot be split {'/'.join(map(str, parts))}: its parts would be read in another way")
    return first, valid, last, len(characters) - known


def train(path: Path, words: Sequence[str], folder: Path) -> float:
    """Train a run in a folder, or go on with the one that was interrupted there. Returns how many cores that took."""
    started, worked = time.monotonic(), processor()
    if (folder / "run" / "last.npz").exists():
        run(["train", "--resume", "--name", "run", "--out", str(folder)])
    else:
        shutil.rmtree(folder / "run", ignore_errors=True)
        run(["train", str(path), *words, "--name", "run", "--out", str(folder)])
    return (processor() - worked) / (time.monotonic() - started)


def processor() -> float:
    """Seconds of processor time that all commands so far have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(row: Row, seed: int, path: Path, folder: Path) -> dict[str, Any]:
    """Train, and score what came of it: on the test part if there is one, else on the validation part."""
    words, scored, characters = [*row.options.split(), "--seed", str(seed)], list[str](), None
    if len(row.parts) == 3:
        path, valid, last, characters = parted(path, row.parts, folder)
        words, scored = [*words, "--valid-share", repr(valid)], [str(last), "--unknown", "skip"]
    cores = train(path, words, folder)
    model = ["-m", str(folder / "run"), "--json"]
    told = run(*(["eval", *scored, *more, *model] for more in EVALUATIONS.values()), ["info", *model])
    *evaluated, facts = map(json.loads, told)
    scores, last_state = dict(zip(EVALUATIONS, evaluated, strict=True)), charnn.load(folder / "run" / "last.npz")
    count = scores["bits"]["count"]
    return {
        **row.key,
        "seed": seed,
        **{name: score["bits_per_char"] for name, score in scores.items()},
        "ngram": scores["mixed"]["ngram_bits_per_char"],
        "order": facts["baselines"]["order"],
        "count": count,
        "unseen": 0 if characters is None else characters - count,
        "parameters": facts["parameters"],
        "updates": last_state.step,
        "minutes": last_state.seconds / 60,
        "busy": cores / (last_state.config.workers or 1),
        "date": datetime.date.today().isoformat(),
        "machine": machine.describe(),
    }


def found(row: Row, data: Path) -> Path | str:
    """Where a row's text is; or why it is passed over."""
    there = [folder / row.text for folder in (data, CORPORA) if (folder / row.text).is_file()]
    if not there:
        return f"{row.text} is not in {data}"
    if hashlib.sha256(there[0].read_bytes()).hexdigest() != TEXTS[row.text]:
        return f"{there[0]} is another text of that name: its sha256 should be {TEXTS[row.text][:12]}..."
    return there[0]


def listed(row: Row, seeds: Sequence[int], done: Sequence[int], place: Path | str) -> str:
    """What there is of a row, and what is left."""
    left = [seed for seed in seeds if seed not in done]
    told = ", ".join(f"{word} {' '.join(map(str, some))}" for word, some in (("done", done), ("left", left)) if some)
    why = f" ({place})" if isinstance(place, str) else ""
    return f"{row.name}: charnn train {row.text} {row.options}, {row.key['split']}; seeds: {told}{why}"


def complete(rows: Sequence[Row], seeds: Sequence[int] | None, data: Path, cache: Path) -> bool:
    """Run what the cache has no record of, the first seeds of all rows first. Returns whether nothing went wrong."""
    places, well = {row: found(row, data) for row in rows}, True
    for row, place in places.items():
        if isinstance(place, str):
            print(f"{row.name} is passed over: {place}", file=sys.stderr)
    wanted = {row: seeds or row.seeds for row, place in places.items() if isinstance(place, Path)}
    for turn in range(max(map(len, wanted.values()), default=0)):
        for row, seed in ((row, own[turn]) for row, own in wanted.items() if turn < len(own)):
            if seed in row.records(tables.kept(cache)):
                continue
            folder = cache.with_suffix(".runs") / row.folder(seed)
            print(f"{row.name}, seed {seed}", file=sys.stderr)
            try:
                record = measure(row, seed, Path(places[row]), folder)
                tables.keep(cache, record)
                print(
                    f"{record['bits']:.4f} bits/char, {record['busy']:.0%} of the cores it trained on", file=sys.stderr
                )
                shutil.rmtree(folder, ignore_errors=True)
            except subprocess.CalledProcessError as error:
                print(f"{row.name}, seed {seed}, failed with exit code {error.returncode}", file=sys.stderr)
                well = False
    return well


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--data", type=Path, default=Path(), metavar="DIR", help="where texts are that corpora/ has not"
    )
    parser.add_argument("--only", nargs="+", metavar="WORD", help="names of rows, or of their texts")
    parser.add_argument("--seeds", nargs="+", type=int, help="instead of the rows' own")
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="FILE", help="records, a line each")
    parser.add_argument("--list", action="store_true", help="say what is done and what is left, and run nothing")
    parser.add_argument("--write", action="store_true", help="put all that the cache holds into docs/results.md")
    arguments = parser.parse_args(words)
    rows, data, cache = ROWS, arguments.data, arguments.cache
    if asked := set(arguments.only or ()):
        rows = tuple(row for row in ROWS if asked & {row.name, row.text, Path(row.text).stem})
        if unknown := asked - {name for row in rows for name in (row.name, row.text, Path(row.text).stem)}:
            parser.error(f"there is no row {', '.join(sorted(unknown))}: there are {', '.join(r.name for r in ROWS)}")
    well, kept = True, tables.kept(cache)
    if arguments.list:
        for row in rows:
            print(listed(row, arguments.seeds or row.seeds, sorted(row.records(kept)), found(row, data)))
    else:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            well = complete(rows, arguments.seeds, data, cache)
        except KeyboardInterrupt:
            print("\ninterrupted: the same command goes on from here", file=sys.stderr)
            return 130
    table = results.table([list(row.records(tables.kept(cache)).values()) for row in ROWS])
    print("" if arguments.list else table, end="")
    if arguments.write:
        tables.write(BEGIN, table, END, PAGE)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
