"""C9, C10, C15: tokenised files whose ids changed, before or while they are read."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.faults.hostile import Change, arrays, forged
from tests.helpers.processes import Done, charnn, start, told_until
from tests.helpers.program import TINY
from tests.helpers.waiting import limit

SHORT = [*TINY, "--steps", "4", "--validate-every", "2"]
UNDER_WAY = b"bits/char; *"  # the head of the list of validations


@pytest.fixture
def tokens(new: Path) -> Path:
    """names.txt as a tokenised file, and a run on it."""
    charnn("tokenize", "names.txt", "-o", "tokens.npz").well()
    charnn("train", "tokens.npz", *SHORT, "--name", "run").well()
    return new / "tokens.npz"


def overwrite(path: Path, at: int, data: bytes) -> None:
    """Change bytes of a file where they are."""
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


READERS = {
    "train": ["train", "tokens.npz", *SHORT],
    "resume": ["train", "--resume", "--name", "run", "--steps", "8"],
    "eval of the held-out part": ["eval", "-m", "run"],
    "eval": ["eval", "-m", "run", "tokens.npz"],
    "rows": ["eval", "-m", "run", "tokens.npz", "--by", "line"],
    "mixture": ["eval", "-m", "run", "--mix", "ngram"],
    "novelty": ["sample", "-m", "run", "--novelty"],
    "decode": ["tokenize", "--decode", "tokens.npz"],
    "tokenize": ["tokenize", "tokens.npz"],
    "vocabulary": ["tokenize", "--decode", "ids.txt", "--vocabulary", "tokens.npz"],
    "inspect": ["inspect", "units", "-m", "run", "tokens.npz"],
}


@pytest.mark.parametrize("reader", READERS)
def test_C9_bytes_zeroed_in_the_middle(tokens: Path, reader: str) -> None:
    Path("ids.txt").write_text("1 2 0\n")
    overwrite(tokens, tokens.stat().st_size // 2, bytes(2000)[: tokens.stat().st_size // 4])
    charnn(*READERS[reader]).told(3, "tokens.npz", "corrupt")


@pytest.mark.parametrize("place", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("what", ["a bit", "two ids that change places"])
def test_C9_any_change_of_ids_that_are_all_known(tokens: Path, place: float, what: str) -> None:
    data = bytearray(tokens.read_bytes())
    at = int(len(data) * place)
    if what == "a bit":
        data[at] ^= 1
    else:
        other = next(i for i in range(at, len(data)) if data[i] != data[at])
        data[at], data[other] = data[other], data[at]
    tokens.write_bytes(data)
    charnn("train", "tokens.npz", *SHORT).told(3, "tokens.npz", "corrupt")


def test_C9_an_intact_file_is_read_as_before(tokens: Path) -> None:
    for reader in READERS.values():
        if reader[1] != "--decode":
            charnn(*reader).well()
    assert charnn("tokenize", "--decode", "tokens.npz").well() == Path("names.txt").read_bytes()


def cut(size: int) -> Change:
    return lambda header, found: (found.update(ids=found["ids"][:size]), header.update(silent=[]))


@pytest.mark.parametrize("size", [1, 2, 15])
@pytest.mark.parametrize("command", [["train", "bad.npz", *SHORT], ["tokenize", "bad.npz"]])
def test_C10_fewer_symbols_than_can_be_trained_on(tokens: Path, size: int, command: list[str]) -> None:
    forged(tokens.read_bytes(), cut(size), Path("bad.npz"))
    charnn(*command).told(3, "bad.npz", f"{size} ids", "at least 16")


def test_C10_the_fewest_symbols_that_can(tokens: Path) -> None:
    forged(tokens.read_bytes(), cut(16), Path("few.npz"))
    charnn("train", "few.npz", *SHORT).well()


def silent(*places: Any) -> Change:
    return lambda header, found: header.update(silent=[int(p(found["ids"]) if callable(p) else p) for p in places])


def character(ids: np.ndarray) -> int:
    return int(np.flatnonzero(ids != 0)[0])


def end(ids: np.ndarray) -> int:
    return int(np.flatnonzero(ids == 0)[0])


@pytest.mark.parametrize("places", [(character,), (end, end), (len,), (-1,), (end, character), (10**30,)])
@pytest.mark.parametrize("command", [["train", "bad.npz", *SHORT], ["tokenize", "--decode", "bad.npz"]])
def test_C10_ends_that_are_none(tokens: Path, places: tuple[Any, ...], command: list[str]) -> None:
    forged(tokens.read_bytes(), silent(*places), Path("bad.npz"))
    charnn(*command).told(3, "bad.npz is corrupt")


def test_C10_an_end_that_is_one(tokens: Path) -> None:
    forged(tokens.read_bytes(), silent(end), Path("fine.npz"))
    text = charnn("tokenize", "--decode", "fine.npz").well()
    assert text == Path("names.txt").read_bytes().replace(b"\n", b"", 1)


FIELDS = ("format", "version", "charnn", "vocabulary", "names", "sha256", "invalid", "silent")
WRONG: list[Any] = [None, "", 0, -1, 10**30, 1.5, [], {}, ["x"], "x" * 5000]


@pytest.mark.parametrize("name", FIELDS)
def test_M16_every_field_of_a_tokenised_file(tokens: Path, name: str) -> None:
    """Missing, null, empty, zero, huge; in the library, which every command reads them by, and once by a command."""
    import charnn as library
    from charnn.errors import CheckpointError

    whole = tokens.read_bytes()
    good = json.loads(arrays(whole)["header"].tobytes())[name]
    allowed = {"charnn": ["", "x" * 5000], "names": [[], ["x"]], "silent": [[]]}.get(name, [])
    for value in WRONG:
        forged(whole, lambda header, _, value=value: header.update({name: value}), Path("bad.npz"))
        if value == good or value in allowed:
            library.read("bad.npz")
            continue
        with pytest.raises(CheckpointError, match=r"^bad\.npz "):
            library.read("bad.npz")
    forged(whole, lambda header, _: header.pop(name), Path("bad.npz"))
    charnn("tokenize", "--decode", "bad.npz").told(3, "bad.npz")


def trained_while(change: Any) -> Done:
    """Train on tokens.npz without an end, and change that file once training is under way."""
    with start("train", "tokens.npz", *TINY, "--steps", 10**9, "--validate-every", 50, "--name", "long") as process:
        told = told_until(process, UNDER_WAY)
        change()
        try:
            out, rest = process.communicate(timeout=limit())
        finally:
            process.kill()
    return Done(process.returncode, out, (told + rest).decode())


def later(path: Path) -> None:
    """Be sure that the clock of the file system has moved on."""
    time.sleep(0.02)
    os.utime(path)


@pytest.mark.parametrize("what", ["overwritten", "cut", "emptied"])
def test_C15_tokens_that_change_while_training(tokens: Path, what: str) -> None:
    size = tokens.stat().st_size

    def change() -> None:
        if what == "overwritten":
            overwrite(tokens, size // 2, bytes(500))
        else:
            os.truncate(tokens, size // 2 if what == "cut" else 0)
        later(tokens)

    done = trained_while(change)
    assert "tokens.npz was changed while in use" in done.told(3)
    charnn("sample", "-m", "long").well()


def test_C15_tokens_that_change_for_several_workers(tokens: Path) -> None:
    with start("train", "tokens.npz", *TINY, "--workers", 2, "--steps", 10**9, "--validate-every", 50) as process:
        told = told_until(process, UNDER_WAY)
        overwrite(tokens, tokens.stat().st_size // 2, bytes(500))
        later(tokens)
        out, rest = process.communicate(timeout=limit())
    assert "was changed while in use" in Done(process.returncode, out, (told + rest).decode()).told(3)


def test_C15_tokens_that_are_only_touched_or_replaced_are_trained_on(tokens: Path) -> None:
    options = ["train", "tokens.npz", *TINY, "--steps", "2000", "--validate-every", "200", "--name"]
    charnn(*options, "whole").well()
    with start(*options, "touched") as process:
        told_until(process, UNDER_WAY)
        later(tokens)
        Path("other").write_bytes(b"something else")
        Path("other").replace(tokens)
        _, told = process.communicate(timeout=limit())
    assert process.returncode == 0, told
    runs = Path("checkpoints")
    assert (runs / "touched/log.jsonl").read_bytes() == (runs / "whole/log.jsonl").read_bytes()


def test_C15_standard_output_has_no_part_of_a_damaged_text(tokens: Path) -> None:
    """--decode checks all ids before it writes the first character."""
    overwrite(tokens, tokens.stat().st_size - 200, bytes(20))
    done = subprocess.run(["cat"], input=charnn("tokenize", "--decode", "tokens.npz").out, capture_output=True)
    assert done.stdout == b""
