"""Headers: JSON that comes back, and nothing else."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from charnn.errors import CharnnError, CheckpointError
from charnn.io.header import check_version, is_of, json_array, json_value, too_large, typed
from tests.helpers.snapshots import raises


def test_json_comes_back() -> None:
    value = {"a": [1, 2.5, None, "é\ud800\0"], "b": {"c": True}}
    assert json_value("m.npz", json_array(value)) == value


def test_json_has_no_numbers_that_are_none() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError):
            json_array({"a": value})


DEEP, LONG = 200_000, '{"a": ' + "9" * 100_000 + "}"


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "null", "{", "{'a': 1}", '{"a": 1} x', "[" * DEEP, '{"a":' * DEEP, LONG, "\xff"]
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match=r"m\.npz is not a charnn file"):
        json_value("m.npz", np.frombuffer(text.encode("latin-1"), np.uint8))


@pytest.mark.parametrize("array", [None, np.zeros(3), np.zeros((2, 2), np.uint8)])
def test_a_header_that_is_no_row_of_bytes_is_refused(array: np.ndarray | None) -> None:
    with pytest.raises(CheckpointError, match="no header"):
        json_value("m.npz", array)


@pytest.mark.parametrize(
    ("character", "most"), [("a", 10_485_760), ("{", 419_430), ("[", 1_310_720), ('"', 2_621_440), (",", 2_097_152)]
)
def test_a_header_is_at_most_of_10_mb_and_makes_100_mb_of_objects(character: str, most: int) -> None:
    for size, told in ((most, False), (most + 1, True)):
        assert too_large(np.full(size, ord(character), np.uint8)) == told
    assert not too_large(np.full(9, 0xFF, np.uint8))


def test_what_a_header_makes_is_summed_over_its_characters() -> None:
    assert too_large(np.frombuffer(b"[" * 700_000 + b"," * 1_000_000, np.uint8))
    assert not too_large(np.frombuffer(b"[" * 600_000 + b"," * 1_000_000, np.uint8))


def test_a_header_that_is_too_large_is_not_parsed() -> None:
    data = b'{"a": "' + b"b" * 11_000_000 + b'"}'
    with pytest.raises(CheckpointError, match="a header of 11,000,009 bytes"):
        json_value("m.npz", np.frombuffer(data, np.uint8))


def test_a_header_that_could_not_be_read_again_is_not_written() -> None:
    with raises(CharnnError, "11.0 MB", "give fewer files"):
        json_array({"a": "b" * 11_000_000})


def test_a_number_is_of_its_own_type_alone() -> None:
    assert is_of(2, int) and is_of(2, float) and is_of(1e300, float)
    assert is_of(-(2**63), int) and is_of(2**63 - 1, float)
    assert not is_of(1.5, int) and not is_of(float("nan"), float) and not is_of(2**63, float)


@dataclass
class Fields:
    count: int
    share: float
    names: list[str]
    pair: tuple[int, ...]
    table: dict[str, float]
    maybe: str | None = None


WHOLE = {"count": 3, "share": 0.5, "names": ["a", "b"], "pair": [1, 2], "table": {"x": 1.5}, "maybe": None}


def test_values_of_the_types_of_fields_are_taken() -> None:
    assert typed(Fields, WHOLE, WHOLE) == WHOLE
    assert typed(Fields, {}) == {}
    few = {"names": [], "pair": [], "table": {}, "maybe": "c", "share": 2}
    assert typed(Fields, few, ["maybe"]) == few


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([], r"Fields is \[\]"),
        (None, "Fields is None"),
        ({**WHOLE, "other": 1}, "Fields has no 'other'"),
        ({"share": 1.0}, "Fields has no count"),
        *[
            ({**WHOLE, name: value}, f"{name} is ")
            for name, values in {
                "count": (1.5, True, "3", None, 2**63, -(2**63) - 1),
                "share": (True, "0.5", None, float("inf"), float("nan")),
                "names": ("ab", {"a": 1}, ["a", 1], [["a"]], None),
                "pair": ("12", [1, 2.5], [1, "2"], 3),
                "table": ([], {"x": "1.5"}, {"x": 1.5, "y": None}, "x"),
                "maybe": (1, ["c"], False),
            }.items()
            for value in values
        ],
    ],
)
def test_values_of_other_types_or_names_are_refused(values: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        typed(Fields, values, ["count"])


@pytest.mark.parametrize("version", [None, 0, -1, True, 1.0, "1", [1]])
def test_a_version_that_is_none_is_refused(version: Any) -> None:
    with pytest.raises(CheckpointError, match=r"m\.npz is corrupt: version is"):
        check_version("m.npz", {"version": version}, 2)


def test_a_newer_version_says_what_it_needs() -> None:
    for known in (1, 2):
        check_version("m.npz", {"version": known}, 2)
    with pytest.raises(CheckpointError, match=r"m\.npz needs charnn >= 0\.9: a newer one wrote it"):
        check_version("m.npz", {"version": 3, "charnn": "0.9"}, 2)
