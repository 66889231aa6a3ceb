"""A network as an ONNX file: symbols and a state in, scores and the next state out; time and batch are dynamic.

Layers that ONNX has an operator for (LSTM, GRU, RNN) use it, layout 0, time first. Any other network is one step of
`steps` inside a Scan over time. Either way one file scores a text in one call, and generates step by step.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError
from ..io import onnx
from ..io.durable import replace
from ..io.onnx import FLOAT, INT64, Attribute
from ..runs.run import Run
from ..version import __version__
from . import matrices
from .describe import vocabulary_list
from .matrices import Matrices
from .program import SYMBOL, Operation
from .steps import check, program

Array = np.ndarray
OPERATORS = {"LSTM": "LSTM", "GRU": "GRU", "Elman": "RNN", "Dense": ""}  # by the layer's class
FUNCTIONS = {"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu"}


def write(path: str | Path, run: Run) -> None:
    """Write a run as an ONNX file. Raises `UsageError` where ONNX cannot hold it, and `CharnnError`."""
    check(run)
    graph = Graph()
    plain = all(map(has_operator, run.model.hidden.layers))
    make = operators if plain and run.model.config.shares == (1, 1) else scanned
    scores, state = make(graph, run)
    graph.node("Identity", scores, out="scores")
    for i, name in enumerate(state):
        graph.node("Identity", name, out=f"next_state_{i}")
    sizes = {f"state_{i}": n for i, n in enumerate(run.model.state_sizes)}
    reads = [onnx.value("symbols", INT64, ["time", "batch"])]
    reads += [onnx.value(name, FLOAT, ["batch", n]) for name, n in sizes.items()]
    makes = [onnx.value("scores", FLOAT, ["time", "batch", run.model.symbols])]
    makes += [onnx.value(f"next_{name}", FLOAT, ["batch", n]) for name, n in sizes.items()]
    save(path, graph, (reads, makes), metadata(run))


def save(
    path: str | Path, graph: "Graph", values: tuple[Sequence[bytes], Sequence[bytes]], about: dict[str, str]
) -> None:
    """Write a graph with its inputs and outputs. Raises `UsageError` for one that is too large, and `CharnnError`."""
    content = onnx.graph("charnn", graph.nodes, graph.constants(), *values)
    if len(content) > onnx.MAX_BYTES:
        raise UsageError(f"{path} would have {len(content) / 1e9:.1f} GB, and ONNX files have 2 GB at most")
    data = onnx.model(content, ("charnn", __version__), about)
    replace(path, lambda file: file.write(data))


def metadata(run: Run) -> dict[str, str]:
    """What a user of the file has to know: which symbol is which character, and when to begin with a zero state."""
    return {
        "vocabulary": json.dumps(vocabulary_list(run.vocabulary)),
        "sequence": run.vocabulary.sequence,
        "newline": run.vocabulary.newline,
        "state": "reset" if run.reset else "carry",
        "corpus_sha256": run.origin.sha256,
    }


class Graph:
    """Nodes, one after the other, and the constants that they read."""

    def __init__(self, parent: "Graph | None" = None):
        self.nodes = list[bytes]()
        self._constants: dict[str, Array] = parent._constants if parent else {}
        self._count = 0

    def node(self, operator: str, *reads: str, out: str = "", outputs: int = 1, **attributes: Attribute) -> Any:
        """The name of what an operator makes, or the names where it makes several."""
        self._count += 1
        out = out or f"{operator}_{self._count}"
        makes = [out, *(f"{out}_{i}" for i in range(1, outputs))]
        self.nodes.append(onnx.node(operator, reads, makes, attributes))
        return makes if outputs > 1 else out

    def constant(self, name: str, numbers: Any) -> str:
        """The name of an array."""
        self._constants[name] = np.asarray(numbers)
        return name

    def constants(self) -> Iterator[bytes]:
        return (onnx.tensor(name, numbers) for name, numbers in self._constants.items())


Made = tuple[str, list[str]]  # the names of the scores (T, B, V) and of the next state


def operators(graph: Graph, run: Run) -> Made:
    """Each layer as an operator that reads all steps."""
    stack, twice = run.model.hidden, matrices.read_twice(run.model)
    symbols = onehot(graph, "symbols", run.model.symbols)
    ys: list[str] = []
    after: list[str] = []
    for i, layer in enumerate(stack.layers):
        x = joined(graph, [*ys[-1:], *([symbols] if stack.skip or not ys else [])])
        before = [f"state_{n}" for n in range(len(after), len(after) + len(layer.state_sizes))]
        weights, at = run.weights.at(f"hidden/{i}"), f"hidden/{i}"
        if before:
            y, *own = _cell(graph, at, layer, matrices.matrices(layer, weights, twice, matrices.ONNX), [x, *before])
            after += own
        else:
            a = affine(graph, x, {f"{at}/U": matrices.joined(layer, weights["U"], twice), f"{at}/b": weights["b"]})
            y = a if layer.activation == "linear" else graph.node(FUNCTIONS[layer.activation], a)
        ys.append(graph.node("Add", y, ys[-1]) if stack.residual and ys else y)
    h = joined(graph, ys if stack.skip else ys[-1:])
    o = affine(graph, h, {name: run.weights[name] for name in ("readout/V", "readout/c")})
    return (_joint(graph, o) if run.model.config.ending == "node" else o), after


def has_operator(layer: Any) -> bool:
    """Whether an operator computes all steps of a layer: RNN has no linear units that all runtimes know."""
    return type(layer).__name__ in OPERATORS and not (layer.state_sizes and layer.activation == "linear")


def joined(graph: Graph, parts: list[str]) -> str:
    """Vectors side by side."""
    return graph.node("Concat", *parts, axis=-1) if len(parts) > 1 else parts[0]


def affine(graph: Graph, x: str, weights: dict[str, Array]) -> str:
    """x times a matrix, and a bias: the two weights by their names."""
    matrix, bias = (graph.constant(name, numbers) for name, numbers in weights.items())
    return str(graph.node("Add", graph.node("MatMul", x, matrix), bias))


def _cell(graph: Graph, at: str, layer: Any, found: Matrices, reads: list[str]) -> list[str]:
    """LSTM, GRU or RNN that reads x and the state (B, H) before: what comes out (T, B, H), and the state after."""
    both = np.concatenate([found.input_bias, found.hidden_bias])
    named = (("W", found.input), ("R", found.hidden), ("B", both))
    own = [graph.constant(f"{at}/{name}", numbers[None]) for name, numbers in named]  # of one direction
    x, *before = reads
    state = [axis(graph, "Unsqueeze", one, 0) for one in before]
    operator, more = OPERATORS[type(layer).__name__], settings(layer)
    y, *after = graph.node(operator, x, *own, "", *state, outputs=1 + len(state), **more)
    return [axis(graph, "Squeeze", y, 1), *(axis(graph, "Squeeze", one, 0) for one in after)]


def settings(layer: Any) -> dict[str, Any]:
    """Attributes of a layer's operator."""
    more: dict[str, dict[str, Attribute]] = {
        "GRU": {"linear_before_reset": 1},
        "Elman": {"activations": [FUNCTIONS.get(getattr(layer, "activation", ""), "")]},
    }
    return {"hidden_size": layer.hidden, **more.get(type(layer).__name__, {})}


