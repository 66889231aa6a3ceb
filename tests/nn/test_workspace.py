"""The arena: arrays never overlap while they are in use, and after the first window nothing is allocated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charnn.config import ModelConfig
from charnn.data.batch import Batch
from charnn.nn import workspace
from charnn.nn.model import Model, PassContext
from charnn.nn.workspace import ALIGN, Workspace, aligned

requests = st.lists(
    st.tuples(
        st.lists(st.integers(0, 20), max_size=3).map(tuple),
        st.sampled_from([np.float32, np.float64, np.bool_, np.uint8]),
    ),
    max_size=12,
)


def take(ws: Workspace, wanted: list) -> list[np.ndarray]:
    """The arrays asked for, the i-th one full of i."""
    arrays = []
    for i, (shape, dtype) in enumerate(wanted):
        array = ws.empty(shape, dtype)
        array[...] = i % 2 if dtype == np.bool_ else i
        arrays.append(array)
    return arrays


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(requests, max_size=5))
def test_arrays_of_one_window_do_not_overlap_whatever_came_before(windows: list) -> None:
    ws = Workspace()
    for wanted in windows:
        ws.reset()
        arrays = take(ws, wanted)
        for i, ((shape, dtype), array) in enumerate(zip(wanted, arrays, strict=True)):
            assert array.shape == shape and array.dtype == dtype
            assert array.flags.c_contiguous and array.flags.writeable
            assert not array.size or array.ctypes.data % ALIGN == 0
            assert (array == (i % 2 if dtype == np.bool_ else i)).all()


@pytest.fixture
def allocations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all memory that is allocated from now on."""
    sizes: list[int] = []

    def counted(size: int) -> np.ndarray:
        sizes.append(size)
        return aligned(size)

    monkeypatch.setattr(workspace, "aligned", counted)
    return sizes


WINDOW = [((5, 3, 7), np.float32), ((40,), np.bool_), ((3, 7), np.float64), ((0, 4), np.float32)]


def test_a_second_window_allocates_nothing(allocations: list[int]) -> None:
    ws = Workspace()
    take(ws, WINDOW)
    ws.reset()
    first = [array.ctypes.data for array in take(ws, WINDOW)]
    allocations.clear()
    for _ in range(3):
        ws.reset()
        assert [array.ctypes.data for array in take(ws, WINDOW)] == first
        ws.reset()
        take(ws, WINDOW[:2])  # a smaller one neither
    assert not allocations


def test_a_larger_window_than_the_last_gets_memory_and_arrays_before_it_stay(allocations: list[int]) -> None:
    ws = Workspace()
    ws.empty((16,), np.float32)
    ws.reset()
    a = ws.empty((16,), np.float32)
    a[...] = 1
    allocations.clear()
    b = ws.empty((1000,), np.float64)
    b[...] = 2
    assert allocations == [8000]
    assert (a == 1).all()
    ws.reset()
    assert (b == 2).all()  # memory that did not fit is its own


def test_scratch_is_given_back_and_used_again(allocations: list[int]) -> None:
    ws = Workspace()
    kept = np.zeros(0)
    for window in range(2):
        ws.reset()
        allocations.clear()
        kept = ws.empty((4,), np.float64)
        kept[...] = 7
        places = []
        for _ in range(5):
            with ws.scratch():
                inner = ws.empty((100,), np.float64)
                inner[...] = 0
                places.append(inner.ctypes.data)
                with ws.scratch():
                    ws.empty((50,), np.float64)[...] = 1
                assert (inner == 0).all()
        after = ws.empty((3,), np.float64)
        after[...] = 8
        if window:
            assert len(set(places)) == 1
            assert after.ctypes.data == places[0]
            assert not allocations
    assert (kept == 7).all()


def test_the_arena_is_as_large_as_the_most_that_was_in_use_at_once(allocations: list[int]) -> None:
    ws = Workspace()
    for _ in range(10):
        with ws.scratch():
            ws.empty((1000,), np.uint8)
    ws.empty((10,), np.uint8)
    allocations.clear()
    ws.reset()
    assert allocations == [1024]


def test_aligned_memory_starts_on_a_cache_line() -> None:
    for size in (0, 1, 63, 64, 1000):
        memory = aligned(size)
        assert memory.shape == (size,) and memory.dtype == np.uint8
        assert not size or memory.ctypes.data % ALIGN == 0


def test_without_a_way_back_all_steps_share_their_room() -> None:
    kept, passing = Workspace(), Workspace(back=False)
    steps = kept.steps(3, (2, 5), np.float32), passing.steps(3, (2, 5), np.float32)
    for array in steps:
        assert array.shape == (3, 2, 5)
        array[0], array[1] = 1, 2
    assert [int(array[0, 0, 0]) for array in steps] == [1, 2]
    assert not np.shares_memory(passing.empty((2, 5), np.float32), steps[1])


def test_no_gradient_is_taken_where_nothing_was_kept() -> None:
    model = Model(ModelConfig("lstm", 3, 1), 4)
    p, x = model.initial(np.random.default_rng(0)), np.zeros((2, 1), int)
    with pytest.raises(AssertionError, match="keeps nothing"):
        model.gradient(p, p.like(), Batch(x, x), model.zero_state(1), PassContext(Workspace(back=False)))
