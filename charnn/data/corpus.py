"""A text as a stream of symbols: read, numbered, split into a training and a validation part."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..draws import Draw
from ..errors import InputError
from ..io.lazy import Ids, pieces
from ..io.text import Source, Watch, decode
from .vocabulary import CODES, CR, EOS, MIN_SYMBOLS, MODES, Vocabulary, codes

BLANK = {"\n": re.compile(r"\n\r?(?=\n)"), "\r": re.compile(r"\r(?=\r)")}  # line ends before that of an empty line
BLANK_SHARE = 0.01  # of the lines: with fewer, blank lines are accidents, not ends of paragraphs
NEAR = 0.01  # of the stream: how far the split may move to the end of a sequence


@dataclass(frozen=True)
class Scan:
    """What one pass over a text's bytes tells."""

    counts: np.ndarray  # (CODES,) times that each code point occurs
    files: tuple[tuple[int, str], ...]  # characters in each file, and the last three of them
    sha256: str
    blank: Mapping[str, int]  # empty lines, by the line end that they are lines by

    @property
    def characters(self) -> int:
        return int(self.counts.sum())

    @property
    def newline(self) -> str:
        r"""\n, or \r in a text that has that alone. In \r\n the \r is a character like any other."""
        return "\r" if self.counts[CR] and not self.counts[ord("\n")] else "\n"

    @property
    def lines(self) -> int:
        return int(self.counts[ord(self.newline)])

    @property
    def blank_lines(self) -> int:
        return self.blank[self.newline]

    def layout(self, vocabulary: Vocabulary) -> tuple[int, tuple[int, ...]]:
        """Symbols in the stream, and where EOS has to be added, since a file's end leaves a sequence open."""
        end, silent = 0, []
        for characters, tail in self.files:
            end += characters
            if vocabulary.ends_open(tail):
                silent.append(end)
                end += 1
        return end, tuple(silent)

    def vocabulary(self, sequence: str = "auto", characters: str = "") -> Vocabulary:
        """The vocabulary of the text and of more characters, with sequences as asked for, or as the text looks."""
        if sequence == "auto":
            line = "line" if self.lines > 1 else "file"
            sequence = "paragraph" if self.blank_lines > max(1, BLANK_SHARE * self.lines) else line
        counts = self.counts.copy()
        counts[codes(characters)] += 1
        if sequence == "line":
            counts[ord(self.newline)] = 0
        return Vocabulary(tuple(np.flatnonzero(counts).tolist()), sequence, self.newline)


