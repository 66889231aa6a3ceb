"""Characters and sequences to integers, and back."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError, InputError, expect

EOS = 0  # the end of a sequence, and the symbol before its first

MODES = ("line", "paragraph", "file")
CR = ord("\r")
CODES = 0x110000  # code points that there are
MIN_SYMBOLS = 16  # of a text: less leaves nothing to learn from and to be held out
MENTIONED = 5  # unknown characters that a message names


@dataclass(frozen=True)
class Vocabulary:
    """Sorted code points, numbered from 1; 0 is EOS, which ends every sequence and stands before the first symbol.

    `sequence` says what a sequence is. line: EOS is the line end. paragraph: EOS is the line end of an empty line,
    the others are characters. file: EOS is the file's end, and stands for nothing. So EOS is one character of the
    text like any other, but for a file's end. Bits per character mean the same in every mode.
    """

    characters: tuple[int, ...]  # code points, increasing
    sequence: str = "line"
    newline: str = "\n"  # or "\\r", in texts that know no other

    @property
    def size(self) -> int:
        """V: the characters and EOS."""
        return len(self.characters) + 1

    @property
    def text(self) -> str:
        """All characters."""
        return "".join(map(chr, self.characters))

    @property
    def facts(self) -> dict[str, Any]:
        """What it is, by name."""
        return {"vocabulary": self.text, "symbols": self.size, "sequence": self.sequence}

    @property
    def known(self) -> set[int]:
        """Code points that have an id, the line end among them where it ends sequences."""
        return {*self.characters, *([ord(self.newline)] if self.sequence == "line" else [])}

    @property
    def end(self) -> str:
        """What EOS is written as."""
        return "" if self.sequence == "file" else self.newline

    @property
    def dtype(self) -> np.dtype:
        """The smallest unsigned type that holds an id."""
        return np.min_scalar_type(self.size - 1)

    @cached_property
    def _ids(self) -> np.ndarray:
        """Code point -> id; `size` where unknown."""
        table = np.full(CODES, self.size, np.min_scalar_type(self.size))
        table[list(self.characters)] = np.arange(1, self.size)
        if self.sequence == "line":
            table[ord(self.newline)] = EOS
        return table

    @cached_property
    def _texts(self) -> np.ndarray:
        """Id -> code point; EOS as its line end."""
        return np.array([ord(self.newline), *self.characters], np.uint32)

    @property
    def _before(self) -> np.ndarray:
        """Two characters as if before a text, which starts a line."""
        return np.array([0, ord(self.newline)], np.uint32)

    def encode(self, pieces: Iterable[str], name: str = "text", unknown: str = "error") -> Iterator[np.ndarray]:
        """Ids of a text that comes in pieces, (N,) each, without an EOS that the text itself does not have.

        Characters outside the vocabulary are an `InputError` that names them and their places, or left out
        (unknown="skip"), or `size` + their code point ("mark").
        """
        before, line, column = self._before, 1, 1
        for piece in pieces:
            text = codes(piece)
            ids = self._ids[text]
            if self.sequence == "paragraph":
                ids[self._ends_empty_line(np.concatenate([before, text]))] = EOS
            if unknown == "mark":
                ids = np.where(ids == self.size, self.size + text, ids)
            elif ids.size and ids.max() == self.size:
                if unknown == "error":
                    raise InputError(self._complaint(piece, np.flatnonzero(ids == self.size), name, line, column))
                ids = ids[ids != self.size]
            before = np.concatenate([before, text[-2:]])[-2:]
            newlines = piece.count(self.newline)
            line, column = line + newlines, len(piece) - piece.rfind(self.newline) + (0 if newlines else column - 1)
            yield ids if unknown == "mark" else ids.astype(self.dtype, copy=False)

    def ids(self, text: str, name: str = "the text", unknown: str = "error") -> np.ndarray:
        """Ids of a whole text, (N,)."""
        expect(name, text, str)
        return next(self.encode([text], name, unknown)) if text else np.empty(0, self.dtype)

    def marked(self, text: str) -> np.ndarray:
        """Ids of the characters of a text, (N,), each by itself: `size` for one that is unknown."""
        return self._ids[codes(text)].astype(np.intp)

    def texts(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of each id as it comes, marked ones too; EOS is its line end, or nothing."""
        table, size = [self.end, *map(chr, self.characters)], self.size
        return (table[symbol] if symbol < size else chr(symbol - size) for symbol in ids)

    def decode(self, ids: np.ndarray) -> str:
        """The text of ids. In file mode EOS is nothing; elsewhere it is a line end."""
        if self.sequence == "file":
            ids = ids[ids != EOS]
        return self._texts[ids].tobytes().decode("utf-32-le", "surrogatepass")

    def ends_open(self, tail: str) -> bool:
        """Whether a text with this end (its last three characters) needs an EOS to close its last sequence."""
        if self.sequence == "file" or not tail:
            return self.sequence == "file"
        if self.sequence == "line":
            return not tail.endswith(self.newline)
        return not self._ends_empty_line(np.concatenate([self._before, codes(tail)]))[-1]

    def _ends_empty_line(self, text: np.ndarray) -> np.ndarray:
        """For every character after the first two: whether it is the line end of an empty line. (N + 2,) -> (N,)"""
        newline = text == ord(self.newline)
        return newline[2:] & (newline[1:-1] | (newline[:-2] & (text[1:-1] == CR)))

    def _complaint(self, piece: str, places: np.ndarray, name: str, line: int, column: int) -> str:
        first: dict[str, int] = {}
        for place in places.tolist():
            first.setdefault(piece[place], place)
        named = []
        for character, place in list(first.items())[:MENTIONED]:
            above, start = piece.count(self.newline, 0, place), piece.rfind(self.newline, 0, place)
            named.append(f"{describe(character)} at {line + above}:{place - start if above else column + place}")
        ends = "; its lines end by CR LF, and `tr -d '\\r'` makes that LF" if "\r" in first else ""
        if "\\" in first:
            ends += r"; escapes are the shell's, as in $'a\nb'"
        return (
            f"{name} has characters that the model does not know: {', '.join(named)} (line:column){ends}; "
            "--unknown skip leaves them out"
        )


def codes(text: str) -> np.ndarray:
    """Code points of a text, (N,) uint32."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def describe(character: str) -> str:
    """A character as a message shows it: itself where it can be printed, and its code point."""
    shown = f"'{character}' " if character.isprintable() else ""
    return f"{shown}U+{ord(character):04X}"


def from_json(path: str | Path, value: Any) -> Vocabulary:
    """The vocabulary in a header, checked: code points that exist, increasing. Raises `CheckpointError`."""
    found = value if isinstance(value, dict) else {}
    characters, sequence, newline = (found.get(name) for name in ("characters", "sequence", "newline"))
    if (
        not isinstance(characters, list)
        or not all(type(c) is int for c in characters)
        or not all(a < b for a, b in zip((-1, *characters), (*characters, CODES), strict=True))
        or sequence not in MODES
        or newline not in ("\n", "\r")
    ):
        raise CheckpointError(f"{path} is corrupt: its vocabulary is not one")
    return Vocabulary(tuple(characters), sequence, newline)
