"""Networks of tasks as ONNX files: whole sources in, side by side; out come scores of each label or symbol.

A source is closed by EOS, symbol 0; `lengths` counts the symbols up to it, and what stands below is padding. A target
is what was written so far, from EOS on: scores of what follows each of its symbols.
"""

import json
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data.vocabulary import Vocabulary
from ..io import onnx
from ..io.onnx import FLOAT, INT64
from ..nn.layers.base import read_in_reverse
from ..nn.pairs.classifier import Classifier
from ..nn.pairs.encoder import LabelTable
from ..nn.pairs.gaps import GapNetwork
from ..nn.pairs.label_heads import SigmoidLabel, SoftmaxLabels
from ..nn.pairs.primed import Primed
from ..runs.run import Run
from .onnx import FUNCTIONS, Graph, axis, cut, joined, onehot, save
from .onnx_stacks import Names, Reading, integers, number, stack, weighted

INT32 = 6  # a type of tensors, for lengths that an operator reads
FAR = np.float32(1e30)  # below all scores and states


class Source(NamedTuple):
    """What was read of the sources: their parts of the graph by name."""

    z: str  # (B, Z): one vector of each
    h: Names  # (S, B, n) each: all states
    mask: str  # (S, B, 1): 1 where that is no padding


def write(path: str | Path, run: Run) -> None:
    """Write a run of classify, condition, translate or fill as an ONNX file. Raises `UsageError`, and `CharnnError`."""
    graph, network = Graph(), run.model.network
    by_label = isinstance(getattr(network, "reader", None), LabelTable)
    reads = {"context": ["batch"]} if by_label else {"source": ["source_time", "batch"], "lengths": ["batch"]}
    sizes: list[str | int]
    if isinstance(network, GapNetwork):
        found, name, sizes = gaps(graph, run), "scores", ["source_time", "batch", run.model.symbols]
    elif isinstance(network, Classifier):
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
    if isinstance(vocabulary, Vocabulary):
        units, more = list(vocabulary.text), {"sequence": vocabulary.sequence, "newline": vocabulary.newline}
    else:
        units, more = list(vocabulary.units), {"source": vocabulary.source, "target": vocabulary.target}
        more["labels"] = json.dumps(vocabulary.labels)
    return {
        "task": run.task.task,
        "vocabulary": json.dumps(["", *units, "\ufffd"]),
        "corpus_sha256": run.origin.sha256,
        **more,
    }


def classifier(graph: Graph, run: Run) -> str:
    """Probabilities of each label, (B, L); see `nn.pairs.classifier`."""
    network, p = run.model.network, run.weights
    z = encoder(graph, run).z
    if network.between:
        dense = network.parts["between"]
        z = graph.node(FUNCTIONS[dense.activation], weighted(graph, z, p, "between", "U", "b"))
    o = weighted(graph, z, p, "readout", "V", "c")
    if isinstance(network.head, SoftmaxLabels):
        return str(graph.node("Softmax", o, axis=-1))
    found = str(graph.node("Sigmoid", o))
    if isinstance(network.head, SigmoidLabel):
        return joined(graph, [graph.node("Sub", number(graph, 1), found), found])
    return found


def writer(graph: Graph, run: Run) -> str:
    """Scores of what follows each symbol of the targets, (T, B, V); see `nn.pairs.encoder_decoder` and `primed`."""
    network, p, target = run.model.network, run.weights, onehot(graph, "target", run.model.symbols)
    if isinstance(network, Primed):
        u = _primed(graph, run, target)
        return weighted(graph, joined(graph, u), p, "readout", "V", "c")
    seen = encoder(graph, run)
    sizes, reads = network.decoder.state_sizes, [target]
    before = None
    if network.start:
        s = weighted(graph, seen.z, p, "start", "I", "i")
        before = [cut(graph, s, end - size, end) for size, end in zip(sizes, accumulate(sizes), strict=True)]
    if network.step:
        ones = graph.node("ReduceMax", target, axes=[-1], keepdims=1)  # (T, B, 1)
        reads = [graph.node("Mul", ones, axis(graph, "Unsqueeze", seen.z, 0)), target]
    h, _ = stack(graph, "decoder/stack", (network.decoder.stack, p), reads, before=before)
    u = [_attended(graph, run, h, seen)] if network.decoder.attention else h
    return weighted(graph, joined(graph, u), p, "readout", "V", "c")


def gaps(graph: Graph, run: Run) -> str:
    """Scores of each symbol from all others, (S, B, V); see `nn.pairs.gaps`."""
    both, p, lengths = run.model.network.both, run.weights, graph.node("Cast", "lengths", to=INT32)
    source = onehot(graph, "source", run.model.symbols + 1)  # the last one hides what is to be found
    left, _ = stack(graph, "both/forwards", (both.forwards, p), [source], Reading(lengths))
    right, _ = stack(graph, "both/backwards", (both.backwards, p), [source], Reading(lengths, "reverse"))
    seen = [_later(graph, part) for part in left] + [_earlier(graph, part) for part in right]
    u = weighted(graph, joined(graph, seen), p, "upper", "U", "b")
    u = graph.node(FUNCTIONS[run.model.network.parts["upper"].activation], u)
    return weighted(graph, u, p, "readout", "V", "c")


def _later(graph: Graph, part: str) -> str:
    """Each step of (S, B, n) one step later, from zeros on."""
    return str(graph.node("Concat", _zeros(graph, part), _steps(graph, part, 0, -1), axis=0))


