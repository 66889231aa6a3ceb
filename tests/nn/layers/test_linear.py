"""Sums of rows by their symbol: whichever way they are added up."""

import numpy as np
import pytest

from charnn.nn.layers import linear
from charnn.nn.workspace import Workspace


@pytest.mark.parametrize(
    ("multiplications", "size"),
    [(10**12, 10**6), (0, 10**6), (0, 7 * 300)],
    ids=["by a product", "sorted", "sorted, some rows at a time"],
)
def test_rows_are_added_to_their_symbols(multiplications: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "MIN_PRODUCT_FOR_SORT", multiplications)
    monkeypatch.setattr(linear, "SORT_CHUNK", size)
    rng, symbols = np.random.default_rng(0), 11
    x = rng.integers(0, symbols - 1, 1000)  # the last symbol is never read
    dy, dU = rng.standard_normal((1000, 7)), rng.standard_normal((symbols, 7))
    expected = dU.copy()
    np.add.at(expected, x, dy)
    ws = Workspace()
    linear.add_rows(dU, x, dy, ws)
    assert dU == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_no_more_rows_are_sorted_at_a_time_than_fill_some_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "SORT_CHUNK", 300 * 8)
    taken: list[tuple[int, ...]] = []

    class Counting(Workspace):
        def empty(self, shape, dtype):  # type: ignore[no-untyped-def]
            taken.append(shape)
            return super().empty(shape, dtype)

    monkeypatch.setattr(linear, "MIN_PRODUCT_FOR_SORT", 0)
    linear.add_rows(np.zeros((5, 8)), np.arange(1000) % 5, np.ones((1000, 8)), Counting())
    assert max(shape[0] for shape in taken if len(shape) == 2) == 300
