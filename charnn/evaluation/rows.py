"""Scores of each line and of each character of a text, as they are complete."""

import math
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import NamedTuple

from ..data.vocabulary import Vocabulary
from ..nn.layers.base import Array
from .score import Score

# Symbols of a text, unknown ones marked, surprisal of each in nats, and whether it was likeliest: (N,) each
Scored = tuple[Array, Array, Array]


class CharacterScore(NamedTuple):
    """What a character of a text costs, in bits; its place counts from 1. The end of a file is an empty character."""

    character: str
    bits: float
    line: int
    column: int
    file: str = ""  # where there are several

    @property
    def cells(self) -> tuple[str, ...]:
        """A row of TSV: bits, line, column and character; of several texts, the file's name."""
        return f"{self.bits:.4f}", str(self.line), str(self.column), self.character, *[self.file] * bool(self.file)


class LineScore(NamedTuple):
    """What a line of a text costs, in bits, its end among them; lines count from 1, and `text` is without its end."""

    text: str
    bits: float
    line: int
    characters: int  # of the line, its end among them
    file: str = ""  # where there are several

    @property
    def bits_per_char(self) -> float:
        """Bits per character; for a line that has none, the bits of the end of the file."""
        return self.bits / max(1, self.characters)

    @property
    def cells(self) -> tuple[str, ...]:
        """A row of TSV: bits per character, bits, number and text; of several texts, the file's name."""
        more = [self.file] * bool(self.file)
        return f"{self.bits_per_char:.4f}", f"{self.bits:.2f}", str(self.line), self.text, *more


class FileScore(NamedTuple):
    """What a text costs, with the name of its file."""

    name: str
    score: Score

    @property
    def cells(self) -> tuple[str, ...]:
        """A row of TSV: bits per character, bits, symbols, unknown ones among them, and the file's name."""
        found = self.score
        bits = found.nats / math.log(2)
        return f"{found.bits:.4f}", f"{bits:.2f}", str(found.count), str(found.unknown), self.name


def by_character(
    vocabulary: Vocabulary, scored: Iterable[Scored], skipped: bool = False
) -> Iterator[list[CharacterScore]]:
    """The scores of a text's characters, a list for each piece of it, without unknown ones that are `skipped`."""
    line, column = 1, 1
    for ids, nats, _ in scored:
        rows = []
        if skipped:
            ids, nats = ids[ids < vocabulary.size], nats[ids < vocabulary.size]
        for character, bits in _characters(vocabulary, ids, nats):
            rows.append(CharacterScore(character, bits, line, column))
            line, column = (line + 1, 1) if character == vocabulary.newline else (line, column + 1)
        yield rows


def by_line(vocabulary: Vocabulary, scored: Iterable[Scored], skipped: bool = False) -> Iterator[list[LineScore]]:
    """The scores of a text's lines, a list for those that each piece of it completes; the last may have no end.

    Unknown characters that are `skipped` stand in a line's text, and do not count.
    """
    held, total, line, left_out = list[str](), 0.0, 1, 0  # of the line that is not complete

    def row() -> LineScore:
        text = "".join(held)
        return LineScore(text.removesuffix(vocabulary.newline), total, line, len(text) - left_out)

    for ids, nats, _ in scored:
        rows = []
        left = (ids >= vocabulary.size).tolist() if skipped else repeat(False)
        for (character, bits), out in zip(_characters(vocabulary, ids, nats), left, strict=False):
            held.append(character)
            total += bits
            left_out += out
            if character in ("\n", vocabulary.newline):
                rows.append(row())
                held, total, line, left_out = [], 0.0, line + (character == vocabulary.newline), 0
        yield rows
    if held:
        yield [row()]


def _characters(vocabulary: Vocabulary, ids: Array, nats: Array) -> Iterator[tuple[str, float]]:
    return zip(vocabulary.texts(ids.tolist()), (nats / math.log(2)).tolist(), strict=True)
