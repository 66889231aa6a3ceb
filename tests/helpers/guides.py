"""Guides whose commands are run: blocks marked sh and python, one after the other, in one folder.

`python -m tests.helpers.guides NAME --write` runs a guide, and puts the pictures that it draws beside it.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"


class Block(NamedTuple):
    """Lines to run, and what they are written in."""

    language: str
    code: str


def blocks(guide: str) -> list[Block]:
    """The blocks of a guide that are to be run."""
    text = (GUIDES / f"{guide}.md").read_text("utf-8")
    return [Block(*found) for found in re.findall(r"^```(sh|python)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]


def prepare(folder: Path) -> dict[str, str]:
    """Put the texts that guides name into a folder, and make `charnn` and `python` those of the tests."""
    programs = folder / "programs"
    programs.mkdir()
    for name, command in (("charnn", f"{sys.executable} -m charnn"), ("python", sys.executable)):
        (programs / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (programs / name).chmod(0o755)
    for name in ("names.txt", "lectures.py"):
        (folder / name).write_bytes((ROOT / "corpora" / name).read_bytes())
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}


def run(block: Block, folder: Path, environment: dict[str, str]) -> str:
    """Run a block, and return its standard output; fail with what it says where it fails."""
    command = ["bash", "-euo", "pipefail", "-c"] if block.language == "sh" else [sys.executable, "-c"]
    options = {"cwd": folder, "env": environment, "stdin": subprocess.DEVNULL}
    done = subprocess.run([*command, block.code], capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{block.code}\n{done.stderr}"
    return str(done.stdout)


def follow(guide: str, folder: Path) -> list[str]:
    """Run all blocks of a guide; what each wrote to standard output."""
    environment = prepare(folder)
    return [run(block, folder, environment) for block in blocks(guide)]


def pictures(guide: str) -> list[str]:
    """The names of the pictures that a guide shows."""
    return re.findall(r"^!\[.*\]\((\S+\.svg)\)$", (GUIDES / f"{guide}.md").read_text("utf-8"), re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the commands of a guide.")
    parser.add_argument("guide")
    parser.add_argument("--write", action="store_true", help="put the pictures that it draws beside the guide")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print("".join(follow(given.guide, Path(folder))))
        for name in pictures(given.guide) if given.write else ():
            (GUIDES / name).write_bytes(Path(folder, name).read_bytes())


if __name__ == "__main__":
    main()
