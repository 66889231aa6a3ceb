"""Arrays in a file: back as they were, or refused."""

import hashlib
import json
import os
import pickle
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst

from charnn.errors import CharnnError, CheckpointError, UsageError
from charnn.io import npz
from charnn.io.lazy import LazyArray
from tests.helpers.arrays import read_arrays
from tests.helpers.snapshots import raises
from tests.helpers.zips import ARRAYS, archive, equal, names, npy, raw, saved, whole

law = settings(
    derandomize=True,
    deadline=None,
    max_examples=200,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ARRAY = st.sampled_from(npz.DTYPES).flatmap(
    lambda dtype: nst.arrays(
        dtype,
        nst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
        elements={"allow_nan": False, "allow_infinity": False} if "f" in dtype else None,
    )
)


@pytest.mark.slow
@law
@given(st.dictionaries(st.from_regex(r"[a-z_]{1,6}(/[A-Z0-9]{1,3})?", fullmatch=True), ARRAY, min_size=1, max_size=3))
def test_arrays_come_back_and_numpy_reads_them(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    path = tmp_path / "some.npz"
    npz.write(path, arrays)
    assert equal(read_arrays(path), arrays)
    with np.load(path, allow_pickle=False) as read:
        assert equal(dict(read), arrays)


@pytest.mark.parametrize("dtype", ["|u1", "<u2", "<u4", "<i8", "<f4", "<f8"])
def test_every_type_that_files_have_had_is_read(tmp_path: Path, dtype: str) -> None:
    array = np.arange(6).astype(dtype)
    assert equal(read_arrays(saved(tmp_path, archive({"a.npy": npy(array)}))), {"a": array})


@pytest.mark.parametrize("length", [64, 4096, 4097])
def test_a_header_is_at_most_4_kb_long(tmp_path: Path, length: int) -> None:
    header = BYTES.format("3,").rstrip("\n").ljust(length - 1) + "\n"
    path = saved(tmp_path, archive({"a.npy": raw(header, b"abc")}))
    if length > 4096:
        with pytest.raises(CheckpointError, match="a is not a plain array"):
            read_arrays(path)
    else:
        assert read_arrays(path)["a"].tobytes() == b"abc"


def test_the_same_arrays_make_the_same_file(tmp_path: Path) -> None:
    assert hashlib.sha256(whole(tmp_path)).digest() == hashlib.sha256(whole(tmp_path)).digest()


def test_an_array_may_come_in_pieces(tmp_path: Path) -> None:
    pieces = (np.arange(i, i + 3, dtype=np.uint16) for i in range(0, 30, 3))
    npz.write(tmp_path / "some.npz", {"ids": pieces}, {"ids": ((30,), np.uint16)})
    assert equal(read_arrays(tmp_path / "some.npz"), {"ids": np.arange(30, dtype=np.uint16)})


def test_arrays_are_kept_in_rows_whatever_their_order(tmp_path: Path) -> None:
    columns = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    npz.write(tmp_path / "some.npz", {"a": columns, "b": columns[:, ::2]})
    assert equal(read_arrays(tmp_path / "some.npz"), {"a": columns, "b": columns[:, ::2]})


def test_lazy_arrays_stay_in_the_file_and_the_others_do_not(tmp_path: Path) -> None:
    found = npz.Reader(saved(tmp_path, whole(tmp_path))).lazy("ids")
    assert isinstance(found, LazyArray) and np.array_equal(np.asarray(found), ARRAYS["ids"])
    assert np.array_equal(np.concatenate(list(found.checked())), ARRAYS["ids"])


def looked_at(path: Path, lazy: bool) -> dict[str, Any]:
    """All arrays; those of one axis stay in the file if `lazy`, and are read through once."""
    if not lazy:
        return read_arrays(path)
    reader, found = npz.Reader(path), {}
    for name, (_, shape, *_) in reader.arrays.items():
        if len(shape) == 1:
            array = found[name] = reader.lazy(name)
            assert sum(map(len, array.checked())) == len(array)
    return {name: found.get(name) if name in found else reader.read(name) for name in reader.arrays}


class Trap:
    """Leaves a file behind if it is ever unpickled."""

    def __init__(self, canary: Path):
        self.canary = canary

    def __reduce__(self) -> Any:
        return Path.touch, (self.canary,)


BYTES = "{{'descr': '|u1', 'fortran_order': False, 'shape': ({}), }}\n"
HOSTILE: dict[str, Callable[[Path], bytes]] = {
    "empty": lambda _: b"",
    "text": lambda _: b"It was a dark and stormy night; the rain fell in torrents.\n" * 50,
    "png": lambda _: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x06\0\0\0" + bytes(100),
    "pickle": lambda canary: pickle.dumps(Trap(canary)),
    "npy": lambda _: npy(np.zeros(3)),
    "pickled npy": lambda canary: npy(np.array([Trap(canary)], object), allow_pickle=True),
    "object array": lambda canary: archive({"a.npy": npy(np.array([Trap(canary)], object), allow_pickle=True)}),
    "no members": lambda _: archive({}),
    "deflated": lambda _: archive({"a.npy": npy(np.zeros(1000))}, compression=zipfile.ZIP_DEFLATED),
    "deflate bomb": lambda _: archive({"a.npy": npy(np.zeros(2_000_000))}, compression=zipfile.ZIP_DEFLATED),
    "bzip2": lambda _: archive({"a.npy": npy(np.zeros(1000))}, compression=zipfile.ZIP_BZIP2),
    "lzma": lambda _: archive({"a.npy": npy(np.zeros(1000))}, compression=zipfile.ZIP_LZMA),
    "no array": lambda _: archive({"a.npy": b"no array"}),
    "empty member": lambda _: archive({"a.npy": b""}),
    **{
        f"member called {name!r}": lambda _, name=name: archive({name: npy(np.zeros(3))})
        for name in ("../a.npy", "/a.npy", "a", "a.txt", "a b.npy", "a//b.npy", "a\\b.npy", "é.npy", ".npy", "a.npy\n")
    },
    "folder": lambda _: archive({"a.npy": npy(np.zeros(3)), "b/": b""}),
    **{
        f"type {dtype}": lambda _, dtype=dtype: archive({"a.npy": npy(np.zeros(3, dtype))})
        for dtype in (">f4", "<f2", "|b1", "<c8", "<i4", "<u8", "|S3", "<U3", "<M8[s]", [("a", "<f4")])
    },
    "fortran order": lambda _: archive({"a.npy": npy(np.asfortranarray(np.zeros((2, 3), "<f4")))}),
    "another magic": lambda _: archive({"a.npy": b"\x94" + npy(np.zeros(3))[1:]}),
    "version 2": lambda _: archive({"a.npy": raw(BYTES.format("1,"), b"1", 2)}),
    "shape too large": lambda _: archive({"a.npy": raw(BYTES.format("3,"), b"12")}),
    "shape too small": lambda _: archive({"a.npy": raw(BYTES.format("1,"), b"12")}),
    "negative shape": lambda _: archive({"a.npy": raw(BYTES.format("-1,"))}),
    "odd shape": lambda _: archive({"a.npy": raw(BYTES.format("1 1,"), b"1")}),
    "no shape in memory": lambda _: archive({"a.npy": raw(BYTES.format(f"0, {10**30},"))}),
    "code in the header": lambda _: archive({"a.npy": raw("__import__('os').abort()\n")}),
    "an endless header": lambda _: archive({"a.npy": raw("{", length=0xFFFF)}),
    "not a number": lambda _: archive({"a.npy": npy(np.array([1, np.nan], "<f4"))}),
    "infinite": lambda _: archive({"a.npy": npy(np.array([1, -np.inf], "<f8"))}),
    "bytes before": lambda folder: b"x" * 10 + whole(folder.parent),
    "bytes after": lambda folder: whole(folder.parent) + b"x" * 10,
    "bytes far after": lambda folder: whole(folder.parent) + b"x" * 70_000,
    "a comment": lambda folder: whole(folder.parent)[:-2] + b"\x03\0abc",
    "a file after": lambda folder: whole(folder.parent) * 2,
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_file_of_ours_is_refused(tmp_path: Path, kind: str) -> None:
    canary = tmp_path / "canary"
    path = saved(tmp_path, HOSTILE[kind](canary))
    for lazy in (False, kind not in ("not a number", "infinite")):  # numbers that stay in the file are not looked at
        with pytest.raises(
            CheckpointError, match=r"some\.npz (is (not a charnn file|truncated or corrupt)|has non-finite)"
        ):
            looked_at(path, lazy)
    assert not canary.exists()


def test_the_trap_would_have_closed(tmp_path: Path) -> None:
    pickle.loads(HOSTILE["pickle"](tmp_path / "canary"))
    assert (tmp_path / "canary").exists()


def test_a_message_names_the_array_that_is_not_finite(tmp_path: Path) -> None:
    path = saved(tmp_path, HOSTILE["not a number"](tmp_path))
    with raises(CheckpointError, "non-finite", " a:"):
        read_arrays(path)


def test_a_deflate_bomb_does_not_go_off(tmp_path: Path) -> None:
    path = saved(tmp_path, HOSTILE["deflate bomb"](tmp_path))  # 16 KB that would be 16 MB
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="compressed"):
        read_arrays(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    data = whole(tmp_path)
    for at in (4, 40):
        with pytest.raises(CheckpointError, match="is truncated or corrupt"):
            read_arrays(saved(tmp_path, data[:at]))
    with pytest.raises(CheckpointError, match="is not a charnn file"):
        read_arrays(saved(tmp_path, data[:3]))
    for at in [len(data) * i // 16 for i in range(16)] + list(range(len(data) - 40, len(data))):
        with pytest.raises(CheckpointError):
            read_arrays(saved(tmp_path, data[:at]))


def test_a_flipped_bit_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    rng, data, noticed = random.Random(0), whole(tmp_path), 0
    for _ in range(500):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        try:
            assert equal(read_arrays(saved(tmp_path, bytes(flipped))), ARRAYS)
        except CheckpointError:
            noticed += 1
    assert noticed > 350


@law
@given(st.binary(max_size=200))
def test_random_bytes_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(CheckpointError):
        read_arrays(saved(tmp_path, data))
    with pytest.raises(CheckpointError):
        read_arrays(saved(tmp_path, b"PK\3\4" + data + b"PK\5\6" + bytes(18)))


@law
@given(st.data())
def test_random_changes_give_arrays_or_a_checkpoint_error(tmp_path: Path, data: st.DataObject) -> None:
    changed = bytearray(whole(tmp_path))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed)))
        kind = data.draw(st.sampled_from(["put", "take", "copy", "set"]))
        if kind == "put":
            changed[at:at] = data.draw(st.binary(max_size=8))
        elif kind == "take":
            del changed[at : at + data.draw(st.integers(1, 50))]
        elif kind == "copy":
            changed[at:at] = changed[data.draw(st.integers(0, len(changed))) :][: data.draw(st.integers(1, 200))]
        else:
            new = data.draw(st.binary(min_size=1, max_size=8))
            changed[at : at + len(new)] = new
    for lazy in (False, True):
        try:
            found = looked_at(saved(tmp_path, bytes(changed)), lazy)
            assert equal({name: np.asarray(array) for name, array in found.items()}, ARRAYS)
        except CheckpointError:
            pass


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_only_regular_files_are_read(tmp_path: Path, kind: str) -> None:
    path = Path("/dev/zero") if kind == "device" else tmp_path / kind
    if kind != "device":
        (os.mkfifo if kind == "pipe" else os.mkdir)(path)
    with raises(CheckpointError, str(path)):
        read_arrays(path)


def test_a_file_that_cannot_be_read_is_an_operation_that_failed(tmp_path: Path) -> None:
    with raises(CharnnError, "gone.npz/x") as caught:
        (tmp_path / "gone.npz").touch()
        read_arrays(tmp_path / "gone.npz" / "x")
    assert caught.value.exit_code == 1
    with raises(UsageError, "gone does not exist"):
        read_arrays(tmp_path / "gone")


def test_a_file_says_what_it_is_to_anybody(tmp_path: Path) -> None:
    with np.load(saved(tmp_path, whole(tmp_path))) as read:
        assert json.loads(read["header"].tobytes()) == {"some": "words"}


def test_a_file_has_the_least_date_and_sizes_in_64_bits(tmp_path: Path) -> None:
    with zipfile.ZipFile(saved(tmp_path, whole(tmp_path))) as read:
        assert {(one.date_time, one.compress_type) for one in read.infolist()} == {((1980, 1, 1, 0, 0, 0), 0)}
    data = (tmp_path / "whole.npz").read_bytes()
    assert struct.unpack("<HH", data[26:30]) == (len("header.npy"), 20)  # a field of 20 bytes holds the sizes


def test_an_empty_array_has_axes_of_bounded_length(tmp_path: Path) -> None:
    for length, fits in ((1 << 48, True), ((1 << 48) + 1, False)):
        data = raw(f"{{'descr': '<f4', 'fortran_order': False, 'shape': (0, 1, {length}), }}\n")
        path = saved(tmp_path, archive({"a.npy": data}))
        if fits:
            assert npz.Reader(path).arrays["a"].shape == (0, 1, length)
        else:
            with raises(CheckpointError, "shape"):
                npz.Reader(path)


def test_the_start_of_an_array_alone_is_not_plain(tmp_path: Path) -> None:
    for size, told in ((9, "a is not a plain array"), (10, "a should be of one of the types")):
        with raises(CheckpointError, told):
            npz.Reader(saved(tmp_path, archive({"a.npy": raw("")[:size]})))


def test_a_header_that_is_longer_than_its_member_is_not_read(tmp_path: Path) -> None:
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }\n"
    for more, told in ((1, "a is not a plain array"), (-1, "a should be of one of the types")):
        data = archive({"a.npy": raw(header, length=len(header) + more), "b.npy": npy(np.zeros(9))})
        with raises(CheckpointError, told):
            npz.Reader(saved(tmp_path, data))
    assert npz.Reader(saved(tmp_path, archive({"a.npy": raw(header)}))).arrays["a"].shape == (0,)


def test_as_many_arrays_as_can_be_read_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "MAX_MEMBERS", len(ARRAYS))
    npz.write(tmp_path / "a.npz", ARRAYS)
    with raises(CharnnError, "4 arrays, where a file has 3 at most"):
        npz.write(tmp_path / "b.npz", {**ARRAYS, "more": ARRAYS["ids"]})
    assert names(tmp_path) == ["a.npz"]


def test_a_header_array_of_more_than_a_header_may_have_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, whole(tmp_path))
    size = npz.Reader(path).arrays["header"].extent.size
    monkeypatch.setattr(npz, "MAX_BYTES", size - npz.LONGEST_HEADER)
    assert npz.Reader(path).header() == {"some": "words"}
    monkeypatch.setattr(npz, "MAX_BYTES", size - npz.LONGEST_HEADER - 1)
    with raises(CheckpointError, f"a header of {size} bytes"):
        npz.Reader(path).header()


def test_no_more_arrays_are_written_than_can_be_read(tmp_path: Path) -> None:
    with raises(CharnnError, "65,535 arrays, where a file has 65,534 at most"):
        npz.write(tmp_path / "a.npz", dict.fromkeys(map(str, range(65_535)), np.zeros(1)))
