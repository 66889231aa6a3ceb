"""Networks of pairs as ONNX files: whole sources in, side by side, with what each label or symbol of a target scores.

A source is closed by EOS, symbol 0; `lengths` counts the symbols up to it, and what stands below is padding. A target
is what was written so far, from EOS on: scores of what follows each of its symbols.
"""

import json
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import UsageError
from ..io import onnx
from ..io.onnx import FLOAT, INT64
from ..nn.layers.base import read_in_reverse
from ..nn.layers.bidirectional import Bidirectional
from ..nn.pairs.classifier import Classifier
from ..nn.pairs.encoder import LabelTable
from ..nn.pairs.label_heads import SigmoidLabel, SoftmaxLabels
from ..nn.pairs.primed import Primed
from ..nn.parameters import Views
from ..runs.run import Run
from . import matrices
from .onnx import FUNCTIONS, OPERATORS, Graph, affine, cut, has_operator, joined, save, settings
from .safetensors import OPTIONS

INT32 = 6  # a type of tensors, for lengths that an operator reads
FAR = np.float32(1e30)  # below all scores and states
Names = list[str]


class Source(NamedTuple):
    """What was read of the sources: their parts of the graph by name."""

    z: str  # (B, Z): one vector of each
    h: Names  # (S, B, n) each: all states
    mask: str  # (S, B, 1): 1 where that is no padding


def write(path: str | Path, run: Run) -> None:
    """Write a run of classify, condition or translate as an ONNX file. Raises `UsageError`, and `CharnnError`."""
    graph, network = Graph(), run.model.network
    by_label = isinstance(getattr(network, "reader", None), LabelTable)
    reads = {"context": ["batch"]} if by_label else {"source": ["source_time", "batch"], "lengths": ["batch"]}
    sizes: list[str | int]
    if isinstance(network, Classifier):
        found, name, sizes = classifier(graph, run), "probabilities", ["batch", len(run.vocabulary.labels)]
    else:
        found, name, sizes = writer(graph, run), "scores", ["time", "batch", run.model.symbols]
        reads["target"] = ["time", "batch"]
    graph.node("Identity", found, out=name)
    inputs = [onnx.value(one, INT64, shape) for one, shape in reads.items()]
    save(path, graph, (inputs, [onnx.value(name, FLOAT, sizes)]), metadata(run))


def metadata(run: Run) -> dict[str, str]:
    """What a user of the file has to know: which symbol is which character or word, and which label is which."""
    vocabulary = run.vocabulary
    return {
        "task": run.task.task,
        "vocabulary": json.dumps(["", *vocabulary.units, "\ufffd"]),
        "labels": json.dumps(vocabulary.labels),
        "source": vocabulary.source,
        "target": vocabulary.target,
        "corpus_sha256": run.origin.sha256,
    }


def classifier(graph: Graph, run: Run) -> str:
    """Probabilities of each label, (B, L); see `nn.pairs.classifier`."""
    network, p = run.model.network, run.weights
    z = encoder(graph, run).z
    if network.between:
        dense = network.parts["between"]
        z = graph.node(FUNCTIONS[dense.activation], _affine(graph, z, p, "between", "U", "b"))
    o = _affine(graph, z, p, "readout", "V", "c")
    if isinstance(network.head, SoftmaxLabels):
        return str(graph.node("Softmax", o, axis=-1))
    found = str(graph.node("Sigmoid", o))
    if isinstance(network.head, SigmoidLabel):
        return joined(graph, [graph.node("Sub", _number(graph, 1), found), found])
    return found


def writer(graph: Graph, run: Run) -> str:
    """Scores of what follows each symbol of the targets, (T, B, V); see `nn.pairs.encoder_decoder` and `primed`."""
    network, p, target = run.model.network, run.weights, _onehot(graph, "target", run.model.symbols)
    if isinstance(network, Primed):
        u = _primed(graph, run, target)
        return _affine(graph, joined(graph, u), p, "readout", "V", "c")
    seen = encoder(graph, run)
    sizes, reads = network.decoder.state_sizes, [target]
    before = None
    if network.start:
        s = _affine(graph, seen.z, p, "start", "I", "i")
        before = [cut(graph, s, end - size, end) for size, end in zip(sizes, accumulate(sizes), strict=True)]
    if network.step:
        ones = graph.node("ReduceMax", target, axes=[-1], keepdims=1)  # (T, B, 1)
        reads = [graph.node("Mul", ones, _axis(graph, "Unsqueeze", seen.z, 0)), target]
    h, _ = stack(graph, "decoder/stack", (network.decoder.stack, p), reads, before=before)
    u = [_attended(graph, run, h, seen)] if network.decoder.attention else h
    return _affine(graph, joined(graph, u), p, "readout", "V", "c")


