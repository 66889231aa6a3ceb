"""How well a network of pairs does: probabilities of labels, and targets scored as they are taught."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..data.pair_batches import by_length
from ..nn.layers.base import Array
from ..nn.parameters import Parameters
from ..nn.task_model import TaskModel
from ..nn.workspace import Workspace
from ..parallel.processes import spread
from .score import Score

MIN_SYMBOLS_PER_WORKER = 1 << 14  # symbols that are worth a process


def probabilities(model: TaskModel, p: Parameters, sources: Sequence[Array], workers: int = 1) -> Array:
    """Of each label for each source, (N, L)."""

    def found(rows: Array) -> Array:
        batch = model.network.batch([sources[i] for i in rows], (), sources[0].dtype)
        shares: Array = model.network.probabilities(p, batch.source, Workspace(back=False))
        return shares

    if not len(sources):
        return np.empty((0, model.symbols))
    return _by_parts(found, [sizes(sources)], workers)


@dataclass(frozen=True)
class Taught:
    """Of each of N targets, read symbol by symbol with its EOS: its nats, its symbols, and how many were likeliest."""

    nats: Array
    counts: Array
    hits: Array

    @property
    def score(self) -> Score:
        """All of them together."""
        return Score(float(self.nats.sum()), int(self.counts.sum()), int(self.hits.sum()))


def taught(
    model: TaskModel, p: Parameters, sources: Sequence[Array], targets: Sequence[Array], workers: int = 1
) -> Taught:
    """What the right targets cost, where each symbol is predicted from the right ones before it."""

    def found(rows: Array) -> Array:
        pairs = [sources[i] for i in rows], [targets[i] for i in rows]
        batch = model.network.batch(*pairs, targets[0].dtype)
        nats, hits = model.network.score(p, batch, Workspace(back=False))
        return np.stack([nats.sum(axis=0), batch.target.inside.sum(axis=0), hits.sum(axis=0)], axis=1)

    if not len(sources):
        return Taught(np.empty(0), np.empty(0, int), np.empty(0, int))
    nats, counts, hits = _by_parts(found, [sizes(sources), sizes(targets)], workers).T
    return Taught(nats, counts.astype(int), hits.astype(int))


@dataclass(frozen=True)
class Written:
    """How far N targets that were written are from the right ones."""

    exact: int = 0
    edits: int = 0  # of characters
    characters: int = 0  # of the right targets
    word_edits: int = 0
    words: int = 0
    count: int = 0

    @classmethod
    def of(cls, written: Sequence[str], right: Sequence[str]) -> "Written":
        """Compare texts."""
        pairs = list(zip(written, right, strict=True))
        return cls(
            sum(a == b for a, b in pairs),
            sum(edits(a, b) for a, b in pairs if a != b),
            sum(map(len, right)),
            sum(edits(a.split(), b.split()) for a, b in pairs if a != b),
            sum(len(text.split()) for text in right),
            len(pairs),
        )

    @property
    def accuracy(self) -> float:
        """The share of targets without an error."""
        return self.exact / max(1, self.count)

    @property
    def character_error(self) -> float:
        """Edits for each character of the right targets."""
        return self.edits / max(1, self.characters)

    @property
    def word_error(self) -> float:
        """Edits of words for each word of the right targets."""
        return self.word_edits / max(1, self.words)


def edits(a: Sequence[object], b: Sequence[object]) -> int:
    """The fewest insertions, deletions and substitutions that make b of a (Levenshtein, 1966).

    d[i, j] = min(d[i-1, j] + 1, d[i, j-1] + 1, d[i-1, j-1] + (a_i != b_j)),   a row i at a time
    """
    number: dict[object, int] = {}
    x, y = (np.array([number.setdefault(one, len(number)) for one in side], int) for side in (a, b))
    j = np.arange(len(y) + 1)
    d = j.copy()
    for i, one in enumerate(x, 1):
        new = np.minimum(d[1:] + 1, d[:-1] + (y != one))
        d = np.minimum.accumulate(np.concatenate([[i], new]) - j) + j  # what comes from the left costs 1 a step
    return int(d[-1])


def sizes(sequences: Sequence[Array]) -> Array:
    """Symbols of each sequence, its EOS among them, (N,)."""
    return np.array([len(one) + 1 for one in sequences])


def _by_parts(function: Callable[[Array], Array], lengths: list[Array], workers: int) -> Array:
    """The rows of function(rows) for all rows, which have these lengths, in parts of like length, by processes."""
    parts = by_length(np.stack(lengths))
    workers = workers if sum(map(np.sum, lengths)) >= MIN_SYMBOLS_PER_WORKER else 1
    found = np.concatenate(list(spread(function, parts, workers)))
    back = np.empty_like(found)
    back[np.concatenate(parts)] = found
    return back
