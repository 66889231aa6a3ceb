"""Runs of every task: resuming is exact, workers share a batch, gradients are right, what a run says of itself."""

import gc
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.choices import TASKS
from charnn.io import npz
from charnn.runs import checkpoint
from charnn.runs.run import Run
from tests.helpers.arrays import read_arrays
from tests.helpers.pairs import TINY, write
from tests.helpers.toys import assert_same

CASES: Mapping[str, dict[str, Any]] = {
    "classify": {},
    "classify by several": {"labels": "several", "pooling": "max", "feedforward": 5},
    "condition": {"context_dropout": 0.3},
    "condition on texts": {"context_as": "text", "condition": "step"},
    "translate": {"symbol_dropout": 0.1},
    "translate by places": {"attention": "near"},
    "translate without an encoder": {"encoder": "none"},
    "translate without attention": {"attention": "none", "encoder": "rnn", "condition": "both"},
    "fill": {"window": 16},
    "values": {"window": 16},
    "values by linear units": {"cell": "elman", "activation": "linear", "delay": 3, "layers": 2, "skip": True},
}
cases = pytest.mark.parametrize("case", CASES)


def started(folder: Path, case: str, name: str, **changes: Any) -> charnn.Session:
    task = case.split()[0]
    options = {**TINY, "dropout": 0.2, "hidden": 8, "validate_every": 4, **CASES[case], **changes}
    return charnn.train(write(folder, task), runs=folder, name=name, task=task, **options)


def ended(session: charnn.Session) -> Run:
    for _ in session:
        pass
    return session.run


def stopped(folder: Path, case: str, **changes: Any) -> Path:
    """The folder of a run that was stopped after six updates."""
    session = started(folder, case, "halves", **changes)
    for event in session:
        if isinstance(event, charnn.Update) and event.step == 6:
            session.stop()
    session.save()
    assert session.folder and session.run.step == 6
    return session.folder.path


def test_every_task_is_tried_here() -> None:
    assert {case.split()[0] for case in CASES} == TASKS.keys() - {"text"}


@pytest.mark.quick
@cases
def test_a_run_that_is_resumed_is_the_one_that_was_never_stopped(tmp_path: Path, case: str) -> None:
    whole = ended(started(tmp_path, case, "whole", steps=14, average=0.5))
    path = stopped(tmp_path, case, steps=14, average=0.5)
    gc.collect()  # lets go of the folder
    halves = ended(charnn.resume(path))
    assert_same(whole, halves)
    again = checkpoint.load(path / "best.npz")
    assert (again.model.config, again.task) == (whole.model.config, whole.task)


@pytest.mark.quick
@cases
def test_several_workers_learn_the_same(tmp_path: Path, case: str) -> None:
    one, two = (_by(tmp_path, case, workers) for workers in (1, 2))
    assert one.step == two.step == 6
    np.testing.assert_allclose(one.weights.flat, two.weights.flat, rtol=1e-3, atol=2e-5)


def _by(folder: Path, case: str, workers: int) -> Run:
    """A run without noise, which each worker would draw by itself."""
    quiet = {name: 0.0 for name in ("symbol_dropout", "context_dropout") if name in CASES[case]}
    if case.split()[0] in ("classify", "fill"):
        quiet["symbol_dropout"] = 0.0
    return ended(started(folder, case, f"by{workers}", steps=6, workers=workers, dropout=0.0, optimizer="sgd", **quiet))


@pytest.mark.quick
@cases
def test_finite_differences_confirm_the_gradient(tmp_path: Path, case: str) -> None:
    run = ended(started(tmp_path, case, "checked", steps=3))
    found = [*charnn.gradcheck(run, samples=6)]
    assert {one.array for one in found} == run.weights.keys()
    assert all(one.good for one in found), [one for one in found if not one.good]


@pytest.mark.quick
@cases
def test_a_run_is_described_and_lists_what_there_is_to_beat(tmp_path: Path, case: str) -> None:
    session = started(tmp_path, case, "described", steps=3)
    task, run = session.plan.task, ended(session)
    told = dict(task.describe(run, session.plan.train, session.plan.valid))
    assert f"{run.weights.count:,} parameters" in told["model"]
    assert any(character.isdigit() for character in task.to_beat(run, session.plan.train))
    facts = charnn.describe(run)
    assert (
        facts["task"]["task"] == case.split()[0] and facts.get("symbols", facts.get("columns")) == run.vocabulary.size
    )
    assert np.isfinite(list(run.origin.baselines.values())).all()


def test_a_second_loss_is_learnt_but_by_layers_that_know_what_they_would_predict(tmp_path: Path) -> None:
    first, taught = (ended(started(tmp_path, "classify", "read", steps=n)).weights["guessed/V"] for n in (1, 40))
    assert np.abs(first - taught).max() > 0.01
    for name, options in {"plain": {"reading_loss": 0.0}, "deep": {"layers": 2}}.items():
        run = ended(started(tmp_path, "classify", name, steps=2, **options))
        assert not [array for array in run.weights if array.startswith("guess")]
    one_way = started(tmp_path, "classify", "one-way", layers=2, encoder="rnn", reading_loss=0.5)
    assert "guess/U" in one_way.run.weights
    with pytest.raises(charnn.UsageError, match="--reading-loss has no effect on --layers 2"):
        started(tmp_path, "classify", "idle", layers=2, reading_loss=0.5)


def test_a_file_that_knows_of_no_second_loss_has_none(tmp_path: Path) -> None:
    run = ended(started(tmp_path, "classify", "old", steps=2, reading_loss=0.0))
    arrays = dict(read_arrays(tmp_path / "old" / "best.npz"))
    header = json.loads(arrays.pop("header").tobytes())
    del header["task"]["reading_loss"], header["digest"]
    header["digest"] = checkpoint.digest(header, arrays)
    npz.write(tmp_path / "older.npz", {"header": np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays})
    assert checkpoint.load(tmp_path / "older.npz").task == run.task


def test_pairs_are_held_out_at_random_or_from_the_end(tmp_path: Path) -> None:
    parts = []
    for shuffle in (True, False):
        session = started(tmp_path, "translate", "split", shuffle=shuffle)
        parts.append(session.plan.valid.rows.tolist())
    assert len(parts[0]) == len(parts[1]) == 24
    assert parts[0] != parts[1] == [*range(216, 240)]
    assert started(tmp_path, "translate", "split").plan.valid.rows.tolist() == parts[0]
