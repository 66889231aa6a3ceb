"""Arrays in a .safetensors file: 8 bytes with the length of a JSON header, the header, and the numbers.

Read strictly: arrays fill the rest of the file, one after the other, without gaps. Written durably (`durable.replace`).
"""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import CharnnError, CheckpointError
from ..machine import available_memory
from .durable import replace
from .handle import FileHandle
from .header import MAX_BYTES, too_large

METADATA = "__metadata__"
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
ALIGNMENT = 8  # bytes: the header is filled up with spaces, so that the numbers are aligned


def write(path: str | Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write float32 arrays by name, and texts by name. Raises `CharnnError`."""
    header: dict[str, Any] = {METADATA: dict(metadata)}
    end = 0
    for name, array in arrays.items():
        start, end = end, end + 4 * array.size
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [start, end]}
    head = json.dumps(header, separators=(",", ":")).encode("ascii")
    head += b" " * (-len(head) % ALIGNMENT)

    def fill(file: BinaryIO) -> None:
        file.write(len(head).to_bytes(8, "little") + head)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array, "<f4").data)

    replace(path, fill)


def read(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a file by name, as float32, and its metadata.

    Float64, float16 and bfloat16 are converted. Raises `CheckpointError` for a file that is not exactly of this format,
    or holds numbers that are not finite. Raises `CharnnError` where it cannot be read, or is too large for memory.
    """
    file = FileHandle(Path(path))
    try:
        header, start = _header(file)
        need, there = file.size - start, available_memory()
        if there is not None and 2 * need > there:  # as they are in the file, and as float32
            raise CharnnError(f"{path} needs {2 * need / 1e9:.1f} GB, and there are {there / 1e9:.1f} GB")
        return _parse(header, memoryview(file.read(start, need)))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a valid safetensors file: {error}") from None


def _header(file: FileHandle) -> tuple[dict[str, Any], int]:
    """The JSON object at a file's beginning, and where it ends."""
    if file.size < 8:
        raise ValueError(f"it has {file.size} bytes")
    length = int.from_bytes(file.read(0, 8), "little")
    if not 2 <= length <= min(MAX_BYTES, file.size - 8):
        raise ValueError(f"a header of {length:,} bytes in a file of {file.size:,}")
    data = file.read(8, length)
    if too_large(np.frombuffer(data, np.uint8)):
        raise ValueError(f"a header of {length:,} bytes")
    header = json.loads(data.decode("utf-8"), object_pairs_hook=_unique)
    if not isinstance(header, dict):
        raise ValueError("the header is not an object")
    return header, 8 + length


def _parse(header: dict[str, Any], numbers: memoryview) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError(f"{METADATA} does not hold texts by name")
    end, arrays = 0, {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        arrays[name], end = _array(name, entry, numbers, end)
    if end != len(numbers):
        raise ValueError(f"{len(numbers) - end:,} bytes belong to no array")
    return arrays, metadata


def _array(name: str, entry: Any, numbers: memoryview, start: int) -> tuple[np.ndarray, int]:
    """An array that begins at `start`, and where it ends."""
    shape, offsets = entry["shape"], entry["data_offsets"]
    if entry.keys() != {"dtype", "shape", "data_offsets"} or entry["dtype"] not in TYPES:
        raise ValueError(f"{name} is of type {entry['dtype']!s:.20}, and {', '.join(TYPES)} can be read")
    if not all(type(n) is int and n >= 0 for n in (*shape, *offsets)):
        raise ValueError(f"{name} has the shape {shape} at {offsets}")
    dtype = np.dtype(TYPES[entry["dtype"]])
    end = start + prod(shape) * dtype.itemsize
    if offsets != [start, end] or end > len(numbers):
        raise ValueError(f"{name} should lie at {[start, end]} of {len(numbers)} bytes, and lies at {offsets}")
    array = np.frombuffer(numbers[start:end], dtype).reshape(shape)
    if entry["dtype"] == "BF16":  # the upper half of a float32
        array = (array.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):  # a float64 beyond float32 is refused below
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has numbers that are not finite")
    return array, end


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in the header")
    return found