def _earlier(graph: Graph, part: str) -> str:
    """Each step one step earlier, and zeros at the end."""
    return str(graph.node("Concat", _steps(graph, part, 1, onnx.MAX_BYTES), _zeros(graph, part), axis=0))


def _zeros(graph: Graph, part: str) -> str:
    return str(graph.node("Mul", _steps(graph, part, 0, 1), number(graph, 0)))


def _steps(graph: Graph, part: str, start: int, end: int) -> str:
    return cut(graph, part, start, end, ("axis_0", 0))


def encoder(graph: Graph, run: Run) -> Source:
    """What is read of the sources; see `nn.pairs.encoder`. Of a label there is a vector alone."""
    reader, p = run.model.network.reader, run.weights
    if isinstance(reader, LabelTable):
        table, bias = (graph.constant(f"reader/{name}", p[f"reader/{name}"]) for name in ("U", "b"))
        return Source(graph.node("Add", graph.node("Gather", table, "context", axis=0), bias), [], "")
    source = onehot(graph, "source", run.vocabulary.size)
    lengths = graph.node("Cast", "lengths", to=INT32)
    h, _ = stack(graph, "reader", (reader.stack, p), [source], Reading(lengths))
    mask, last = _masks(graph)
    return Source(_pooled(graph, reader, h, mask, last), h, mask)


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
            found.append(graph.node("Gather", part, integers(graph)[0], axis=0))
        else:
            found.append(_summed(graph, part, last))
    return joined(graph, found)


def _summed(graph: Graph, part: str, mask: str) -> str:
    """Over all steps of a mask."""
    return str(graph.node("ReduceSum", graph.node("Mul", part, mask), graph.constant("axis_0", [0]), keepdims=0))


def _attended(graph: Graph, run: Run, h: Names, seen: Source) -> str:
    """u (T, B, n) of a decoder's states and the states that it attends to; see `nn.pairs.decoder`."""
    p, query = run.weights, joined(graph, h)
    memory = weighted(graph, joined(graph, seen.h), p, "memory", "M", "m")  # (S, B, H)
    rows, columns = [1, 0, 2], [1, 2, 0]
    h_, m_, m__ = (
        graph.node("Transpose", a, perm=perm) for a, perm in ((query, rows), (memory, rows), (memory, columns))
    )
    beyond = graph.node("Transpose", _beyond(graph, seen.mask), perm=columns)  # (B, 1, S)
    scores = graph.node("Add", graph.node("MatMul", h_, m__), beyond)
    if near := run.model.network.decoder.parts.get("near"):
        scores = graph.node("Add", scores, _near(graph, p["decoder/near/r"], near.reach))
    a = graph.node("Softmax", scores, axis=-1)  # (B, T, S)
    c = graph.node("Transpose", graph.node("MatMul", a, m_), perm=rows)
    u = weighted(graph, joined(graph, [*h, c]), p, "decoder/upper", "U", "b")
    return str(graph.node(FUNCTIONS[run.model.network.decoder.parts["upper"].activation], u))


def _near(graph: Graph, r: np.ndarray, reach: int) -> str:
    """What is added to scores by how far apart a source's symbol and a step are, (T, S); see `nn.pairs.nearness`."""
    zero, one = integers(graph)
    sizes = [graph.node("Gather", graph.node("Shape", name), zero, axis=0) for name in ("target", "source")]
    steps, symbols = (graph.node("Range", zero, size, one) for size in sizes)
    apart = graph.node("Sub", axis(graph, "Unsqueeze", symbols, 0), axis(graph, "Unsqueeze", steps, 1))
    bounds = [graph.constant(f"reach_{n}", np.int64(n)) for n in (-reach, reach)]
    places = graph.node("Add", graph.node("Clip", apart, *bounds), bounds[1])
    return str(graph.node("Gather", graph.constant("decoder/near/r", r), places, axis=0))


def _beyond(graph: Graph, mask: str) -> str:
    """What is added to values that padding must not have the largest of, (S, B, 1)."""
    return str(graph.node("Mul", graph.node("Sub", mask, number(graph, 1)), number(graph, FAR)))


def _primed(graph: Graph, run: Run, target: str) -> Names:
    """A decoder that read the source itself, without the EOS that closes it."""
    network, p = run.model.network, run.weights
    zero, one = integers(graph)
    lengths, source = graph.node("Sub", "lengths", one), onehot(graph, "source", run.model.symbols)
    read = graph.node("Cast", lengths, to=INT32)
    _, after = stack(graph, "decoder", (network.stack, p), [source], Reading(read))
    there = axis(graph, "Unsqueeze", graph.node("Cast", graph.node("Greater", lengths, zero), to=FLOAT), 1)
    before = [graph.node("Mul", state, there) for state in after]  # of an empty source, zero
    return stack(graph, "decoder", (network.stack, p), [target], before=before)[0]


def _masks(graph: Graph) -> tuple[str, str]:
    """(S, B, 1) each: 1 up to the EOS that closes a source, and 1 at it alone."""
    zero, one = integers(graph)
    size = graph.node("Gather", graph.node("Shape", "source"), zero, axis=0)
    steps = axis(graph, "Unsqueeze", graph.node("Range", zero, size, one), 1)  # (S, 1)
    lengths = axis(graph, "Unsqueeze", "lengths", 0)  # (1, B)
    inside, last = graph.node("Less", steps, lengths), graph.node("Equal", graph.node("Add", steps, one), lengths)
    mask, end = (axis(graph, "Unsqueeze", graph.node("Cast", found, to=FLOAT), 2) for found in (inside, last))
    return mask, end
