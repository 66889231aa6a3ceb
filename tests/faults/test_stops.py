"""R2: stopped at whatever step, and resumed, a run is the one that was never stopped."""

import random
import signal
from pathlib import Path

import pytest

from charnn.runs import checkpoint
from tests.helpers.processes import altered, charnn
from tests.helpers.program import TINY

STEPS = 120
TERMINATED = """
import os, signal
from charnn.training.trainer import Trainer
update = Trainer.update
def terminated(self):
    event = update(self)
    if self.run.step == {step}:
        os.kill(os.getpid(), signal.SIGTERM)
    return event
Trainer.update = terminated
"""
KINDS = {
    "lines": [*TINY, "--validate-every", "15"],
    "noise, workers, a schedule": [
        *("--hidden", "8", "--layers", "2", "--batch", "4", "--window", "8", "--sequence", "file", "--patience", "0"),
        *("--dropout", "0.3", "--workers", "2", "--schedule", "cosine", "--warmup", "0.2", "--rate", "0.02"),
        *("--validate-every", "15"),
    ],
    "half a plateau": [*TINY, "--validate-every", "4", "--schedule", "plateau", "--rate", "0.2"],
}


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_R2_terminated_ten_times(new: Path, kind: str) -> None:
    """At ten steps, two of them at the end of an epoch and at a validation, one twice."""
    steps = sorted([*random.Random(2).sample(range(2, STEPS), 7), 1, 60, 79])
    command = ["names.txt", *KINDS[kind], "--steps", str(STEPS), "--name", "stopped"]
    for step in steps:
        done = altered(TERMINATED.format(step=step), "train", *command)
        assert done.code == -signal.SIGTERM and done.out == b"" and "Traceback" not in done.err, done
        assert f"saved at step {step:,}; `charnn train --resume --name stopped` goes on\n" in done.err
        assert checkpoint.load("checkpoints/stopped/last.npz").step == step
        command = ["--resume", "--name", "stopped"]
    charnn("train", *command).well()
    charnn("train", "names.txt", *KINDS[kind], "--steps", STEPS, "--name", "whole").well()
    assert checkpoint.load("checkpoints/stopped/last.npz").step == STEPS
    for name in ("last.npz", "best.npz", "log.jsonl"):
        assert Path("checkpoints/stopped", name).read_bytes() == Path("checkpoints/whole", name).read_bytes(), name
