"""Characters to integers and back: the same text again, EOS where sequences end, strangers named by their place."""

import random
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charnn.data.vocabulary import MODES, Vocabulary, codes, describe, from_json
from charnn.errors import CheckpointError, InputError
from tests.helpers.snapshots import raises

law = settings(derandomize=True, deadline=None, max_examples=200, database=None)
NASTY = "\n\r\0\ufeff\u2028\u0301é😀\ud800\udc80 ab"
TEXT = st.text(st.sampled_from(NASTY + "\n\n\n\r\r"), max_size=40)
CUTS = st.lists(st.integers(0, 40), max_size=6)


def cut(written: str, places: list[int]) -> list[str]:
    """The text in pieces, some of them empty."""
    edges = [0, *sorted(min(place, len(written)) for place in places), len(written)]
    return [written[a:b] for a, b in pairwise(edges)]


def knowing(written: str, sequence: str = "line", newline: str = "\n") -> Vocabulary:
    return Vocabulary(tuple(sorted({*map(ord, written)})), sequence, newline)


def ids(vocabulary: Vocabulary, pieces: list[str], **options: str) -> np.ndarray:
    return np.concatenate([np.empty(0, vocabulary.dtype), *vocabulary.encode(pieces, **options)])


def ends(written: str, sequence: str, newline: str) -> list[bool]:
    """For every character whether it ends a sequence: the definition, character by character."""
    line, found = "", []
    for character in written:
        empty = line == "" or (newline == "\n" and line == "\r")
        found.append(character == newline and (sequence == "line" or (sequence == "paragraph" and empty)))
        line = "" if character == newline else line + character
    return found


@law
@given(TEXT, CUTS, st.sampled_from(MODES), st.sampled_from(["\n", "\r"]))
def test_a_text_comes_back_whatever_a_sequence_is(written: str, cuts: list[int], sequence: str, newline: str) -> None:
    vocabulary = knowing(written, sequence, newline)
    found = ids(vocabulary, cut(written, cuts))
    assert found.dtype == vocabulary.dtype
    assert vocabulary.decode(found) == written


@law
@given(TEXT, CUTS, st.sampled_from(MODES), st.sampled_from(["\n", "\r"]))
@example("a\nb\n\nc\n", list(range(8)), "paragraph", "\n")
def test_eos_stands_where_a_sequence_ends(written: str, cuts: list[int], sequence: str, newline: str) -> None:
    found = ids(knowing(written, sequence, newline), cut(written, cuts))
    assert (found == 0).tolist() == ends(written, sequence, newline)


def test_eos_in_words() -> None:
    poem = "\nroses\n\nviolets\r\n\r\n\n sugar\n \n"
    line, paragraph, file = (ids(knowing(poem, mode), [poem]) == 0 for mode in MODES)
    assert np.flatnonzero(line).tolist() == [i for i, character in enumerate(poem) if character == "\n"]
    assert np.flatnonzero(paragraph).tolist() == [0, 7, 18, 19]  # a line with a space in it is not empty
    assert not file.any()


def test_ids_are_ranks_from_one() -> None:
    vocabulary = knowing("cab")
    assert ids(vocabulary, ["abc\n"]).tolist() == [1, 2, 3, 0]
    assert vocabulary.size == 4


@pytest.mark.parametrize(
    ("characters", "dtype"), [(1, "u1"), (255, "u1"), (256, "u2"), (65_535, "u2"), (65_536, "u4"), (0x110000, "u4")]
)
def test_ids_are_as_small_as_the_vocabulary_allows(characters: int, dtype: str) -> None:
    vocabulary = Vocabulary(tuple(range(characters)), "file")
    assert vocabulary.dtype == np.dtype(dtype)
    last = chr(characters - 1)
    assert ids(vocabulary, [last]).tolist() == [characters]
    assert vocabulary.decode(ids(vocabulary, [last, "\0"])) == last + "\0"


