"""N-grams from both sides of a gap, against the probability of the whole text."""

import numpy as np
import pytest

from charnn.evaluation import gaps

V = 4


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_symbol_is_as_likely_as_the_text_with_it(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    model = gaps.fit(rng.integers(0, V, 300), V, order)
    ids, places = rng.integers(0, V, 12), np.array([0, 5, 6, 11])
    monkeypatch.setattr(gaps, "SCORED_AT_ONCE", 2 * V * order)
    parts = list(gaps.from_both_sides(model, ids, places))
    assert [len(part) for part in parts] == [2, 2]
    start = np.zeros(max(1, order - 1), int)
    for place, found in zip(places, np.concatenate(parts), strict=True):
        whole = []
        for symbol in range(V):
            text = ids.copy()
            text[place] = symbol
            whole.append(-model.nats(text, start).sum())
        np.testing.assert_allclose(found - found.max(), np.array(whole) - max(whole), rtol=1e-9, atol=1e-9)


def test_hidden_symbols_say_nothing() -> None:
    """A factor of a hidden symbol is left out; contexts begin after the last one that is hidden."""
    model = gaps.fit(np.random.default_rng(0).integers(0, V, 300), V, 3)
    ids = np.array([1, V, 2, 0, 3, 1, V, 2])
    (found,) = gaps.from_both_sides(model, ids, np.array([3, 0]))
    for symbol in range(V):
        factors = [model.nats(np.array([V, 2, symbol]))[-1], model.nats(np.array([2, symbol, 3]))[-1]]
        factors.append(model.nats(np.array([symbol, 3, 1]))[-1])
        assert found[0, symbol] == pytest.approx(-sum(factors))
        last = model.nats(np.array([V, 2]))[-1]  # x[2] after V: without a context
        first = model.nats(np.array([symbol]), np.zeros(2, int))[-1]
        assert found[1, symbol] == pytest.approx(-first - last)
    assert model.nats(np.array([symbol, V, 2]))[-1] == pytest.approx(last)
