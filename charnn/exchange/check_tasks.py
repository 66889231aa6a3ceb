"""Exported networks of pairs at work: what they compute beside what charnn computes, for sources drawn at random."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..data.pair_batches import pad
from ..data.vocabulary import EOS
from ..evaluation.pairs import probabilities
from ..nn.pairs.classifier import Classifier
from ..nn.pairs.encoder import LabelTable
from ..nn.pairs.gaps import GapNetwork
from ..nn.workspace import Workspace
from ..runs.run import Run
from .check import Check, assert_good
from .onnx import session

Array = np.ndarray
SOURCES, LONGEST, WRITTEN = 40, 20, 12  # sources, the symbols of the longest, and symbols written for each


def check(run: Run, path: str | Path) -> Check | None:
    """Compare what an ONNX file computes with a run; None without onnxruntime.

    Raises `CharnnError` where it is another network.
    """
    sources = drawn(run)
    ours, target = scores(run, sources)
    feeds = inputs(run, sources, target)
    try:
        theirs = by_onnxruntime(path, feeds)
    except ImportError:
        return None
    if isinstance(run.model.network, GapNetwork):
        inside = pad(sources, run.vocabulary.dtype).inside
        ours, theirs = ours[: len(inside)][inside], theirs[inside]
    equal = ours.argmax(axis=-1) == theirs.argmax(axis=-1)
    what = "labels" if isinstance(run.model.network, Classifier) else "likeliest symbols"
    counted = f"{equal.size} {what}"
    read = sum(len(source) for source in sources) + (0 if target is None else target.size)
    difference, scale = float(np.abs(ours - theirs).max()), float(np.abs(ours).max())
    found = Check("onnxruntime", read, difference, scale, int(equal.sum()), counted)
    assert_good(found)
    return found


def drawn(run: Run) -> list[Array]:
    """Sources of 0 to 20 symbols, or labels; the same for every run of as many."""
    rng, network = np.random.default_rng(0), run.model.network
    if isinstance(getattr(network, "reader", None), LabelTable):
        table = network.reader.labels + network.reader.hides
        return [np.array([label]) for label in rng.integers(0, table, SOURCES)]
    symbols = run.model.unknown + 1
    return [rng.integers(1, symbols, size) for size in rng.integers(0, LONGEST + 1, SOURCES)]


def scores(run: Run, sources: Sequence[Array]) -> tuple[Array, Array | None]:
    """What charnn computes: probabilities (B, L), or scores (T, B, V); and the targets read, from EOS on, if any."""
    network, p = run.model.network, run.weights
    if isinstance(network, Classifier):
        return probabilities(run.model, p, sources), None
    ws = Workspace(back=False)
    if isinstance(network, GapNetwork):
        found = np.zeros((LONGEST + 1, len(sources), network.size), np.float32)
        for row, source in enumerate(sources):
            x = np.append(source, EOS)
            found[: len(x), row] = network.scores(p, x[:, None], None, ws)[:, 0]
        return found, None
    seen = network.see(p, pad(sources, run.vocabulary.dtype), ws)
    symbols, state = np.full(len(sources), EOS, run.vocabulary.dtype), seen.state
    made, read = [], []
    for _ in range(WRITTEN):
        step = network.advance(p, seen, symbols, state, ws)
        read.append(symbols)
        made.append(step.o.copy())
        symbols, state = step.o.argmax(axis=1).astype(symbols.dtype), step.state
    return np.array(made), np.array(read)


def inputs(run: Run, sources: Sequence[Array], target: Array | None) -> dict[str, Array]:
    """The same as a file takes it."""
    if isinstance(getattr(run.model.network, "reader", None), LabelTable):
        found = {"context": np.concatenate(sources)}
    else:
        padded = pad(sources, np.dtype(np.int64))
        found = {"source": padded.ids, "lengths": padded.inside.sum(axis=0)}
    if target is not None:
        found["target"] = target
    return {name: array.astype(np.int64) for name, array in found.items()}


def by_onnxruntime(path: str | Path, feeds: dict[str, Array]) -> Array:
    """What a file computes. Raises `ImportError` where onnxruntime is not installed."""
    found: Array = session(path).run(None, feeds)[0]
    return found