@law
@given(st.text(st.sampled_from("ab\r\nXYZé😀"), max_size=60), CUTS, st.sampled_from(MODES))
def test_strangers_are_named_where_they_first_stand(written: str, cuts: list[int], sequence: str) -> None:
    """Lines are those of the vocabulary's line end, columns are characters, both count from 1."""
    vocabulary, pieces = knowing("ab\r\n", sequence), cut(written, cuts)
    holding = [i for i, piece in enumerate(pieces) if set(piece) & set("XYZé😀")]
    if not holding:
        assert vocabulary.decode(ids(vocabulary, pieces)) == written
        return
    start, named = len("".join(pieces[: holding[0]])), []
    for character in dict.fromkeys(c for c in pieces[holding[0]] if c in "XYZé😀"):
        before = written[: written.index(character, start)].split("\n")
        named.append(f"'{character}' U+{ord(character):04X} at {len(before)}:{len(before[-1]) + 1}")
    with pytest.raises(InputError) as caught:
        ids(vocabulary, pieces, name="notes.txt")
    message = f"notes.txt has characters that the model does not know: {', '.join(named)} (line:column); "
    assert str(caught.value).startswith(message)


@law
@given(st.text(st.sampled_from("ab\r\nXYé"), max_size=60), CUTS, st.sampled_from(MODES))
def test_strangers_are_left_out_if_asked_for(written: str, cuts: list[int], sequence: str) -> None:
    vocabulary = knowing("ab\r\n", sequence)
    found = ids(vocabulary, cut(written, cuts), unknown="skip")
    assert vocabulary.decode(found) == written.translate({ord(character): None for character in "XYé"})


def test_a_stranger_deep_in_a_text_is_found() -> None:
    line = "abc" * 100 + "\n"
    pieces = [line * 1000] * 3 + [line * 7 + "abc" * 100, "ab", "cab☃"]
    with raises(InputError, "U+2603", "3008:306"):
        ids(knowing("abc"), pieces)


def test_five_strangers_are_named_and_the_option_that_leaves_them_out() -> None:
    with pytest.raises(InputError) as caught:
        ids(knowing("ab"), ["a1\n22b345678\n\0"])
    message = str(caught.value)
    assert "'1' U+0031 at 1:2, '2' U+0032 at 2:1, '3' U+0033 at 2:4, '4' U+0034 at 2:5, '5' U+0035 at 2:6 (" in message
    assert "--unknown skip" in message


@pytest.mark.parametrize("newline", ["", "\n"])
def test_a_text_of_nothing_but_strangers_is_refused_at_once(newline: str) -> None:
    rng = random.Random(0)
    piece = "".join(rng.choices("ÀÁÂÃÄÅ", k=300_000)) + newline
    start = time.process_time()
    with pytest.raises(InputError):
        ids(knowing("ab"), [piece * 2])
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("character", "shown"),
    [("a", "'a' U+0061"), ("\n", "U+000A"), ("\ud800", "U+D800"), ("\u2028", "U+2028"), ("😀", "'😀' U+1F600")],
)
def test_characters_are_described_by_what_can_be_printed(character: str, shown: str) -> None:
    assert describe(character) == shown


@law
@given(st.text(st.characters(exclude_categories=())))
def test_codes_are_the_code_points(written: str) -> None:
    found = codes(written)
    assert found.dtype == np.uint32
    assert found.tolist() == [ord(character) for character in written]


def test_a_vocabulary_comes_back_from_json() -> None:
    for vocabulary in (knowing("abc"), Vocabulary((), "file"), knowing("x\r", "paragraph", "\r")):
        value = {**vars(vocabulary), "characters": list(vocabulary.characters)}
        assert from_json("m.npz", value) == vocabulary


@pytest.mark.parametrize(
    "change",
    [
        {"characters": [98, 97]},
        {"characters": [97, 97]},
        {"characters": [-1, 97]},
        {"characters": [97, 0x110000]},
        {"characters": [97.0]},
        {"characters": ["a"]},
        {"characters": "ab"},
        {"characters": [None]},
        {"characters": [[97]]},
        {"sequence": "word"},
        {"sequence": None},
        {"newline": ""},
        {"newline": "\r\n"},
        {"newline": 10},
    ],
)
def test_what_is_no_vocabulary_is_refused(change: dict[str, object]) -> None:
    with raises(CheckpointError, "m.npz", "vocabulary"):
        from_json("m.npz", {"characters": [97, 98], "sequence": "line", "newline": "\n", **change})
