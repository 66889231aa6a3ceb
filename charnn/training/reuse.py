"""Weights of a trained network in one of another task, or in one of the same task with more symbols and labels."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..config import TaskConfig
from ..data.units import PairVocabulary
from ..nn.layers.base import Array
from ..nn.layers.bidirectional import Bidirectional
from ..nn.pairs.classifier import Classifier
from ..nn.pairs.encoder import LabelTable
from ..nn.pairs.gaps import GapNetwork
from ..runs.run import Run
from .transfer import alike

Symbols = Sequence[str | None]  # "" for EOS, and None for what stands for unknown or hidden ones


class Placed(NamedTuple):
    """A layer, where its weights are, and its number in its stack, from the bottom."""

    at: str
    layer: Any
    number: int


def layers(model: Any, backwards: bool = False) -> Iterator[Placed]:
    """The layers of a task's network that read symbols in their order, or `backwards` too."""
    network = model.network
    turned = {"both/backwards": network.both.backwards} if backwards and isinstance(network, GapNetwork) else {}
    for name, stack in {**network.stacks, **turned}.items():
        for i, layer in enumerate(stack.layers):
            if not isinstance(layer, Bidirectional):
                yield Placed(f"{name}/{i}", layer, i)
                continue
            yield Placed(f"{name}/{i}/forwards", layer.forwards, i)
            if backwards:
                yield Placed(f"{name}/{i}/backwards", layer.backwards, i)


def bidirectional(options: TaskConfig) -> bool:
    """Whether half of the units of an encoder read from the end."""
    return options.encoder == "bidirectional" and options.context_as != "label"


def width(run: Run) -> int:
    """The hidden units of a text model that a task's network can start from: those of each direction."""
    hidden: int = run.model.config.hidden
    return hidden // 2 if bidirectional(run.task) else hidden


def start_from_text(run: Run, start: Run) -> None:
    """Give layers of a task's network the weights of a text model, where they have as many units.

    W and b are copied. U's rows for the layer below are copied, and those for symbols are mixed as `spread` says; rows
    for what else a layer reads stay. The readout of a decoder without attention is that of the text model.
    """
    S = spread(symbols(start), symbols(run))
    decoder = False
    for at, layer, number in layers(run.model):
        if layer.hidden != width(run):
            continue
        old, new = start.weights.at(f"hidden/{number}"), run.weights.at(at)
        decoder = decoder or at.startswith("decoder")
        for name in new.keys() - {"U"}:
            new[name] = old[name]
        below = layer.inputs[0] if number else 0
        new["U"][:below] = old["U"][:below]
        if layer.symbols:
            new["U"][-len(S) :] = S @ old["U"][-S.shape[1] :]
    if decoder and "decoder/upper/U" not in run.weights:
        for name in ("readout/V", "readout/c"):
            run.weights[name] = start.weights[name] @ S.T


def start_from_task(run: Run, start: Run) -> None:
    """Give a network all weights of one of the same task. New labels keep what they are drawn as."""
    S = spread(symbols(start), symbols(run))
    for name, old in start.weights.items():
        new = run.weights[name]
        axis = next((i for i, size in enumerate(old.shape) if size != new.shape[i]), None)
        if axis is None:
            new[...] = old
        elif name in _of_labels(run.model.network):
            known = [run.vocabulary.labels.index(label) for label in start.vocabulary.labels]
            hidden = range(new.shape[axis] - old.shape[axis] + len(known), new.shape[axis])
            new[(slice(None),) * axis + ([*known, *hidden],)] = old
        elif old.ndim - axis == 2:  # rows, of which the last are those of symbols
            new[: -len(S)] = old[: -S.shape[1]]
            new[-len(S) :] = S @ old[-S.shape[1] :]
        else:  # scores of symbols
            new[...] = old @ S[: new.shape[-1], : old.shape[-1]].T


def learning(run: Run) -> Array:
    """1 for weights that training may change and 0 for those that are frozen, side by side; see `finetune.learning`."""
    assert run.start is not None
    mask = run.weights.like()
    mask.flat[:] = 1
    there = symbols(run)
    new = [there.index(one) for one in run.start.new]
    same = run.start.task.task == run.task.task
    for at, layer, number in layers(run.model, backwards=same):
        if number >= run.config.freeze or not (same or layer.hidden == width(run)):
            continue
        views = mask.at(at)
        for name in views.keys() - {"U"}:
            views[name][...] = 0
        U = views["U"]
        U[: len(U) - layer.symbols if same else layer.inputs[0] if number else 0] = 0
        if layer.symbols:
            U[len(U) - layer.symbols :] = 0
            U[len(U) - layer.symbols :][new] = 1
    return mask.flat


def symbols(run: Run) -> Symbols:
    """What a network reads, in the order of its rows."""
    vocabulary = run.vocabulary
    units = vocabulary.units if isinstance(vocabulary, PairVocabulary) else map(chr, vocabulary.characters)
    return ["", *units, *([None] if run.task.task != "text" else [])]


def spread(old: Symbols, new: Symbols) -> Array:
    """S (new, old), whose rows sum to 1: a 1 for a known symbol; for others the mean of those they are like, or all."""
    S, places = np.zeros((len(new), len(old))), {one: i for i, one in enumerate(old)}
    characters = {ord(one): i for one, i in places.items() if one and len(one) == 1}
    for i, one in enumerate(new):
        if one in places:
            S[i, places[one]] = 1
            continue
        like = alike(ord(one), characters) if one and len(one) == 1 else []
        found = [characters[code] for code in like] or [i for i in range(len(old)) if old[i]] or [0]
        S[i, found] = 1 / len(found)
    return S


def _of_labels(network: Any) -> tuple[str, ...]:
    """The arrays of a network one of whose dimensions are labels."""
    if isinstance(network, Classifier):
        return "readout/V", "readout/c"
    return ("reader/U",) if isinstance(getattr(network, "reader", None), LabelTable) else ()
