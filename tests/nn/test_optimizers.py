"""Updates against their papers' equations, written element by element in Python's floats."""

from collections.abc import Callable
from dataclasses import fields
from math import sqrt
from typing import Any

import numpy as np
import pytest

from charnn.config import TrainConfig
from charnn.nn import optimizers
from charnn.nn.optimizers import SGD, Adagrad, Adam, RMSprop, make, norm
from charnn.nn.parameters import Parameters

Textbook = Callable[[list[float], float], float]  # all gradients of an element so far, the rate -> what is taken off


def sgd(g: list[float], r: float) -> float:
    m = 0.0
    for each in g:
        m = 0.9 * m + each
    return r * m


def adagrad(g: list[float], r: float) -> float:
    return r * g[-1] / (sqrt(sum(each**2 for each in g)) + 1e-8)


def rmsprop(g: list[float], r: float) -> float:
    v = 0.0
    for each in g:
        v = 0.95 * v + 0.05 * each**2
    return r * g[-1] / (sqrt(v) + 1e-8)


def adam(g: list[float], r: float) -> float:
    m = v = 0.0
    for each in g:
        m, v = 0.9 * m + 0.1 * each, 0.999 * v + 0.001 * each**2
    t = len(g)
    return r * (m / (1 - 0.9**t)) / (sqrt(v / (1 - 0.999**t)) + 1e-8)


RULES = {
    "sgd": (SGD(0.9), sgd),
    "adagrad": (Adagrad(), adagrad),
    "rmsprop": (RMSprop(), rmsprop),
    "adam": (Adam(), adam),
}
rules = pytest.mark.parametrize(("rule", "textbook"), RULES.values(), ids=RULES.keys())


def start(rule: optimizers.Optimizer, dtype: type = np.float64) -> tuple[Parameters, Parameters, list[Parameters]]:
    weights = Parameters({"a": (4, 3), "b": (5,)}, dtype)
    rng = np.random.default_rng(1)
    for name in weights:
        weights[name] = rng.normal(size=weights[name].shape)
    return weights, weights.like(), [weights.like() for _ in rule.moments]


def apply(
    rule: optimizers.Optimizer, weights: Parameters, g: Parameters, moments: list[Parameters], **given: Any
) -> None:
    optimizers.apply(rule, weights.flat, g.flat, [moment.flat for moment in moments], optimizers.StepSize(**given))


@pytest.mark.parametrize("decay", [0.0, 0.4])
@rules
def test_updates_are_the_textbooks(rule: optimizers.Optimizer, textbook: Textbook, decay: float) -> None:
    weights, g, moments = start(rule)
    expected, history = weights.flat.tolist(), [[] for _ in weights.flat]
    rng = np.random.default_rng(2)
    for t in range(1, 8):
        for name in g:
            g[name] = rng.normal(size=g[name].shape) * (rng.random(g[name].shape) < 0.7)
        r, scale = 0.1 / t, 0.5 * t
        for i, each in enumerate(g.flat.tolist()):
            history[i].append(each * scale)
            expected[i] = expected[i] * (1 - r * decay) - textbook(history[i], r)
        apply(rule, weights, g, moments, rate=r, decay=decay, scale=scale, t=t)
        np.testing.assert_allclose(weights.flat, expected, rtol=1e-11, atol=1e-12)


