"""Lines as they come: where they end, what they lack, and what one that is no text costs the others."""

from io import BytesIO

import pytest

from charnn.errors import InputError
from charnn.io import text
from charnn.io.lines import Line, lines
from charnn.io.text import Source


def read(data: bytes, invalid: str = "replace") -> list[Line]:
    return [line for some in lines(Source("a text", lambda: BytesIO(data)), invalid) for line in some]


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 100])
def test_lines_are_the_same_however_they_come(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "PIECE", piece)
    assert read("ä\r\n\nb\rc\r\n d".encode()) == [Line(1, "ä"), Line(2, ""), Line(3, "b\rc"), Line(4, " d")]
    assert read(b"") == [] and read(b"\n") == [Line(1, "")]


def test_a_byte_order_mark_is_left_out_at_the_start_alone() -> None:
    assert read("\ufeffa\n\ufeffb".encode()) == [Line(1, "a"), Line(2, "\ufeffb")]
    assert read("\ufeffa".encode()) == [Line(1, "a")]


def test_a_line_that_is_no_text_loses_no_other() -> None:
    first, second, third = read(b"a\n\xff\nb", "error")
    assert (first, third) == (Line(1, "a"), Line(3, "b"))
    assert second.number == 2 and isinstance(second.text, InputError) and "--invalid replace" in str(second.text)
    assert read(b"a\n\xff\nb")[1] == Line(2, "\ufffd")
