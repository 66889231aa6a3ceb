"""A text as one stream: the same bytes again, every sequence closed, the split where it should be."""

import hashlib
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charnn.data.corpus import MIN_SYMBOLS, Corpus, read, scan
from charnn.data.vocabulary import MODES, Vocabulary
from charnn.errors import InputError
from charnn.io.text import Source, encode
from tests.helpers.snapshots import raises

law = settings(derandomize=True, deadline=None, max_examples=200, database=None)
NASTY = [
    "\n",
    "\r",
    "\0",
    "\ufeff",
    "\u2028",
    "e\u0301",
    "😀",
    "\ud800",
    "\x85",
    " ",
    "a",
    "b",
    "\r\n",
    "\n\n",
    "\r\n\r\n",
]
TEXT = st.lists(st.sampled_from(NASTY), max_size=30).map("".join)
TEXTS = st.lists(TEXT, min_size=1, max_size=3)
CUTS = st.lists(st.integers(0, 60), max_size=8)
ASKED = st.sampled_from([*MODES, "auto"])
TEXTS_TO_KEEP = {
    "byte order mark": "\ufeffone\ntwo\nthree\n four\n",
    "carriage return and line feed": "one\r\ntwo\r\n\r\nthree\r\nfour\r\n",
    "carriage returns alone": "one\rtwo\r\rthree\rfour\r",
    "every kind of line end": "one\rtwo\r\nthree\nfour\n\r\n\r five\r",
    "nul": "\0one\0\ntwo\0three\0\0\n",
    "other separators": "one\u2028two\u2029three\x85four\x0b\x0cfive\x1c",
    "combining marks": "e\u0301e\u0301 and o\u0308 a\u0308\u0323\nne\u0301e\u0301\n",
    "emoji": "👩\u200d👩\u200d👧 🏳\ufe0f\u200d🌈\n🇨🇭 👍🏽👍🏽\n",
    "no final line end": "one\ntwo\nthree\nfour",
    "only line ends": "\n" * 20,
    "only carriage returns": "\r" * 20,
    "only empty lines with carriage returns": "\r\n" * 12,
    "one line": "one two three four five",
}


class Pieces:
    """A file whose reads give these pieces, one after the other."""

    def __init__(self, pieces: list[bytes]):
        self.pieces = [piece for piece in pieces if piece]

    def __enter__(self) -> "Pieces":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, _: int) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


def source(data: bytes, cuts: Any = (), name: str = "some.txt") -> Source:
    edges = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    return Source(name, lambda: Pieces([data[a:b] for a, b in pairwise(edges)]))


def corpus(*texts: str | bytes, sequence: str = "auto", cuts: Any = (), **options: str) -> Corpus:
    sources = [source(encode(data) if isinstance(data, str) else data, cuts) for data in texts]
    return read(sources, sequence, **options)


def written(found: Corpus) -> bytes:
    return encode("".join(found.text()))


def symbols(texts: list[str], sequence: str) -> list[str]:
    """The stream by its definition: characters, and "EOS" where a sequence ends or a file's end leaves it open."""
    newline = "\r" if "\r" in "".join(texts) and "\n" not in "".join(texts) else "\n"
    stream = []
    for text in texts:
        line, open_ = "", sequence == "file"
        for character in text:
            empty = line == "" or (newline == "\n" and line == "\r")
            ends = character == newline and (sequence == "line" or (sequence == "paragraph" and empty))
            stream.append("EOS" if ends else character)
            line = "" if character == newline else line + character
            open_ = not ends
        stream += ["EOS"] if open_ else []
    return stream


