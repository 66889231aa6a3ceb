"""Runs in a line each, from the headers of their files."""

import math
import os
from dataclasses import replace
from pathlib import Path

from charnn.errors import CheckpointError, UsageError
from charnn.io import npz
from charnn.io.header import json_array
from charnn.runs import checkpoint
from charnn.runs.listing import summaries
from charnn.runs.run import Run
from tests.helpers.snapshots import raises


def put(path: Path, run: Run, at: float = 1e9, **more: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.save(path, replace(run, **more), resumable=path.name == "last.npz")  # type: ignore[arg-type]
    os.utime(path, (at, at))


def test_a_summary_is_that_of_the_last_state(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "it/best.npz", run, 2e9, step=1)
    put(tmp_path / "it/last.npz", run, 1e9)
    (tmp_path / "it/log.jsonl").write_bytes(b"12345")
    (found,) = summaries(tmp_path)
    assert not isinstance(found, Exception) and run.best is not None
    assert (found.name, found.task, found.texts, found.unit) == ("it", "text", ("names.txt",), "char")
    assert found.bits is not None and math.isclose(found.bits, run.best / math.log(2))
    assert (found.accuracy, found.parameters, found.steps, found.modified) == (None, run.weights.count, 2, 2e9)
    assert found.bytes == sum(path.stat().st_size for path in (tmp_path / "it").iterdir())


def test_the_accuracy_is_that_of_the_best_validation(run: Run, tmp_path: Path) -> None:
    records = [{**run.history[-1], "step": 0, "accuracy": 0.25}, {**run.history[-1], "accuracy": 0.5}]
    put(tmp_path / "a/best.npz", run, history=records, best_step=0)
    put(tmp_path / "b/best.npz", run, history=records, best_step=7, best=None)
    found = {one.name: one for one in summaries(tmp_path) if not isinstance(one, Exception)}
    assert found["a"].accuracy == 0.25 and found["b"].accuracy is None and found["b"].bits is None


def test_the_newest_run_comes_first_and_a_damaged_one_says_why(run: Run, tmp_path: Path) -> None:
    for name, at in (("old", 1e9), ("same-b", 1.5e9), ("same-a", 1.5e9), ("new", 2e9)):
        put(tmp_path / name / "best.npz", run, at)
    (tmp_path / "odd").mkdir()
    npz.write(tmp_path / "odd/best.npz", {"header": json_array({"format": checkpoint.FORMAT, "history": 3})})
    os.utime(tmp_path / "odd/best.npz", (1e8, 1e8))
    *found, odd = summaries(tmp_path)
    assert [getattr(one, "name", one) for one in found] == ["new", "same-a", "same-b", "old"]
    assert isinstance(odd, CheckpointError) and "odd/best.npz is corrupt" in str(odd)


def test_the_folder_of_runs_is_a_path() -> None:
    with raises(UsageError, "the folder of all runs is 3"):
        list(summaries(3))  # type: ignore[arg-type]
