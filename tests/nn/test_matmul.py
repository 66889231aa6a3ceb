"""Products in tiles against products as they are written, at sizes where blocks and tiles really occur."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charnn.nn import matmul
from charnn.nn.matmul import Product, multiply, unpacked
from charnn.nn.workspace import Workspace

SMALLER = {"TILED": True, "SMALL": 600, "COLUMNS": 8, "BLOCK": 8, "ENOUGH": 4, "FEWEST": 2, "STRIP": 5, "LONG": 12}
many = settings(max_examples=300, deadline=None, derandomize=True)
numbers = st.integers(1, 40)


class Poisoned(Workspace):
    """Uninitialised memory that shows wherever it is read."""

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        array = super().empty(shape, dtype)
        array.view(np.uint8).fill(0xFF)  # nan
        return array


@pytest.fixture(scope="module", autouse=True)
def tiled() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matmul, "TILED", True)
        yield


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few rows, tiles of a few columns."""
    for name, value in SMALLER.items():
        monkeypatch.setattr(matmul, name, value)


def arrays(*shape: int, dtype: Any = np.float64) -> np.ndarray:
    return np.random.default_rng(shape).normal(size=shape).astype(dtype)


def assert_product(
    rows: int, depth: int, columns: int, *, transposed: bool = False, dtype: Any = np.float64, windows: int = 3
) -> Product:
    """Product is @, for a window of x and the y that are written through its views."""
    x, W = arrays(windows, rows, depth, dtype=dtype), arrays(depth, columns, dtype=dtype)
    expected, kept = x.astype(np.float64) @ W, x.copy()
    given = np.ascontiguousarray(W.T) if transposed else W
    before = given.copy()
    product = Product(given, rows, Poisoned(), transposed)
    y = np.full((windows, rows, columns), np.nan, dtype)
    left, right = product.left(x), product.right(y)
    assert np.shares_memory(left, x) and np.shares_memory(right, y)
    for one, out in zip(left, right, strict=True):
        product.times(one, product.W, out)
    close = {"rtol": 1e-11, "atol": 1e-11} if dtype == np.float64 else {"rtol": 1e-3, "atol": 1e-4}
    np.testing.assert_allclose(y, expected, **close)
    one = np.full((rows, columns), np.nan, dtype)  # and a view of a single y
    product.times(left[1], product.W, product.right(one))
    np.testing.assert_array_equal(one, y[1])
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(given, before)
    return product


def cut(product: Product, rows: int, columns: int) -> str:
    """What a product is cut into."""
    blocks = "blocks" if product.block < rows else ""
    tiles = "tiles" if product.tile < columns else ""
    assert rows % product.block == 0 and columns % product.tile == 0
    assert (product.W.ndim == 3) == bool(tiles)
    return " and ".join(filter(None, (blocks, tiles))) or "whole"


