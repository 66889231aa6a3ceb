"""C: what is wrong with a text, or with where it comes from."""

import bz2
import gzip
import lzma
import os
import pty
import random
import time
from pathlib import Path

import numpy as np
import pytest

from charnn.runs import checkpoint
from tests.helpers.processes import bash, charnn, measured
from tests.helpers.program import TINY, names
from tests.helpers.texts import NASTY
from tests.helpers.waiting import limit

SHORT = [*TINY, "--steps", "2", "--validate-every", "2"]


@pytest.mark.parametrize("command", ["tokenize", "train"])
@pytest.mark.parametrize("text", ["", "x", "15 symbols all."])
def test_C1_too_short_a_text(new: Path, command: str, text: str) -> None:
    Path("short.txt").write_text(text[:14])
    charnn(command, "short.txt").told(3, "short.txt is too short: ", "at least 16 are needed")
    assert sorted(path.name for path in new.iterdir()) == ["names.txt", "short.txt"]


@pytest.mark.parametrize("text", ["sixteen symbols", "a text that is shorter than a window, and yet is trained on\n"])
def test_C1_a_text_shorter_than_a_window(new: Path, text: str) -> None:
    Path("short.txt").write_text(text)
    done = charnn("train", "short.txt", *SHORT, "--window", 64)
    assert done.well() == b"" and "in place of batch" in " ".join(done.err.split())
    assert charnn("sample", "--length", 5).well()


@pytest.mark.parametrize("command", [["tokenize"], ["train", *SHORT], ["eval", "-m", "model.npz", "--unknown", "skip"]])
def test_C2_invalid_utf8(here: Path, tmp_path: Path, command: list[str]) -> None:
    text = tmp_path / "latin.txt"
    text.write_bytes(b"Anbe\n" * 20 + b"Caf\xe9\n" + b"Anbe\n" * 20)
    model = here / "checkpoints" / "names" / "best.npz"
    command = [str(model) if word == "model.npz" else word for word in command]
    message = charnn(*command, text, cwd=tmp_path).told(3, str(text), "byte 0xe9 at offset 103")
    assert "--invalid keep" in message and "--invalid replace" in message
    for invalid in ("keep", "replace"):
        charnn(*command, text, "--invalid", invalid, cwd=tmp_path).well()


@pytest.mark.parametrize("kind", NASTY)
def test_C3_any_text_comes_back_identical(new: Path, kind: str) -> None:
    Path("nasty.txt").write_bytes(NASTY[kind])
    assert charnn("tokenize", "nasty.txt", "-o", "nasty.npz").well() == b""
    assert charnn("tokenize", "--decode", "nasty.npz").well() == NASTY[kind]


def test_C3_a_model_of_nasty_texts_writes_them(new: Path) -> None:
    Path("nasty.txt").write_bytes(b"\n".join(NASTY.values()))
    charnn("train", "nasty.txt", "--sequence", "file", *SHORT).well()
    written = charnn("sample", "--past-end", "--length", 400, "--seed", 1, "--separator", "").well()
    assert len(written.decode("utf-8", "surrogatepass")) > 300
    assert charnn("info").well() and charnn("eval", "nasty.txt", "--by", "char").well()


@pytest.mark.long
@pytest.mark.slow
def test_C4_a_line_of_50_mb(new: Path) -> None:
    """Within 600 MB each: n-grams counted on the first 20 M characters take most of it, whatever follows."""
    rng = np.random.default_rng(0)
    with open("line.txt", "wb") as file:
        for _ in range(50):
            file.write(rng.integers(97, 123, 1_000_000, np.uint8).tobytes())
    for args in (
        ["tokenize", "line.txt", "-o", "line.npz"],
        ["train", "line.npz", *SHORT],
        ["train", "line.txt", *SHORT],
    ):
        done, memory, _ = measured(*args, seconds=60)
        done.well()
        assert memory < 600_000  # kB
    assert checkpoint.load("checkpoints/line/last.npz").origin.symbols == 50_000_001


def test_C5_a_prompt_with_unknown_characters(here: Path) -> None:
    words = ("the prime", "'?' U+003F at 1:3", "'ß' U+00DF at 2:1", "(line:column)", "--unknown skip")
    charnn("sample", "--prime", "An?be\nß").told(3, *words)
    charnn("sample", "--prime", "-", stdin="An?be\nß".encode()).told(3, *words)
    assert charnn("sample", "--prime", "An?beß", "--unknown", "skip").well().startswith(b"Anbe")