def encoder(graph: Graph, run: Run) -> Source:
    """What is read of the sources; see `nn.pairs.encoder`. Of a label there is a vector alone."""
    reader, p = run.model.network.reader, run.weights
    if isinstance(reader, LabelTable):
        table, bias = (graph.constant(f"reader/{name}", p[f"reader/{name}"]) for name in ("U", "b"))
        return Source(graph.node("Add", graph.node("Gather", table, "context", axis=0), bias), [], "")
    source = _onehot(graph, "source", run.vocabulary.size)
    lengths = graph.node("Cast", "lengths", to=INT32)
    h, _ = stack(graph, "reader", (reader.stack, p), [source], lengths=lengths)
    mask, last = _masks(graph)
    return Source(_pooled(graph, reader, h, mask, last), h, mask)


def stack(
    graph: Graph,
    at: str,
    of: tuple[Any, Views],
    x: Names,
    lengths: str = "",
    before: Names | None = None,
) -> tuple[Names, Names]:
    """A stack over whole sequences: what comes out, (T, B, n) each, and the states after, (B, n) each."""
    layers, p = of
    ys: list[Names] = []
    after: Names = []
    for i, layer in enumerate(layers.layers):
        below = ys[-1] if ys else []
        read = joined(graph, [*below, *(x if layers.skip or not ys else [])])
        own = before[len(after) : len(after) + len(layer.state_sizes)] if before else []
        y, states = _layer(graph, f"{at}/{i}", (layer, p), [read, lengths, *own])
        if layers.residual and ys:
            y = [graph.node("Add", one, other) for one, other in zip(y, below, strict=True)]
        ys.append(y)
        after += states
    return [name for y in ys for name in y] if layers.skip else ys[-1], after


def _layer(graph: Graph, at: str, of: tuple[Any, Views], reads: Names) -> tuple[Names, Names]:
    """A layer, or two in both directions, that reads x, lengths and the state before: see `stack`."""
    layer, p = of
    x, lengths, *before = reads
    two = isinstance(layer, Bidirectional)
    halves = [(f"{at}/forwards", layer.forwards), (f"{at}/backwards", layer.backwards)] if two else [(at, layer)]
    for _, half in halves:
        if not has_operator(half):
            option = OPTIONS.get(type(half).__name__, f"--activation {half.activation}")
            raise UsageError(f"{option} has no operator in ONNX, which a model of pairs needs: train one without it")
    first = halves[0][1]
    if not first.state_sizes:
        a = _affine(graph, x, p, at, "U", "b")
        return [a if first.activation == "linear" else graph.node(FUNCTIONS[first.activation], a)], []
    found = [matrices.matrices(half, p.at(name), 0, matrices.ONNX) for name, half in halves]
    weights = {
        "W": np.stack([one.input for one in found]),
        "R": np.stack([one.hidden for one in found]),
        "B": np.stack([np.concatenate([one.input_bias, one.hidden_bias]) for one in found]),
    }
    more = settings(first)
    if "activations" in more:
        more["activations"] = more["activations"] * len(halves)
    own = [graph.constant(f"{at}/{name}", array) for name, array in weights.items()]
    state = [_axis(graph, "Unsqueeze", one, 0) for one in before]
    direction = "bidirectional" if two else "forward"
    operator, outputs = OPERATORS[type(first).__name__], 1 + len(first.state_sizes)
    y, *after = graph.node(operator, x, *own, lengths, *state, outputs=outputs, direction=direction, **more)
    parts = [graph.node("Gather", y, number, axis=1) for number in _integers(graph)[: len(halves)]]
    return parts, [_axis(graph, "Squeeze", one, 0) for one in after] if not two else []


def _pooled(graph: Graph, reader: Any, h: Names, mask: str, last: str) -> str:
    """One vector of each source, (B, Z); see `nn.pairs.pooling`."""
    found = []
    for part, backwards in zip(h, read_in_reverse(reader.stack), strict=True):
        if reader.pooling == "max":
            states = graph.node("Add", part, _beyond(graph, mask))
            found.append(graph.node("ReduceMax", states, axes=[0], keepdims=0))
        elif reader.pooling == "mean":
            length = graph.node("ReduceSum", mask, graph.constant("axis_0", [0]), keepdims=0)
            found.append(graph.node("Div", _summed(graph, part, mask), length))
        elif backwards:
            found.append(graph.node("Gather", part, _integers(graph)[0], axis=0))
        else:
            found.append(_summed(graph, part, last))
    return joined(graph, found)


