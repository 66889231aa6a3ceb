"""The learning rate's course against its equations."""

from math import cos, pi

import numpy as np
import pytest

from charnn.config import TrainConfig
from charnn.training.schedules import make, progress


def config(**options: object) -> TrainConfig:
    given = {"rate": 0.5, "final_rate": 0.1, "warmup": 0.0, "schedule": "cosine", "steps": None, "epochs": None}
    return TrainConfig(**{**given, "minutes": None, **options})  # type: ignore[arg-type]


def rate(c: TrainConfig, q: float) -> float:
    return make(c).rate(c.rate, q)


def test_progress_is_the_share_of_the_budget_that_is_spent() -> None:
    assert progress(config(steps=200), steps=50, epochs=9, seconds=1e9) == 0.25
    assert progress(config(epochs=4.0), steps=50, epochs=1.0, seconds=1e9) == 0.25
    assert progress(config(minutes=2.0), steps=50, epochs=1.0, seconds=30) == 0.25


def test_of_several_budgets_the_one_spent_first_counts() -> None:
    c = config(steps=100, epochs=10.0, minutes=1.0)
    assert progress(c, steps=50, epochs=1, seconds=6) == 0.5
    assert progress(c, steps=10, epochs=8, seconds=6) == 0.8
    assert progress(c, steps=10, epochs=1, seconds=54) == 0.9


def test_the_clock_counts_beside_other_budgets_only_once_it_is_ahead() -> None:
    c = config(steps=100, minutes=1.0)
    assert progress(c, steps=0, epochs=0, seconds=0.3) == 0  # whatever the first steps took, the rate is the same
    assert progress(c, steps=50, epochs=0, seconds=30.3) == 0.5
    assert progress(c, steps=50, epochs=0, seconds=33) == 0.55
    assert progress(config(minutes=1.0), steps=0, epochs=0, seconds=0.3) == 0.005


def test_progress_ends_at_one_and_is_zero_without_a_budget() -> None:
    assert progress(config(steps=100), steps=101, epochs=0, seconds=0) == 1
    assert progress(config(), steps=10**9, epochs=1e9, seconds=1e9) == 0


@pytest.mark.parametrize("schedule", ["constant", "plateau"])
def test_constant_and_plateau_stay(schedule: str) -> None:
    assert {rate(config(schedule=schedule), q) for q in (0.0, 0.3, 1.0)} == {0.5}


def test_exponential_falls_by_equal_factors_to_the_floor() -> None:
    c = config(schedule="exponential")
    rates = [rate(c, q) for q in np.linspace(0, 1, 11)]
    np.testing.assert_allclose(rates, 0.5 * 0.1 ** np.linspace(0, 1, 11))
    assert rates[0] == 0.5 and rates[-1] == pytest.approx(0.05)


def test_cosine_falls_from_the_rate_to_the_floor() -> None:
    c = config()
    for q in np.linspace(0, 1, 11):
        assert rate(c, q) == pytest.approx(0.5 * (0.1 + 0.9 * (1 + cos(pi * q)) / 2))
    assert (rate(c, 0.0), rate(c, 0.5), rate(c, 1.0)) == pytest.approx((0.5, 0.275, 0.05))


def test_cosine_rises_first_where_there_is_a_warmup_and_never_starts_at_zero() -> None:
    c, plain = config(warmup=0.2), config()
    rates = np.array([rate(c, q) for q in np.linspace(0, 1, 1001)])
    assert 0 < rates[0] < 0.01 * 0.5
    top = int(rates.argmax())
    assert 0.19 < top / 1000 < 0.21
    assert (np.diff(rates[:top]) > 0).all() and (np.diff(rates[top:]) < 0).all()
    assert rates[100] == pytest.approx(rate(plain, 0.1) / 2, rel=0.02)
    assert rate(c, 0.7) == rate(plain, 0.7)


@pytest.mark.parametrize("schedule", ["cosine", "exponential"])
def test_a_floor_of_zero_or_one(schedule: str) -> None:
    assert rate(config(schedule=schedule, final_rate=0.0), 1.0) == pytest.approx(0, abs=1e-15)
    assert rate(config(schedule=schedule, final_rate=1.0), 0.6) == pytest.approx(0.5)