SHAPES = {  # rows, depth, columns -> what becomes of it with the small constants
    (1, 64, 64): "whole",
    (1, 700, 700): "whole",
    (4, 7, 9): "whole",
    (16, 9, 8): "blocks",
    (16, 31, 4): "blocks",
    (8, 9, 16): "tiles",
    (16, 9, 16): "blocks and tiles",
    (16, 16, 24): "blocks and tiles",
    (24, 11, 64): "blocks and tiles",
    (6, 30, 12): "blocks and tiles",  # tiles of half the width
    (13, 17, 19): "whole",
    (7, 100, 100): "whole",
    (4, 1000, 8): "whole",  # too deep for any block
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_are_those_of_matrices_and_cut_as_meant(
    small: None, shape: tuple[int, int, int], transposed: bool, dtype: Any
) -> None:
    product = assert_product(*shape, transposed=transposed, dtype=dtype)
    assert cut(product, shape[0], shape[2]) == SHAPES[shape]


@many
@given(rows=numbers, depth=numbers, columns=numbers, transposed=st.booleans())
@example(rows=1, depth=1, columns=1, transposed=True)
@example(rows=40, depth=40, columns=40, transposed=False)
def test_products_of_all_sizes_are_those_of_matrices(rows: int, depth: int, columns: int, transposed: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALLER.items():
            patch.setattr(matmul, name, value)
        product = assert_product(rows, depth, columns, transposed=transposed)
        if rows > 1 and product.block * depth * min(product.tile, columns) > matmul.SMALL:
            assert (product.block, product.tile) == (rows, columns)  # where it is cut, its pieces are small
        patch.setattr(matmul, "TILED", False)
        assert cut(assert_product(rows, depth, columns, transposed=transposed), rows, columns) == "whole"


@pytest.mark.parametrize("tiled", [True, False])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    ("rows", "depth", "columns", "what"),
    [
        (32, 256, 256, "tiles"),
        (64, 256, 256, "blocks and tiles"),
        (64, 512, 96, "blocks"),
        (61, 300, 128, "tiles"),
        (67, 300, 100, "whole"),
        (1, 300, 300, "whole"),
    ],
)
def test_products_of_real_sizes(
    rows: int, depth: int, columns: int, what: str, transposed: bool, tiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matmul, "TILED", tiled)
    product = assert_product(rows, depth, columns, transposed=transposed, dtype=np.float32, windows=2)
    assert cut(product, rows, columns) == (what if tiled else "whole")


def test_a_weight_matrix_is_copied_before_it_can_change_where_it_is_cut_or_transposed(small: None) -> None:
    """As the docstring says: what comes later is not seen by tiles."""
    W = arrays(9, 16)
    x, y = arrays(16, 9), np.empty((16, 16))
    for factor, transposed in ((W.copy(), False), (W.T.copy(), True)):
        product = Product(factor, 16, Workspace(), transposed)
        factor.fill(0)
        product.times(product.left(x), product.W, product.right(y))
        np.testing.assert_allclose(y, x @ W, atol=1e-12)


def assert_multiplied(rows: int, depth: int, columns: int, transposed: bool, dtype: Any = np.float64) -> None:
    x, W = arrays(rows, depth, dtype=dtype), arrays(depth, columns, dtype=dtype)
    expected, out = x.astype(np.float64) @ W, np.full((rows, columns), np.nan, dtype)
    given = np.ascontiguousarray(W.T) if transposed else W
    kept, ws = (x.copy(), given.copy()), Poisoned()
    ws.reset()
    before = ws._used
    assert multiply(x, given, out, ws, transposed) is out
    assert ws._used == before  # what it took it gave back
    close = {"rtol": 1e-11, "atol": 1e-11} if dtype == np.float64 else {"rtol": 1e-3, "atol": 1e-4}
    np.testing.assert_allclose(out, expected, **close)
    for a, b in zip((x, given), kept, strict=True):
        np.testing.assert_array_equal(a, b)


@many
@given(rows=st.integers(1, 70), depth=numbers, columns=numbers, transposed=st.booleans())
@example(rows=1, depth=1, columns=1, transposed=False)
@example(rows=11, depth=30, columns=24, transposed=True)
@example(rows=67, depth=30, columns=24, transposed=False)
def test_multiply_is_a_product_whatever_is_left_over(rows: int, depth: int, columns: int, transposed: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALLER.items():
            patch.setattr(matmul, name, value)
        assert_multiplied(rows, depth, columns, transposed)


def test_multiply_takes_blocks_for_the_most_rows_and_the_rest_as_they_are(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int, str]] = []

    class Spy(Product):
        def __init__(self, W: np.ndarray, rows: int, ws: Workspace, transposed: bool = False):
            super().__init__(W, rows, ws, transposed)
            made.append((rows, cut(self, rows, W.shape[not transposed])))

    monkeypatch.setattr(matmul, "Product", Spy)
    assert_multiplied(67, 12, 24, True)
    assert_multiplied(67, 12, 24, False)
    assert made == [(64, "blocks and tiles")] * 2
    made.clear()
    assert_multiplied(11, 12, 24, True)  # too few to be worth a copy of W
    assert_multiplied(11, 12, 24, False)
    assert made == []
    assert_multiplied(11, 12, 8, False)  # where there are no tiles, none is made
    assert made == [(8, "blocks")]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(1100, 100, 128), (515, 512, 128), (200, 256, 64), (700, 67, 256)], ids=str)
def test_multiply_at_real_sizes(shape: tuple[int, int, int], transposed: bool) -> None:
    assert_multiplied(*shape, transposed, np.float32)


def test_outputs_may_be_parts_of_larger_arrays(small: None) -> None:
    x, W, whole = arrays(16, 9), arrays(9, 16), np.full((5, 16, 16), np.nan)
    product = Product(W, 16, Workspace())
    assert cut(product, 16, 16) == "blocks and tiles"
    right = product.right(whole)
    product.times(product.left(x), product.W, right[2])
    np.testing.assert_allclose(whole[2], x @ W, atol=1e-12)
    assert np.isnan(whole[[0, 1, 3, 4]]).all()


def test_tiles_are_for_processors_and_libraries_that_leave_small_products_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def machine(features: list[str], blas: str) -> None:
        shown = {"SIMD Extensions": {"found": features}, "Build Dependencies": {"blas": {"name": blas}}}
        monkeypatch.setattr(np, "show_config", lambda mode: shown)

    monkeypatch.delitem(os.environ, "OPENBLAS_CORETYPE", raising=False)
    for features, blas, expected in [
        (["AVX2", "AVX512_SKX"], "scipy-openblas", True),
        (["X86_V3", "X86_V4"], "openblas64", True),
        (["AVX2"], "scipy-openblas", False),
        (["AVX512_SKX"], "mkl-sdl", False),
        ([], "", False),
    ]:
        machine(features, blas)
        assert unpacked() == expected
    machine(["AVX512_SKX"], "scipy-openblas")
    monkeypatch.setitem(os.environ, "OPENBLAS_CORETYPE", "Haswell")
    assert not unpacked()
    monkeypatch.setattr(np, "show_config", lambda mode: {})
    assert not unpacked()
