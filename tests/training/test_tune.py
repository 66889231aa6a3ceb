"""Products that are measured for a run: the same ones for the same run, whatever becomes of the cache in between."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.config import TrainConfig
from charnn.errors import CheckpointError
from charnn.evaluation.score import SCORING_ROWS, evaluate
from charnn.machine import environment
from charnn.nn import tuning
from charnn.nn.tiling import MANY, Shape, Tiling, Tilings, candidates
from charnn.nn.tuning import SECONDS_PER_MULTIPLICATION
from charnn.parallel.processes import ProcessGroup, can_fork
from charnn.parallel.team import SingleWorker
from charnn.runs import checkpoint
from charnn.runs.run import Run
from charnn.training import session
from charnn.training.session import Session
from charnn.training.tune import expected_multiplications, tune
from tests.faults.hostile import forged
from tests.helpers import pairs
from tests.helpers.toys import assert_same, begin, corpus, start, text, trainer_of, updates

SIZE = {"hidden": 64, "batch": 8, "window": 6, "steps": 8, "validate_every": 4}
LOOP, BACK = Shape(8, 64, 64, False), Shape(8, 64, 64, True)


@pytest.fixture(autouse=True)
def earning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Shape]:
    """Every run is long enough; the cache is empty; and no two measurements of a shape choose the same."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tuning, "_measured", {})
    monkeypatch.setattr(tuning, "SECONDS_PER_MULTIPLICATION", 1.0)
    made = list[Shape]()

    def choose(shape: Shape, clock: Any) -> Tiling:
        made.append(shape)
        found = [Tiling(), Tiling(0, 32, True), Tiling(4, 16), Tiling(2), Tiling(0, 8), Tiling(4, 32, True)]
        fitting = [tiling for tiling in found if tiling.fits(shape)]
        return fitting[made.count(shape) % len(fitting)]

    monkeypatch.setattr(tuning, "measure", choose)
    return made


def forget(monkeypatch: pytest.MonkeyPatch, file: bool = False) -> None:
    """As a new process knows nothing; and without the file, as another machine does."""
    monkeypatch.setattr(tuning, "_measured", {})
    if file:
        tuning.PRODUCTS.path.unlink()


def done(session: Session) -> Run:
    for _ in session:
        pass
    return session.run


def test_two_fresh_runs_of_one_seed_are_the_same(monkeypatch: pytest.MonkeyPatch, earning: list[Shape]) -> None:
    first = done(begin(**SIZE))
    assert first.tilings and {LOOP, BACK} <= set(earning) == set(first.tilings)
    forget(monkeypatch)
    second = done(begin(**SIZE))
    assert second.tilings == first.tilings and len(earning) == len(first.tilings)
    assert_same(second, first)
    forget(monkeypatch, file=True)
    assert begin(**SIZE).run.tilings != first.tilings  # so that it was the cache that made them the same


def test_a_resumed_run_goes_on_with_what_was_measured_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earning: list[Shape]
) -> None:
    whole = done(begin(tmp_path / "whole", **SIZE))
    half = begin(tmp_path / "half", **SIZE)
    for event in half:
        if isinstance(event, session.Validation):
            break
    assert half.run.tilings == whole.tilings and half.run.step == 4
    forget(monkeypatch, file=True)
    measured = len(earning)
    last = checkpoint.load(tmp_path / "half" / "toy" / "last.npz")
    resumed = done(session.resume(last, corpus(text(4000)), None, {}))
    assert resumed.tilings == whole.tilings and len(earning) == measured
    assert_same(resumed, whole)
    best = checkpoint.load(tmp_path / "half" / "toy" / "best.npz")
    assert best.network.tilings == whole.tilings  # for `eval` and `sample`


def test_another_machine_measures_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earning: list[Shape]) -> None:
    before = done(begin(tmp_path, **SIZE))
    path = tmp_path / "toy" / "last.npz"
    assert checkpoint.load(path).tilings == before.tilings and not checkpoint.load(path).environment_changes
    for name in ("cpu", "numpy", "blas kernel", "blas threads"):
        forged(path.read_bytes(), lambda header, arrays: header["environment"].update({name: "17"}), tmp_path / "17")  # noqa: B023
        found = checkpoint.load(tmp_path / "17")
        assert found.environment_changes == f"{name} 17 (now {environment()[name] or 'unset'})" and not found.tilings
    forget(monkeypatch, file=True)
    measured = len(earning)
    resumed = session.resume(found, corpus(text(4000)), None, {"steps": 12}).run
    assert set(resumed.tilings) == set(before.tilings) == set(earning[measured:])
    assert resumed.tilings != before.tilings


def test_version_0_1_did_not_say_which_kernel_it_was() -> None:
    run = start()
    run.environment = environment() | {"blas kernel": ""}
    assert run.environment_changes == ""


@pytest.mark.parametrize(
    "damage", [[], {"8 x 64 x 64": [3, 0, 0]}, {"8 x 64": [0, 0, 0]}, {"8 x 64 x 64": [0, 0, 0.5]}]
)
def test_damaged_tilings_are_a_damaged_model(damage: Any, tmp_path: Path) -> None:
    done(begin(tmp_path, **SIZE))
    path = tmp_path / "toy" / "last.npz"
    forged(path.read_bytes(), lambda header, arrays: header.update({"products": damage}), tmp_path / "bad.npz")
    with pytest.raises(CheckpointError, match=r"bad\.npz is corrupt"):
        checkpoint.load(tmp_path / "bad.npz")


