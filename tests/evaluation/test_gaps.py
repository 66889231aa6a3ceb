"""N-grams from both sides of a gap, against the probability of the whole text."""

import numpy as np
import pytest

from charnn.evaluation import gaps, ngram

V = 4


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_symbol_is_as_likely_as_the_text_with_it(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    model = ngram.fit(rng.integers(0, V, 300), V, order)
    ids, places = rng.integers(0, V, 12), np.array([0, 5, 6, 11])
    monkeypatch.setattr(gaps, "SCORED_AT_ONCE", 2 * V * (2 * order - 1))
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
