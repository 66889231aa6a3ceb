"""The parts of an ONNX file, byte by byte; tests/exchange reads whole files by other programs."""

import numpy as np
import pytest

from charnn.io import onnx


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (0, b"\0"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (300, b"\xac\x02"),
        (-1, b"\xff" * 9 + b"\x01"),
        (-(2**63), b"\x80" * 9 + b"\x01"),
    ],
)
def test_integers_are_of_64_bits_seven_in_a_byte(number: int, written: bytes) -> None:
    assert onnx.node("Squeeze", [], ["y"], {"axis": number}).count(b"\x18" + written) == 1


@pytest.mark.parametrize(
    ("numbers", "kind", "size"), [(np.ones((2, 3), np.float64), 1, 24), (np.arange(3, dtype=np.int8), 7, 24)]
)
def test_constants_are_float32_or_int64(numbers: np.ndarray, kind: int, size: int) -> None:
    found = onnx.tensor("w", numbers)
    sizes = b"".join(bytes([8, n]) for n in numbers.shape)
    assert found.startswith(sizes + bytes([16, kind]) + b"\x42\x01w" + bytes([0x4A, size]))


def test_another_reader_finds_what_was_written() -> None:
    read = pytest.importorskip("onnx")
    attributes = {"a": 0.5, "b": -3, "c": "é", "d": [4, -5], "e": ["f", "g"]}
    nodes = [onnx.node("Op", ["x", "w"], ["y", "z"], {**attributes, "g": onnx.graph("inner", [], [], [], [])})]
    sides = [onnx.value("x", onnx.FLOAT, ["time", 2])], [onnx.value("y", onnx.INT64, [3])]
    content = onnx.graph("net", nodes, [onnx.tensor("w", np.full((2, 3), 0.25))], *sides)
    found = read.load_from_string(onnx.model(content, ("maker", "1.2"), {"key": "text", "more": "ü"}))
    assert (found.producer_name, found.producer_version, found.ir_version) == ("maker", "1.2", onnx.IR_VERSION)
    assert {one.key: one.value for one in found.metadata_props} == {"key": "text", "more": "ü"}
    assert [(one.domain, one.version) for one in found.opset_import] == [("", onnx.OPSET)]
    (node,), (w,) = found.graph.node, found.graph.initializer
    assert (found.graph.name, node.op_type, node.name) == ("net", "Op", "z")
    assert (list(node.input), list(node.output)) == (["x", "w"], ["y", "z"])
    told = {one.name: read.helper.get_attribute_value(one) for one in node.attribute}
    assert told.pop("g").name == "inner"
    assert told == {"a": 0.5, "b": -3, "c": "é".encode(), "d": [4, -5], "e": [b"f", b"g"]}
    np.testing.assert_array_equal(read.numpy_helper.to_array(w), np.full((2, 3), 0.25, np.float32))
    (x,), (y,) = found.graph.input, found.graph.output
    sizes = [[one.dim_param or one.dim_value for one in side.type.tensor_type.shape.dim] for side in (x, y)]
    assert sizes == [["time", 2], [3]] and [x.name, y.name] == ["x", "y"]
    assert [side.type.tensor_type.elem_type for side in (x, y)] == [onnx.FLOAT, onnx.INT64]
