"""Scores against a network that reads one symbol at a time, however lanes and pieces are cut."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from charnn import evaluation
from charnn.config import ModelConfig
from charnn.evaluation import Score, evaluate, surprisal
from charnn.model import Model
from charnn.parameters import Parameters
from charnn.workspace import Workspace

V = 7
MODEL = Model(ModelConfig("elman", 10, 2, "tanh", skip=True, dropout=0.5), V)
WEIGHTS = MODEL.initial(np.random.default_rng(0), np.float64)
for _name in WEIGHTS:
    WEIGHTS[_name] = WEIGHTS[_name] * (2 if _name.endswith("V") else 0.9)

ways = pytest.mark.parametrize("reset", [True, False], ids=["reset", "carry"])


def naive(ids: np.ndarray, reset: bool, model: Model = MODEL, weights: Parameters = WEIGHTS) -> tuple[Any, Any]:
    """Surprisal and hits of every symbol: from EOS and the zero state, one step after the other."""
    x, state, nats, hits = 0, model.zero_state(1, np.float64), [], []
    for y in ids.tolist():
        if reset and x == 0:
            state = model.zero_state(1, np.float64)
        o, after = model.step(weights, np.array([x]), state, Workspace())
        state = tuple(s.copy() for s in after)
        p = np.exp(o[0]) / np.exp(o[0]).sum()
        nats.append(-math.log(p[y]))
        hits.append(p.argmax() == y)
        x = y
    return np.array(nats), np.array(hits)


def lines(lengths: list[int], seed: int = 0) -> np.ndarray:
    """A stream of sequences with so many symbols before their EOS."""
    rng = np.random.default_rng(seed)
    parts = [np.append(rng.integers(1, V, length), 0) for length in lengths]
    return np.concatenate([np.zeros(0, int), *parts]).astype(np.uint8)


def many(count: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(0, 9, count).tolist()


STREAMS = {
    "one symbol": lines([1])[:1],
    "one end": lines([0]),
    "one line": lines([12]),
    "short lines": lines(many(150)),
    "a long line among short ones": lines([*many(40), 400, *many(40, 1)]),
    "a long line first": lines([300, 1, 2, 3]),
    "empty lines": lines([0] * 90),
    "empty lines among others": lines([3, 0, 0, 0, 5, 0, 1, 0, 0]),
    "no end at all": lines([500])[:-1],
    "no end at the end": lines([5, 4, 30])[:-1],
}
streams = pytest.mark.parametrize("ids", STREAMS.values(), ids=STREAMS.keys())


def assert_scores(ids: np.ndarray, reset: bool, found: Score) -> None:
    nats, hits = naive(ids, reset)
    assert found.nats == pytest.approx(nats.sum(), rel=1e-12)
    assert (found.count, found.hits) == (len(ids), hits.sum())


@ways
@streams
def test_the_score_is_that_of_reading_one_symbol_at_a_time(ids: np.ndarray, reset: bool) -> None:
    assert_scores(ids, reset, evaluate(MODEL, WEIGHTS, ids, reset=reset))


@ways
@streams
@pytest.mark.parametrize(("piece", "lanes", "window"), [(1, 64, 256), (7, 2, 3), (100, 5, 1), (64, 1, 10)])
def test_pieces_lanes_and_windows_do_not_show(
    ids: np.ndarray, reset: bool, piece: int, lanes: int, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PIECE", piece), ("LANES", lanes), ("WINDOW", window)):
        monkeypatch.setattr(evaluation, name, value)
    assert_scores(ids, reset, evaluate(MODEL, WEIGHTS, ids, reset=reset))


@ways
@pytest.mark.parametrize("cuts", [[], [10], [0, 1, 1, 2, 250], list(range(0, 600, 7))], ids=str)
def test_surprisal_comes_symbol_by_symbol_wherever_pieces_are_cut(reset: bool, cuts: list[int]) -> None:
    ids = STREAMS["short lines"]
    expected, right = naive(ids, reset)
    pieces = list(np.split(ids, cuts))
    found = list(surprisal(MODEL, WEIGHTS, iter(pieces), reset=reset))
    assert [len(nats) for nats, _ in found] == [len(part) for part in pieces if len(part)]
    np.testing.assert_allclose(np.concatenate([nats for nats, _ in found]), expected, rtol=1e-11)
    np.testing.assert_array_equal(np.concatenate([hits for _, hits in found]), right)


def test_surprisal_is_lazy() -> None:
    def pieces() -> Iterator[np.ndarray]:
        yield lines([5])
        raise RuntimeError("asked for too much")

    nats, _ = next(surprisal(MODEL, WEIGHTS, pieces(), reset=True))
    assert len(nats) == 6


def test_resetting_and_carrying_differ() -> None:
    ids = STREAMS["short lines"]
    reset, carry = (evaluate(MODEL, WEIGHTS, ids, reset=way).nats for way in (True, False))
    assert abs(reset - carry) > 1


def test_where_the_state_is_reset_the_order_of_lines_makes_no_difference() -> None:
    lengths = many(100)
    parts = np.split(lines(lengths), np.cumsum(np.array(lengths) + 1)[:-1])
    there = evaluate(MODEL, WEIGHTS, np.concatenate(parts), reset=True)
    back = evaluate(MODEL, WEIGHTS, np.concatenate(parts[::-1]), reset=True)
    assert back.nats == pytest.approx(there.nats, rel=1e-12)
    assert (back.count, back.hits) == (there.count, there.hits)


def test_burning_in_approximates_closely_and_counts_every_symbol_once() -> None:
    ids = lines(many(3000))
    exact = evaluate(MODEL, WEIGHTS, ids, reset=False)
    errors = []
    for burn in (0, 64):
        found = evaluate(MODEL, WEIGHTS, ids, reset=False, burn=burn)
        assert found.count == len(ids)
        errors.append(abs(found.bits - exact.bits))
    assert 1e-4 < errors[0] < 0.02  # so it does make a difference
    assert errors[1] < 1e-6


@pytest.mark.parametrize("count", [1, 2, 5, 64, 1000])
def test_burning_in_more_than_there_is_is_exact(count: int) -> None:
    ids = lines([1000])[:count]
    assert_scores(ids, False, evaluate(MODEL, WEIGHTS, ids, reset=False, burn=256))


def test_no_symbols_are_no_score() -> None:
    for reset, burn in ((True, None), (False, None), (True, 8), (False, 8)):
        found = evaluate(MODEL, WEIGHTS, lines([]), reset=reset, burn=burn)
        assert found == Score(0.0, 0, 0)
    assert math.isnan(found.mean) and math.isnan(found.accuracy)


def test_float32_is_close_to_float64() -> None:
    weights = MODEL.initial(np.random.default_rng(0))
    for name, value in WEIGHTS.items():
        weights[name] = value
    ids = STREAMS["a long line among short ones"]
    for reset in (True, False):
        exact = evaluate(MODEL, WEIGHTS, ids, reset=reset).nats
        assert evaluate(MODEL, weights, ids, reset=reset).nats == pytest.approx(exact, rel=1e-5)


def test_types_of_ids_and_memory_that_is_read_only_make_no_difference() -> None:
    ids = STREAMS["short lines"]
    expected = evaluate(MODEL, WEIGHTS, ids, reset=True)
    for dtype in (np.uint16, np.uint32, np.int64):
        other = ids.astype(dtype)
        other.flags.writeable = False
        assert evaluate(MODEL, WEIGHTS, other, reset=True) == expected


def test_units_of_a_score() -> None:
    score = Score(nats=20 * math.log(8), count=20, hits=5) + Score(nats=0.0, count=0, hits=0)
    assert score.mean == pytest.approx(math.log(8))
    assert score.bits == pytest.approx(3)
    assert score.perplexity == pytest.approx(8)
    assert score.accuracy == 0.25
    assert score + Score(1.0, 2, 1) == Score(score.nats + 1, 22, 6)
    assert math.isfinite(Score(1e9, 1).perplexity)


def test_a_network_that_knows_nothing_is_as_good_as_throwing_dice() -> None:
    score = evaluate(MODEL, WEIGHTS.like(), STREAMS["short lines"], reset=True)
    assert score.perplexity == pytest.approx(V)
    assert score.bits == pytest.approx(math.log2(V))
