"""Pairs: lines of a source, which is read, and a target, which is wanted, as integers."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np

from ..draws import Draw
from ..errors import InputError, UsageError, brief
from ..io.lazy import Ids
from ..io.text import BOM, LIST, Source, Watch, decode, encode, file_sources
from .corpus import hashing, run_name
from .units import PairVocabulary, is_label, split

MIN_PAIRS = 4  # fewer leave nothing to learn from and to be held out
Pair = tuple[str, str]  # source, target
PairList = Sequence[Sequence[str]]  # left and right sides


@dataclass(frozen=True)
class PairFormat:
    """How a line is read: which columns are its left and its right side, and what these are made of.

    Without `columns` the first TAB splits a line. "3+1,2" makes the left side of the third and the first column, with
    a TAB between them, and the right side of the second. The left side is the source, unless `flip` says that it is
    the target (label<TAB>text).
    """

    columns: str | None = None
    source: str = "characters"
    target: str = "characters"
    flip: bool = False
    autoencode: bool = False  # a line is source and target alike

    def __str__(self) -> str:
        """What is read and what is wanted, in words."""
        where = f" by --columns {self.columns}" if self.columns else ""
        order = ", the right side first" if self.flip else ""
        return f"{self.source} and {self.target}{where}{order}{', --autoencode' if self.autoencode else ''}"

    @property
    def sides(self) -> tuple[tuple[int, ...], ...]:
        """The columns of each side, counted from 0. Raises `UsageError`."""
        try:
            sides = tuple(tuple(int(n) - 1 for n in side.split("+")) for side in (self.columns or "").split(","))
        except ValueError:
            sides = ()
        if len(sides) != 2 or min(map(min, sides)) < 0:
            raise UsageError(f"--columns is {self.columns!r}: give two sides, like 1,2 or 3+1,2")
        return sides

    @property
    def source_columns(self) -> int:
        """Columns of a line that the source is made of."""
        return len(self.sides[self.flip])

    def parse(self) -> Callable[[str], Pair]:
        """A function from a line to its source and target. It raises ValueError, which says what the line lacks."""
        if self.autoencode:
            return lambda line: (line, line)
        split_line = partial(_by_columns, self.sides) if self.columns else _by_first_tab
        return (lambda line: split_line(line)[::-1]) if self.flip else split_line


def _by_first_tab(line: str) -> Pair:
    left, tab, right = line.partition("\t")
    if not tab:
        raise ValueError("no TAB between left and right")
    return left, right


def _by_columns(sides: Sequence[Sequence[int]], line: str) -> Pair:
    found = line.split("\t")
    if (need := 1 + max(map(max, sides))) > len(found):
        raise ValueError(f"{len(found)} column{'s' * (len(found) > 1)}, and --columns asks for column {need}")
    left, right = ("\t".join(found[n] for n in side) for side in sides)
    return left, right


@dataclass(frozen=True, eq=False)
class Ragged:
    """Sequences of different lengths, one after the other: number i is ids[edges[i] : edges[i + 1]]."""

    ids: Ids  # (N,) unsigned integers
    edges: np.ndarray  # (n + 1,)

    def __len__(self) -> int:
        return len(self.edges) - 1

    def __getitem__(self, i: int) -> np.ndarray:
        return np.asarray(self.ids[int(self.edges[i]) : int(self.edges[i + 1])])

    @property
    def lengths(self) -> np.ndarray:
        """(n,)"""
        return np.diff(self.edges)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Lines of source and target, in the order of their files."""

    source: Ragged
    target: Ragged
    vocabulary: PairVocabulary
    names: tuple[str, ...]  # the files they were read from
    counts: tuple[int, ...]  # lines in each of them
    sha256: str  # of their bytes, one after the other
    format: PairFormat = field(default_factory=PairFormat)
    invalid: str = "error"

    @property
    def name(self) -> str:
        """What a run on it is called: see `corpus.run_name`."""
        return run_name(self.names)

    def __len__(self) -> int:
        return len(self.source)

    def text(self) -> Iterator[str]:
        """The lines that the pairs were read from. Raises `UsageError` where only some columns of them were read."""
        if self.format.columns:
            raise UsageError(f"{self.name} has columns of its lines alone, those of --columns {self.format.columns}")
        for i in range(len(self)):
            sides = [
                self.vocabulary.decode(side[i].tolist(), kind)
                for side, kind in ((self.source, self.format.source), (self.target, self.format.target))
            ]
            yield f"{sides[0] if self.format.autoencode else chr(9).join(sides[:: -1 if self.format.flip else 1])}\n"

    def where(self, i: int) -> str:
        """The file and the line of pair i."""
        starts = np.cumsum([0, *self.counts])
        file = int(np.searchsorted(starts, i, "right")) - 1
        return f"{self.names[file]}, line {i - starts[file] + 1}"

    def split(self, valid: float, seed: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the pairs to train on, and of the share `valid` that is held out; neither is empty.

        Held out are the last ones or, with a seed, some at random.
        """
        count = min(max(1, round(len(self) * valid)), len(self) - 1)
        order = np.arange(len(self))
        if seed is not None:
            order = np.random.default_rng((seed, Draw.SPLIT)).permutation(order)
        return np.sort(order[:-count]), np.sort(order[-count:])


def sources(what: Any) -> list[Source]:
    """The files in what is given, or the pairs in a list, (left, right) each, as a file of lines left<TAB>right.

    Raises `UsageError` for neither, and `InputError` for sides that no line can have.
    """
    if isinstance(what, np.ndarray):
        raise UsageError("the pairs are an array: give a list of them, as tolist() makes it")
    if not isinstance(what, list | tuple) or not what or not isinstance(what[0], list | tuple):
        return file_sources(what)
    for number, pair in enumerate(what, 1):
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(isinstance(side, str) for side in pair):
            raise UsageError(f"pair {number} is {brief(pair)}: give two texts, the left and the right side")
        left, right = pair
        if "\t" in left or "\n" in left + right or right.endswith("\r"):
            raise InputError(f"pair {number} has a TAB in its left side, or a line end: leave them out")
        if number == 1 and left.startswith(BOM):
            raise InputError("pair 1 begins with a byte order mark: leave it out")
    data = encode("".join(f"{left}\t{right}\n" for left, right in what))
    return [Source(LIST, lambda: BytesIO(data), in_memory=True)]


def lines(source: Source, invalid: str = "error", watch: Watch = iter) -> Iterator[list[str]]:
    """The lines of a text, without their ends (LF or CR LF) and a byte order mark, some at a time."""
    rest, start = "", True
    for text in decode(watch(source.pieces()), source.name, invalid):
        if start and text:
            text, start = text.removeprefix(BOM), False
        *whole, rest = (rest + text).split("\n")
        yield [line.removesuffix("\r") for line in whole]
    if rest:
        yield [rest.removesuffix("\r")]


def parsed(source: Source, format: PairFormat, invalid: str = "error", watch: Watch = iter) -> Iterator[list[Pair]]:
    """The pairs of a text, some at a time. Raises `InputError`, which names the line, for one that is no pair.

    Empty lines at the end are left out, but where they are pairs of the same text twice.
    """
    parse, number, empty = format.parse(), 0, 0
    for some in lines(source, invalid, watch):
        found = []
        for line in some:
            number += 1
            if not line and not format.autoencode:
                empty = empty or number
                continue
            if empty:
                raise InputError(f"{source.shown}, line {empty} is empty: leave it out")
            try:
                found.append(parse(line))
            except ValueError as error:
                hint = "give left<TAB>right, or name the columns by --columns"
                raise InputError(f"{source.shown}, line {number}: {error}; {hint}") from None
        yield found


def parse_all(sources: Sequence[Source], format: PairFormat, invalid: str = "error") -> list[Pair]:
    """All pairs of some texts."""
    return [pair for source in sources for some in parsed(source, format, invalid) for pair in some]


@dataclass(frozen=True)
class PairScan:
    """What one pass over some texts tells: their units and labels, the pairs in each, and the sha256 of their bytes."""

    units: frozenset[str]
    labels: frozenset[str]
    counts: tuple[int, ...]
    sha256: str

    def vocabulary(
        self, format: PairFormat, known: PairVocabulary | None = None, characters: str = ""
    ) -> PairVocabulary:
        """All of these units and labels, those of another vocabulary, and more characters, sorted."""
        units, labels = (set(known.units), set(known.labels)) if known else (set(), set())
        both = sorted(self.units | units | {*characters}), sorted(self.labels | labels)
        return PairVocabulary(tuple(both[0]), tuple(both[1]), format.source, format.target)


def scan(sources: Sequence[Source], format: PairFormat, invalid: str = "error", watch: Watch = iter) -> PairScan:
    """Read pairs once, in bounded memory. Raises `InputError` for bytes that are no text and lines that are no pair."""
    digest = hashlib.sha256()
    hashed = hashing(digest, watch)
    found: tuple[set[str], set[str]] = set(), set()  # units, labels
    counts = []
    for source in sources:
        count = 0
        for some in parsed(source, format, invalid, hashed):
            count += len(some)
            for texts, kind in zip(zip(*some), (format.source, format.target)):
                found[is_label(kind)].update(*(split(text, kind) for text in texts))
        counts.append(count)
    return PairScan(frozenset(found[0]), frozenset(found[1]), tuple(counts), digest.hexdigest())


def encoded(
    sources: Sequence[Source], format: PairFormat, vocabulary: PairVocabulary, invalid: str, watch: Watch = iter
) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], ...]]:
    """For some pairs at a time, for source and target: their ids one after the other (N,), and their lengths (n,)."""
    for source in sources:
        for some in parsed(source, format, invalid, watch):
            sides = zip(*some) if some else ((), ())
            kinds = (format.source, format.target)
            yield tuple(vocabulary.encode_all(texts, kind) for texts, kind in zip(sides, kinds, strict=True))


def read(
    sources: Sequence[Source],
    format: PairFormat,
    invalid: str = "error",
    watch: Watch = iter,
    vocabulary: PairVocabulary | None = None,
    known: PairVocabulary | None = None,
    characters: str = "",
) -> Pairs:
    """The pairs in some texts, file after file, numbered by this vocabulary.

    Without one, a vocabulary is made of the texts, of what is `known` already, and of more `characters`.

    Memory: 1 byte a unit (2 past 254 different ones), and 16 a pair. Raises what `scan` does, and `InputError` for
    fewer than 4 pairs to make a vocabulary of, and for texts that change while they are read.
    """
    found = scan(sources, format, invalid, watch)
    names = ", ".join(source.shown for source in sources)
    if vocabulary is None:
        assert_enough(sources, sum(found.counts))
    vocabulary = vocabulary or found.vocabulary(format, known, characters)
    parts = zip(*encoded(sources, format, vocabulary, invalid, watch))
    source, target = [_joined(side, vocabulary.dtype) for side in parts] or [_joined((), vocabulary.dtype)] * 2
    if len(source) != sum(found.counts):
        raise InputError(f"{names} changed while being read: try again")
    paths = tuple(source.path for source in sources)
    return Pairs(source, target, vocabulary, paths, found.counts, found.sha256, format, invalid)


def assert_enough(sources: Sequence[Source], count: int) -> None:
    """Raise `InputError` for fewer pairs than a network is trained on."""
    if count < MIN_PAIRS:
        names, pairs = ", ".join(source.shown for source in sources), f"{count} pair{'s' * (count != 1)}"
        raise InputError(f"{names} is too short: {pairs}, where at least {MIN_PAIRS} are needed")


def _joined(parts: Iterable[tuple[np.ndarray, np.ndarray]], dtype: np.dtype) -> Ragged:
    ids, lengths = zip(*parts) if parts else ((), ())
    edges = np.concatenate([[0], *lengths]).astype(np.int64).cumsum()
    return Ragged(np.concatenate([np.empty(0, dtype), *ids]), edges)
