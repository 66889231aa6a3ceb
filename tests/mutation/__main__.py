"""`python -m tests.mutation charnn/io charnn/runs`: the share of mutants that tests kill, and those that survive."""

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click
import numpy as np
import pytest

from .mutants import Mutant, mutants

ROOT = Path(__file__).parents[2]
COPIED = "charnn", "tests", "corpora", "docs", "pyproject.toml", "README.md"
BESIDE = {  # tests of a module, beside those of its package
    "archive": ["faults/test_hostile_models"],
    "formats": ["faults/test_encodings"],
    "handle": ["faults/test_tokens"],
    "header": ["runs/test_checkpoint"],
    "lines": ["cli/test_lines", "cli/test_contexts"],
    "onnx": ["exchange/test_export"],
    "remembered": ["nn/test_tuning", "training/test_tune_workers"],
    "corpus": ["faults/test_scores"],
    "curves": ["cli/test_pictures"],
    "frame": ["faults/test_headers"],
    "folder": ["faults/test_folders"],
    "hold": ["faults/test_folders"],
    "listing": ["cli/test_runs"],
    "log": ["faults/test_folders", "faults/test_saves"],
    "plot": ["cli/test_pictures"],
}
SECONDS = 300  # that tests of a mutant may take
assert np  # imported before processes are forked, as pytest is, for each of them to have it


def passes(tests: Sequence[str]) -> bool:
    """Whether tests pass, in a process of their own and in time."""
    if (pid := os.fork()) == 0:
        code = 3
        try:
            os.setsid()
            silent = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(silent, number)
            code = int(pytest.main(["-q", "-x", "-p", "no:xdist", *tests]))
        finally:
            os._exit(code)
    end = time.monotonic() + SECONDS
    while (found := os.waitpid(pid, os.WNOHANG))[0] == 0 and time.monotonic() < end:
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if found[0] == 0:
        os.waitpid(pid, 0)
    return found[0] != 0 and os.waitstatus_to_exitcode(found[1]) == 0


def killed(module: Path, mutant: Mutant) -> bool:
    """Whether tests notice a mutant: those of its module, of its package, or others that try the module."""
    package = module.parent.name
    own = Path(f"tests/{package}/test_{module.stem}.py")
    rounds = [[str(own)]] if own.exists() else []
    rounds += [[f"tests/{package}"], *([f"tests/{name}.py"] for name in BESIDE.get(module.stem, []))]
    source = module.read_text("utf-8")
    module.write_text(mutant.source, "utf-8")
    try:
        return not all(map(passes, rounds))
    finally:
        module.write_text(source, "utf-8")


def run(folders: Sequence[str], count: int, seed: int) -> None:
    """Try so many mutants, drawn at random, and write which survive, and how many were killed."""
    paths = [path for folder in folders for path in sorted(Path(folder).glob("**/*.py"))]
    made = [(path, mutant) for path in paths for mutant in mutants(path.read_text("utf-8"))]
    chosen = random.Random(seed).sample(made, min(count, len(made)))
    dead = 0
    for number, (path, mutant) in enumerate(chosen, 1):
        dies = killed(path, mutant)
        dead += dies
        if not dies:
            click.echo(f"survived: {path}:{mutant.line}: {mutant.change}")
        if number % 10 == 0 or number == len(chosen):
            click.echo(
                f"{dead} of {number} mutants killed, {100 * dead / number:.1f} % ({len(made):,} in all, {seed=})"
            )


@click.command()
@click.argument("folders", nargs=-1, required=True)
@click.option("--count", default=100, show_default=True, help="Mutants that are tried.")
@click.option("--seed", default=0, show_default=True, help="Seed of which ones.")
def main(folders: tuple[str, ...], count: int, seed: int) -> None:
    """Change one thing at a time in the modules of FOLDERS, in a copy, and see whether tests notice."""
    with tempfile.TemporaryDirectory() as base:
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, Path(base) / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, base)
        os.chdir(base)
        sys.path[:] = [base, *(path for path in sys.path if path and Path(path).resolve() != ROOT)]
        os.environ |= {"PYTHONPATH": base, "PYTHONDONTWRITEBYTECODE": "1"}
        sys.dont_write_bytecode = True
        for name in [name for name in sys.modules if name.startswith("tests")]:  # of the copy, in each process
            del sys.modules[name]
        assert passes([f"tests/{Path(folder).name}" for folder in folders]), "the tests fail without a mutant"
        run(folders, count, seed)


if __name__ == "__main__":
    main()
