"""The parts of the ONNX file format that a network needs, as protocol buffer messages in bytes.

A message is a series of fields: a key (field number, kind), then a variable-length integer, four bytes, or a length
and so many bytes. The numbers are those of onnx.proto (IR version 8, which belongs to opset 17).
"""

import struct
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

Attribute = int | float | str | Sequence[str] | Sequence[int] | bytes  # bytes: a graph
Dimension = int | str  # a name where the size is not fixed

IR_VERSION = 8
OPSET = 17
FLOAT, INT64 = 1, 7  # types of tensors
MAX_BYTES = 2**31 - 1  # of a message


def _integer(value: int) -> bytes:
    """A variable-length integer: seven bits a byte, the lowest first."""
    value &= 2**64 - 1  # negative numbers as two's complement
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _field(number: int, value: int | float | str | bytes) -> bytes:
    if isinstance(value, int):
        return _integer(number << 3) + _integer(value)
    if isinstance(value, float):
        return _integer(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode("utf-8") if isinstance(value, str) else value
    return _integer(number << 3 | 2) + _integer(len(data)) + data


def _fields(number: int, values: Iterable[int | str | bytes]) -> bytes:
    return b"".join(_field(number, value) for value in values)


def tensor(name: str, numbers: np.ndarray) -> bytes:
    """A constant: float32, or int64 where the numbers are integers."""
    kind, dtype = (INT64, "<i8") if numbers.dtype.kind in "iu" else (FLOAT, "<f4")
    data = np.ascontiguousarray(numbers, dtype).tobytes()
    return _fields(1, numbers.shape) + _field(2, kind) + _field(8, name) + _field(9, data)


def value(name: str, kind: int, shape: Sequence[Dimension]) -> bytes:
    """An input or output of a graph."""
    dimensions = (_field(1, _field(1 if isinstance(size, int) else 2, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, b"".join(dimensions))))


def node(operator: str, reads: Sequence[str], makes: Sequence[str], attributes: Mapping[str, Attribute]) -> bytes:
    """An operator at work."""
    found = (_field(5, _attribute(name, one)) for name, one in attributes.items())
    return _fields(1, reads) + _fields(2, makes) + _field(3, makes[-1]) + _field(4, operator) + b"".join(found)


def _attribute(name: str, one: Attribute) -> bytes:
    if isinstance(one, float):
        kind, data = 1, _field(2, one)
    elif isinstance(one, int):
        kind, data = 2, _field(3, one)
    elif isinstance(one, str):
        kind, data = 3, _field(4, one)
    elif isinstance(one, bytes):
        kind, data = 5, _field(6, one)
    else:
        kind, data = (8, _fields(9, one)) if one and isinstance(one[0], str) else (7, _fields(8, one))
    return _field(1, name) + data + _field(20, kind)


def graph(name: str, nodes: Iterable[bytes], constants: Iterable[bytes], *values: Iterable[bytes]) -> bytes:
    """Nodes in an order in which they can be computed, constants, and the graph's inputs and outputs."""
    inputs, outputs = values
    return _fields(1, nodes) + _field(2, name) + _fields(5, constants) + _fields(11, inputs) + _fields(12, outputs)


def model(content: bytes, producer: tuple[str, str], metadata: Mapping[str, str]) -> bytes:
    """A file's content: a graph, the name and version of what wrote it, and texts by name."""
    entries = (_field(14, _field(1, key) + _field(2, text)) for key, text in metadata.items())
    head = _field(1, IR_VERSION) + _field(2, producer[0]) + _field(3, producer[1])
    return head + _field(7, content) + _field(8, _field(1, "") + _field(2, OPSET)) + b"".join(entries)
