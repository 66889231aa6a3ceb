"""A stream in a file is the stream: sliced without reading, read where it is looked at."""

import copy
import os
import pickle
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.data.batches import StreamBatches
from charnn.errors import CharnnError, CheckpointError
from charnn.io.handle import Extent, FileHandle
from charnn.io.lazy import LazyArray, pieces


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


@pytest.mark.parametrize(
    "part", [0, -1, slice(None, None, 2), slice(9, 3, -1), [3, 1], np.array([3, 1]), np.int64(7)], ids=str
)
def test_other_indices_read_it(pair: tuple[np.ndarray, LazyArray], part: Any) -> None:
    ids, stored = pair
    assert np.array_equal(stored[part], ids[part])


def test_an_element_is_read_alone(pair: tuple[np.ndarray, LazyArray], monkeypatch: pytest.MonkeyPatch) -> None:
    ids, stored = pair
    read: list[int] = []
    whole = FileHandle.read
    monkeypatch.setattr(FileHandle, "read", lambda self, at, size: read.append(size) or whole(self, at, size))
    assert (stored[199], stored[-1], stored[0]) == (ids[199], ids[-1], ids[0]) and set(read) == {ids.itemsize}
    assert list(stored) == ids.tolist()
    with pytest.raises(IndexError):
        stored[200]


def test_nothing_is_read_before_it_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "few").write_bytes(b"few")
    stored = LazyArray(FileHandle(tmp_path / "few"), np.dtype(np.uint8), 0, 10**12)
    assert len(stored[5:]) == 10**12 - 5
    assert bytes(np.asarray(stored[:3])) == b"few"


def test_a_stream_in_a_file_takes_no_memory_and_is_passed_over_a_million_symbols_at_a_time(tmp_path: Path) -> None:
    ids = np.zeros(2_100_000, np.uint8)
    (tmp_path / "ids").write_bytes(ids.tobytes())
    stored = LazyArray(FileHandle(tmp_path / "ids"), ids.dtype, 0, len(ids))
    assert stored.nbytes == 0
    assert [len(piece) for piece in pieces(stored)] == [1_048_576, 1_048_576, 2_848]
    assert [len(piece) for piece in pieces(stored[:7], 3)] == [3, 3, 1]


def test_another_file_under_the_same_name_is_not_read(pair: tuple[np.ndarray, LazyArray]) -> None:
    ids, stored = pair
    path = stored.file.path
    (path.parent / "new").write_bytes(b"x" * 10_000)
    (path.parent / "new").replace(path)
    assert np.array_equal(np.asarray(stored), ids)


def test_a_file_cut_short_while_in_use_is_said(pair: tuple[np.ndarray, LazyArray]) -> None:
    _, stored = pair
    stored.file.path.write_bytes(b"seven b")
    with pytest.raises(CheckpointError, match="ids is truncated or corrupt: it ends at byte 7"):
        np.asarray(stored)


@pytest.fixture
def guarded(pair: tuple[np.ndarray, LazyArray]) -> tuple[np.ndarray, LazyArray]:
    """The same, with a checksum over all bytes that the file has now."""
    ids, stored = pair
    data = stored.file.path.read_bytes()
    extent = Extent(0, len(data), zlib.crc32(data))
    return ids, replace(stored, file=FileHandle(stored.file.path, (extent,)), extent=extent)


def test_numbers_are_checked_in_the_pass_that_reads_them(guarded: tuple[np.ndarray, LazyArray]) -> None:
    ids, stored = guarded
    assert np.array_equal(np.concatenate(list(stored.checked())), ids)
    assert stored.extent
    for extent in (Extent(0, 7 + ids.nbytes, 1), Extent(1, 6 + ids.nbytes, stored.extent.crc)):
        with pytest.raises(CheckpointError, match="the checksum of its numbers differs"):
            list(replace(stored, extent=extent).checked())


@pytest.mark.parametrize("at", [0, 6, 7, 100, 206])
def test_a_byte_that_changes_while_in_use_is_noticed_at_the_next_look(
    guarded: tuple[np.ndarray, LazyArray], at: int
) -> None:
    """Wherever it is: what is read is another place."""
    ids, stored = guarded
    assert np.array_equal(np.asarray(stored[:3]), ids[:3])
    data = bytearray(stored.file.path.read_bytes())
    data[at] ^= 1
    stored.file.path.write_bytes(data)
    os.utime(stored.file.path, ns=(1, 1))
    with pytest.raises(CheckpointError, match="ids was changed while in use"):
        np.asarray(stored[50:60])


def test_a_file_that_is_only_touched_is_read_on(guarded: tuple[np.ndarray, LazyArray]) -> None:
    ids, stored = guarded
    for time in (1, 2):
        os.utime(stored.file.path, ns=(time, time))
        assert np.array_equal(np.asarray(stored), ids)


def test_a_file_that_grows_after_its_numbers_is_read_on(guarded: tuple[np.ndarray, LazyArray]) -> None:
    ids, stored = guarded
    with open(stored.file.path, "ab") as file:
        file.write(b"more")
    assert np.array_equal(np.asarray(stored), ids)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda stored: pickle.loads(pickle.dumps(stored))])
def test_a_copy_reads_the_file_anew(guarded: tuple[np.ndarray, LazyArray], copied: Any) -> None:
    ids, stored = guarded
    again = copied(stored)
    assert again.file.number != stored.file.number and np.array_equal(np.asarray(again), ids)
    stored.file.path.write_bytes(b"x" * (7 + ids.nbytes))
    os.utime(stored.file.path, ns=(1, 1))
    with pytest.raises(CheckpointError, match="was changed while in use"):
        np.asarray(again)


def test_a_disk_that_fails_is_named(pair: tuple[np.ndarray, LazyArray], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", fail)
    with pytest.raises(CharnnError, match="ids cannot be read: Input/output error") as caught:
        np.asarray(pair[1])
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(("batch", "window"), [(1, 200), (3, 7), (8, 16), (200, 1)])
def test_windows_are_the_same(pair: tuple[np.ndarray, LazyArray], batch: int, window: int) -> None:
    ids, stored = pair
    here, there = StreamBatches(ids, batch, window), StreamBatches(stored, batch, window)
    assert len(here) == len(there)
    for i in range(len(here)):
        for a, b in zip(here[i], there[i], strict=True):
            assert a.dtype == b.dtype and np.array_equal(a, b)
