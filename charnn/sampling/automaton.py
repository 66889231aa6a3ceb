"""The automaton of a regular expression over a model's symbols, and the scores that it allows.

At each step the scores of symbols after which no match can come, or none in the characters that are left, are minus
infinity: p(x[t] | x[<t]) is the softmax over the others, and what is drawn always matches. The end of the sequence is
allowed where the characters so far are a match.
"""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..data.vocabulary import EOS
from ..errors import UsageError
from .endings import Drawer
from .regex import Tree, classes, derive, matches_empty, parse, size

MAX_STATES = 20_000
MAX_NODES = 300_000  # of the expressions that states stand for: repeats in repeats make few states with large ones
DEAD = -1


@dataclass(frozen=True)
class PatternAutomaton:
    """States and where symbols lead: `table` (S, V), DEAD where no match can follow.

    State 0 is the first; in the last one the sequence has ended, and EOS alone leads there. `distance` (S,) is the
    least number of characters from a state to a match.
    """

    table: np.ndarray
    distance: np.ndarray

    def allowed(self, states: np.ndarray, left: int) -> np.ndarray:
        """Which symbols may come next, (R, V), with so many characters left, from states (R,)."""
        after = self.table[states]
        found: np.ndarray = (after != DEAD) & (self.distance[after] < left)
        found[:, EOS] = after[:, EOS] != DEAD
        return found


def build(pattern: str, characters: Sequence[int], length: int) -> PatternAutomaton:
    """The automaton of an expression; symbol i + 1 is the i-th of the characters, code points (V - 1,).

    Raises `UsageError` for an expression that nothing of these characters and this length matches, or with too many
    states.
    """
    tree = parse(pattern)
    groups, kinds = _alike(sorted(classes(tree)), characters)
    states, rows, nodes = {tree: 0}, list[list[int]](), size(tree)
    queue = deque([tree])
    while queue:
        now = queue.popleft()
        row = []
        for inside in kinds:
            after = derive(now, inside.__contains__)
            if after not in states:
                nodes += size(after)
                if len(states) == MAX_STATES or nodes > MAX_NODES:
                    raise UsageError(f"--match is {pattern!r}, whose automaton has too many states: make it simpler")
                states[after] = len(states)
                queue.append(after)
            row.append(states[after])
        rows.append(row)
    found = _pruned(list(states), np.array(rows), groups)
    if found.distance[0] > len(states):
        raise UsageError(f"--match is {pattern!r}: no text of the model's characters matches")
    if found.distance[0] > length:
        raise UsageError(
            f"--match is {pattern!r}, which takes {found.distance[0]:,} characters at least: --length is {length:,}"
        )
    return found


def _alike(sources: Sequence[str], characters: Sequence[int]) -> tuple[np.ndarray, list[set[str]]]:
    """The kind of each character, (V - 1,), and the classes that characters of each kind are in."""
    known = [re.compile(source) for source in sources]
    kinds: dict[tuple[bool, ...], int] = {}
    groups = []
    for character in characters:
        inside = tuple(one.fullmatch(chr(character)) is not None for one in known)
        groups.append(kinds.setdefault(inside, len(kinds)))
    return np.array(groups, int), [
        {source for source, there in zip(sources, inside, strict=True) if there} for inside in kinds
    ]


def _pruned(trees: list[Tree], rows: np.ndarray, groups: np.ndarray) -> PatternAutomaton:
    """States with the end of the sequence; what leads to no match leads nowhere."""
    done = len(trees)
    accepting = np.array([*map(matches_empty, trees), True])
    distance = np.where(accepting, 0, np.iinfo(np.int64).max // 2)
    while True:  # Bellman-Ford; as many rounds as the longest way to a match
        nearer = np.minimum(distance[:done], 1 + distance[rows].min(axis=1))
        if (nearer == distance[:done]).all():
            break
        distance[:done] = nearer
    table = np.full((done + 1, 1 + len(groups)), DEAD)
    table[:done, 1:] = np.where(distance[rows] <= done, rows, DEAD)[:, groups]
    table[accepting, EOS] = done
    return PatternAutomaton(table, distance)


class Draws(Drawer, Protocol):
    """A `Drawer` of several streams, of which some may end: see `sampler.GumbelSampler`."""

    def select(self, rows: np.ndarray) -> None: ...


class MatchingSampler:
    """Symbols drawn as `draws` does, but in each of its `rows` only those that the automaton allows."""

    def __init__(self, draws: Draws, automaton: PatternAutomaton, rows: int, length: int):
        self.draws, self.automaton, self.states, self.left = draws, automaton, np.zeros(rows, int), length
        self.temperature, self.greedy, self.rng = draws.temperature, draws.greedy, draws.rng

    def __call__(self, o: np.ndarray) -> Any:
        """Symbols (rows,), or a number where there is one row, as those of `draws`."""
        allowed = self.automaton.allowed(self.states, self.left)
        symbols = self.draws(np.where(allowed.reshape(o.shape), o, o.dtype.type(-np.inf)))
        self.states = self.automaton.table[self.states, symbols]
        self.left -= 1
        return symbols

    def select(self, rows: np.ndarray) -> None:
        """From now on for these of the streams."""
        self.draws.select(rows)
        self.states = self.states[rows]