@rules
def test_pieces_do_not_show(rule: optimizers.Optimizer, textbook: Textbook, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []
    for piece in (5, 16, 32_768):
        monkeypatch.setattr(optimizers, "PIECE", piece)
        weights, g, moments = start(rule)
        for t in range(1, 4):
            g.flat[...] = np.random.default_rng(t).normal(size=g.flat.size)
            apply(rule, weights, g, moments, rate=0.1, decay=0.1, scale=2.0, t=t)
        runs.append(np.concatenate([weights.flat, *(moment.flat for moment in moments)]))
    np.testing.assert_array_equal(runs[0], runs[2])
    np.testing.assert_array_equal(runs[1], runs[2])


@rules
def test_workers_that_update_a_part_each_update_the_whole(rule: optimizers.Optimizer, textbook: Textbook) -> None:
    runs = []
    for parts in ([slice(0, None)], [slice(16, None), slice(0, 16)]):
        weights, g, moments = start(rule)
        for t in range(1, 4):
            g.flat[...] = np.random.default_rng(t).normal(size=g.flat.size)
            for part in parts:
                vectors = weights.flat[part], g.flat[part], [moment.flat[part] for moment in moments]
                optimizers.apply(rule, *vectors, optimizers.StepSize(0.1, t, decay=0.1, scale=2.0))
        runs.append(np.concatenate([weights.flat, *(moment.flat for moment in moments)]))
    np.testing.assert_array_equal(*runs)


@rules
def test_without_a_gradient_nothing_moves(rule: optimizers.Optimizer, textbook: Textbook) -> None:
    weights, g, moments = start(rule, np.float32)
    before = weights.flat.copy()
    for t in range(1, 4):
        apply(rule, weights, g, moments, rate=0.1, decay=0.0, scale=1.0, t=t)
    np.testing.assert_array_equal(weights.flat, before)


@rules
def test_the_gaps_between_views_stay_zero(rule: optimizers.Optimizer, textbook: Textbook) -> None:
    weights, g, moments = start(rule, np.float32)
    for t in range(1, 4):
        for name in g:
            g[name] = np.full(g[name].shape, -1.0)
        apply(rule, weights, g, moments, rate=0.1, decay=0.1, scale=1.0, t=t)
    for p in (weights, *moments):
        assert np.count_nonzero(p.flat) == p.count == 17


@rules
def test_float32_stays_float32_and_follows_float64(rule: optimizers.Optimizer, textbook: Textbook) -> None:
    found = []
    for dtype in (np.float32, np.float64):
        weights, g, moments = start(rule, dtype)
        for t in range(1, 30):
            for name in g:
                g[name] = np.random.default_rng(t).normal(size=g[name].shape)
            apply(rule, weights, g, moments, rate=0.01, decay=0.0, scale=1.0, t=t)
        assert {p.flat.dtype for p in (weights, *moments)} == {np.dtype(dtype)}
        found.append(np.concatenate([w.ravel() for w in weights.values()]))
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)


def test_adams_first_update_is_the_rate_whatever_the_gradient() -> None:
    for size in (1e-3, 1.0, 1e3):
        weights, g, moments = start(Adam())
        before = weights.flat.copy()
        g["a"] = np.full((4, 3), size)
        apply(Adam(), weights, g, moments, rate=0.01, decay=0.0, scale=1.0, t=1)
        np.testing.assert_allclose(before[:12] - weights.flat[:12], 0.01, rtol=1e-4)


def test_every_optimizer_of_the_configuration_is_made() -> None:
    (choices,) = (field.metadata["choices"] for field in fields(TrainConfig) if field.name == "optimizer")
    kinds = {"adam": Adam, "rmsprop": RMSprop, "adagrad": Adagrad, "sgd": SGD}
    assert {name: type(make(TrainConfig(optimizer=name))) for name in choices} == kinds
    assert make(TrainConfig(optimizer="sgd", momentum=0.7)) == SGD(0.7)
    assert make(TrainConfig(optimizer="rmsprop")) == RMSprop(0.95)


def test_the_norm_is_over_all_parameters_together() -> None:
    g = Parameters({"a": (2, 2), "b": (1,)})
    g["a"], g["b"] = np.array([[1, -2], [2, 4]]), np.array([12])
    assert norm(g.flat) == pytest.approx(13, rel=1e-6)


def test_the_norm_of_what_overflows_when_squared() -> None:
    g = Parameters({"a": (2,)})
    with np.errstate(over="ignore"):  # as where it is called
        g["a"] = np.array([3e30, 4e30])
        assert norm(g.flat) == pytest.approx(5e30, rel=1e-6)
        g["a"] = np.array([np.inf, 1])
        assert norm(g.flat) == np.inf
        g["a"] = np.array([np.nan, 1])
        assert np.isnan(norm(g.flat))
