"""Scores against a network that reads one symbol at a time, however lanes and pieces are cut."""

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig
from charnn.evaluation import score
from charnn.evaluation.score import Score, evaluate, surprisal
from charnn.io.lazy import FileHandle, LazyArray
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from tests.helpers.streams import V, lines, many

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
    assert_scores(ids, reset, evaluate(Network(MODEL, WEIGHTS, reset), ids))


@ways
@streams
@pytest.mark.parametrize(("piece", "lanes", "window"), [(1, 64, 256), (7, 2, 3), (100, 5, 1), (64, 1, 10)])
def test_pieces_lanes_and_windows_do_not_show(
    ids: np.ndarray, reset: bool, piece: int, lanes: int, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PIECE_SYMBOLS", piece), ("SCORING_ROWS", lanes), ("SCORING_WINDOW", window)):
        monkeypatch.setattr(score, name, value)
    assert_scores(ids, reset, evaluate(Network(MODEL, WEIGHTS, reset), ids))


@ways
@pytest.mark.parametrize("cuts", [[], [10], [0, 1, 1, 2, 250], list(range(0, 600, 7))], ids=str)
def test_surprisal_comes_symbol_by_symbol_wherever_pieces_are_cut(reset: bool, cuts: list[int]) -> None:
    ids = STREAMS["short lines"]
    expected, right = naive(ids, reset)
    pieces = list(np.split(ids, cuts))
    found = list(surprisal(Network(MODEL, WEIGHTS, reset), iter(pieces)))
    assert [len(nats) for nats, _ in found] == [len(part) for part in pieces if len(part)]
    np.testing.assert_allclose(np.concatenate([nats for nats, _ in found]), expected, rtol=1e-11)
    np.testing.assert_array_equal(np.concatenate([hits for _, hits in found]), right)


def test_surprisal_is_lazy() -> None:
    def pieces() -> Iterator[np.ndarray]:
        yield lines([5])
        raise RuntimeError("asked for too much")

    nats, _ = next(surprisal(Network(MODEL, WEIGHTS, True), pieces()))
    assert len(nats) == 6


def test_resetting_and_carrying_differ() -> None:
    ids = STREAMS["short lines"]
    reset, carry = (evaluate(Network(MODEL, WEIGHTS, way), ids).nats for way in (True, False))
    assert abs(reset - carry) > 1


def test_where_the_state_is_reset_the_order_of_lines_makes_no_difference() -> None:
    lengths = many(100)
    parts = np.split(lines(lengths), np.cumsum(np.array(lengths) + 1)[:-1])
    there = evaluate(Network(MODEL, WEIGHTS, True), np.concatenate(parts))
    back = evaluate(Network(MODEL, WEIGHTS, True), np.concatenate(parts[::-1]))
    assert back.nats == pytest.approx(there.nats, rel=1e-12)
    assert (back.count, back.hits) == (there.count, there.hits)


def test_burning_in_approximates_closely_and_counts_every_symbol_once() -> None:
    ids = lines(many(3000))
    exact = evaluate(Network(MODEL, WEIGHTS, False), ids)
    errors = []
    for burn in (0, 64):
        found = evaluate(Network(MODEL, WEIGHTS, False), ids, burn_in=burn)
        assert found.count == len(ids)
        errors.append(abs(found.bits - exact.bits))
    assert 1e-4 < errors[0] < 0.02  # so it does make a difference
    assert errors[1] < 1e-6


@pytest.mark.parametrize("count", [1, 2, 5, 64, 1000])
def test_burning_in_more_than_there_is_is_exact(count: int) -> None:
    ids = lines([1000])[:count]
    assert_scores(ids, False, evaluate(Network(MODEL, WEIGHTS, False), ids, burn_in=256))


@ways
@pytest.mark.parametrize("burn_in", [None, 8])
def test_the_loss_alone_is_the_same(reset: bool, burn_in: int | None) -> None:
    network, ids = Network(MODEL, WEIGHTS, reset), STREAMS["short lines"]
    both = evaluate(network, ids, burn_in=burn_in)
    assert evaluate(network, ids, burn_in=burn_in, hits=False) == replace(both, hits=0) != both


def test_no_symbols_are_no_score() -> None:
    for reset, burn in ((True, None), (False, None), (True, 8), (False, 8)):
        found = evaluate(Network(MODEL, WEIGHTS, reset), lines([]), burn_in=burn)
        assert found == Score(0.0, 0, 0)
    assert math.isnan(found.mean) and math.isnan(found.accuracy)


def test_float32_is_close_to_float64() -> None:
    weights = MODEL.initial(np.random.default_rng(0))
    for name, value in WEIGHTS.items():
        weights[name] = value
    ids = STREAMS["a long line among short ones"]
    for reset in (True, False):
        exact = evaluate(Network(MODEL, WEIGHTS, reset), ids).nats
        assert evaluate(Network(MODEL, weights, reset), ids).nats == pytest.approx(exact, rel=1e-5)


def test_types_of_ids_and_memory_that_is_read_only_make_no_difference() -> None:
    ids = STREAMS["short lines"]
    expected = evaluate(Network(MODEL, WEIGHTS, True), ids)
    for dtype in (np.uint16, np.uint32, np.int64):
        other = ids.astype(dtype)
        other.flags.writeable = False
        assert evaluate(Network(MODEL, WEIGHTS, True), other) == expected


def test_units_of_a_score() -> None:
    score = Score(nats=20 * math.log(8), count=20, hits=5) + Score(nats=0.0, count=0, hits=0)
    assert score.mean == pytest.approx(math.log(8))
    assert score.bits == pytest.approx(3)
    assert score.perplexity == pytest.approx(8)
    assert score.accuracy == 0.25
    assert repr(score) == "<Score: 3.0000 bits/char, 25.0% of 20 characters were the likeliest>"
    assert score + Score(1.0, 2, 1) == Score(score.nats + 1, 22, 6)
    assert math.isfinite(Score(1e9, 1).perplexity)


def test_a_network_that_knows_nothing_is_as_good_as_throwing_dice() -> None:
    score = evaluate(Network(MODEL, WEIGHTS.like(), True), STREAMS["short lines"])
    assert score.perplexity == pytest.approx(V)
    assert score.bits == pytest.approx(math.log2(V))


# Several processes


@pytest.fixture
def spreads(monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[int, int]]]:
    """Where the parts of a stream that is worth several processes begin and end, for each time it is scored."""
    found: list[list[tuple[int, int]]] = []
    original = score.spread

    def spy(function: Any, parts: Any, workers: int) -> Any:
        found.append([(int(part[0]), int(part[-1])) for part in parts])
        return original(function, parts, workers)

    monkeypatch.setattr(score, "spread", spy)
    monkeypatch.setattr(score, "MIN_SYMBOLS_PER_WORKER", 2)
    return found


