"""A stream in a file is the stream: sliced without reading, read where it is looked at."""

from pathlib import Path

import numpy as np
import pytest

from charnn.data.batches import StreamBatches
from charnn.errors import CharnnError
from charnn.io.lazy import FileHandle, LazyArray


@pytest.fixture(params=[np.uint8, np.uint16, np.uint32])
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[np.ndarray, LazyArray]:
    ids = np.arange(1, 201).astype(request.param)
    (tmp_path / "ids").write_bytes(b"seven b" + ids.tobytes())
    return ids, LazyArray(FileHandle(tmp_path / "ids"), ids.dtype, 7, len(ids))


@pytest.mark.parametrize(
    "part", [slice(None), slice(3, 50), slice(-20, None), slice(190, 900), slice(8, 8), slice(9, 3)]
)
def test_slices_are_those_of_the_array(pair: tuple[np.ndarray, LazyArray], part: slice) -> None:
    ids, stored = pair
    assert len(stored[part]) == len(ids[part])
    assert np.array_equal(np.asarray(stored[part]), ids[part])
    assert np.array_equal(np.asarray(stored[5:150][part]), ids[5:150][part])


def test_nothing_is_read_before_it_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "few").write_bytes(b"few")
    stored = LazyArray(FileHandle(tmp_path / "few"), np.dtype(np.uint8), 0, 10**12)
    assert len(stored[5:]) == 10**12 - 5
    assert bytes(np.asarray(stored[:3])) == b"few"


def test_another_file_under_the_same_name_is_not_read(pair: tuple[np.ndarray, LazyArray]) -> None:
    ids, stored = pair
    path = stored.file.path
    (path.parent / "new").write_bytes(b"x" * 10_000)
    (path.parent / "new").replace(path)
    assert np.array_equal(np.asarray(stored), ids)


def test_a_file_cut_short_while_in_use_is_said(pair: tuple[np.ndarray, LazyArray]) -> None:
    _, stored = pair
    stored.file.path.write_bytes(b"seven b")
    with pytest.raises(CharnnError, match="was cut short while in use"):
        np.asarray(stored)


@pytest.mark.parametrize(("batch", "window"), [(1, 200), (3, 7), (8, 16), (200, 1)])
def test_windows_are_the_same(pair: tuple[np.ndarray, LazyArray], batch: int, window: int) -> None:
    ids, stored = pair
    here, there = StreamBatches(ids, batch, window), StreamBatches(stored, batch, window)
    assert len(here) == len(there)
    for i in range(len(here)):
        for a, b in zip(here[i], there[i], strict=True):
            assert a.dtype == b.dtype and np.array_equal(a, b)