@law
@given(TEXTS, ASKED, CUTS)
@example(["one\r\n\r\ntwo and more\r\n"], "paragraph", [])
@example(["\ra text and more", "\r", ""], "paragraph", [])
def test_the_text_comes_back_byte_for_byte(texts: list[str], sequence: str, cuts: list[int]) -> None:
    texts[0] += "sixteen symbols "
    found = corpus(*texts, sequence=sequence, cuts=cuts)
    whole = b"".join(map(encode, texts))
    assert written(found) == whole
    three = [found.ids[start : start + 3] for start in range(0, len(found.ids), 3)]
    with patch.object(Corpus, "pieces", lambda _: iter(three)):
        assert written(found) == whole
    assert found.sha256 == hashlib.sha256(whole).hexdigest()


@pytest.mark.slow
@law
@given(TEXTS, st.sampled_from(MODES), CUTS)
@example(["one\r\n\r\ntwo and more\r\n"], "paragraph", [])
@example(["\r", "\ra text and more", "\r", ""], "paragraph", [])
@example(["one\rtwo\r", "", "three"], "line", [])
def test_every_sequence_ends_by_eos_and_nothing_else_does(texts: list[str], sequence: str, cuts: list[int]) -> None:
    texts[0] = "sixteen symbols " + texts[0]
    found = corpus(*texts, sequence=sequence, cuts=cuts)
    names = ["EOS", *map(chr, found.vocabulary.characters)]
    assert [names[i] for i in found.ids] == symbols(texts, sequence)
    assert found.sequences == symbols(texts, sequence).count("EOS")


@pytest.mark.parametrize("sequence", [*MODES, "auto"])
@pytest.mark.parametrize("kind", TEXTS_TO_KEEP)
def test_nasty_texts_come_back_alone_and_among_others(kind: str, sequence: str) -> None:
    text = TEXTS_TO_KEEP[kind]
    assert written(corpus(text, sequence=sequence)) == encode(text)
    assert written(corpus(text, "no line end", text, sequence=sequence)) == encode(f"{text}no line end{text}")


def test_bytes_that_are_no_text_come_back_if_kept() -> None:
    data = b"caf\xff\xfe\x00\xe9\n\xed\xb2\x80 \xed\xa0\x80 \xf0\x9f\n and so on"
    for sequence in (*MODES, "auto"):
        assert written(corpus(data, sequence=sequence, invalid="keep", cuts=range(len(data)))) == data


def test_a_file_without_its_last_line_end_is_closed_by_an_eos_that_is_not_written() -> None:
    found = corpus("one two\nthree", "four five\nsix", sequence="line")
    assert found.silent == (13, 27)
    assert np.flatnonzero(found.ids == 0).tolist() == [7, 13, 23, 27]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("text", "sequence"),
    [
        ("a text of one line", "file"),
        ("a text of one line|", "file"),
        ("a text|of lines|", "line"),
        ("||a text|of lines", "paragraph"),
        ("a text||of paragraphs||", "paragraph"),
        ("a line of a long list|" * 99 + "|a line||a line|", "paragraph"),  # 2 of 102 lines are blank
        ("a line of a long list|" * 399 + "|a line||a line|", "line"),  # 2 of 402
    ],
)
def test_auto_takes_paragraphs_where_there_are_blank_lines_else_lines(text: str, sequence: str, end: str) -> None:
    assert corpus(text.replace("|", end)).vocabulary.sequence == sequence


@law
@given(TEXT, CUTS)
@example("\n\n\n" + "a\n" * 200, [1, 2, 3, 9, 10])
def test_blank_lines_are_counted_wherever_the_pieces_are_cut(text: str, cuts: list[int]) -> None:
    newline = "\r" if "\r" in text and "\n" not in text else "\n"
    lines = text.split(newline)[:-1]
    blank = sum(line == "" or (newline == "\n" and line == "\r") for line in lines)
    found = scan([source(encode(text), cuts)])
    assert (found.lines, found.blank_lines) == (len(lines), blank)


@pytest.mark.parametrize("different", [255, 256])
def test_ids_take_two_bytes_past_255_characters(different: int) -> None:
    text = "".join(map(chr, range(0x4E00, 0x4E00 + different))) + "\n"
    found = corpus(text, sequence="line")
    assert found.ids.dtype == (np.uint8 if different == 255 else np.uint16)
    assert written(found) == text.encode()


