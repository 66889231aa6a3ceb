"""How many workers share a batch: the fewest that are nearly the fastest, and the same for the same work."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig, TrainConfig
from charnn.io.remembered import machine_key
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.runs import checkpoint
from charnn.training import session, tune
from charnn.training.tune import WORKERS, choose_workers
from tests.helpers.toys import corpus, text

CONFIG = TrainConfig(batch=8, window=4, workers=2)
ENDLESS = float("inf")
Measured = dict[int, float]


@pytest.fixture
def network() -> Network:
    model = Model(ModelConfig("elman", 8, 1, dropout=0.2), 9)
    return Network(model, model.initial(np.random.default_rng(0)), True)


@pytest.fixture
def took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Measured]:
    """Four cores, a new cache, and what each measurement to come finds, the next one last."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tune, "cores", lambda: 4)
    monkeypatch.setattr(tune, "startable", lambda count: count)
    found: list[Measured] = []
    monkeypatch.setattr(tune, "_seconds", lambda *_: found.pop())
    return found


@pytest.mark.parametrize(
    ("seconds", "best"),
    [
        ({1: 1.0, 2: 2.0, 4: 3.0}, 1),
        ({1: 1.0, 2: 0.6, 4: 0.4}, 4),
        ({1: 1.0, 2: 0.6, 4: 0.51}, 2),
        ({1: 1.19, 2: 1.0, 4: 1.0}, 1),
    ],
)
def test_the_fewest_of_those_nearly_the_fastest(
    seconds: Measured, best: int, took: list[Measured], network: Network
) -> None:
    took.append(seconds)
    assert choose_workers(network, CONFIG, ENDLESS) == best


def test_what_was_measured_is_remembered(took: list[Measured], network: Network) -> None:
    took.extend([{1: 1.0, 2: 2.0, 4: 2.0}, {1: 2.0, 2: 1.0, 4: 1.0}])
    assert [choose_workers(network, CONFIG, ENDLESS) for _ in range(3)] == [2, 2, 2]
    assert choose_workers(network, replace(CONFIG, window=5), ENDLESS) == 1 and not took
    assert sorted(json.loads(WORKERS.path.read_text("utf-8"))[machine_key()].values()) == [1, 2]


def test_what_cannot_be_remembered_is_not_used(
    took: list[Measured], network: Network, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file", "utf-8")
    took.append({1: 1.0, 2: 2.0, 4: 2.0})
    assert choose_workers(network, CONFIG, ENDLESS) == 2


@pytest.mark.parametrize("damage", [[], {"a": 0}, {"a": "2"}, {"a": True}, None])
def test_a_damaged_file_is_measured_anew(damage: Any, took: list[Measured], network: Network) -> None:
    assert WORKERS.write({}, damage)
    took.append({1: 1.0, 2: 2.0, 4: 2.0})
    assert choose_workers(network, CONFIG, ENDLESS) == 1
    assert choose_workers(network, CONFIG, ENDLESS) == 1


@pytest.mark.parametrize("count", [3, 8, 1024])
def test_a_file_does_not_decide_that_more_processes_run_than_were_measured(
    count: int, took: list[Measured], network: Network
) -> None:
    took.append({1: 1.0, 2: 2.0, 4: 2.0})
    choose_workers(network, CONFIG, ENDLESS)
    known = json.loads(WORKERS.path.read_text("utf-8"))
    (work,) = known[machine_key()]
    assert WORKERS.write(known, {work: count})
    took.append({1: 2.0, 2: 1.0, 4: 1.0})
    assert choose_workers(network, CONFIG, ENDLESS) == 2 and not took


@pytest.mark.parametrize(
    ("changes", "work"),
    [({}, 1e6), ({"scheme": "one-step"}, ENDLESS), ({"stride": 2}, ENDLESS), ({"batch": 1}, ENDLESS)],
)
def test_the_number_stays_as_decided_where_nothing_is_measured(
    changes: dict[str, Any], work: float, took: list[Measured], network: Network
) -> None:
    took.append({1: 1.0, 2: 2.0, 4: 2.0})
    assert choose_workers(network, replace(CONFIG, **changes), work) == 2 and took


def test_gradients_are_timed_in_turns(network: Network) -> None:
    times = iter(range(10_000))
    found = tune._seconds(network, 4, {1: 8, 2: 4}, lambda: float(next(times)))
    assert found == {1: 1.0, 2: 1.0 + 2 * tune.SECONDS_TOGETHER}


def test_large_gradients_are_timed_for_longer_where_it_is_not_clear(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    for half, turns in ((0.5, 2), (0.8, 4)):
        now, took = [0.0], {8: 1.0, 4: half}

        class Fake:
            def __init__(self, network: Network, steps: int, rows: int, now: Any = now, took: Any = took):
                self.rows, self.now, self.took = rows, now, took

            def __call__(self) -> None:
                self.now[0] += self.took[self.rows]

        monkeypatch.setattr(tune, "_Gradient", Fake)
        assert tune._seconds(network, 4, {1: 8, 2: 4}, partial(now.__getitem__, 0))[1] == pytest.approx(1.0)
        assert now[0] == pytest.approx(turns * (1 + half))


def test_the_weights_stay_as_they_are(network: Network) -> None:
    before = network.weights.flat.copy()
    assert all(0 < seconds < 10 for seconds in tune._seconds(network, 4, {1: 8, 2: 4}, _ticks()).values())
    assert np.array_equal(network.weights.flat, before)


def _ticks() -> Callable[[], float]:
    passed = iter(np.arange(0, 1e3, 1e-3))
    return lambda: float(next(passed))


def test_a_run_has_what_was_measured_and_resumes_with_that(
    took: list[Measured], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune, "SECONDS_PER_MULTIPLICATION", 1.0)  # every run is long enough
    monkeypatch.setattr(tune, "TURNS", (0, 0, 1))
    took.append({1: 1.0, 2: 2.0, 4: 2.0})
    config = TrainConfig(batch=16, window=6, steps=2)
    begun = session.begin(corpus(text(4000)), ModelConfig("elman", 8, 1), config, tmp_path / "runs", "one")
    assert begun.run.config.workers == begun.plan.config.workers == begun.group.size == 1 and not took
    for _ in begun:
        pass
    again = session.resume(checkpoint.load(tmp_path / "runs/one/last.npz"), corpus(text(4000)), None, {"steps": 4})
    assert again.run.config.workers == 1


def test_a_number_that_is_given_is_not_measured(took: list[Measured], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "SECONDS_PER_MULTIPLICATION", 1.0)
    config = TrainConfig(batch=16, window=6, steps=2, workers=1)
    assert session.begin(corpus(text(4000)), ModelConfig("elman", 8, 1), config, None).run.config.workers == 1