def _summed(graph: Graph, part: str, mask: str) -> str:
    """Over all steps of a mask."""
    return str(graph.node("ReduceSum", graph.node("Mul", part, mask), graph.constant("axis_0", [0]), keepdims=0))


def _attended(graph: Graph, run: Run, h: Names, seen: Source) -> str:
    """u (T, B, n) of a decoder's states and the states that it attends to; see `nn.pairs.decoder`."""
    p, query = run.weights, joined(graph, h)
    memory = _affine(graph, joined(graph, seen.h), p, "memory", "M", "m")  # (S, B, H)
    rows, columns = [1, 0, 2], [1, 2, 0]
    h_, m_, m__ = (
        graph.node("Transpose", a, perm=perm) for a, perm in ((query, rows), (memory, rows), (memory, columns))
    )
    beyond = graph.node("Transpose", _beyond(graph, seen.mask), perm=columns)  # (B, 1, S)
    a = graph.node("Softmax", graph.node("Add", graph.node("MatMul", h_, m__), beyond), axis=-1)  # (B, T, S)
    c = graph.node("Transpose", graph.node("MatMul", a, m_), perm=rows)
    u = _affine(graph, joined(graph, [*h, c]), p, "decoder/upper", "U", "b")
    return str(graph.node(FUNCTIONS[run.model.network.decoder.parts["upper"].activation], u))


def _beyond(graph: Graph, mask: str) -> str:
    """What is added to values that padding must not have the largest of, (S, B, 1)."""
    return str(graph.node("Mul", graph.node("Sub", mask, _number(graph, 1)), _number(graph, FAR)))


def _primed(graph: Graph, run: Run, target: str) -> Names:
    """A decoder that read the source itself, without the EOS that closes it."""
    network, p = run.model.network, run.weights
    zero, one = _integers(graph)
    lengths, source = graph.node("Sub", "lengths", one), _onehot(graph, "source", run.model.symbols)
    read = graph.node("Cast", lengths, to=INT32)
    _, after = stack(graph, "decoder", (network.stack, p), [source], lengths=read)
    there = _axis(graph, "Unsqueeze", graph.node("Cast", graph.node("Greater", lengths, zero), to=FLOAT), 1)
    before = [graph.node("Mul", state, there) for state in after]  # of an empty source, zero
    return stack(graph, "decoder", (network.stack, p), [target], before=before)[0]


def _masks(graph: Graph) -> tuple[str, str]:
    """(S, B, 1) each: 1 up to the EOS that closes a source, and 1 at it alone."""
    zero, one = _integers(graph)
    size = graph.node("Gather", graph.node("Shape", "source"), zero, axis=0)
    steps = _axis(graph, "Unsqueeze", graph.node("Range", zero, size, one), 1)  # (S, 1)
    lengths = _axis(graph, "Unsqueeze", "lengths", 0)  # (1, B)
    inside, last = graph.node("Less", steps, lengths), graph.node("Equal", graph.node("Add", steps, one), lengths)
    mask, end = (_axis(graph, "Unsqueeze", graph.node("Cast", found, to=FLOAT), 2) for found in (inside, last))
    return mask, end


def _onehot(graph: Graph, name: str, size: int) -> str:
    values = graph.constant("off_on", np.array([0, 1], np.float32))
    return str(graph.node("OneHot", name, graph.constant("V", size), values, axis=-1))


def _affine(graph: Graph, x: str, p: Views, at: str, weight: str, bias: str) -> str:
    return affine(graph, x, {f"{at}/{name}": p[f"{at}/{name}"] for name in (weight, bias)})


def _axis(graph: Graph, operator: str, a: str, axis: int) -> str:
    return str(graph.node(operator, a, graph.constant(f"axis_{axis}", [axis])))


def _integers(graph: Graph) -> tuple[str, str]:
    """0 and 1, as places in an array."""
    return graph.constant("integer_0", np.int64(0)), graph.constant("integer_1", np.int64(1))


def _number(graph: Graph, number: Any) -> str:
    return graph.constant(f"number_{number:g}", np.float32(number))
