"""P11: no character of a text, a name, a header or an option does anything to a terminal, a log or `info`."""

import json
import sys
import unicodedata
from pathlib import Path

import pytest

from tests.helpers.processes import Done, charnn
from tests.helpers.program import TINY, names
from tests.helpers.terminals import STYLE, on_terminal, shown

SHORT = [*TINY, "--steps", "4", "--validate-every", "2"]
EVIL = "\x1b[2J\x1b]0;own\x07\x9b31m\u202eabc\u2066\x08\x00"  # clears, renames, reddens, reorders, and rubs out
ALLOWED = "\n\t\r\u200c\u200d"


def harmful(text: str) -> set[str]:
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c not in ALLOWED}


def screen(*args: object) -> str:
    """What a terminal shows of a command, less colours and what tqdm and rich write to move its cursor."""
    with on_terminal([sys.executable, "-m", "charnn", *map(str, args)]) as (_, leader):
        told = STYLE.sub(b"", shown(leader)).decode()
    for escape in ("\x1b[?25l", "\x1b[?25h", "\x1b[A", "\x1b[K"):
        told = told.replace(escape, "")
    return told


def clean(done: Done) -> None:
    assert not harmful(done.err), done.err


@pytest.fixture
def evil(new: Path) -> Path:
    """A text full of such characters, under a name that has some too."""
    path = new / f"te{EVIL[:-1].replace('/', '')}xt.txt"
    path.write_text("".join(f"{EVIL}{name}\n" for name in names(60).split()))
    return path


def test_P11_a_training_and_its_log(evil: Path) -> None:
    done = charnn("train", evil, *SHORT)
    assert done.well() == b""
    clean(done)
    (log,) = Path("checkpoints").glob("*/log.jsonl")
    assert log.read_bytes().isascii() and not harmful(log.read_text())
    assert not harmful(next(Path("checkpoints").iterdir()).name)


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_P11_info(evil: Path, more: list[str]) -> None:
    charnn("train", evil, *SHORT, "--name", "it").well()
    assert not harmful(charnn("info", *more).well().decode())
    assert not harmful(charnn("info", "it", "it").well().decode())


@pytest.mark.parametrize(
    "command",
    [["sample", "--length", "300"], ["eval"], ["eval", "--by", "char"], ["info"], ["list"], ["inspect", "units"]],
    ids=" ".join,
)
def test_P11_a_terminal(evil: Path, command: list[str]) -> None:
    charnn("train", evil, *SHORT, "--name", "it").well()
    told = screen(*command)
    assert told and not harmful(told), repr(told[:500])


def test_P11_training_on_a_terminal(evil: Path) -> None:
    told = screen("train", evil, *SHORT)
    assert told and not harmful(told), repr(told[:500])


@pytest.mark.parametrize(
    "command",
    [
        ["sample", "-m", f"no{EVIL[:-1]}model"],
        ["train", f"no{EVIL[:-1]}text"],
        ["train", "names.txt", "--cell", EVIL[:-1]],
        ["train", "names.txt", "--name", f"a/{EVIL[:-1]}"],
        ["eval", "--by", EVIL[:-1]],
        [EVIL[:-1]],
        ["sample", f"--{EVIL[:-1]}"],
        ["sample", "--runs", EVIL[:-1]],
        ["rm", EVIL[:-1]],
    ],
    ids=lambda command: command[0][:6].encode("unicode_escape").decode(),
)
def test_P11_a_message(new: Path, command: list[str]) -> None:
    done = charnn(*command)
    assert done.code in (1, 2, 3)
    clean(done)
    assert len(done.messages) == 1


def test_P11_text_for_a_pipe_is_as_it_was(evil: Path) -> None:
    charnn("tokenize", evil, "-o", "it.npz").well()
    assert charnn("tokenize", "--decode", "it.npz").well() == evil.read_bytes()
    rows = charnn("eval", "-m", "x", "--json")
    assert rows.code == 2
    charnn("train", evil, *SHORT, "--name", "it").well()
    found = charnn("eval", "--by", "line", evil).well().decode()
    assert EVIL in found and json.loads(charnn("info", "--json").well())
