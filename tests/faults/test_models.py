"""M: what is wrong with a model's file."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.processes import charnn

READING = ["sample", "eval", "info", "inspect gradients", "inspect units", "inspect gradcheck"]


@pytest.mark.parametrize("command", READING)
def test_M1_no_model_of_that_name(here: Path, command: str) -> None:
    charnn(*command.split(), "-m", "gone/best.npz").told(2, "gone/best.npz", "checkpoints/", "`charnn list`")


@pytest.mark.parametrize("command", READING)
def test_M1_no_model_anywhere(new: Path, command: str) -> None:
    charnn(*command.split()).told(2, "checkpoints/", "train one with `charnn train CORPUS`")
    charnn(*command.split(), "--out", "elsewhere").told(2, "elsewhere/", "`charnn train CORPUS`")


def test_M1_a_folder_without_a_model(new: Path) -> None:
    Path("checkpoints/empty").mkdir(parents=True)
    charnn("sample", "-m", "empty").told(2, "checkpoints/empty holds no model", "`charnn train CORPUS`")


class Trap:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("canary"),)


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("empty", "info"),
        ("text", "info"),
        ("png", "info"),
        ("pickle", "info"),
        ("pickle", "sample"),
        ("pickle", "eval"),
        ("pickle", "inspect gradients"),
        ("pickle", "inspect units"),
        ("pickle", "inspect gradcheck"),
    ],
)
def test_M2_what_is_no_model(new: Path, kind: str, command: str) -> None:
    data = {
        "empty": b"",
        "text": b"It was a dark and stormy night.\n" * 100,
        "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x06\0\0\0" + bytes(200),
        "pickle": pickle.dumps(Trap()),
    }
    Path("model.npz").write_bytes(data[kind])
    charnn(*command.split(), "-m", "model.npz").told(3, "model.npz", "is not a charnn")
    assert not Path("canary").exists()


@pytest.mark.parametrize("sixteenth", range(16))
def test_M3_a_truncated_model(home: Path, new: Path, sixteenth: int) -> None:
    data = (home / "checkpoints/names/best.npz").read_bytes()
    Path("model.npz").write_bytes(data[: len(data) * sixteenth // 16])
    charnn("info", "-m", "model.npz").told(3, "model.npz", "truncated or corrupt" if sixteenth else "not a charnn")
