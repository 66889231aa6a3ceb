"""N-gram baselines: equal to the textbook's equations, sums of one, and the order that predicts best."""

import json
from dataclasses import asdict
from math import log, log2
from pathlib import Path

import numpy as np
import pytest

from charnn.evaluation import ngram
from charnn.evaluation.ngram import baselines, fit
from tests.helpers.textbook import Textbook, text


@pytest.mark.parametrize(("symbols", "length"), [(2, 3), (2, 200), (5, 40), (7, 3000), (30, 1500)])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_equals_the_textbook(symbols: int, length: int, order: int) -> None:
    train, valid = text(order, symbols, length), text(99, symbols, 300)
    slow, quick = Textbook(train, symbols, order), fit(train, symbols, order)
    np.testing.assert_allclose(quick.nats(valid), slow.nats(valid), rtol=1e-12)
    for k, level in enumerate(quick.levels, 1):
        np.testing.assert_allclose(level.discounts, slow.D[k], rtol=1e-12)


def test_discounts_are_estimated_where_they_can_be() -> None:
    large, small = fit(text(5, 30, 3000), 30, 5), fit(text(5, 30, 10), 30, 5)
    assert [list(level.discounts) == [0, 0.5, 1, 1.5] for level in large.levels] == [True] + 4 * [False]
    assert all(list(level.discounts) == [0, 0.5, 1, 1.5] for level in small.levels)


@pytest.mark.parametrize("length", [0, 1, 2, 50, 2000])
@pytest.mark.parametrize("order", [1, 2, 4])
def test_probabilities_sum_to_one_in_any_context(length: int, order: int) -> None:
    symbols = 9
    model = fit(text(0, symbols - 1, length), symbols, order)  # 8 is never seen
    contexts = np.random.default_rng(1).integers(0, symbols, (40, order))
    for context in [*contexts, contexts[0, :0], contexts[0, :1]]:
        nats = [model.nats(np.array([symbol]), context)[0] for symbol in range(symbols)]
        assert np.isfinite(nats).all()
        assert np.exp(-np.array(nats)).sum() == pytest.approx(1, abs=1e-12)


def test_before_is_the_beginning_of_the_same_stream() -> None:
    model, ids = fit(text(0, 20, 2000), 20, 4), text(1, 20, 100)
    for cut in (3, 50, 99):
        np.testing.assert_array_equal(model.nats(ids[cut:], ids[:cut]), model.nats(ids)[cut:])
    np.testing.assert_array_equal(model.nats(ids, np.array([0])), model.nats(ids))


def test_parts_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    train, valid = text(0, 20, 2000), text(1, 20, 300)
    whole = fit(train, 20, 4).nats(valid)
    monkeypatch.setattr(ngram, "PART_SIZE", 7)
    np.testing.assert_allclose(fit(train, 20, 4).nats(valid), whole, rtol=1e-12)


def test_many_symbols() -> None:
    symbols, order = 60_000, 6  # V^n = 2^95
    ids = text(0, 50, 1000).astype(np.uint32) * 1223
    train, valid = ids[:700], ids[700:]
    slow = Textbook(train, symbols, order).nats(valid)
    np.testing.assert_allclose(fit(train, symbols, order).nats(valid), slow, rtol=1e-12)


def test_baselines_are_the_models_bits() -> None:
    train, valid = text(0, 20, 4000), text(0, 20, 5000)[4000:]
    bits = {order: fit(train, 20, order).nats(valid).mean() / log(2) for order in range(1, 10)}
    found = baselines(train, valid, 20)
    assert found.uniform == log2(20)
    assert (found.unigram, found.bigram) == pytest.approx((bits[1], bits[2]), rel=1e-12)
    assert found.order == min(bits, key=bits.__getitem__) > 2
    assert found.ngram == pytest.approx(bits[found.order], rel=1e-12)
    assert found.counted == 4000
    assert json.loads(json.dumps(asdict(found)))["order"] == found.order


