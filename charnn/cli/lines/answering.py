"""Lines from files or standard input to rows on standard output."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ...errors import InputError, some_of
from ...io.text import Source
from .. import streams

if TYPE_CHECKING:
    from ...tasks.answers import Answered, Answerer

Row = Callable[["Answered"], str]  # a line that has an answer -> what is written for it, its end included
SHOWN_FAILURES = 5  # lines without an answer that are named, each in a note
UNKNOWN = "it read each as an unknown symbol"


def write_answers(answerer: "Answerer", given: Sequence[Source], invalid: str, row: Row, empty: Row) -> None:
    """Write a row for each line of some texts; `empty` is that of one without an answer.

    Rows are there before more input is waited for. Raises `InputError` at last if some lines had no answer.
    """
    from ...io.lines import lines
    from ...tasks.answers import answered
    from ...terminal import console

    failed, unknown = 0, set[str]()
    for source in given:
        for some in answered(answerer, lines(source, invalid)):
            for one in some:
                if isinstance(one.answer, InputError):
                    failed += 1
                    if failed <= SHOWN_FAILURES:
                        console.note(f"{source.shown}, line {one.line.number} has no answer: {one.answer}")
                unknown.update(one.unknown)
                streams.write((empty if isinstance(one.answer, InputError) else row)(one))
            streams.flush()
    if unknown:
        console.note(f"the model has not learnt {some_of([*map(repr, sorted(unknown))])}: {UNKNOWN}")
    if failed:
        raise InputError(f"{failed:,} line{'s have' if failed > 1 else ' has'} no answer: the notes above say why")


def tsv(*cells: str) -> str:
    """A row of TSV."""
    return "\t".join(map(streams.cell, cells)) + "\n"


def json_error(one: "Answered") -> str:
    """A line without an answer as a JSON object."""
    return streams.json_line({"line": one.line.number, "error": str(one.answer)})
