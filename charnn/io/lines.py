"""Lines as they come: each is there once its end is read, whatever its bytes are."""

import codecs
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import InputError
from .text import Source, decode


class Line(NamedTuple):
    """A line without its end (LF or CR LF), and its number, counted from 1; or why it is no text."""

    number: int
    text: str | InputError


def lines(source: Source, invalid: str = "replace") -> Iterator[list[Line]]:
    """The lines of a text, all that a piece of it completes at a time. A line that is not UTF-8 loses no other.

    A byte order mark is no part of the first one.
    """
    held, number = list[bytes](), 1
    for piece in source.pieces():
        *whole, rest = piece.split(b"\n")
        if whole:
            whole[0] = b"".join([*held, whole[0]])
            held = []
            yield [_line(number + i, line, source.name, invalid) for i, line in enumerate(whole)]
            number += len(whole)
        held.append(rest)
    if last := b"".join(held):
        yield [_line(number, last, source.name, invalid)]


def _line(number: int, line: bytes, name: str, invalid: str) -> Line:
    if number == 1:
        line = line.removeprefix(codecs.BOM_UTF8)
    try:
        return Line(number, "".join(decode([line.removesuffix(b"\r")], name, invalid)))
    except InputError:
        return Line(number, InputError("it is not UTF-8; --invalid replace puts U+FFFD in place of such bytes"))