def test_orders_are_those_asked_for() -> None:
    train, valid = text(0, 20, 4000), text(1, 20, 500)
    for orders in [(1,), (8,), (2, 6), (6, 2), range(3, 6)]:
        found = baselines(train, valid, 20, orders=orders)
        bits = {order: fit(train, 20, order).nats(valid).mean() / log(2) for order in orders}
        assert found.order == min(bits, key=bits.__getitem__)
        assert found.ngram == pytest.approx(bits[found.order], rel=1e-12)


def test_order_is_found_behind_one_that_tells_nothing() -> None:
    first, second = np.random.default_rng(0).integers(0, 2, (2, 20_000))
    ids = np.stack([first, second, first ^ second], axis=1).ravel()  # Elman's temporal exclusive or
    found = baselines(ids[:50_000], ids[50_000:], 2)
    assert found.bigram > 0.999
    assert found.order > 2
    assert found.ngram < 0.95


def test_words_cost_what_choosing_them_costs() -> None:
    words = [np.array([*word, 0]) for word in ([1, 2, 3, 4], [2, 3, 1, 4], [4, 4, 1, 2], [3, 1, 1, 1], [2, 2, 4, 3])]
    chosen = np.random.default_rng(0).integers(0, 5, 5000)
    ids = np.concatenate([words[i] for i in chosen])
    assert baselines(ids[:20_000], ids[20_000:], 5).ngram == pytest.approx(log2(5) / 5, rel=0.02)


@pytest.mark.parametrize("train", [[], [0], [3]])
def test_hardly_any_training_part(train: list[int]) -> None:
    found = baselines(np.array(train, np.uint8), np.array([1, 2, 0], np.uint8), 4)
    assert found.counted == len(train)
    assert np.isfinite([found.unigram, found.bigram, found.ngram]).all()
    assert np.isfinite(fit(np.array(train, np.uint8), 4, 9).nats(np.arange(4))).all()


def test_no_symbols_cost_nothing() -> None:
    assert fit(text(0, 5, 100), 5, 3).nats(np.zeros(0, np.uint8)).shape == (0,)


def test_types_and_memory_maps_are_the_same(tmp_path: Path) -> None:
    ids = text(0, 20, 3000)
    expected = baselines(ids[:2500], ids[2500:], 20)
    for dtype in (np.uint8, np.uint32, np.int64):
        assert baselines(ids[:2500].astype(dtype), ids[2500:].astype(dtype), 20) == expected
    ids.tofile(tmp_path / "ids")
    mapped = np.memmap(tmp_path / "ids", np.uint16, "r")
    assert baselines(mapped[:2500], mapped[2500:], 20) == expected


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = text(0, 20, 3000)
    assert baselines(ids[:2500], ids[2500:], 20, limit=900) == baselines(ids[:900], ids[2500:], 20)
    monkeypatch.setattr(ngram, "SCORED_SYMBOLS", 100)
    assert baselines(ids[:2500], ids[2500:], 20) == baselines(ids[:2500], ids[2500:2600], 20)


def test_keys_never_overflow() -> None:
    symbols = 2**58  # (7 + 1)^2 2^58 = 2^64
    ids = np.array([symbols - 1, 5] * 10, np.uint64)
    assert baselines(ids, ids, symbols).counted == 7
    np.testing.assert_allclose(fit(ids[:7], symbols, 3).nats(ids), Textbook(ids[:7], symbols, 3).nats(ids))
    with pytest.raises(ValueError, match="8 symbols are too many: count the first 7"):
        fit(ids[:8], symbols, 3)


def test_errors_name_the_values() -> None:
    ids = np.array([0, 1, 2])
    with pytest.raises(ValueError, match="ids run from 0 to 2: 2 symbols are 0 to 1"):
        fit(ids, 2, 2)
    with pytest.raises(ValueError, match="ids run from -1 to 1"):
        fit(ids, 3, 2).nats(ids - 1)
    with pytest.raises(ValueError, match="order is 0"):
        fit(ids, 3, 0)
    for valid, orders in [(ids[:0], (1, 2)), (ids, ()), (ids, (0, 1))]:
        with pytest.raises(ValueError, match="baselines need"):
            baselines(ids, valid, 3, orders=orders)