def test_C5_an_evaluated_text_with_unknown_characters(here: Path, tmp_path: Path) -> None:
    text = (names() * 50 + "An?be\nDo\u0301la\n").encode()  # past the first piece that a pipe gives
    line = names().count("\n") * 50 + 1
    (tmp_path / "odd.txt").write_bytes(text)
    for more in ([tmp_path / "odd.txt"], ["-", "--by", "line", "--unknown", "error"]):
        told = charnn("eval", *more, stdin=text).told(3, f"'?' U+003F at {line}:3", f"U+0301 at {line + 1}:3")
        assert "--unknown skip" in told
    assert charnn("eval", "-", "--unknown", "skip", stdin=text).well()


def test_C5_a_text_of_strangers_only_is_refused_at_once(here: Path) -> None:
    text = "".join(random.Random(0).choices("бвгджз", k=500_000))
    start = time.monotonic()
    charnn("eval", "-", "--unknown", "error", stdin=text.encode()).told(3, f"'{text[0]}' U+{ord(text[0]):04X} at 1:1, ")
    assert time.monotonic() - start < limit(5)


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz"])
def test_C6_corrupt_and_truncated_compressed_texts(here: Path, ending: str) -> None:
    packed = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[ending](names().encode())
    path = here / f"packed.txt.{ending}"
    for harmed in (packed[:20] + b"\0\0\0\0" + packed[24:], b"no compressed text", packed[: len(packed) // 2]):
        path.write_bytes(harmed)
        charnn("tokenize", path).told(3, str(path), "corrupt or truncated compressed file")
    for command in (["train", *SHORT], ["eval"]):
        charnn(*command, path).told(3, str(path), "corrupt or truncated compressed file")
    assert [path.name for path in Path("checkpoints").iterdir()] == ["names"]


READING = [["train", "-"], ["tokenize", "-"], ["eval", "-"], ["sample", "--prime", "-"]]


@pytest.mark.parametrize("command", READING)
def test_C7_standard_input_is_a_terminal(here: Path, command: list[str]) -> None:
    leader, terminal = pty.openpty()
    try:
        charnn(*command, stdin=terminal).told(2, "standard input is a terminal: pipe a text into it, or name a file")
    finally:
        os.close(leader)
        os.close(terminal)
    assert [path.name for path in Path("checkpoints").iterdir()] == ["names"]


@pytest.mark.parametrize("command", READING)
def test_C7_standard_input_is_closed(here: Path, command: list[str]) -> None:
    bash(f"charnn {' '.join(command)} <&-").told(2, "standard input is closed: pipe a text into it, or name a file")


def test_C7_eval_on_a_terminal_or_without_input_scores_the_held_out_part(here: Path) -> None:
    leader, terminal = pty.openpty()
    try:
        done = charnn("eval", stdin=terminal)
    finally:
        os.close(leader)
        os.close(terminal)
    assert done.well() == bash("charnn eval <&-").well() == charnn("eval").well()
    assert "held-out part" in done.err


def test_C7_without_a_corpus_there_is_help(here: Path) -> None:
    done = charnn("train")
    done.told(2, "name a CORPUS to train on")


def test_C5_escapes_are_those_of_the_shell(here: Path) -> None:
    """What can never appear, or is taken as it stands, is said."""
    escapes = "escapes are the shell's, as in $'a\\nb'"
    charnn("sample", "--prime", "An\\nbe").told(3, "'\\' U+005C at 1:3", escapes, "--unknown skip")
    done = charnn("sample", "--stop", "\\n", "--seed", 1)
    assert done.well() == charnn("sample", "--seed", 1).well()
    assert "the model does not know '\\' U+005C, so that --stop never appears; " + escapes in done.err
    done = charnn("sample", "--stop", "zz")
    assert done.well() and "does not know 'z' U+007A" in done.err and "escapes" not in done.err
    assert "note" not in charnn("sample", "--stop", "an").err
    assert charnn("sample", "--past-end", "--length", 40, "--stop", "\n", "--seed", 1).well().count(b"\n") <= 1
