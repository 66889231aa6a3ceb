"""Regular expressions as trees, and their derivatives (Brzozowski, 1964).

What is written between operators is one character or a class of characters, kept as it is written: Python's `re` says
which characters it stands for, so classes mean what they mean there. A tree is a tuple:

    ("never",)  ("empty",)  ("class", source)  ("then", a, b)  ("either", {a, b, ...})  ("repeat", a, low, high)
"""

import re
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

from ..errors import UsageError

Tree = tuple[Any, ...]
NEVER, EMPTY = ("never",), ("empty",)
MAX_LENGTH = 1000  # characters of an expression

REPEAT = re.compile(r"\{(\d*)(,?)(\d*)\}")
CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^bBAZN0-9])", re.DOTALL)
GROUP = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))")
SIGNS = (("*", (0, None)), ("+", (1, None)), ("?", (0, 1)))


def parse(pattern: str) -> Tree:
    """The tree of an expression. Raises `UsageError` for what is none, or has more than classes, groups and repeats."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"--match is {pattern!r}, which is no regular expression: {error}") from None
    if len(pattern) > MAX_LENGTH:
        raise UsageError(f"--match has {len(pattern):,} characters: give {MAX_LENGTH:,} at most")
    return Parser(pattern).alternatives()


class Parser:
    """Reads an expression that Python has accepted, from its start to its end."""

    def __init__(self, pattern: str):
        self.pattern, self.at = pattern, 0

    def alternatives(self) -> Tree:
        """Sequences with | between them."""
        found = [self._sequence()]
        while self._take("|"):
            found.append(self._sequence())
        return either(found)

    def _sequence(self) -> Tree:
        items = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            item = self._item()
            bounds = self._bounds()
            items.append(repeat(item, *bounds) if bounds else item)
        return reduce(lambda rest, item: then(item, rest), reversed(items), EMPTY)

    def _item(self) -> Tree:
        if group := GROUP.match(self.pattern, self.at):
            self.at = group.end()
            found = self.alternatives()
            self._take(")")
            return found
        source = self.pattern[self.at]
        if kind := {"[": CLASS, "\\": ESCAPE}.get(source):
            match = kind.match(self.pattern, self.at)
            source = match[0] if match else ""
        if source in ("", "(", "^", "$"):
            raise self._refuse()
        self.at += len(source)
        return ("class", source)

    def _refuse(self) -> UsageError:
        return UsageError(
            f"--match has {self.pattern[self.at : self.at + 3]!r} at position {self.at}: give characters, classes, "
            "groups, | and repetitions alone; the whole text is matched"
        )

    def _bounds(self) -> tuple[int, int | None] | None:
        """How often the item before is repeated, or None. The `?` of a lazy repetition changes no language."""
        bounds = next((bounds for sign, bounds in SIGNS if self._take(sign)), None) or self._counted()
        if bounds and not self._take("?") and self.pattern.startswith("+", self.at):  # a possessive one does
            raise self._refuse()
        return bounds

    def _counted(self) -> tuple[int, int | None] | None:
        found = REPEAT.match(self.pattern, self.at)
        if not found or not (found[1] or found[2]):
            return None
        self.at = found.end()
        low = int(found[1] or 0)
        return low, low if not found[2] else int(found[3]) if found[3] else None

    def _take(self, sign: str) -> bool:
        there = self.pattern.startswith(sign, self.at)
        self.at += len(sign) if there else 0
        return there


def then(a: Tree, b: Tree) -> Tree:
    """One after the other."""
    if NEVER in (a, b):
        return NEVER
    if EMPTY in (a, b):
        return b if a == EMPTY else a
    return then(a[1], then(a[2], b)) if a[0] == "then" else ("then", a, b)


def either(trees: Iterable[Tree]) -> Tree:
    """One of some; the same ones in any order are the same tree."""
    found: set[Tree] = set()
    for tree in trees:
        found |= set(tree[1]) if tree[0] == "either" else {tree}
    found.discard(NEVER)
    return ("either", frozenset(found)) if len(found) > 1 else next(iter(found), NEVER)


def repeat(a: Tree, low: int, high: int | None) -> Tree:
    """One tree `low` to `high` times, without `high` any number of times."""
    if high == 0 or a == EMPTY:
        return EMPTY
    if a == NEVER:
        return NEVER if low else EMPTY
    return a if low == high == 1 else ("repeat", a, low, high)


def classes(tree: Tree) -> set[str]:
    """The sources of all classes of characters in a tree."""
    kind, *parts = tree
    if kind == "class":
        return {parts[0]}
    if kind == "either":
        return set[str]().union(*map(classes, parts[0]))
    return set[str]().union(*(classes(part) for part in parts if isinstance(part, tuple)))


def size(tree: Tree) -> int:
    """How many nodes a tree has."""
    kind, *parts = tree
    return 1 + sum(size(part) for part in (parts[0] if kind == "either" else parts) if isinstance(part, tuple))


def matches_empty(tree: Tree) -> bool:
    """Whether nothing at all matches."""
    kind, *parts = tree
    if kind == "then":
        return matches_empty(parts[0]) and matches_empty(parts[1])
    if kind == "either":
        return any(map(matches_empty, parts[0]))
    return kind == "empty" or (kind == "repeat" and (parts[1] == 0 or matches_empty(parts[0])))


def derive(tree: Tree, inside: Callable[[str], bool]) -> Tree:
    """What has to follow a character to match; `inside` says which classes have that character."""
    kind, *parts = tree
    if kind == "class":
        return EMPTY if inside(parts[0]) else NEVER
    if kind == "then":
        found = then(derive(parts[0], inside), parts[1])
        return either([found, derive(parts[1], inside)]) if matches_empty(parts[0]) else found
    if kind == "either":
        return either(derive(part, inside) for part in parts[0])
    if kind == "repeat":
        a, low, high = parts
        return then(derive(a, inside), repeat(a, max(0, low - 1), high if high is None else high - 1))
    return NEVER
