"""A corpus larger than memory trains from its tokenised file, which is never read or mapped as a whole."""

import resource
from pathlib import Path

import numpy as np
import pytest

from charnn.data import tokenized
from charnn.data.vocabulary import Vocabulary
from charnn.io import npz
from charnn.io.header import json_array
from charnn.version import __version__
from tests.helpers.processes import charnn
from tests.helpers.program import TINY

GIGABYTE = 10**9
MEMORY = 600 * 10**6  # bytes of address space: Python and NumPy alone take about half of it


def write_tokens(path: Path, size: int) -> None:
    """A tokenised file of so many symbols: lines of 40 letters, drawn once and repeated."""
    piece = np.random.default_rng(0).integers(1, 27, 10**6).astype(np.uint8)
    piece[39::40] = 0
    vocabulary = Vocabulary(tuple(range(ord("a"), ord("z") + 1)))
    header = {
        "format": tokenized.FORMAT,
        "version": tokenized.VERSION,
        "charnn": __version__,
        "vocabulary": vars(vocabulary) | {"characters": vocabulary.characters},
        "names": ["made up"],
        "sha256": "0" * 64,
        "invalid": "error",
        "silent": [],
    }
    arrays = {"header": json_array(header), "ids": (piece for _ in range(size // len(piece)))}
    npz.write(path, arrays, {"ids": ((size,), np.uint8)})


@pytest.mark.slow
def test_a_gigabyte_trains_in_600_megabytes_of_address_space(tmp_path: Path) -> None:
    write_tokens(tmp_path / "big.npz", GIGABYTE)

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    try:
        done = charnn("train", "big.npz", *TINY, "--steps", 4, cwd=tmp_path, preexec_fn=little, seconds=120)
        assert done.well() == b""
        assert "900,000,000 symbols to train on, the last 100,000,000 held out" in done.err
        assert (tmp_path / "checkpoints/big/best.npz").exists()
    finally:
        (tmp_path / "big.npz").unlink()