def stored(ids: np.ndarray, folder: Path) -> LazyArray:
    (folder / "ids").write_bytes(b"head" + ids.tobytes())
    return LazyArray(FileHandle(folder / "ids"), ids.dtype, 4, len(ids))


def assert_same_score(found: Score, expected: Score) -> None:
    assert found.nats == pytest.approx(expected.nats, rel=1e-11)
    assert (found.count, found.hits) == (expected.count, expected.hits)


@ways
@streams
@pytest.mark.parametrize("workers", [2, 3, 8])
@pytest.mark.parametrize("kind", ["array", "stored"])
def test_several_processes_score_as_one(
    ids: np.ndarray, reset: bool, workers: int, kind: str, spreads: list[Any], tmp_path: Path
) -> None:
    stream = stored(ids, tmp_path) if kind == "stored" else ids
    assert_scores(ids, reset, evaluate(Network(MODEL, WEIGHTS, reset), stream, workers=workers))
    (parts,) = spreads
    assert [parts[0][0], *(end for _, end in parts)] == [*(begin for begin, _ in parts), len(ids)]
    assert all(begin == 0 or ids[begin - 1] == 0 for begin, _ in parts) and len(parts) <= workers
    if not reset:
        assert len(parts) == 1  # exact, so from end to end


def test_parts_of_lines_are_of_about_the_same_length(spreads: list[Any]) -> None:
    ids = lines(many(3000))
    whole = evaluate(Network(MODEL, WEIGHTS, True), ids)
    for workers in (2, 3, 4):
        assert_same_score(evaluate(Network(MODEL, WEIGHTS, True), ids, workers=workers), whole)
        lengths = [end - begin for begin, end in spreads[-1]]
        assert len(lengths) == workers and max(lengths) - min(lengths) < 20


