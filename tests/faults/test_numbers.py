"""N: numbers that lead nowhere."""

from pathlib import Path

import pytest

from charnn.runs import checkpoint
from tests.helpers.processes import charnn
from tests.helpers.program import TINY


def test_N1_a_hopeless_learning_rate(new: Path) -> None:
    """It goes back at half the rate, says so, gives up, and keeps the last state that was well."""
    done = charnn("train", "names.txt", *TINY, "--steps", 40, "--validate-every", 20, "--rate", 1e9)
    done.told(4, "training diverged", "times in a row", "try a lower --rate")
    assert "the loss exploded" in done.err and "back to step 0, on at half the rate, 5e+08 (try 1)" in done.err
    assert checkpoint.load("checkpoints/names/last.npz").step == 0


def test_N1_a_good_run_survives_a_hopeless_learning_rate(new: Path) -> None:
    charnn("train", "names.txt", *TINY, "--steps", 40, "--validate-every", 20).well()
    best, sample = Path("checkpoints/names/best.npz").read_bytes(), charnn("sample", "--seed", 1).well()
    done = charnn("train", "--resume", "--rate", 1e9, "--steps", 80)
    done.told(4, "training diverged")
    assert Path("checkpoints/names/best.npz").read_bytes() == best and charnn("sample", "--seed", 1).well() == sample
    run = checkpoint.load("checkpoints/names/last.npz")
    assert run.step >= 40 and run.rollbacks > 5
    for line in Path("checkpoints/names/log.jsonl").read_text().splitlines():
        assert line.startswith("{") and line.endswith("}")


@pytest.mark.parametrize(
    "option",
    [
        *("--temp nan", "--temp inf", "--temp -1", "--top-p 0", "--top-p nan", "--top-k -1", "-n -1", "--length -1"),
        *("--seed -1", "--temp warm", "--count 1.5"),
    ],
)
def test_N2_numbers_that_no_sample_can_have(here: Path, option: str) -> None:
    flag, value = option.split()
    name = flag.strip("-")
    message = charnn("sample", flag, value).told(2)
    assert {"n": "count"}.get(name, name) in message and value in message


@pytest.mark.parametrize(
    "option",
    [
        *("--hidden 0", "--hidden -8", "--hidden 1e3", "--layers 0", "--dropout 1", "--dropout nan", "--window 0"),
        *(
            "--batch 0",
            "--batch -1",
            "--rate nan",
            "--rate inf",
            "--rate -1",
            "--clip nan",
            "--momentum 1",
            "--valid-share 0",
        ),
        *(
            "--valid-share 1",
            "--valid-share nan",
            "--epochs -1",
            "--epochs nan",
            "--steps 0",
            "--minutes inf",
            "--workers 0",
        ),
        *(
            "--validate-every 0",
            "--patience -1",
            "--seed -1",
            "--warmup 2",
            "--final-rate -1",
            "--hidden 9999999999999999999999",
        ),
    ],
)
def test_N2_numbers_that_no_training_can_have(here: Path, option: str) -> None:
    flag, value = option.split()
    message = charnn("train", "names.txt", flag, value).told(2)
    assert flag.strip("-") in message and value in message
    assert [path.name for path in Path("checkpoints").iterdir()] == ["names"]


def test_N2_a_share_that_no_split_can_have(here: Path) -> None:
    for value in ("nan", "0", "1", "-1", "inf"):
        assert value in charnn("tokenize", "names.txt", "--valid-share", value).told(2, "valid")
