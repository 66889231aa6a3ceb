"""Named views of one vector: nothing detaches, nothing overlaps, gaps stay zero."""

from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charnn.nn.parameters import Parameters

SHAPES = {"hidden/0/U": (5, 3), "hidden/0/b": (3,), "hidden/1/U": (7, 3), "readout/V": (3, 5), "readout/c": (5,)}

names = st.text("ab/", min_size=1, max_size=4)
shapes = st.dictionaries(names, st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple), max_size=8)


def filled(dtype: type = np.float32) -> Parameters:
    p = Parameters(SHAPES, dtype)
    for i, name in enumerate(p, 1):
        p[name] = np.full(p[name].shape, i)
    return p


@settings(max_examples=100, deadline=None, derandomize=True)
@given(shapes, st.sampled_from([np.float32, np.float64]))
def test_views_lie_side_by_side_in_the_vector_each_on_a_cache_line(sizes: dict[str, tuple[int, ...]], dtype) -> None:
    p = Parameters(sizes, dtype)
    assert {name: view.shape for name, view in p.items()} == sizes
    assert list(p) == list(sizes)
    assert p.flat.dtype == dtype and p.flat.flags.c_contiguous
    assert not p.flat.any()
    for view in p.values():
        assert view.ctypes.data % 64 == 0 and view.flags.c_contiguous
        assert np.shares_memory(view, p.flat)
        assert not view.any()  # nobody has written here yet: no overlap
        view[...] = 1
    assert p.flat.sum() == p.count == sum(prod(shape) for shape in sizes.values())
    assert p.flat.nbytes < p.count * p.flat.itemsize + 64 * max(1, len(sizes))


def test_assigning_copies_into_the_vector_and_never_rebinds() -> None:
    p = filled()
    view, value = p["readout/c"], np.arange(5.0)
    p["readout/c"] = value
    value[...] = 9
    assert p["readout/c"] is view
    np.testing.assert_array_equal(view, np.arange(5))
    assert np.shares_memory(view, p.flat)
    p["readout/c"] += 1  # reads, adds in place, assigns the same array
    np.testing.assert_array_equal(view, np.arange(5) + 1)
    p["readout/c"] = p["readout/c"] * 2
    assert p["readout/c"] is view
    np.testing.assert_array_equal(view, (np.arange(5) + 1) * 2)


@pytest.mark.parametrize("value", [np.zeros((1, 5)), np.zeros(4), np.zeros(()), 3.0, np.zeros((3, 5))])
def test_another_shape_is_refused_even_where_numpy_would_broadcast(value: np.ndarray) -> None:
    p = filled()
    with pytest.raises(ValueError, match=r"readout/c has shape \(5,\), not \("):
        p["readout/c"] = value
    assert (p["readout/c"] == 5).all()


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError):
        filled()["d"] = np.zeros(3)


def test_gaps_stay_zero_through_sums_over_the_vector() -> None:
    p, q = filled(), filled()
    p.flat *= 3
    p.flat += q.flat
    assert p.flat.sum() == sum(view.sum() for view in p.values())
    assert np.count_nonzero(p.flat) == p.count == 59


def test_like_is_zeros_of_the_same_kind_in_memory_of_its_own() -> None:
    p = filled(np.float64)
    g = p.like()
    assert type(g) is Parameters and g.flat.dtype == np.float64
    assert {name: view.shape for name, view in g.items()} == SHAPES
    assert not g.flat.any()
    g.flat += 1
    assert (p["hidden/0/U"] == 1).all() and not np.shares_memory(p.flat, g.flat)


def test_a_layer_sees_its_own_arrays_under_short_names() -> None:
    p = filled()
    part = p.at("hidden").at("0")
    assert {name: view.shape for name, view in part.items()} == {"U": (5, 3), "b": (3,)}
    assert part["U"] is p["hidden/0/U"]
    part["b"] += 7
    part["U"] = np.full((5, 3), 8.0)
    assert (p["hidden/0/b"] == 9).all() and (p["hidden/0/U"] == 8).all()
    assert (p["hidden/1/U"] == 3).all()
    assert list(p.at("readout")) == ["V", "c"]
    assert p.at("hidden") is p.at("hidden")
    assert not p.at("hid") and not p.at("nothing")


def test_names_that_begin_alike_are_told_apart() -> None:
    p = Parameters({"1/U": (2,), "10/U": (3,), "1/1/U": (4,)})
    assert {name: view.shape for name, view in p.at("1").items()} == {"U": (2,), "1/U": (4,)}
    assert {name: view.shape for name, view in p.at("10").items()} == {"U": (3,)}
