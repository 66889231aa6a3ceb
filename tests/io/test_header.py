"""Headers: JSON that comes back, and nothing else."""

import numpy as np
import pytest

from charnn.errors import CheckpointError
from charnn.io.header import json_array, json_value


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


def test_a_number_is_of_its_own_type_alone() -> None:
    from charnn.io.header import is_of

    assert is_of(2, int) and is_of(2, float) and is_of(1e300, float)
    assert not is_of(1.5, int) and not is_of(float("nan"), float) and not is_of(2**63, float)
