"""Beam search: the likeliest targets, found by keeping the best beginnings at each step. A beam of 1 is greedy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..data.vocabulary import EOS
from ..nn.layers.base import Array, State


@dataclass(frozen=True)
class Hypothesis:
    """A target: its ids, (N,) without EOS, what it costs in nats, EOS included, and whether it came to its EOS."""

    ids: Array
    nats: float
    ended: bool


class Writer(Protocol):
    """B targets in the writing. Row k B + b of R = K B is one of the beginnings of target b."""

    def step(self, x: Array, state: State) -> tuple[Array, State]:
        """Log probabilities (R, V), float64, of what follows the symbols x (R,), and the state after them."""

    def keep(self, targets: Array) -> None:
        """From now on there are only these of the targets, (b,)."""


def search(
    writer: Writer, state: State, width: int, longest: Array, banned: Sequence[int] = ()
) -> list[list[Hypothesis]]:
    """For each of B targets the `width` likeliest that are found, the best first.

    Each step extends the `width` best beginnings by every symbol that is not `banned`, and keeps the `width` best of
    these. It ends once no beginning can become better than what was found, or is `longest` (B,) symbols long.

    state (B, n): that each target starts from.
    """
    beams = [_Beam(width, int(most)) for most in longest]
    state, going = (
        tuple(np.repeat(s[None], width, axis=0).reshape(-1, s.shape[1]) for s in state),
        np.arange(len(beams)),
    )
    x = np.full(width * len(going), EOS)
    while True:
        logp, state = writer.step(x, state)
        logp[:, banned] = -np.inf
        logp = logp.reshape(width, len(going), -1)
        moves = [beams[b].extend(logp[:, i]) for i, b in enumerate(going)]
        left = np.array([i for i, b in enumerate(going) if not beams[b].done], int)
        if not len(left):
            return [beam.found for beam in beams]
        parents, symbols = (np.stack([moves[i][part] for i in left], axis=1) for part in (0, 1))  # (width, left)
        rows = (parents * len(going) + left).reshape(-1)
        if len(left) < len(going):
            writer.keep(left)
            going = going[left]
        state, x = tuple(s[rows] for s in state), symbols.reshape(-1)


class _Beam:
    """The beginnings of one target, and what came to its end."""

    def __init__(self, width: int, longest: int):
        self.width, self.longest, self.found = width, longest, list[Hypothesis]()
        self.ids = np.empty((width, 0), int)
        self.scores = np.full(width, -np.inf)  # log probabilities, falling
        self.scores[0] = 0.0  # at first all are the same
        self.done = False

    def extend(self, logp: Array) -> tuple[Array, Array]:
        """From log probabilities (width, V) of what comes next: which beginnings go on, (width,), and by what."""
        if self.ids.shape[1] == self.longest:
            for ids, score in zip(self.ids, self.scores, strict=True):
                self._add(Hypothesis(ids, -float(score), False))
        total = (self.scores[:, None] + logp).reshape(-1)
        best = np.argsort(-total, kind="stable")[: 2 * self.width]  # of which half may be ends
        parents, symbols, scores = best // logp.shape[1], best % logp.shape[1], total[best]
        for i in np.flatnonzero(symbols[: self.width] == EOS):
            self._add(Hypothesis(self.ids[parents[i]], -float(scores[i]), True))
        on = np.argsort(symbols == EOS, kind="stable")[: self.width]
        parents, symbols, self.scores = parents[on], symbols[on], scores[on]
        self.ids = np.concatenate([self.ids[parents], symbols[:, None]], axis=1)
        self.done = self.ids.shape[1] > self.longest or not np.isfinite(self.scores[0])
        if len(self.found) == self.width:
            self.done |= bool(self.scores[0] <= -self.found[-1].nats)
        return parents, symbols

    def _add(self, one: Hypothesis) -> None:
        """Keep the best that were found; those that came to no end come last."""
        if np.isfinite(one.nats):
            self.found.append(one)
            self.found.sort(key=lambda one: (not one.ended, one.nats))
            del self.found[self.width :]
