"""Good files that tests of this folder damage."""

from pathlib import Path

import pytest

from tests.helpers.processes import charnn


@pytest.fixture(scope="package")
def whole(home: Path) -> bytes:
    """A model to resume from."""
    return (home / "checkpoints/names/last.npz").read_bytes()


@pytest.fixture(scope="package")
def tokens(home: Path) -> bytes:
    """A tokenised file."""
    charnn("tokenize", "names.txt", "-o", "tokens.npz", cwd=home).well()
    return (home / "tokens.npz").read_bytes()


@pytest.fixture
def good(whole: bytes, new: Path) -> Path:
    """That model, as good.npz in a new folder."""
    path = new / "good.npz"
    path.write_bytes(whole)
    return path
