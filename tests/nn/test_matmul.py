"""Products in pieces against products as they are written, however they are cut."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charnn.nn import matmul
from charnn.nn.matmul import Product, multiply
from charnn.nn.tiling import MANY, Shape, Tiling, Tilings, candidates
from charnn.nn.workspace import Workspace
from tests.helpers import tiles

many = settings(max_examples=300, deadline=None, derandomize=True)
numbers = st.integers(1, 40)


class Poisoned(Workspace):
    """Uninitialised memory that shows wherever it is read."""

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        array = super().empty(shape, dtype)
        array.view(np.uint8).fill(0xFF)  # nan
        return array


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips and long products of a few rows."""
    monkeypatch.setattr(matmul, "STRIP", tiles.STRIP)
    monkeypatch.setattr(matmul, "LONG", tiles.LONG)


def arrays(*shape: int, dtype: Any = np.float64) -> np.ndarray:
    return np.random.default_rng(shape).normal(size=shape).astype(dtype)


def close(found: np.ndarray, expected: np.ndarray) -> None:
    rtol, atol = (1e-11, 1e-11) if found.dtype == np.float64 else (1e-3, 1e-4)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


@dataclass
class Case:
    """x (windows, rows, K), W, and W as it is given."""

    shape: Shape
    dtype: Any = np.float64
    windows: int = 3

    def __post_init__(self) -> None:
        rows, depth, columns, transposed = self.shape
        self.x, W = arrays(self.windows, rows, depth, dtype=self.dtype), arrays(depth, columns, dtype=self.dtype)
        self.expected = self.x.astype(np.float64) @ W
        self.W = np.ascontiguousarray(W.T) if transposed else W

    def assert_multiplied(self, tiling: Tiling) -> Product:
        """Product is @, for a window of x and the y that are written through its views."""
        rows, _, columns, transposed = self.shape
        kept, before = self.x.copy(), self.W.copy()
        product = Product(self.W, rows, Poisoned(tilings=Tilings({self.shape: tiling})), transposed)
        y = np.full((self.windows, rows, columns), np.nan, self.dtype)
        left, right = product.left(self.x), product.right(y)
        assert np.shares_memory(left, self.x) and np.shares_memory(right, y)
        for one, out in zip(left, right, strict=True):
            product.times(one, product.W, out)
        close(y, self.expected)
        one = np.full((rows, columns), np.nan, self.dtype)  # and a view of a single y
        product.times(left[1], product.W, product.right(one))
        np.testing.assert_array_equal(one, y[1])
        np.testing.assert_array_equal(self.x, kept)
        np.testing.assert_array_equal(self.W, before)
        return product


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(32, 256, 256), (64, 512, 96), (61, 300, 128), (67, 300, 100), (1, 9, 9)], ids=str)
def test_every_candidate_is_the_product_at_real_sizes(
    shape: tuple[int, int, int], transposed: bool, dtype: Any
) -> None:
    case = Case(Shape(*shape, transposed), dtype, windows=2)
    found = list(candidates(case.shape))
    assert len(found) == len(set(found)) >= 1 + transposed
    for tiling in found:
        assert tiling.fits(case.shape)
        case.assert_multiplied(tiling)


