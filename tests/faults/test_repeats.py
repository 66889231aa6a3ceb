"""R: the same again."""

from pathlib import Path

import pytest

from tests.helpers.processes import charnn
from tests.helpers.program import TINY

KINDS = {
    "lines": [],
    "running text, noise, workers": ["--sequence", "file", "--dropout", "0.3", "--workers", "2", "--layers", "2"],
    "rmsprop": ["--optimizer", "rmsprop", "--rate", "0.01"],
    "momentum": ["--optimizer", "sgd", "--rate", "0.5", "--state", "carry"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_R1_half_and_half_is_the_whole(new: Path, kind: str) -> None:
    options = ["names.txt", *TINY, *KINDS[kind], "--validate-every", "30"]
    charnn("train", *options, "--name", "half", "--steps", 60).well()
    half = Path("checkpoints/half/last.npz").read_bytes()
    charnn("train", "--resume", "--name", "half", "--steps", 120).well()
    charnn("train", *options, "--name", "whole", "--steps", 120).well()
    for name in ("last.npz", "best.npz", "log.jsonl"):
        assert Path("checkpoints/half", name).read_bytes() == Path("checkpoints/whole", name).read_bytes()
    assert Path("checkpoints/half/last.npz").read_bytes() != half


@pytest.mark.parametrize("options", [["--past-end"], ["-n", "20"], ["--temp", "0.5", "--top-k", "5", "--past-end"]])
def test_R5_the_same_seed_gives_the_same_text(here: Path, options: list[str]) -> None:
    once = charnn("sample", "--seed", 7, "--length", 200, *options).well()
    assert charnn("sample", "--seed", 7, "--length", 200, *options).well() == once
    assert charnn("sample", "--seed", 8, "--length", 200, *options).well() != once


def test_R5_a_shorter_sample_is_the_beginning_of_a_longer_one(here: Path) -> None:
    long, short = (charnn("sample", "--seed", 7, "--past-end", "--length", n).well() for n in (200, 100))
    assert len(long) == 201 and len(short) == 101
    assert long.startswith(short[:-1])
