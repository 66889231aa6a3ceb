"""Stacks of layers over whole sequences, as nodes of ONNX graphs."""

from typing import Any, NamedTuple

import numpy as np

from ..errors import UsageError
from ..nn.layers.bidirectional import Bidirectional
from ..nn.parameters import Views
from . import matrices
from .onnx import FUNCTIONS, OPERATORS, Graph, affine, axis, has_operator, joined, settings
from .safetensors import OPTIONS

Names = list[str]


class Reading(NamedTuple):
    """How a stack reads its sequences."""

    lengths: str = ""  # of each (B,); where there is none, all steps
    direction: str = "forward"


FORWARD = Reading()


def stack(
    graph: Graph,
    at: str,
    of: tuple[Any, Views],
    x: Names,
    reading: Reading = FORWARD,
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
        y, states = _layer(graph, f"{at}/{i}", (layer, p), [read, *reading, *own])
        if layers.residual and ys:
            y = [graph.node("Add", one, other) for one, other in zip(y, below, strict=True)]
        ys.append(y)
        after += states
    return [name for y in ys for name in y] if layers.skip else ys[-1], after


def _layer(graph: Graph, at: str, of: tuple[Any, Views], reads: Names) -> tuple[Names, Names]:
    """A layer, or two in both directions, that reads x, as `Reading` says, and the state before: see `stack`."""
    layer, p = of
    x, lengths, direction, *before = reads
    two = isinstance(layer, Bidirectional)
    halves = [(f"{at}/forwards", layer.forwards), (f"{at}/backwards", layer.backwards)] if two else [(at, layer)]
    for _, half in halves:
        if not has_operator(half):
            option = OPTIONS.get(type(half).__name__, f"--activation {half.activation}")
            raise UsageError(f"{option} has no operator in ONNX, which a model of pairs needs: train one without it")
    first = halves[0][1]
    if not first.state_sizes:
        a = weighted(graph, x, p, at, "U", "b")
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
    state = [axis(graph, "Unsqueeze", one, 0) for one in before]
    direction = "bidirectional" if two else direction
    operator, outputs = OPERATORS[type(first).__name__], 1 + len(first.state_sizes)
    y, *after = graph.node(operator, x, *own, lengths, *state, outputs=outputs, direction=direction, **more)
    parts = [graph.node("Gather", y, place, axis=1) for place in integers(graph)[: len(halves)]]
    return parts, [axis(graph, "Squeeze", one, 0) for one in after] if not two else []


def weighted(graph: Graph, x: str, p: Views, at: str, weight: str, bias: str) -> str:
    """x times a matrix, and a bias, from the weights below `at`."""
    return affine(graph, x, {f"{at}/{name}": p[f"{at}/{name}"] for name in (weight, bias)})


def integers(graph: Graph) -> tuple[str, str]:
    """0 and 1, as places in an array."""
    return graph.constant("integer_0", np.int64(0)), graph.constant("integer_1", np.int64(1))


def number(graph: Graph, value: Any) -> str:
    """A constant."""
    return graph.constant(f"number_{value:g}", np.float32(value))