@many
@given(rows=numbers, depth=numbers, columns=numbers, transposed=st.booleans(), data=st.data())
def test_products_of_all_sizes_are_those_of_matrices(
    rows: int, depth: int, columns: int, transposed: bool, data: Any
) -> None:
    block = data.draw(st.sampled_from([0, *(n for n in range(1, rows + 1) if rows % n == 0)]))
    tile = data.draw(st.sampled_from([0, *(n for n in range(1, columns + 1) if columns % n == 0)]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matmul, "STRIP", tiles.STRIP)
        Case(Shape(rows, depth, columns, transposed)).assert_multiplied(Tiling(block, tile, data.draw(st.booleans())))


def test_a_vector_and_a_product_made_once_are_not_cut() -> None:
    W = arrays(9, 16)
    for rows, once in ((1, False), (4, True)):
        ws = Poisoned(tilings=Tilings({Shape(rows, 9, 16, False): Tiling(rows, 4)}))
        product = Product(W, rows, ws, once=once)
        assert product.W is W and product.block == rows


def test_weights_are_copied_before_they_can_change_where_they_are_cut_or_transposed(short: None) -> None:
    """As the docstring says: what comes later is not seen by copies."""
    W = arrays(9, 16)
    x, y = arrays(16, 9), np.empty((16, 16))
    for factor, transposed, tiling in ((W.copy(), False, Tiling(8, 4)), (W.T.copy(), True, Tiling(copied=True))):
        product = Product(factor, 16, Workspace(tilings=Tilings({Shape(16, 9, 16, transposed): tiling})), transposed)
        factor.fill(0)
        product.times(product.left(x), product.W, product.right(y))
        close(y, x @ W)


def test_what_would_be_copied_in_silence_is_refused() -> None:
    product = Product(arrays(9, 16), 4, Workspace(tilings=Tilings({Shape(4, 9, 16, False): Tiling()})))
    with pytest.raises(AssertionError):
        product.left(arrays(3, 4, 18)[..., :9])


def assert_window(rows: int, shape: Shape, tiling: Tiling, dtype: Any = np.float64) -> None:
    """`multiply` is @, whatever is left over, and gives back what it took."""
    x, W = arrays(rows, shape.depth, dtype=dtype), arrays(shape.depth, shape.columns, dtype=dtype)
    expected, out = x.astype(np.float64) @ W, np.full((rows, shape.columns), np.nan, dtype)
    given = np.ascontiguousarray(W.T) if shape.transposed else W
    kept, ws = (x.copy(), given.copy()), Poisoned(tilings=Tilings({shape: tiling}))
    ws.reset()
    before = ws.used
    assert multiply(x, given, out, ws, shape.transposed) is out
    assert ws.used == before
    close(out, expected)
    for a, b in zip((x, given), kept, strict=True):
        np.testing.assert_array_equal(a, b)


@many
@given(
    rows=st.integers(1, 70),
    depth=numbers,
    columns=numbers,
    transposed=st.booleans(),
    block=st.integers(0, 9),
    data=st.data(),
)
@example(rows=1, depth=1, columns=1, transposed=False, block=4, data=None)
def test_a_window_is_multiplied_whatever_is_left_over(
    rows: int, depth: int, columns: int, transposed: bool, block: int, data: Any
) -> None:
    divisors = [n for n in range(1, columns + 1) if columns % n == 0]
    tile = data.draw(st.sampled_from([0, *divisors])) if data and block else 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matmul, "STRIP", tiles.STRIP)
        patch.setattr(matmul, "LONG", tiles.LONG)
        assert_window(rows, Shape(MANY, depth, columns, transposed), Tiling(block, tile))


def test_copies_are_made_for_long_windows_only(short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    made, original = [], matmul.pieces
    monkeypatch.setattr(matmul, "pieces", lambda *args: made.append(args[1]) or original(*args))
    shape, narrow = Shape(MANY, 12, 24, True), Shape(MANY, 12, 24, False)
    assert_window(tiles.LONG - 1, shape, Tiling(2, 8))
    assert made == []
    assert_window(tiles.LONG, shape, Tiling(2, 8))
    assert_window(tiles.LONG - 1, narrow, Tiling(2))  # where there are no tiles, none is made
    assert made == [Tiling(2, 8), Tiling(2)]
    assert_window(tiles.LONG, shape, Tiling())
    assert len(made) == 2


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(1100, 100, 128), (515, 512, 128), (200, 256, 64), (700, 67, 256)], ids=str)
def test_windows_at_real_sizes(shape: tuple[int, int, int], transposed: bool) -> None:
    rows, depth, columns = shape
    for tiling in candidates(Shape(MANY, depth, columns, transposed)):
        assert_window(rows, Shape(MANY, depth, columns, transposed), tiling, np.float32)


def test_outputs_may_be_parts_of_larger_arrays() -> None:
    x, W, whole = arrays(16, 9), arrays(9, 16), np.full((5, 16, 16), np.nan)
    product = Product(W, 16, Workspace(tilings=Tilings({Shape(16, 9, 16, False): Tiling(4, 8)})))
    right = product.right(whole)
    product.times(product.left(x), product.W, right[2])
    close(whole[2], x @ W)
    assert np.isnan(whole[[0, 1, 3, 4]]).all()
