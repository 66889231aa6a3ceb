"""Step by step for sampling is what the network does in a window, for one stream as for many."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig
from charnn.data.vocabulary import EOS
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.nn.parameters import Parameters
from charnn.sampling.stepper import FastStepper, WindowStepper
from tests.helpers.stepping import H, Naive, V, close, read, symbols
from tests.helpers.tiles import cut

KINDS = {
    f"{layers} {activation}{', skip' if skip else ''}": ModelConfig("elman", H, layers, activation, skip, 0.5)
    for layers, activation, skip in [
        (1, "tanh", False),
        (1, "relu", True),
        (2, "tanh", False),
        (2, "sigmoid", True),
        (3, "relu", False),
        (3, "tanh", True),
    ]
}
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
resets = pytest.mark.parametrize("reset", [False, True], ids=["carried", "with resets"])


def network(kind: ModelConfig) -> tuple[Model, Parameters]:
    model = Model(kind, V)
    weights = model.initial(np.random.default_rng(0))
    weights["readout/c"] = np.random.default_rng(1).normal(size=V)
    return model, weights


steppings = pytest.mark.parametrize("kind_of", [FastStepper, WindowStepper])


@steppings
@resets
@kinds
@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("temperature", [1.0, 0.3, 2.5])
def test_scores_are_the_networks(kind_of: Any, kind: ModelConfig, rows: int, temperature: float, reset: bool) -> None:
    model, weights = network(kind)
    steps, naive = kind_of(Network(model, weights, reset), rows, temperature), Naive(model, weights, rows, reset)
    for x in symbols(rows):
        expected = naive.read(x)
        o = read(steps, x)
        assert o.dtype == np.float32 and o.shape == (rows, V)
        close(o + weights["readout/c"] / temperature, expected / temperature)


@steppings
@pytest.mark.parametrize("rows", [1, 3])
def test_what_was_before_an_end_is_forgotten_only_where_it_is_reset(kind_of: Any, rows: int) -> None:
    model, weights = network(KINDS["3 tanh, skip"])
    for reset in (True, False):
        found = []
        for seed in (2, 3):
            steps = kind_of(Network(model, weights, reset), rows, 1.0)
            for x in [*symbols(rows, seed), np.full(rows, EOS), np.full(rows, 3)]:
                o = read(steps, x).copy()
            found.append(o)
        assert np.array_equal(*found) == reset


@steppings
@resets
@kinds
@pytest.mark.parametrize("leave", [[[0, 1, 2, 3, 4]], [[4, 1, 2], [1]], [[3]], [[0, 1], [1, 0], [0]]], ids=str)
def test_some_of_the_streams_go_on_as_they_would_have(
    kind_of: Any, kind: ModelConfig, leave: list[list[int]], reset: bool
) -> None:
    model, weights = network(kind)
    whole, fewer = (kind_of(Network(model, weights, reset), 5, 0.7) for _ in range(2))
    rows = np.arange(5)
    for t, x in enumerate(symbols(5)):
        if t % 5 == 4 and leave:
            stay, leave = np.array(leave[0]), leave[1:]
            rows, fewer = rows[stay], fewer.select(stay)
            assert fewer.rows == len(rows)
        expected = read(whole, x)[rows]
        close(read(fewer, x[rows]), expected)


@steppings
def test_streams_know_nothing_of_one_another(kind_of: Any) -> None:
    model, weights = network(KINDS["2 sigmoid, skip"])
    x = symbols(4)
    together = kind_of(Network(model, weights, False), 4, 1.0)
    alone = [kind_of(Network(model, weights, False), 1, 1.0) for _ in range(4)]
    for now in x:
        close(read(together, now), [read(steps, now[i : i + 1])[0] for i, steps in enumerate(alone)])


@kinds
def test_products_cut_into_tiles_make_no_difference(kind: ModelConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    model, weights = network(replace(kind, hidden=32))
    whole, x = FastStepper(Network(model, weights, True), 16, 1.0), symbols(16)
    cut(monkeypatch)
    tiled = FastStepper(Network(model, weights, True), 16, 1.0)
    assert any(multiply.args[1].ndim == 3 for level in tiled.levels for multiply in level.products)  # type: ignore
    for now in x:
        close(read(tiled, now), read(whole, now))


@steppings
def test_weights_are_left_as_they_are(kind_of: Any) -> None:
    for rows in (1, 3):
        model, weights = network(KINDS["3 tanh, skip"])
        before = weights.flat.copy()
        steps = kind_of(Network(model, weights, True), rows, 0.5)
        for x in symbols(rows):
            read(steps, x)
        np.testing.assert_array_equal(weights.flat, before)
