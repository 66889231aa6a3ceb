"""Exported files at work: what they compute beside what charnn computes, symbol by symbol."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..config import SampleConfig
from ..data.vocabulary import EOS
from ..errors import CharnnError
from ..nn.workspace import Workspace
from ..runs.run import Run
from ..sampling.sampler import stream
from . import importing, onnx, safetensors
from .steps import program

Array = np.ndarray
Scorer = Callable[[Array], Array]  # symbols read (N,) -> scores of what follows each (N, V)

LENGTH = 500  # characters of the greedy text, and of the drawn one
TOLERANCE = 1e-3  # of the largest score: beyond it, what was written is another network
DRIVER = """
const input = JSON.parse(require("fs").readFileSync(0, "utf-8")), net = network(input.model), found = [];
let state = net.zero();
for (const symbol of input.ids) {
  const made = net.step(symbol, state);
  state = made.state;
  found.push(...made.scores);
}
require("fs").writeSync(1, new Uint8Array(new Float32Array(found).buffer));
"""
PROGRAM = """#include "model.h"
#include <stdio.h>
int main(void) {
    charnn_state state;
    float scores[CHARNN_SYMBOLS];
    int symbol;
    charnn_begin(&state);
    while (fread(&symbol, sizeof symbol, 1, stdin) == 1) {
        charnn_step(&state, symbol, scores);
        if (fwrite(scores, sizeof scores, 1, stdout) != 1) return 1;
    }
    return charnn_likeliest(scores) < 0 || charnn_characters[0] > 0x10ffff;
}
"""


@dataclass(frozen=True)
class Check:
    """What ran an exported file, and how its scores compare over a greedy text and a drawn one."""

    by: str
    symbols: int
    difference: float  # the largest one of two scores
    scale: float  # the largest score
    greedy: int  # characters of the greedy text, from its start, that are equal
    counted: str = f"{LENGTH} greedy characters"  # of which `greedy` are equal

    @property
    def good(self) -> bool:
        return self.difference <= TOLERANCE * max(1.0, self.scale)


def check(run: Run, by: str, scorer: Scorer) -> Check:
    """Compare what a file computes with the run's network. Raises `CharnnError` where it is another network."""
    found = [_compare(run, scorer, temp) for temp in (0.0, 1.0)]
    symbols, differences, scales, equal = zip(*found, strict=True)
    result = Check(by, sum(symbols), max(differences), max(scales), equal[0])
    assert_good(result)
    return result


def assert_good(found: Check) -> None:
    """Raise `CharnnError` where a file computes something else than the run."""
    if not found.good:
        raise CharnnError(
            f"what was written computes scores that are {found.difference:.1e} off by {found.by}, and the largest "
            f"score is {found.scale:.1e}: do not use the file, and please report it"
        )


def _compare(run: Run, scorer: Scorer, temp: float) -> tuple[int, float, float, int]:
    config, rng = SampleConfig(temp=temp, length=LENGTH, past_end=True), np.random.default_rng(0)
    none = np.array([], np.int64)
    drawn = np.fromiter(stream(run.network, config, rng, none), np.int64)
    read = np.append(EOS, drawn[:-1])
    ours, theirs = scores(run, read), scorer(read)
    other = np.flatnonzero(theirs.argmax(axis=1) != drawn)
    return len(read), float(np.abs(ours - theirs).max()), float(np.abs(ours).max()), int([*other, len(read)][0])


def scores(run: Run, ids: Array) -> Array:
    """Scores of what follows each symbol that is read, (N, V), from the zero state on, by charnn."""
    network = run.network
    o, _ = network.scores(ids[:, None], network.zero_state(1), Workspace(back=False))
    return run.model.ending.joint_scores(o[:, 0])


def pieces(run: Run, ids: Array) -> list[Array]:
    """Symbols cut where the state is forgotten: before each EOS, if it is reset there."""
    return [part for part in np.split(ids, np.flatnonzero(ids == EOS)) if len(part)] if run.reset else [ids]


def by_pieces(run: Run, score: Callable[[Any, Array], tuple[Array, Any]], zero: Any, ids: Array) -> Array:
    """A scorer made of a function of a state and symbols (T, B)."""
    return np.concatenate([score(zero, piece[:, None])[0][:, 0] for piece in pieces(run, ids)])


def by_arithmetic(run: Run) -> tuple[str, Scorer]:
    """The program that the file was written from, in NumPy: where nothing runs the file itself."""
    step = program(run)

    def score(ids: Array) -> Array:
        state, found = [np.zeros((1, step.sizes[n]), np.float32) for n in step.before], []
        for symbol in ids:
            if run.reset and symbol == EOS:
                state = [np.zeros_like(s) for s in state]
            o, state = step.run(np.array([symbol]), state)
            found.append(o)
        return np.concatenate(found)

    return "charnn's arithmetic", score


def by_onnxruntime(path: Path, run: Run) -> tuple[str, Scorer]:
    """onnxruntime, where it is installed."""
    try:
        score = onnx.scorer(path)
    except ImportError:
        return by_arithmetic(run)
    return "onnxruntime", partial(by_pieces, run, score, run.model.zero_state(1))


def by_torch(folder: Path, run: Run) -> tuple[str, Scorer]:
    """PyTorch and model.py, where it is installed; else the weights read back."""
    try:
        return "PyTorch", partial(by_pieces, run, safetensors.scorer(folder), None)
    except ImportError:
        return by_import(folder / "model.safetensors")


def by_import(path: Path) -> tuple[str, Scorer]:
    """A .safetensors file read back."""
    return "reading it back", partial(scores, importing.import_torch(path))


def by_node(path: Path, run: Run) -> tuple[str, Scorer]:
    """The page's script, by node where there is one."""
    if not shutil.which("node"):
        return by_arithmetic(run)
    found = scripts(path)

    def score(ids: Array) -> Array:
        given = json.dumps({"model": json.loads(found["model"]), "ids": ids.tolist()})
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "script.js")
            script.write_text(found["network"] + DRIVER, "utf-8")
            return _floats(["node", str(script)], given.encode("ascii"), len(ids))

    return "node", score


def scripts(path: Path) -> dict[str, str]:
    """The scripts of a page by their ids."""
    page = path.read_text("utf-8", "surrogateescape")
    return dict(re.findall(r'<script[^>]* id="(\w+)">(.*?)</script>', page, re.DOTALL))


def by_compiler(path: Path, run: Run) -> tuple[str, Scorer]:
    """The header, by a C compiler ($CC, or cc) where there is one."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if not compiler:
        return by_arithmetic(run)

    def score(ids: Array) -> Array:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "main.c").write_text(PROGRAM, "utf-8")
            shutil.copy(path, Path(folder, "model.h"))
            program = str(Path(folder, "main"))
            _run([compiler, "-std=c99", "-O2", "-o", program, str(Path(folder, "main.c")), "-lm"], b"")
            return _floats([program], ids.astype(np.int32).tobytes(), len(ids))

    return Path(compiler).name, score


def _floats(command: Sequence[str], given: bytes, rows: int) -> Array:
    return np.frombuffer(_run(command, given), "<f4").reshape(rows, -1)


def _run(command: Sequence[str], given: bytes) -> bytes:
    done = subprocess.run(command, input=given, capture_output=True)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CharnnError(f"{Path(command[0]).name} does not run what was written: {(said or ['no message'])[0]}")
    return done.stdout