def hashing(digest: "hashlib._Hash", watch: Watch) -> Watch:
    """What passes pieces on as `watch` does, and adds each of them to a digest."""

    def hashed(pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in watch(pieces):
            digest.update(piece)
            yield piece

    return hashed


def scan(sources: Sequence[Source], invalid: str = "error", watch: Watch = iter) -> Scan:
    """Read texts once, in bounded memory, whatever their size and the length of their lines."""
    digest = hashlib.sha256()
    hashed = hashing(digest, watch)
    counts = np.zeros(CODES, np.int64)
    files, blank_lines = [], dict.fromkeys(BLANK, 0)
    for source in sources:
        characters, tail = 0, ""
        for text in decode(hashed(source.pieces()), source.name, invalid):
            found = np.bincount(codes(text))
            counts[: len(found)] += found
            characters += len(text)
            for newline, blank in BLANK.items():
                before = newline + tail  # a text starts a line
                blank_lines[newline] += len(blank.findall(before + text)) - len(blank.findall(before))
            tail = (tail + text)[-3:]
        files.append((characters, tail))
    return Scan(counts, tuple(files), digest.hexdigest(), blank_lines)


@dataclass(frozen=True, eq=False)
class Corpus:
    """A stream of ids (N,), every sequence closed by EOS.

    `silent` are the positions of the EOS that close a file's last sequence without a line end in the text. They
    decode to nothing, so that the decoded stream is the text, byte for byte.
    """

    ids: Ids
    vocabulary: Vocabulary
    silent: tuple[int, ...]
    names: tuple[str, ...]  # the files it was read from
    sha256: str  # of their bytes, one after the other
    invalid: str = "error"

    @property
    def name(self) -> str:
        """What a run on it is called."""
        return run_name(self.names)

    @cached_property
    def sequences(self) -> int:
        """How many there are: each is closed by an EOS."""
        return sum(int(np.count_nonzero(piece == EOS)) for piece in self.pieces())

    def pieces(self, size: int = 1 << 20) -> Iterator[np.ndarray]:
        """The stream, a piece at a time."""
        return pieces(self.ids, size)

    def split(self, valid: float, order: int | None = None) -> tuple[Ids, Ids]:
        """The training part, and the last share `valid` of the stream, which is held out; never empty.

        The cut is put at the nearest end of a sequence, unless that is farther than 1 % of the stream away. With the
        seed of an `order` the sequences are shuffled first, in memory. Raises `InputError` where there is but one.
        """
        ids = self.ids if order is None else self._shuffled(order)
        cut = round(len(ids) * (1 - valid))
        reach = int(len(ids) * NEAR)
        start = max(0, cut - reach)
        ends = np.flatnonzero(np.asarray(ids[start : cut + reach]) == EOS) + start + 1
        ends = ends[(ends > 0) & (ends < len(ids))]
        if len(ends):
            cut = int(ends[np.abs(ends - cut).argmin()])
        cut = min(max(cut, 1), len(ids) - 1)
        return ids[:cut], ids[cut:]

    def _shuffled(self, seed: int) -> np.ndarray:
        """The stream with its sequences in an order that depends on the seed alone, (N,)."""
        ids = np.asarray(self.ids)
        ends = np.flatnonzero(ids == EOS) + 1
        if len(ends) < 2:
            raise InputError(f"{self.names[0]} is one sequence, and --shuffle has nothing to order: leave it out")
        parts = np.split(ids, ends[:-1])
        return np.concatenate([parts[i] for i in np.random.default_rng((seed, Draw.SPLIT)).permutation(len(parts))])

    def text(self) -> Iterator[str]:
        """The text, a piece at a time."""
        start = 0
        for ids in self.pieces():
            drop = [at - start for at in self.silent if start <= at < start + len(ids)]
            yield self.vocabulary.decode(np.delete(ids, drop))
            start += len(ids)


def run_name(names: Sequence[str]) -> str:
    """What a run on some files is called: the first one's name, without folders and endings."""
    stem = Path(names[0]).name
    while (shorter := Path(stem).stem) != stem:
        stem = shorter
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.") or "text"


def symbols(
    sources: Sequence[Source], found: Scan, vocabulary: Vocabulary, invalid: str = "error", watch: Watch = iter
) -> Iterator[np.ndarray]:
    """The second pass: ids of scanned texts, a piece at a time, with an EOS where a file's end needs one.

    Raises `InputError` for less than 16 symbols, and for a text that is not the one that was scanned.
    """
    size, silent = found.layout(vocabulary)
    names = ", ".join(source.name for source in sources)
    if size < MIN_SYMBOLS:
        raise InputError(f"{names} is too short: {size} symbols, where at least {MIN_SYMBOLS} are needed")
    end, left = 0, list(silent)
    for source in sources:
        for ids in vocabulary.encode(decode(watch(source.pieces()), source.name, invalid), source.name, "skip"):
            if (end := end + len(ids)) > size:
                break
            yield ids
        if left and left[0] == end:
            end += 1
            left.pop(0)
            yield np.array([EOS], vocabulary.dtype)
    if end != size:
        raise InputError(f"{names} changed while being read: try again")


def read(
    sources: Sequence[Source],
    sequence: str = "auto",
    invalid: str = "error",
    watch: Watch = iter,
    characters: str = "",
) -> Corpus:
    """The corpus in some texts: one stream, file after file. Memory: 1 byte a character (2 past 255 different ones).

    `sequence` is line, paragraph, file or auto: paragraph where at least 1 % of the lines are blank, else line, or
    file where there is but one line. `characters` are in the vocabulary too, whether the texts have them or not. Raises
    `InputError` for bad bytes and for less than 16 symbols.
    """
    assert sequence in (*MODES, "auto")
    found = scan(sources, invalid, watch)
    vocabulary = found.vocabulary(sequence, characters)
    size, silent = found.layout(vocabulary)
    ids, end = np.empty(size, vocabulary.dtype), 0
    for piece in symbols(sources, found, vocabulary, invalid, watch):
        ids[end : end + len(piece)] = piece
        end += len(piece)
    return Corpus(ids, vocabulary, silent, tuple(source.path for source in sources), found.sha256, invalid)
