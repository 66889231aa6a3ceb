"""Headers: a JSON object in an array of bytes, small enough to be read, each value of the type that it should have."""

import json
from collections.abc import Iterable
from math import isfinite
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from ..errors import CharnnError, CheckpointError

MAX_BYTES = 10 << 20  # bytes of a header: a vocabulary of all of Unicode is of 9 MB
MAX_MEMORY = 100 << 20  # bytes that Python may take for what a header says
# Bytes of memory that each of these characters may announce: an object, a list, half a text, a value
COSTS = {"{": 250, "[": 80, '"': 40, ",": 50}


def json_array(value: Any) -> np.ndarray:
    """JSON as an array of its bytes. Raises `CharnnError` for more than can be read again."""
    data = json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")
    array = np.frombuffer(data, np.uint8)
    if too_large(array):
        raise CharnnError(f"a header of {array.size / 1e6:.1f} MB could not be read again: give fewer files")
    return array


def too_large(array: np.ndarray) -> bool:
    """Whether a header takes more time or memory than any that is worth reading."""
    if array.size > MAX_BYTES:
        return True
    counts = np.bincount(array, minlength=128)
    return sum(cost * int(counts[ord(character)]) for character, cost in COSTS.items()) > MAX_MEMORY


def json_value(path: str | Path, array: np.ndarray | None) -> dict[str, Any]:
    """The JSON object in such an array. Raises `CheckpointError`."""
    try:
        if array is None or array.dtype != np.uint8 or array.ndim != 1:
            raise ValueError("no header")
        if too_large(array):
            raise ValueError(f"a header of {array.size:,} bytes")
        value = json.loads(array.tobytes())
        if not isinstance(value, dict):
            raise ValueError("header is no object")
        return value
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a charnn file: {error}") from None


def check_version(path: str | Path, header: dict[str, Any], known: int) -> None:
    """Raise `CheckpointError` unless a header is of a version of its format that is `known`."""
    version = header.get("version")
    if type(version) is not int or version < 1:
        raise CheckpointError(f"{path} is corrupt: version is {version!r:.40}")
    if version > known:
        raise CheckpointError(f"{path} needs charnn >= {header.get('charnn')!s:.20}: a newer one wrote it")


def typed(kind: type, values: Any, needed: Iterable[str] = ()) -> dict[str, Any]:
    """Values for a dataclass' fields, each of its field's type, with all that are `needed`. Raises `ValueError`."""
    if not isinstance(values, dict):
        raise ValueError(f"{kind.__name__} is {values!r:.40}")
    hints = get_type_hints(kind)
    for name, value in values.items():
        if name not in hints:
            raise ValueError(f"{kind.__name__} has no {name!r:.40}")
        if not is_of(value, hints[name]):
            raise ValueError(f"{name} is {value!r:.40}")
    if missing := [name for name in needed if name not in values]:
        raise ValueError(f"{kind.__name__} has no {missing[0]}")
    return dict(values)


def is_of(value: Any, hint: Any) -> bool:
    """Whether a JSON value is of a type; a number is finite, of 64 bits, and may be an integer for a float."""
    inner = get_args(hint)
    if get_origin(hint) is UnionType:
        return any(is_of(value, one) for one in inner)
    if get_origin(hint) in (list, tuple):
        return isinstance(value, list) and all(is_of(item, inner[0]) for item in value)
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(is_of(item, inner[1]) for item in value.values())
    if type(value) is int and hint in (int, float):
        return -(2**63) <= value < 2**63
    return type(value) is hint and (hint is not float or isfinite(value))
