"""The directory and the members of a file of arrays: what is none of ours is refused before it is read."""

import io
import struct
import time
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from charnn.errors import CheckpointError
from charnn.io import npz
from charnn.io.header import json_array
from tests.helpers.arrays import read_arrays
from tests.helpers.snapshots import raises
from tests.helpers.zips import ARRAYS, archive, equal, npy, raw, saved, whole


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(tmp_path / "some.npz", "w") as made:
        for value in (0.0, 1.0):
            made.writestr("a.npy", npy(np.array([value])))
    with pytest.raises(CheckpointError, match=r"two members called a"):
        read_arrays(tmp_path / "some.npz")


@pytest.mark.parametrize(("at", "value"), [(8, 1), (10, 8), (20, 77)], ids=["encrypted", "deflated", "of another size"])
def test_a_member_that_is_said_to_be_packed_is_refused(tmp_path: Path, at: int, value: int) -> None:
    data = bytearray(archive({"a.npy": npy(np.zeros(3))}))
    data[data.index(b"PK\1\2") + at] = value
    with pytest.raises(CheckpointError, match=r"a\.npy is compressed or encrypted"):
        read_arrays(saved(tmp_path, bytes(data)))


@pytest.mark.parametrize("at", ["first", "second", "end"])
def test_a_gap_that_belongs_to_no_array_is_refused(tmp_path: Path, at: str) -> None:
    """The directory is mended, so that every array is where it says: only the gap gives it away."""
    data = archive({"a.npy": npy(np.zeros(3)), "b.npy": npy(np.zeros(3))})
    first = data.index(b"PK\1\2")
    second, last = data.index(b"PK\1\2", first + 1), data.index(b"PK\5\6")
    place = {"first": 0, "second": data.index(b"PK\3\4", 1), "end": first}[at]
    mended = bytearray(data)
    for entry in (first, second):
        (offset,) = struct.unpack_from("<I", data, entry + 42)
        struct.pack_into("<I", mended, entry + 42, offset + (8 if offset >= place else 0))
    struct.pack_into("<I", mended, last + 16, first + 8)
    path = saved(tmp_path, bytes(mended[:place]) + b"sneaking" + bytes(mended[place:]))
    with zipfile.ZipFile(path) as read:
        assert read.testzip() is None
    with pytest.raises(CheckpointError, match="truncated or corrupt" if at != "first" else "not a charnn file"):
        read_arrays(path)


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    """Two entries of the directory, one array."""
    data = archive({"a.npy": npy(np.zeros(3))})
    first, last = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    entry = data[first:last]
    end = bytearray(data[last:])
    struct.pack_into("<HHI", end, 8, 2, 2, 2 * len(entry))
    path = saved(tmp_path, data[:first] + entry + entry.replace(b"a.npy", b"b.npy") + bytes(end))
    with pytest.raises(CheckpointError, match=r"b\.npy is not where it should be"):
        read_arrays(path)


MUCH = 10**12
CLAIMS = {
    "array": f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({MUCH},), }}\n",
    "array of many axes": "{'descr': '<f8', 'fortran_order': False, 'shape': (10000, 10000, 10000, 10000, 10000), }\n",
    "header": " " * 65_000,
}


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("told", [False, True])
def test_a_claim_of_much_that_is_not_there_takes_neither_time_nor_memory(
    tmp_path: Path, claim: str, told: bool
) -> None:
    """`told`: the zip claims as much as the array does, in the fields for members larger than 4 GB."""
    data = archive({"a.npy": raw(CLAIMS[claim], bytes(100))})
    if told:
        size = len(raw(CLAIMS[claim])) + MUCH
        first, last = data.index(b"PK\1\2"), data.index(b"PK\5\6")
        entry, end = bytearray(data[first:last]), bytearray(data[last:])
        extra = struct.pack("<HHQQ", 1, 16, size, size)
        struct.pack_into("<II", entry, 20, 0xFFFFFFFF, 0xFFFFFFFF)
        struct.pack_into("<H", entry, 30, len(extra))
        struct.pack_into("<I", end, 12, len(entry) + len(extra))
        data = data[:first] + bytes(entry) + extra + bytes(end)
        with zipfile.ZipFile(io.BytesIO(data)) as read:
            assert read.infolist()[0].file_size == size
    path = saved(tmp_path, data)
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(CheckpointError):
        npz.Reader(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - start < 1
    assert peak < 1 << 20


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"", "not a charnn file"), (b"PK\3", "not a charnn file"), (b"PK\3\4", "truncated or corrupt: it is too short")],
)
def test_a_short_file_is_a_part_of_one_by_its_first_bytes(tmp_path: Path, data: bytes, told: str) -> None:
    with raises(CheckpointError, told):
        npz.Reader(saved(tmp_path, data))


def test_a_directory_may_be_as_large_as_its_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, whole(tmp_path))
    size, *_ = struct.unpack("<I", path.read_bytes()[-10:-6])
    for name, bound in (("MAX_MEMBERS", len(ARRAYS)), ("MAX_DIRECTORY", size)):
        monkeypatch.setattr(f"charnn.io.archive.{name}", bound)
        assert equal(read_arrays(path), ARRAYS)
        monkeypatch.setattr(f"charnn.io.archive.{name}", bound - 1)
        with raises(CheckpointError, f"{len(ARRAYS)} members and {size} bytes"):
            npz.Reader(path)
        monkeypatch.undo()


@pytest.mark.parametrize(
    ("count", "size", "told"),
    [
        (65_534, 13_106_800, "bytes that belong to no array"),
        (65_535, 100, "a directory of 65,535 members"),
        (1, 13_106_801, "a directory of 1 members and 13,106,801 bytes"),
    ],
)
def test_a_directory_is_bounded_before_it_is_read(tmp_path: Path, count: int, size: int, told: str) -> None:
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, size, 0, 0)
    with raises(CheckpointError, told):
        npz.Reader(saved(tmp_path, b"PK\3\4" + bytes(96) + end))


@pytest.mark.parametrize(
    ("at", "value", "told"), [(3, 3, "its directory is not one"), (32, 9, "its directory is cut off")]
)
def test_a_directory_is_made_of_entries(tmp_path: Path, at: int, value: int, told: str) -> None:
    data = bytearray(whole(tmp_path))
    data[data.rindex(b"PK\1\2") + at] = value  # its first bytes, or the length of its comment
    with raises(CheckpointError, told):
        npz.Reader(saved(tmp_path, bytes(data)))


def test_a_directory_in_64_bits_is_read_as_that_of_a_large_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, numbers = tmp_path / "wide.npz", np.arange(6, dtype=np.float32)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 20)
    npz.write(path, {"header": json_array({"a": 1}), "w": numbers})
    monkeypatch.undo()
    data = path.read_bytes()
    assert data.count(b"PK\6\6") == data.count(b"PK\6\7") == 1
    found = npz.Reader(path)
    assert found.header() == {"a": 1} and found.read("w").tolist() == numbers.tolist()
    at = data.index(b"PK\6\7")
    for damaged in (data[:at] + b"PK\6\7" + b"\1" * 16 + data[at + 20 :], data.replace(b"PK\6\6", b"PK\6\5")):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError):
            npz.Reader(path)
