"""The average of the weights: its equation, and that everything but training itself uses it."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.errors import CheckpointError, UsageError
from charnn.evaluation.score import evaluate
from charnn.io import npz
from charnn.io.header import json_array, json_value
from charnn.nn.network import Network
from charnn.nn.optimizers import PIECE, follow
from charnn.parallel.processes import ProcessGroup
from charnn.parallel.team import SingleWorker, ThreadGroup
from charnn.runs import checkpoint
from charnn.training import session
from charnn.training.session import Validation
from charnn.training.trainer import Rollback
from tests.helpers.ranks import MPIEXEC, execute, real
from tests.helpers.snapshots import raises
from tests.helpers.toys import assert_same, begin, corpus, start, text, trainer_of, updates, vectors


@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
def test_an_average_is_that_of_a_plain_loop(share: float) -> None:
    rng = np.random.default_rng(0)
    seen = rng.normal(size=(9, 5))
    average = np.full(PIECE + 5, np.pi)  # which is forgotten at once
    expected = np.zeros(5)
    for t, w in enumerate(seen, 1):
        weights = np.zeros(len(average))
        weights[PIECE:] = w
        follow(average, weights, share=share, t=t)
        expected = [a + (x - a) / (1 + share * (t - 1)) for a, x in zip(expected, w.tolist(), strict=True)]
        np.testing.assert_allclose(average[PIECE:], expected, rtol=1e-12)
        np.testing.assert_allclose(average[:PIECE], 0, atol=1e-12)
        np.testing.assert_array_equal(weights[PIECE:], w)
    if share == 1:
        np.testing.assert_allclose(average[PIECE:], seen.mean(0), rtol=1e-12)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_weights_count_by_a_power_of_their_number(share: float) -> None:
    """And so for about the share that is named: their mean age, twice over, is near it."""
    steps = 3000
    average = np.zeros(steps)
    for t in range(1, steps + 1):
        follow(average, np.eye(1, steps, t - 1)[0], share=share, t=t)
    assert average.sum() == pytest.approx(1)
    i = np.arange(300, steps + 1)
    power = (i / steps) ** (1 / share - 1) / (share * steps)
    np.testing.assert_allclose(average[299:], power, atol=0.02 * power[-1])
    age = steps - np.arange(1, steps + 1)
    assert average @ age / steps == pytest.approx(share / (1 + share), rel=0.05)


GIVEN: dict[str, Any] = {"layers": 2, "skip": True, "dropout": 0.2, "state": "carry"}


def test_training_is_as_it_was_and_the_average_is_of_its_weights() -> None:
    plain, run = start(**GIVEN), start(average=0.2, **GIVEN)
    average, trainers = plain.weights.flat.astype(np.float64), [trainer_of(one, text(2000)) for one in (plain, run)]
    for t in range(1, 31):
        assert updates(trainers[0], 1) == updates(trainers[1], 1)
        average += (plain.weights.flat - average) / (1 + 0.2 * (t - 1))
    assert run.iterate
    np.testing.assert_array_equal(run.iterate.flat, plain.weights.flat)
    for a, b in zip(vectors(run)[2:], vectors(plain)[1:], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(run.weights.flat, average, atol=1e-6)
    assert np.abs(run.weights.flat - plain.weights.flat).max() > 1e-3


@pytest.mark.parametrize("kind", [ThreadGroup, ProcessGroup])
def test_a_team_has_the_same_average(kind: Any) -> None:
    found = []
    for team in (SingleWorker(), kind(2)):
        run = start(average=0.1, workers=team.size, **{**GIVEN, "dropout": 0.0})
        updates(trainer_of(run, text(2000), team), 20)
        team.close()
        found.append(run)
    np.testing.assert_allclose(found[1].weights.flat, found[0].weights.flat, atol=1e-5)
    for a, b in zip(vectors(found[1])[1:], vectors(found[0])[1:], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


RANKED: dict[str, Any] = {
    "average": 0.1,
    "batch": 5,
    "symbols": 3336,
    "steps": 30,
    "validate_every": 10,
    "state": "carry",
}
SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import numpy as np
from tests.helpers.toys import begin

session = begin(**{given!r})
list(session)
run = session.run
np.savez(f"rank{{session.group.rank}}.npz", weights=run.weights.flat, iterate=run.iterate.flat)
"""


