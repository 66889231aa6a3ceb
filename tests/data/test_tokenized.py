"""Tokenised files: the same corpus as from the text, which stays on the disk, and is written in little memory."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.data import corpus, tokenized
from charnn.errors import CheckpointError, InputError, UsageError
from charnn.io import npz
from charnn.io.header import json_array
from charnn.io.lazy import LazyArray
from charnn.io.text import encode, file_source
from tests.helpers.snapshots import raises
from tests.helpers.waiting import limit

TEXTS = {
    "lines": ["one line\nand another\n\nand more"],
    "paragraphs": ["a\n\nb\n\nc\n\nd\n\ne\n\nf\n\ng\n\nh"],
    "files": ["the first\nfile", "the second\nfile\n", ""],
    "nasty": ["\ufeffone\r\n\0\u2028e\u0301😀\ud800\r\n", "\rtwo, without an end"],
    "many characters": ["".join(map(chr, range(0x3000, 0x3400)))],
}


def files(folder: Path, texts: list[str]) -> list[Path]:
    paths = [folder / f"{i}.txt" for i in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(encode(text))
    return paths


@pytest.mark.parametrize("sequence", ["line", "paragraph", "file", "auto"])
@pytest.mark.parametrize("kind", TEXTS)
def test_a_tokenised_file_is_the_corpus_of_the_text(tmp_path: Path, kind: str, sequence: str) -> None:
    paths = files(tmp_path, TEXTS[kind])
    wanted = charnn.read(*paths, sequence=sequence)
    found = charnn.tokenize(tmp_path / "tokens.npz", *paths, sequence=sequence)
    assert isinstance(found.ids, LazyArray)
    assert found.ids.dtype == wanted.ids.dtype and np.array_equal(found.ids, wanted.ids)
    for name in ("vocabulary", "silent", "sha256", "invalid", "sequences"):
        assert getattr(found, name) == getattr(wanted, name)
    assert encode("".join(found.text())) == b"".join(path.read_bytes() for path in paths)
    assert found.names == (str(tmp_path / "tokens.npz"),)
    again = charnn.read(tmp_path / "tokens.npz")
    assert np.array_equal(again.ids, wanted.ids) and again.vocabulary == wanted.vocabulary


def test_bytes_that_are_no_text_are_kept_if_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"caf\xe9 and so on\n" * 3)
    found = charnn.tokenize(tmp_path / "tokens.npz", path, invalid="keep")
    assert found.invalid == "keep" and encode("".join(found.text())) == path.read_bytes()
    with raises(InputError, "0xe9", "offset 3"):
        charnn.tokenize(tmp_path / "other.npz", path)
    assert not (tmp_path / "other.npz").exists()


def test_compressed_texts_are_tokenised(tmp_path: Path) -> None:
    text = b"one line\nand another\n"
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(text))
    found = charnn.tokenize(tmp_path / "tokens.npz", tmp_path / "a.txt.gz")
    assert "".join(found.text()).encode() == text


def test_the_same_text_makes_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files(tmp_path, TEXTS["lines"])
    made = []
    for name in ("a.npz", "b.npz"):
        tokenized.write(name, [file_source("0.txt")])
        made.append(Path(name).read_bytes())
    assert made[0] == made[1]


def test_numpy_reads_a_tokenised_file(tmp_path: Path) -> None:
    charnn.tokenize(tmp_path / "tokens.npz", *files(tmp_path, TEXTS["lines"]), sequence="line")
    with np.load(tmp_path / "tokens.npz") as read:
        header, ids = json.loads(read["header"].tobytes()), read["ids"]
    assert (header["format"], header["version"]) == ("charnn tokens", 1)  # what was written once is read ever after
    assert header["vocabulary"]["sequence"] == "line"
    assert ids[:9].tolist() == [header["vocabulary"]["characters"].index(ord(c)) + 1 for c in "one line"] + [0]


LONG_LINE = """
import random, sys
from charnn.data import tokenized as tokens
from charnn.io.text import file_source
path, out = sys.argv[1:]
piece = "".join(random.Random(0).choices("abcdefghij klmnopqrstuvwxyz", k=1_000_000))
with open(path, "w") as file:
    for _ in range(60):
        file.write(piece)
tokens.write(out, [file_source(path)])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_a_line_of_60_mb_is_tokenised_in_60_mb_of_memory(tmp_path: Path) -> None:
    """Python and NumPy take 30 MB of them, the counts and pieces of the text some 20 MB; the ids alone are 60 MB."""
    command = [sys.executable, "-c", LONG_LINE, tmp_path / "line.txt", tmp_path / "tokens.npz"]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, check=True, timeout=limit(), env=environment)
    assert int(done.stdout) < 60_000  # kB
    assert (tmp_path / "tokens.npz").stat().st_size > 60_000_000
    assert tokenized.read(tmp_path / "tokens.npz").sequences == 1


