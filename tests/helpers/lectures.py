"""Pages of docs/lectures: commands, each followed by what it wrote.

`python -m tests.helpers.lectures PAGE` runs the commands of a page, and puts what they write and draw into the page.
Tests run them at a small size. Both do so in one process.
"""

import argparse
import io
import re
import runpy
import shlex
import subprocess
import tempfile
from contextlib import chdir, redirect_stdout
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

from click.testing import Result

from tests.helpers import guides
from tests.helpers.program import invoke

LECTURES = guides.ROOT / "docs" / "lectures"
PAGES = sorted(LECTURES.glob("*.md"))
STEP = re.compile(r"^```(sh|python)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"^!\[.*\]\((\w[\w-]*\.svg)\)$", re.MULTILINE)


CORPORA = runpy.run_path(str(guides.ROOT / "corpora" / "lectures.py"))["CORPORA"]


class Step(NamedTuple):
    """Commands, and what the page says that they write."""

    block: guides.Block
    shown: str


def steps(page: Path) -> list[Step]:
    """The commands of a page, in their order."""
    found = STEP.findall(page.read_text("utf-8"))
    return [Step(guides.Block(language, code), shown) for language, code, shown in found]


def pictures(page: Path) -> list[str]:
    """The names of the pictures that the commands of a page draw."""
    return PICTURE.findall(page.read_text("utf-8"))


SMALL = {"--steps": 3, "--hidden": 8, "--orders": 3, "--seconds": 0.02}  # what options are at most
LINES = 150  # of each corpus
ROUNDS = ["--rounds", "1"]  # of Baum-Welch
WRITES = re.compile(r"^python lectures\.py (\S+) > (\S+)$")


def shrunk(words: list[str]) -> list[str]:
    """The words of a command, with small numbers in the place of large ones."""
    found = list(words)
    for i, word in enumerate(words[:-1]):
        if word == "--windows":  # each takes a process
            found[i + 1] = found[i + 1].partition(",")[0]
        if word in SMALL:
            most = SMALL[word] + ("--resume" in words)  # which goes on
            found[i + 1] = f"{min(float(words[i + 1]), most):g}"
    return found + (ROUNDS if "markov" in words else [])


def prepare(small: bool) -> None:
    """Put names.txt into the current folder, or its beginning."""
    names = (guides.ROOT / "corpora" / "names.txt").read_text("utf-8").splitlines(keepends=True)
    Path("names.txt").write_text("".join(names[: LINES if small else None]), "utf-8")


def shell(command: str, stdin: bytes = b"") -> bytes:
    """What a command of the shell writes, once it has done well."""
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], input=stdin, stdout=subprocess.PIPE)
    assert done.returncode == 0, command
    return done.stdout


def run(block: guides.Block, small: bool) -> str:
    """What a block writes, in the current folder; `charnn` and Python run in this process."""
    if block.language == "python":
        with redirect_stdout(io.StringIO()) as told:
            exec(block.code, {"__name__": "__main__"})
        return told.getvalue()
    lines = block.code.replace("\\\n", " ").splitlines()
    return b"".join(_line(line, small) for line in lines).decode("utf-8")


@cache
def bench(*words: str) -> Result:
    """What a measurement prints: once for all pages that ask for it, since no file has a part in it."""
    return invoke(*words)


def _line(line: str, small: bool) -> bytes:
    """What a line of the shell writes: a pipe with `charnn` in it at most once, into a file perhaps."""
    if corpus := WRITES.match(line):
        written = islice(CORPORA[corpus[1]](Random(0)), LINES if small else None)
        Path(corpus[2]).write_text("".join(f"{line}\n" for line in written), "utf-8")
        return b""
    line, _, file = line.partition(" > ")
    stages = line.split(" | ")
    at = next((i for i, stage in enumerate(stages) if stage.startswith("charnn ")), None)
    if at is None:
        told = shell(line)
    else:
        before = shell(" | ".join(stages[:at])) if at else None
        words = shlex.split(stages[at])
        asked = [word for word in words[1:] if not word.startswith("2>")]
        wanted = shrunk(asked) if small else asked
        result = bench(*wanted) if asked[0] == "bench" else invoke(*wanted, stdin=before)
        assert result.exit_code == 0, f"{line}\n{result.output}"
        told = result.output.encode() if "2>&1" in words else result.stdout_bytes
        told = shell(" | ".join(stages[at + 1 :]), told) if stages[at + 1 :] else told
    if file:
        Path(file.strip()).write_bytes(told)
    return b"" if file else told


def write(page: Path) -> None:
    """Run a page, and put what its commands write below each, and the pictures beside the page."""

    def filled(found: re.Match[str]) -> str:
        told = run(guides.Block(found[1], found[2]), small=False)
        print(told, end="", flush=True)
        kept = "".join(f"{line.rstrip()}\n" for line in told.splitlines())
        return f"```{found[1]}\n{found[2]}```\n" + (f"\n```text\n{kept}```\n" if kept else "")

    page = page.resolve()
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        prepare(small=False)
        page.write_text(STEP.sub(filled, page.read_text("utf-8")), "utf-8")
        for drawn in pictures(page):
            (page.parent / drawn).write_bytes(Path(drawn).read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description="Write what the commands of a page of docs/lectures print into it.")
    parser.add_argument("pages", type=Path, nargs="*", default=PAGES)
    for page in parser.parse_args().pages:
        write(page)


if __name__ == "__main__":
    main()
