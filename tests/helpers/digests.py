"""Digests of what charnn computes: weights, samples and scores of small runs, to compare two versions of the code.

Usage: python tests/helpers/digests.py > before.txt, later > after.txt, then diff before.txt after.txt.

Each line holds the sha256 of one result: of all arrays of a run's last.npz (the header, which holds names of options,
is left out), of the text of its samples, or of the figures of its evaluation. Results of two machines differ in their
last bits, so both files must come from one machine. The whole takes about two minutes.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
NAMES = str(ROOT / "corpora" / "names.txt")
PROSE = "prose.txt"  # paragraphs of 40 made-up words: the state is carried over their ends
SMALL = ("--hidden", "24", "--batch", "8", "--window", "16", "--steps", "60", "--workers", "1")
RUNS: dict[str, tuple[str, ...]] = {
    "lstm": (NAMES, *SMALL),
    "lstm-normed": (NAMES, *SMALL, "--norm", "layer", "--dropout-kind", "locked"),
    "lstm-default-size": (NAMES, "--steps", "12", "--workers", "1"),
    "elman-3-skip": (NAMES, *SMALL, "--cell", "elman", "--layers", "3", "--skip"),
    "elman-deep": (
        NAMES,
        *SMALL,
        "--cell",
        "elman",
        "--recurrent-depth",
        "2",
        "--feedforward-depth",
        "2",
        "--delay",
        "2",
    ),
    "elman-feedback": (NAMES, *SMALL, "--cell", "elman", "--feedback", "output", "--teacher-forcing", "1.0:0.5"),
    "elman-diagonal-residual": (
        NAMES,
        *SMALL,
        "--cell",
        "elman",
        "--recurrence",
        "diagonal",
        "--residual",
        "--no-skip",
    ),
    "jordan": (NAMES, *SMALL, "--cell", "jordan"),
    "gru-length": (NAMES, *SMALL, "--cell", "gru", "--ending", "length"),
    "gru-node-prose": (PROSE, *SMALL, "--cell", "gru", "--ending", "node"),
    "lstm-prose": (PROSE, *SMALL),
    "full": (NAMES, *SMALL, "--cell", "elman", "--scheme", "full"),
    "one-step": (NAMES, *SMALL, "--cell", "elman", "--scheme", "one-step"),
    "unbiased": (NAMES, *SMALL, "--cell", "elman", "--scheme", "unbiased"),
    "stride": (NAMES, *SMALL, "--cell", "elman", "--stride", "5"),
    "average": (NAMES, *SMALL, "--average", "0.2", "--schedule", "constant", "--optimizer", "rmsprop"),
    "two-workers": (NAMES, *SMALL, "--workers", "2", "--optimizer", "sgd", "--momentum", "0.5"),
}
SAMPLES: dict[str, tuple[str, ...]] = {
    "": ("-n", "5", "--length", "60", "--seed", "1"),
    "greedy": ("-n", "1", "--length", "60", "--temp", "0", "--prime", "an"),
    "many": ("-n", "70", "--length", "20", "--seed", "2", "--temp", "0.8", "--top-k", "9", "--top-p", "0.9"),
}
SCORES: dict[str, tuple[str, ...]] = {
    "": ("--json",),
    "dynamic": ("--json", "--dynamic"),
    "mix": ("--json", "--mix", "ngram"),
    "dynamic-mix": ("--json", "--dynamic", "--mix", "ngram"),
}
ROWS: dict[str, tuple[str, ...]] = {"by-line": ("--by", "line"), "by-char": ("--by", "char")}


def charnn(*args: str, at: Path) -> bytes:
    """What the program writes to standard output, or its exit status where it refuses."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "charnn", *args]
    done = subprocess.run(command, cwd=at, env=environment, capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode not in (0, 2, 3):
        raise SystemExit(f"{' '.join(command)}: {done.stderr.decode()}")
    return done.stdout or f"exit {done.returncode}".encode()


def write_prose(path: Path) -> None:
    """A text of 60 paragraphs, of words drawn from 200 made-up ones."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 9, size=200)
    words = ["".join("etaoinshrdlu"[i] for i in rng.integers(12, size=length)) for length in lengths]
    paragraphs = (" ".join(words[i] for i in rng.zipf(1.3, size=40) % 200) for _ in range(60))
    path.write_text("\n\n".join(paragraphs) + "\n", "utf-8")


def digest_of_arrays(path: Path) -> str:
    """sha256 over the names, types, shapes and bytes of all arrays of a checkpoint."""
    found = hashlib.sha256()
    with np.load(path) as file:
        for name in sorted(set(file.files) - {"header"}):
            value = file[name]
            found.update(f"{name} {value.dtype} {value.shape}".encode() + value.tobytes())
    return found.hexdigest()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def main(only: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        write_prose(at / PROSE)
        for run, (text, *options) in RUNS.items():
            if only and run not in only:
                continue
            charnn("train", text, "--name", run, *options, at=at)
            print(run, "arrays", digest_of_arrays(at / "checkpoints" / run / "last.npz"), flush=True)
            for name, more in SAMPLES.items():
                print(run, "sample", name, digest(charnn("sample", "-m", run, *more, at=at)), flush=True)
            for name, more in SCORES.items():
                print(run, "eval", name, digest(charnn("eval", "-m", run, *more, at=at)), flush=True)
            for name, more in ROWS.items():
                print(run, "eval", name, digest(charnn("eval", "-m", run, *more, text, at=at)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