def scanned(graph: Graph, run: Run) -> Made:
    """One step of the network's program inside a Scan over time."""
    step, inner, names = program(run), Graph(graph), {SYMBOL: "symbol"}
    names |= {index: graph.constant(name, numbers) for index, (name, numbers) in step.arrays.items()}
    names |= {index: f"before_{i}" for i, index in enumerate(step.before)}
    for operation in step.operations:
        reads = [names[index] for index in operation.reads]
        names[operation.out] = STEPS[operation.name](inner, step.sizes[operation.out], operation, *reads)
    made = [*step.after, step.scores]
    outs = [inner.node("Identity", names[index], out=f"after_{i}") for i, index in enumerate(made)]
    inputs = [onnx.value(f"before_{i}", FLOAT, ["batch", step.sizes[n]]) for i, n in enumerate(step.before)]
    inputs.append(onnx.value("symbol", INT64, ["batch"]))
    outputs = [onnx.value(out, FLOAT, ["batch", step.sizes[n]]) for out, n in zip(outs, made, strict=True)]
    body = onnx.graph("step", inner.nodes, (), inputs, outputs)
    before = [f"state_{i}" for i in range(len(step.before))]
    found = graph.node("Scan", *before, "symbols", outputs=len(outs), body=body, num_scan_inputs=1)
    *after, scores = found if before else [found]
    return scores, after


