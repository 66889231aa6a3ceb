"""Lines answered by a model, in their order and none left out: a line without an answer says why it has none."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..data.pairs import PairFormat
from ..data.units import PairVocabulary
from ..errors import InputError, expect
from ..io.lines import Line

LINES_AT_ONCE = 512  # that are answered side by side
MAX_LINE = 50_000  # units of a line that is read


class Answerer(Protocol):
    """What answers lines."""

    def read(self, text: str) -> Any:
        """A line as it is understood. Raises `InputError` for one that cannot be answered."""

    def unknown(self, text: str) -> Collection[str]:
        """The units of a line that the model does not know, and reads as one unknown symbol."""

    def answer(self, lines: Sequence[Any]) -> Sequence[Any]:
        """The answers to some lines that were read."""


class Answered(NamedTuple):
    """A line, and its answer, or why it has none."""

    line: Line
    answer: Any  # of the answerer, or an `InputError`
    unknown: Collection[str] = ()  # units of the line that the model does not know


def answered(answerer: Answerer, lines: Iterable[Sequence[Line]]) -> Iterator[list[Answered]]:
    """Each of the lines with its answer, as they come."""
    for there in lines:
        for start in range(0, len(there), LINES_AT_ONCE):
            some = there[start : start + LINES_AT_ONCE]
            read = [_read(answerer, line) for line in some]
            answers = iter(answerer.answer([ids for ids in read if not isinstance(ids, InputError)]))
            yield [
                Answered(line, ids)
                if isinstance(ids, InputError)
                else Answered(line, next(answers), answerer.unknown(str(line.text)))
                for line, ids in zip(some, read, strict=True)
            ]


def each(answerer: Answerer, texts: str | Iterable[str]) -> list[Any]:
    """The answers to some texts, or one. Raises `InputError` for one without an answer, `UsageError` for no texts."""
    expect("the texts", texts, str, Iterable)
    texts = [texts] if isinstance(texts, str) else [*texts]
    for one in texts:
        expect("a text", one, str)
    lines = [[Line(number, text) for number, text in enumerate(texts, 1)]]
    found = [(one.line.number, one.answer) for some in answered(answerer, lines) for one in some]
    for number, answer in found:
        if isinstance(answer, InputError):
            raise InputError(f"text {number} of {len(texts)}: {answer}")
    return [answer for _, answer in found]


def read_source(vocabulary: PairVocabulary, format: PairFormat, text: str) -> np.ndarray:
    """The ids of a source, (N,), in which what is unknown is `unknown`. Raises `InputError` for a text that is none."""
    columns = text.count("\t") + 1
    if format.columns and columns != format.source_columns:
        need = format.source_columns
        raise InputError(f"it has {columns} column{'s' * (columns > 1)}, and the model reads {need} with TABs between")
    ids = vocabulary.encode(text, vocabulary.source)
    if len(ids) > MAX_LINE:
        raise InputError(f"it has {len(ids):,} {vocabulary.source}: the model reads lines of {MAX_LINE:,} at most")
    return ids


def _read(answerer: Answerer, line: Line) -> Any:
    if isinstance(line.text, InputError):
        return line.text
    try:
        return answerer.read(line.text)
    except InputError as error:
        return error
