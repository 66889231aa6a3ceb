"""Scores of each line and of each character of a text, as they are complete."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..data.vocabulary import Vocabulary
from ..nn.layers.base import Array

Scored = tuple[Array, Array, Array]  # symbols of a text, surprisal of each in nats, and whether it was likeliest: (N,)


class CharacterScore(NamedTuple):
    """What a character of a text costs, in bits; its place counts from 1. The end of a file is an empty character."""

    character: str
    bits: float
    line: int
    column: int

    @property
    def cells(self) -> tuple[str, ...]:
        """A row of TSV: bits, line, column and character."""
        return f"{self.bits:.4f}", str(self.line), str(self.column), self.character


class LineScore(NamedTuple):
    """What a line of a text costs, in bits, its end among them; lines count from 1, and `text` is without its end."""

    text: str
    bits: float
    line: int
    characters: int  # of the line, its end among them

    @property
    def bits_per_char(self) -> float:
        """Bits per character; for a line that has none, the bits of the end of the file."""
        return self.bits / max(1, self.characters)

    @property
    def cells(self) -> tuple[str, ...]:
        """A row of TSV: bits per character, bits, number and text."""
        return f"{self.bits_per_char:.4f}", f"{self.bits:.2f}", str(self.line), self.text


def by_character(vocabulary: Vocabulary, scored: Iterable[Scored]) -> Iterator[list[CharacterScore]]:
    """The scores of a text's characters, a list for each piece of it."""
    line, column = 1, 1
    for ids, nats, _ in scored:
        rows = []
        for character, bits in _characters(vocabulary, ids, nats):
            rows.append(CharacterScore(character, bits, line, column))
            line, column = (line + 1, 1) if character == vocabulary.newline else (line, column + 1)
        yield rows


def by_line(vocabulary: Vocabulary, scored: Iterable[Scored]) -> Iterator[list[LineScore]]:
    """The scores of a text's lines, a list for those that each piece of it completes; the last may have no end."""
    held, total, line = list[str](), 0.0, 1  # of the line that is not complete

    def row() -> LineScore:
        text = "".join(held)
        return LineScore(text.removesuffix(vocabulary.newline), total, line, len(text))

    for ids, nats, _ in scored:
        rows = []
        for character, bits in _characters(vocabulary, ids, nats):
            held.append(character)
            total += bits
            if character in ("\n", vocabulary.newline):
                rows.append(row())
                held, total, line = [], 0.0, line + (character == vocabulary.newline)
        yield rows
    if held:
        yield [row()]


def _characters(vocabulary: Vocabulary, ids: Array, nats: Array) -> Iterator[tuple[str, float]]:
    return zip(vocabulary.texts(ids.tolist()), (nats / math.log(2)).tolist(), strict=True)