@pytest.mark.parametrize("piece", [1, 7, 1 << 18])
def test_where_a_part_begins_is_found_however_far_it_is(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score, "PIECE_SYMBOLS", piece)
    ids = lines([3, 60, 2, 2, 30])
    assert score._sequences(ids, 2).tolist() == [0, 65, len(ids)]
    edges = score._sequences(ids, 4).tolist()  # two of them would fall into one sequence
    assert len(edges) <= 5 and edges[:2] == [0, 65] and edges[-1] == len(ids) and set(edges[2:-1]) <= {68, 71}
    assert score._sequences(lines([50])[:-1], 3).tolist() == [0, 50]


@pytest.mark.parametrize("burn", [1, 16, 200, 10**6])
@pytest.mark.parametrize("kind", ["lines", "no end"])
def test_lanes_are_the_same_for_several_processes(burn: int, kind: str, spreads: list[Any], tmp_path: Path) -> None:
    ids = lines(many(2000)) if kind == "lines" else lines([9000])[:-1]
    whole = evaluate(Network(MODEL, WEIGHTS, False), ids, burn_in=burn)
    assert whole.count == len(ids)
    for workers in (2, 3):
        for stream in (ids, stored(ids, tmp_path)):
            assert_same_score(evaluate(Network(MODEL, WEIGHTS, False), stream, burn_in=burn, workers=workers), whole)
            assert len(spreads[-1]) == (1 if burn == 10**6 else workers)


def test_burning_in_starts_so_many_symbols_early_with_the_symbol_before_them(spreads: list[Any]) -> None:
    """Every lane against reading its symbols, and those before it, one at a time."""
    ids, burn = lines(many(300)), 12
    expected = 0.0
    count = min(score.SCORING_ROWS, len(ids) // (4 * burn + 1))
    edges = np.linspace(0, len(ids), count + 1).astype(int)
    for begin, end in pairwise(edges):
        first = max(begin - burn, 0)
        x, state = int(ids[first - 1]) if first else 0, MODEL.zero_state(1, np.float64)
        for at in range(first, end):
            o, after = MODEL.step(WEIGHTS, np.array([x]), state, Workspace())
            state, x = tuple(s.copy() for s in after), int(ids[at])
            expected -= math.log(np.exp(o[0, x]) / np.exp(o[0]).sum()) * (at >= begin)
    assert count > 10
    for workers in (1, 3):
        found = evaluate(Network(MODEL, WEIGHTS, False), ids, burn_in=burn, workers=workers)
        assert found.nats == pytest.approx(expected, rel=1e-11)


def test_short_texts_are_not_worth_a_process(spreads: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise AssertionError("a process")

    ids = STREAMS["short lines"]
    monkeypatch.setattr(os, "fork", fork)
    monkeypatch.setattr(score, "MIN_SYMBOLS_PER_WORKER", len(ids) + 1)
    assert_scores(ids, True, evaluate(Network(MODEL, WEIGHTS, True), ids, workers=4))
    monkeypatch.setattr(score, "MIN_SYMBOLS_PER_WORKER", len(ids))
    with pytest.raises(AssertionError, match="a process"):
        evaluate(Network(MODEL, WEIGHTS, True), ids, workers=4)
