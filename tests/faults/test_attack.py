"""A small sample of the attacks that `python -m tests.faults.attack` makes, and what the judge would find."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.attack import judge
from tests.faults.attack.server import Attack, End
from tests.helpers.processes import environment
from tests.helpers.waiting import limit

ROOT = Path(__file__).parents[2]
CHEAP = "bits", "header", "numbers", "archive", "weights", "settings", "completion", "places", "runs"


def attacked(count: int, *kinds: str) -> None:
    """So many attacks of each kind, all of which the program holds."""
    chosen = [word for kind in kinds for word in ("--kind", kind)]
    command = [sys.executable, "-m", "tests.faults.attack", "--seed", "1", "--count", str(count), *chosen]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=limit(count * 60)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{count * len(kinds or ALL):,} attacks (seed 1, {count} of each kind")


ALL = (*CHEAP, "texts", "exchanged", "options", "streams", "limits", "signals")


def test_a_sample_of_attacks_is_held() -> None:
    attacked(1, *CHEAP)


@pytest.mark.long
def test_many_attacks_are_held() -> None:
    attacked(20)


@pytest.mark.parametrize(
    ("end", "found"),
    [
        (End(0, b"", "", 0, 0), []),
        (End(2, b"", "charnn: --temp is -1: give a number\n", 0, 0), []),
        (End(3, b"", "a note\ncharnn: bad.npz is corrupt\n", 0, 0), []),
        (End(None, b"", "", 0, 0), ["hangs"]),
        (End(1, b"", "", 0, 0), ["no message of one line, as the last one"]),
        (End(1, b"", "charnn: a\ncharnn: b\n", 0, 0), ["no message of one line, as the last one"]),
        (End(1, b"", f"charnn: {'x' * 500}\n", 0, 0), ["a message of 508 characters"]),
        (End(-11, b"", "", 0, 0), ["exit code -11"]),
        (End(0, b"", "\x1b[31m\n", 0, 0), ["a harmful character in standard error"]),
        (End(0, b"", "", 1 << 30, 1), ["leaves 1 processes behind", "takes 1024 MB"]),
    ],
)
def test_the_judge_finds_what_is_wrong(end: End, found: list[str]) -> None:
    assert judge.faults(Attack([]), end) == found


def test_the_judge_finds_a_traceback_and_a_wrong_reading() -> None:
    assert judge.faults(Attack([], sound=b"a"), End(0, b"b", "", 0, 0))[0].startswith("reads wrongly")
    assert "traceback" in judge.faults(Attack([]), End(1, b"", "Traceback\ncharnn: internal error: x\n", 0, 0))[0]
