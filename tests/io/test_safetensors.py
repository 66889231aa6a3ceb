"""Safetensors files: written as the format says, and read with suspicion."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.errors import CharnnError, CheckpointError
from charnn.io import safetensors

ARRAYS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b.weight": np.array(7, np.float32),
    "none": np.empty((0, 4), np.float32),
}


def made(header: Any, data: bytes, fill: int = 0) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * fill
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype: str, shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_arrays_come_back_with_their_metadata(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    safetensors.write(path, ARRAYS, {"format": "pt", "é": "…"})
    arrays, metadata = safetensors.read(path)
    assert metadata == {"format": "pt", "é": "…"} and arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
    length = int.from_bytes(path.read_bytes()[:8], "little")
    assert length % 8 == 0 and path.stat().st_size == 8 + length + 7 * 4


@pytest.mark.parametrize("dtype", ["F64", "F32", "F16"])
def test_other_floats_become_float32(dtype: str, tmp_path: Path) -> None:
    numbers = np.array([0.5, -3, 1e-3], safetensors.TYPES[dtype])
    path = tmp_path / "a.safetensors"
    path.write_bytes(made({"a": entry(dtype, [3], 0, numbers.nbytes)}, numbers.tobytes()))
    found = safetensors.read(path)[0]["a"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, numbers.astype(np.float32))


def test_bfloat16_is_the_upper_half_of_a_float32(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(made({"a": entry("BF16", [2], 0, 4)}, np.array([0x3F80, 0xC040], "<u2").tobytes()))
    np.testing.assert_array_equal(safetensors.read(path)[0]["a"], [1, -3])


ONE = entry("F32", [1], 0, 4)
BAD = {
    "nothing": b"",
    "seven bytes": b"1234567",
    "a length alone": bytes(8),
    "a header of one byte": made(b"1", b""),
    "a header longer than the file": (1000).to_bytes(8, "little") + b"{}",
    "a header of 2^63 bytes": (2**63).to_bytes(8, "little") + b"{}",
    "no JSON": made(b"{]", b""),
    "no UTF-8": made(b'{"\xff": 1}', b""),
    "a list": made([], b""),
    "deep JSON": made(b"[" * 100_000, b""),
    "a name twice": made(b'{"a": %s, "a": %s}' % ((json.dumps(ONE).encode(),) * 2), bytes(4)),
    "another type": made({"a": entry("I64", [1], 0, 8)}, bytes(8)),
    "no shape": made({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, bytes(4)),
    "a shape that is no list": made({"a": {**ONE, "shape": "1"}}, bytes(4)),
    "a negative size": made({"a": entry("F32", [-1], 0, 4)}, bytes(4)),
    "sizes that are too large": made({"a": entry("F32", [2**62, 2**62], 0, 4)}, bytes(4)),
    "a size that is a float": made({"a": entry("F32", [1.0], 0, 4)}, bytes(4)),  # type: ignore[list-item]
    "a size that is a truth value": made({"a": entry("F32", [True], 0, 4)}, bytes(4)),
    "two negative sizes": made({"a": entry("F32", [-1, -1], 0, 4)}, bytes(4)),
    "one more name": made({"a": {**ONE, "more": 1}}, bytes(4)),
    "a gap": made({"a": ONE, "b": entry("F32", [1], 8, 12)}, bytes(12)),
    "an overlap": made({"a": ONE, "b": ONE}, bytes(4)),
    "bytes of no array": made({"a": ONE}, bytes(8)),
    "too few bytes": made({"a": ONE}, bytes(3)),
    "not finite": made({"a": ONE}, np.array(np.nan, "<f4").tobytes()),
    "too large for float32": made({"a": entry("F64", [1], 0, 8)}, np.array(1e300).tobytes()),
    "metadata that are no texts": made({"__metadata__": {"a": 1}}, b""),
}


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(BAD[name])
    with pytest.raises(CheckpointError, match=r"bad\.safetensors is not a valid safetensors file"):
        safetensors.read(path)


def test_every_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    safetensors.write(path, ARRAYS, {})
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError):
            safetensors.read(path)


def test_a_missing_file_and_a_full_disk_say_so(tmp_path: Path) -> None:
    with pytest.raises(CharnnError, match="does not exist"):
        safetensors.read(tmp_path / "none.safetensors")
    with pytest.raises(CharnnError, match="cannot be written"):
        safetensors.write(tmp_path / "none" / "a.safetensors", ARRAYS, {})


def test_what_is_no_regular_file_is_not_read() -> None:
    with pytest.raises(CheckpointError, match="not a regular file"):
        safetensors.read("/dev/zero")


@pytest.mark.parametrize(
    "content", [b"[" + b"[]," * 3_500_000 + b"0]", b" " * (11 << 20) + b"{}"], ids=["lists", "spaces"]
)
def test_a_header_that_would_take_much_memory_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(made(content, b""))
    with pytest.raises(CheckpointError, match="a header of"):
        safetensors.read(path)


def test_numbers_that_memory_has_no_place_for_are_not_read(tmp_path: Path) -> None:
    """A sparse file."""
    path = tmp_path / "a.safetensors"
    path.write_bytes(made({"a": entry("F32", [1 << 38], 0, 1 << 40)}, b""))
    size = path.stat().st_size
    with path.open("rb+") as file:
        file.truncate(size + (1 << 40))
    with pytest.raises(CharnnError, match=r"needs .* GB, and there are"):
        safetensors.read(path)


def test_memory_is_asked_for_the_numbers_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.safetensors"
    safetensors.write(path, ARRAYS, {})
    for there in (2 * 7 * 4, None):
        monkeypatch.setattr(safetensors, "available_memory", lambda there=there: there)
        assert len(safetensors.read(path)[0]) == 3
    monkeypatch.setattr(safetensors, "available_memory", lambda: 2 * 7 * 4 - 1)
    with pytest.raises(CharnnError, match="needs"):
        safetensors.read(path)


@pytest.mark.parametrize(
    ("data", "told"), [(b"1234567", "it has 7 bytes"), (bytes(8), "a header of 0 bytes in a file of 8")]
)
def test_a_file_without_a_header_is_told_by_its_size(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=told):
        safetensors.read(path)


def test_names_in_any_order_lie_where_they_say(tmp_path: Path) -> None:
    path, numbers = tmp_path / "a.safetensors", np.arange(3, dtype="<f4")
    path.write_bytes(made({"b": entry("F32", [2], 4, 12), "a": ONE}, numbers.tobytes()))
    arrays, _ = safetensors.read(path)
    assert arrays["a"].tolist() == [0] and arrays["b"].tolist() == [1, 2]


def test_a_file_of_no_arrays_ends_with_its_header(tmp_path: Path) -> None:
    path = tmp_path / "none.safetensors"
    path.write_bytes(made({}, b""))
    assert safetensors.read(path) == ({}, {})