def test_the_vocabulary_has_no_line_end_where_lines_are_sequences() -> None:
    text = "one line\nand another\n"
    assert "\n" not in map(chr, corpus(text, sequence="line").vocabulary.characters)
    assert "\n" in map(chr, corpus(text, sequence="paragraph").vocabulary.characters)
    assert "\r" in map(chr, corpus(text.replace("\n", "\r\n"), sequence="line").vocabulary.characters)
    assert "\r" not in map(chr, corpus(text.replace("\n", "\r"), sequence="line").vocabulary.characters)


@pytest.mark.parametrize("sequence", MODES)
def test_a_text_that_is_too_short_is_refused_with_the_minimum(sequence: str) -> None:
    text = "a" * (MIN_SYMBOLS - 2)  # and the EOS that closes it
    with raises(InputError, "some.txt", f" {MIN_SYMBOLS} "):
        corpus(text, sequence=sequence)
    with raises(InputError, "some.txt"):
        corpus("", sequence=sequence)
    assert len(corpus(text + "b", sequence=sequence).ids) == MIN_SYMBOLS


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"sixteen symbols and more", b"sixteen symbols"),
        (b"sixteen symbols and more", b"sixteen symbols and more and more and more"),
        (b"sixteen symbols and more", b"sixteen symbols and more" * 100),
        (b"sixteen symbols and more", b""),
    ],
    ids=["shorter", "longer", "much longer", "empty"],
)
def test_a_text_that_changes_while_it_is_read_is_refused(first: bytes, then: bytes) -> None:
    contents = [first, then]
    changing = Source("log.txt", lambda: source(contents.pop(0), range(0, 3000, 10)).open())
    with raises(InputError, "log.txt"):
        read([changing], "line")


@law
@given(
    st.lists(st.integers(0, 3).map(lambda i: min(i, 1)), min_size=16, max_size=600),
    st.floats(0.0001, 0.9),
)
def test_the_split_leaves_nothing_out_and_neither_part_empty(ids: list[int], valid: float) -> None:
    stream = np.array(ids, np.uint8)
    train, held_out = Corpus(stream, Vocabulary((97,)), (), ("a.txt",), "").split(valid)
    assert len(train) and len(held_out)
    assert np.array_equal(np.concatenate([train, held_out]), stream)
    cut, asked, reach = len(train), round(len(stream) * (1 - valid)), int(0.01 * len(stream))
    ends = [i + 1 for i in np.flatnonzero(stream == 0).tolist() if i + 1 < len(stream)]
    nearest = min((abs(end - asked) for end in ends), default=len(stream))
    if nearest < reach:
        assert cut in ends and abs(cut - asked) == nearest
    elif nearest > reach:
        assert cut == min(max(asked, 1), len(stream) - 1)


def test_lines_are_not_torn_apart_by_the_split() -> None:
    found = corpus("a line of text\n" * 120)
    for valid in (0.05, 0.1, 0.2, 0.5):
        train, held_out = found.split(valid)
        assert train[-1] == held_out[-1] == 0
        assert len(held_out) / len(found.ids) == pytest.approx(valid, abs=0.01)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/names.txt", "names"),
        ("names.txt.gz", "names"),
        ("names", "names"),
        ("a b (c).txt", "a-b-c"),
        ("été.txt", "été"),
        (".hidden", "hidden"),
        ("-", "text"),
        ("...", "text"),
    ],
)
def test_a_run_is_called_after_the_first_file(path: str, name: str) -> None:
    found = corpus("a text that is long enough\n")
    assert Corpus(found.ids, found.vocabulary, (), (path, "other.txt"), "").name == name


def test_a_corpus_knows_the_files_it_is_from(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = [source(b"sixteen symbols", name="a.txt"), source(b"and more", name="/b.txt")]
    assert read(data, "line").names == (str(tmp_path / "a.txt"), "/b.txt")