def onehot(graph: Graph, symbols: str, size: int) -> str:
    """Symbols as vectors."""
    values = graph.constant("off_on", np.array([0, 1], np.float32))
    return str(graph.node("OneHot", symbols, graph.constant("V", size), values, axis=-1))


def axis(graph: Graph, operator: str, a: str, at: int) -> str:
    """Squeeze or Unsqueeze at an axis."""
    return str(graph.node(operator, a, graph.constant(f"axis_{at}", [at])))


def cut(graph: Graph, a: str, start: int, end: int, along: tuple[str, int] = ("edge_axis", -1)) -> str:
    """A part of an array along an axis, which is given with the name of its constant."""
    edges = [graph.constant(f"edge_{n}", [n]) for n in (start, end)]
    name, at = along
    return str(graph.node("Slice", a, *edges, graph.constant(name, [at])))


def _joint(graph: Graph, o: str) -> str:
    """See `NodeHead.joint_scores`."""
    end, rest = cut(graph, o, 0, 1), cut(graph, o, 1, onnx.MAX_BYTES)
    total = graph.node("ReduceLogSumExp", rest, axes=[-1], keepdims=1)
    return str(graph.node("Concat", graph.node("Add", end, total), rest, axis=-1))


def _scale(graph: Graph, size: int, step: Operation, a: str) -> str:
    return str(graph.node("Mul", a, graph.constant(f"number_{step.out}", np.float32(step.number))))


def _normalise(graph: Graph, size: int, step: Operation, *reads: str) -> str:
    return str(graph.node("LayerNormalization", *reads, axis=-1, epsilon=step.number))


def _attend(graph: Graph, size: int, step: Operation, q: str, keys: str, values: str, learnt: str) -> str:
    """See `Vector.attend`: q (B, N, 1, d) beside keys (B, N, d, C) and values (B, N, C, d)."""
    heads = int(step.number)
    by_head = graph.constant(f"by_head_{step.out}", [0, -1, heads, size // heads])
    q, k, v = (graph.node("Reshape", a, by_head) for a in (q, keys, values))
    q, v = (graph.node("Transpose", a, perm=[0, 2, 1, 3]) for a in (q, v))
    scores = graph.node("MatMul", q, graph.node("Transpose", k, perm=[0, 2, 3, 1]))
    scale = graph.constant(f"number_{step.out}", np.float32(1 / np.sqrt(size // heads)))
    learnt = axis(graph, "Unsqueeze", learnt, 1)
    p = graph.node("Softmax", graph.node("Add", graph.node("Mul", scores, scale), learnt), axis=-1)
    together = graph.constant(f"together_{step.out}", [0, size])
    return str(graph.node("Reshape", graph.node("MatMul", p, v), together))


def _plain(operator: str, **attributes: Attribute) -> Callable[..., str]:
    return lambda graph, size, step, *reads: graph.node(operator, *reads, **attributes)


STEPS: dict[str, Callable[..., str]] = {  # the rows of `program.OPERATIONS`
    "take": lambda graph, size, step, symbol, table: graph.node("Gather", table, symbol, axis=0),
    "onehot": lambda graph, size, step, symbol: onehot(graph, symbol, size),
    "product": _plain("MatMul"),
    "add": _plain("Add"),
    "multiply": _plain("Mul"),
    "scale": _scale,
    "slice": lambda graph, size, step, a: cut(graph, a, int(step.number), int(step.number) + size),
    "join": _plain("Concat", axis=-1),
    "attend": _attend,
    "tanh": _plain("Tanh"),
    "sigmoid": _plain("Sigmoid"),
    "relu": _plain("Relu"),
    "normalise": _normalise,
    "softmax": _plain("Softmax", axis=-1),
    "joint": lambda graph, size, step, a: _joint(graph, a),
}


def session(path: str | Path) -> Any:
    """A file opened by onnxruntime, to be run by one thread.

    Raises `ImportError` where onnxruntime is not installed.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def scorer(path: str | Path) -> Callable[[Sequence[Array], Array], tuple[Array, list[Array]]]:
    """What a file computes, by onnxruntime: (state, symbols (T, B)) -> scores (T, B, V), state.

    Raises `ImportError` where onnxruntime is not installed.
    """
    opened = session(path)

    def score(state: Sequence[Array], symbols: Array) -> tuple[Array, list[Array]]:
        feeds = {f"state_{i}": part for i, part in enumerate(state)}
        scores, *after = opened.run(None, {"symbols": symbols.astype(np.int64), **feeds})
        return scores, after

    return score