def test_a_tokenised_file_stands_alone(tmp_path: Path) -> None:
    (text,) = files(tmp_path, TEXTS["lines"])
    charnn.tokenize(tmp_path / "tokens.npz", text)
    with raises(UsageError, "tokenised"):
        charnn.read(tmp_path / "tokens.npz", text)


def alter(path: Path, header: dict[str, Any], arrays: dict[str, np.ndarray | None]) -> None:
    """Change a tokenised file's header and arrays; None takes something away."""
    with np.load(path) as read:
        found = dict(read)
    value = {**json.loads(found["header"].tobytes()), **header}
    new = {**found, "header": json_array({k: v for k, v in value.items() if v is not None}), **arrays}
    npz.write(path, {name: array for name, array in new.items() if array is not None})


VOCABULARY = {"characters": [97, 98], "sequence": "line", "newline": "\n"}


@pytest.mark.parametrize(
    ("header", "arrays", "named"),
    [
        ({"format": "charnn model"}, {}, "charnn model"),
        ({"format": None}, {}, "tokenised text"),
        ({"version": 2}, {}, ">="),
        ({"version": "1"}, {}, "corrupt"),
        ({"vocabulary": VOCABULARY}, {}, "ids"),
        ({"vocabulary": {**VOCABULARY, "characters": [98, 97]}}, {}, "vocabulary"),
        ({"vocabulary": {**VOCABULARY, "sequence": "word"}}, {}, "vocabulary"),
        ({"vocabulary": {"characters": [97]}}, {}, "corrupt"),
        ({"vocabulary": [97]}, {}, "corrupt"),
        ({"silent": None}, {}, "corrupt"),
        ({"silent": 3}, {}, "corrupt"),
        ({"silent": [10**9]}, {}, "ends of sequences"),
        ({"sha256": None}, {}, "corrupt"),
        ({}, {"ids": None}, "ids"),
        ({}, {"ids": np.zeros(0, np.uint8)}, "corrupt"),
        ({}, {"ids": np.zeros((4, 4), np.uint8)}, "ids"),
        ({}, {"ids": np.zeros(16, np.uint16)}, "ids"),
        ({"silent": []}, {"ids": np.full(16, 200, np.uint8)}, "ids"),
        (
            {"vocabulary": VOCABULARY, "silent": []},
            {"ids": np.full(16, 3, np.uint8)},
            "ids",
        ),
        ({}, {"header": np.zeros(3)}, "header"),
        ({}, {"header": None}, "header"),
    ],
)
def test_what_is_no_tokenised_text_is_refused(
    tmp_path: Path, header: dict[str, Any], arrays: dict[str, np.ndarray | None], named: str
) -> None:
    path = tmp_path / "tokens.npz"
    charnn.tokenize(path, *files(tmp_path, TEXTS["lines"]))
    alter(path, {}, {})
    assert len(tokenized.read(path).ids)
    alter(path, header, arrays)
    with raises(CheckpointError, named) as caught:
        tokenized.read(path)
    assert str(path) in str(caught.value)


def test_the_last_of_a_vocabulary_is_one_of_its_ids(tmp_path: Path) -> None:
    charnn.tokenize(path := tmp_path / "tokens.npz", *files(tmp_path, TEXTS["lines"]))
    alter(path, {"vocabulary": VOCABULARY, "silent": []}, {"ids": np.full(16, 2, np.uint8)})
    assert "".join(tokenized.read(path).text()).startswith("b" * 15)


def test_a_text_is_no_tokenised_file(tmp_path: Path) -> None:
    (text,) = files(tmp_path, TEXTS["lines"])
    with pytest.raises(CheckpointError, match="is not a charnn file"):
        charnn.read(text.rename(tmp_path / "text.npz"))


def test_a_text_that_is_too_short_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too short"):
        charnn.tokenize(tmp_path / "tokens.npz", *files(tmp_path, ["short"]))
    assert [path.name for path in tmp_path.iterdir()] == ["0.txt"]


def test_a_corpus_is_read_alike_through_either_door(tmp_path: Path) -> None:
    (path,) = files(tmp_path, TEXTS["lines"])
    assert np.array_equal(charnn.read(path).ids, corpus.read([file_source(str(path))]).ids)