@real
def test_ranks_have_the_same_average(tmp_path: Path) -> None:
    script = SCRIPT.format(tests=str(Path(__file__).parents[2]), given=RANKED)
    execute([str(MPIEXEC), "-n", "2", sys.executable, "-c", script], tmp_path).well()
    first, second = (dict(np.load(tmp_path / f"rank{i}.npz")) for i in range(2))
    alone = begin(workers=1, **RANKED)
    list(alone)
    assert alone.run.iterate
    for name, expected in (("weights", alone.run.weights), ("iterate", alone.run.iterate)):
        np.testing.assert_array_equal(first[name], second[name])
        np.testing.assert_allclose(first[name], expected.flat, atol=1e-5)
    assert np.abs(first["weights"] - first["iterate"]).max() > 1e-3


def test_a_setback_returns_to_the_last_good_average() -> None:
    run = start(average=0.1, **GIVEN)
    trainer = trainer_of(run, text(2000))
    updates(trainer, 5)
    trainer.take_snapshot()
    good = [v.copy() for v in vectors(run)]
    updates(trainer, 3)
    assert run.iterate
    run.iterate["readout/c"] += np.nan
    assert isinstance(trainer.update(), Rollback)
    assert len(good) == len(vectors(run))
    for v, copy in zip(vectors(run), good, strict=True):
        np.testing.assert_array_equal(v, copy)


# What uses it


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is half done: 20 updates of 40, with validations each 10."""
    running = begin(tmp_path_factory.mktemp("runs"), steps=40, validate_every=10, average=0.3, rate=0.03)
    for event in running:
        if isinstance(event, Validation) and event.step == 20:
            break
    assert running.folder
    return running.folder.path


def test_validations_samples_and_all_files_have_the_average(folder: Path) -> None:
    last, best = checkpoint.load(folder / "last.npz"), checkpoint.load(folder / "best.npz")
    assert last.iterate and best.iterate is None and last.best_step == 20
    np.testing.assert_array_equal(best.weights.flat, last.weights.flat)
    assert np.abs(last.weights.flat - last.iterate.flat).max() > 1e-3
    found = corpus(text(4000))
    ids = found.split(last.config.valid_share)[1]
    bits = [evaluate(Network(last.model, w, last.reset), ids, burn_in=None).bits for w in (last.weights, last.iterate)]
    assert last.reset and last.history[-1]["valid"] == pytest.approx(bits[0], rel=1e-6)
    assert bits[0] != pytest.approx(bits[1], rel=1e-4)
    assert charnn.generate(last, 3, seed=1) == charnn.generate(best, 3, seed=1)
    assert charnn.generate(last, 3, seed=1) != charnn.generate(replace(last, weights=last.iterate), 3, seed=1)
    with np.load(folder / "best.npz") as arrays:
        assert not any(name.startswith(("iterate/", "moments/")) for name in arrays)


def test_a_run_without_an_average_has_one_vector_of_weights(tmp_path: Path) -> None:
    running = begin(tmp_path, steps=3)
    list(running)
    assert running.run.iterate is None and running.folder
    with np.load(running.folder.last) as arrays:
        assert {name.partition("/")[0] for name in arrays} == {"header", "weights", "moments"} | (
            {"state"} if running.run.state else set()
        )


def rewritten(source: Path, path: Path, change: Any) -> Path:
    """A checkpoint whose header and arrays are changed, with a digest to match."""
    with np.load(source) as file:
        arrays = {name: file[name] for name in file}
    header = json_value(path, arrays.pop("header"))
    del header["digest"]
    change(header, arrays)
    header["digest"] = checkpoint.digest(header, arrays)
    npz.write(path, {"header": json_array(header), **arrays})
    return path


def test_a_checkpoint_from_before_there_were_averages_goes_on_without(tmp_path: Path) -> None:
    straight = begin(tmp_path / "straight", steps=30)
    list(straight)
    first = begin(tmp_path / "first", steps=30)
    for _ in zip(range(12), first, strict=False):
        pass
    first.save()
    assert first.folder
    before = rewritten(first.folder.last, tmp_path / "old.npz", lambda header, arrays: header["train"].pop("average"))
    run = checkpoint.load(before)
    assert run.iterate is None and run.config.average == 0
    list(again := session.resume(run, corpus(text(4000)), None, {}))
    assert_same(again.run, straight.run)


def test_an_average_without_its_iterate_is_corrupt(folder: Path, tmp_path: Path) -> None:
    def drop(header: Any, arrays: dict[str, Any]) -> None:
        for name in [name for name in arrays if name.startswith("iterate/")]:
            del arrays[name]

    with raises(CheckpointError, "iterate/", "float32"):
        checkpoint.load(rewritten(folder / "last.npz", tmp_path / "without.npz", drop))


@pytest.mark.parametrize("other", [0.0, 0.5])
def test_a_run_keeps_its_average(folder: Path, other: float) -> None:
    run = checkpoint.load(folder / "last.npz")
    with raises(UsageError, "--average 0.3", f" {other}"):
        session.resume(run, corpus(text(4000)), None, {"average": other})