def test_models_from_before_have_no_tilings(tmp_path: Path) -> None:
    done(begin(tmp_path, **SIZE))
    path = tmp_path / "toy" / "last.npz"
    forged(path.read_bytes(), lambda header, arrays: header.pop("products"), tmp_path / "old.npz")
    assert checkpoint.load(tmp_path / "old.npz").tilings == {}


@pytest.mark.skipif(not can_fork(), reason="needs fork")
def test_products_of_all_workers_and_of_validations_are_measured() -> None:
    team = ProcessGroup(2)
    trainer = trainer_of(start(**SIZE | {"batch": 17, "workers": 2}), text(2000), team)
    loops = {shape.rows for shape in trainer.run.tilings if shape[1:] == LOOP[1:]}
    assert loops == {8, 9, SCORING_ROWS}
    try:
        updates(trainer, 2)
    finally:
        team.close()


def test_where_the_state_is_carried_validations_share_their_lanes_among_the_workers() -> None:
    run = start(state="carry", workers=2)
    assert {shape.rows for shape in tune(run, [slice(0, 3)], None, 24, 2000)} == {MANY, 3, SCORING_ROWS // 2}


def test_one_step_schemes_do_not_measure_what_they_do_not_repeat() -> None:
    for given in ({"scheme": "one-step"}, {"window": 1}):
        run = start(**SIZE | given)
        assert {shape.rows for shape in tune(run, [slice(0, 8)], None, 48, 2000)} == {MANY, SCORING_ROWS}


def test_all_ranks_do_what_the_first_one_found() -> None:
    class Rank(SingleWorker):
        rank = 1

        def broadcast(self, value: Any) -> Any:
            assert value is None
            return Tilings({LOOP: Tiling(4, 32)})

    assert trainer_of(start(**SIZE), text(2000), Rank()).run.tilings == {LOOP: Tiling(4, 32)}


def test_long_evaluations_measure_too_and_two_of_them_are_the_same(
    monkeypatch: pytest.MonkeyPatch, earning: list[Shape]
) -> None:
    run = start(**SIZE)
    first = evaluate(run.network, text(3000))
    assert Shape(SCORING_ROWS, 64, 64, False) in earning
    measured = len(earning)
    forget(monkeypatch)
    assert evaluate(run.network, text(3000)) == first and len(earning) == measured
    monkeypatch.setattr(tuning, "SECONDS_PER_MULTIPLICATION", SECONDS_PER_MULTIPLICATION)
    forget(monkeypatch, file=True)
    assert evaluate(run.network, text(3000)).mean == pytest.approx(first.mean, rel=1e-5)
    assert len(earning) == measured


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"steps": 10}, 3 * 100 * 10 * 50),
        ({"epochs": 2.0}, 3 * 100 * 2 * 700),
        ({"steps": 10, "epochs": 1.0}, 3 * 100 * 10 * 50),
        ({"minutes": 0.5}, 30 / SECONDS_PER_MULTIPLICATION),
        ({"minutes": 0.5, "workers": 2}, 60 / SECONDS_PER_MULTIPLICATION),
        ({"minutes": 0.5, "steps": 10}, 3 * 100 * 10 * 50),
        ({}, float("inf")),
    ],
    ids=str,
)
def test_a_run_is_as_long_as_its_first_limit(given: dict[str, Any], expected: float) -> None:
    assert expected_multiplications(TrainConfig(**given), 100, 50, 700) == pytest.approx(expected)


def test_short_runs_measure_nothing(monkeypatch: pytest.MonkeyPatch, earning: list[Shape]) -> None:
    monkeypatch.setattr(tuning, "SECONDS_PER_MULTIPLICATION", SECONDS_PER_MULTIPLICATION)
    run = done(begin(**SIZE))
    assert run.tilings == {} and not earning and not tuning.PRODUCTS.path.exists()


def test_measured_products_are_those_of_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is chosen, training is the same up to the last bits."""
    plain = start(**SIZE)
    monkeypatch.setattr(tuning, "SECONDS_PER_MULTIPLICATION", SECONDS_PER_MULTIPLICATION)
    updates(trainer_of(plain, text(2000)), 3)
    monkeypatch.setattr(tuning, "SECONDS_PER_MULTIPLICATION", 1.0)
    for number in range(6):
        forget(monkeypatch)
        monkeypatch.setattr(tuning, "measure", lambda shape, clock: _nth(shape, number))  # noqa: B023
        tuning.PRODUCTS.path.unlink(missing_ok=True)
        run = start(**SIZE)
        updates(trainer_of(run, text(2000)), 3)
        np.testing.assert_allclose(run.weights.flat, plain.weights.flat, atol=1e-5)


def _nth(shape: Shape, number: int) -> Tiling:
    found = list(candidates(shape))
    return found[number % len(found)]


@pytest.mark.parametrize("task", ["classify", "condition", "translate", "fill", "values"])
def test_products_of_every_task_are_measured_and_kept(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {**pairs.TINY, "hidden": 64, "steps": 4, "validate_every": 2, "dropout": 0.3}
    whole = done(charnn.train(pairs.write(tmp_path, task), runs=tmp_path / "whole", name="a", task=task, **options))
    batch = {whole.config.batch} - {1}  # a single row is never cut
    assert {MANY} | batch <= {shape.rows for shape in whole.tilings}
    forget(monkeypatch, file=True)
    done(charnn.train(tmp_path / f"{task}.tsv", runs=tmp_path, name="b", task=task, **options | {"steps": 2}))
    halves = [charnn.load(tmp_path / name / "last.npz").tilings for name in ("whole/a", "b")]
    assert halves[0] == whole.tilings and halves[0] != halves[1]
    resumed = charnn.resume("b", runs=tmp_path, steps=4)
    assert resumed.run.tilings == halves[1]
    assert done(resumed).step == 4
