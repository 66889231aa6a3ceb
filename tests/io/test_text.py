"""Bytes to characters and back: nothing is lost or changed, wherever the pieces are cut."""

import bz2
import gzip
import lzma
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charnn.errors import CharnnError, InputError, UsageError
from charnn.io import text
from charnn.io.text import Source, decode, encode, file_source, file_sources
from tests.helpers.snapshots import raises

law = settings(derandomize=True, deadline=None, max_examples=200, database=None)
PACKERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
NASTY = st.sampled_from(
    [b"\xed\xa0\x80", b"\xed\xb2\x80", b"\xed\xb0\x80", b"\xc3", b"\xa9", b"\xe2\x82\xac", b"\xe2\x82", b"\xf0\x9f"]
)
BYTES = st.lists(st.one_of(st.binary(max_size=6), NASTY, st.text(max_size=3).map(str.encode)), max_size=8).map(b"".join)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces, some of them empty."""
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


CUTS = st.lists(st.integers(0, 40), max_size=6)


@law
@given(BYTES, CUTS)
def test_any_bytes_come_back_where_invalid_ones_are_kept(data: bytes, cuts: list[int]) -> None:
    assert encode("".join(decode(cut(data, cuts), invalid="keep"))) == data


@law
@given(st.text(), CUTS)
def test_utf8_cut_anywhere_is_decoded_as_python_does_and_comes_back(written: str, cuts: list[int]) -> None:
    pieces = cut(written.encode(), cuts)
    for invalid in ("error", "keep", "replace"):
        assert "".join(decode(pieces, invalid=invalid)) == written
    assert encode(written) == written.encode()


@pytest.mark.parametrize("character", ["\x7f", "\x80", "\u07ff", "\u0800", "\uffff", "\U00010000", "\U0010ffff"])
def test_a_character_is_held_back_until_its_last_byte_has_come(character: str) -> None:
    data = f"a{character}".encode()
    for at in range(1, len(data)):
        assert list(decode([data[:at], data[at:] + b"b"])) == ["a", f"{character}b"]
    assert list(decode([data, b"b"])) == [f"a{character}", "b"]


@law
@given(BYTES, CUTS, st.sampled_from(["error", "keep", "replace"]))
def test_where_the_pieces_are_cut_changes_neither_text_nor_message(data: bytes, cuts: list[int], invalid: str) -> None:
    def read(pieces: list[bytes]) -> str:
        try:
            return "".join(decode(pieces, invalid=invalid))
        except InputError as error:
            return f"error: {error}"

    assert read(cut(data, cuts)) == read([data])


@law
@given(BYTES)
def test_replaced_text_is_unicode_that_python_can_write(data: bytes) -> None:
    written = "".join(decode([data], invalid="replace"))
    assert not any(0xDC80 <= ord(character) <= 0xDCFF for character in written)


def test_an_invalid_byte_is_replaced_by_one_mark() -> None:
    assert "".join(decode([b"a\xff\xe2\x82b"], invalid="replace")) == "a\ufffd\ufffd\ufffdb"


@law
@given(
    st.text(max_size=20), st.sampled_from([b"\xff", b"\xc0\x80", b"\x80", b"\xed\xb2\x80", b"\xe2\x82", b"\xf5"]), CUTS
)
def test_the_first_invalid_byte_is_named_with_its_offset(before: str, bad: bytes, cuts: list[int]) -> None:
    data = before.encode() + bad + b"a later \xfe"
    with pytest.raises(InputError) as caught:
        list(decode(cut(data, cuts), "notes.txt"))
    message = str(caught.value)
    assert f"notes.txt is not UTF-8: byte 0x{bad[0]:02x} at offset {len(before.encode()):,};" in message
    assert "--invalid keep" in message and "--invalid replace" in message


def test_the_offset_counts_over_pieces_of_a_file(tmp_path: Path) -> None:
    at = 2 * text.PIECE + 12_345
    path = tmp_path / "long.txt"
    path.write_bytes("é".encode() * (at // 2) + b"a" * (at % 2) + b"\xff" + b"b" * text.PIECE)
    with pytest.raises(InputError, match=f"0xff at offset {at:,};"):
        list(decode(file_source(str(path)).pieces(), str(path)))


def test_a_character_cut_off_by_the_end_is_invalid() -> None:
    with raises(InputError, "0xe2", "offset 3"):
        list(decode([b"abc\xe2", b"\x82"]))


@pytest.mark.parametrize("invalid", ["error", "keep"])
def test_every_lone_surrogate_but_128_passes_and_comes_back(invalid: str) -> None:
    for code in [*range(0xD800, 0xDC80), *range(0xDD00, 0xE000)]:
        data = b"a" + chr(code).encode("utf-8", "surrogatepass") + b"b"
        for at in range(len(data)):
            written = "".join(decode([data[:at], data[at:]], invalid=invalid))
            assert written == f"a{chr(code)}b"
        assert encode(written) == data


def test_the_128_surrogates_that_stand_for_bytes_are_invalid_when_spelt_out() -> None:
    """ED B2 80 is U+DC80, which is what the byte 80 is kept as: both must come back as they were."""
    for code in range(0xDC80, 0xDD00):
        data = chr(code).encode("utf-8", "surrogatepass")
        with raises(InputError, "0xed", "offset 0"):
            list(decode([data]))
        kept = "".join(decode([data], invalid="keep"))
        assert kept == "".join(chr(0xDC00 + byte) for byte in data)
        assert encode(kept) == data
        assert encode(chr(code)) == bytes([code - 0xDC00])


@pytest.mark.parametrize(
    "data", [b"\xed\xc0\x80", b"\xed\xa0\xc0", b"\xed\x9f\xc0", b"\xed\xa0\x7f", b"\xee\xa0\xc0", b"\xed\xa0"]
)
def test_bytes_beside_those_of_surrogates_are_invalid(data: bytes) -> None:
    with raises(InputError, "offset 0"):
        list(decode([data]))
    assert encode("".join(decode([data], invalid="keep"))) == data


def test_a_character_that_cannot_be_completed_is_not_waited_for() -> None:
    assert list(decode([b"\xe2a", b"b"], invalid="replace")) == ["\ufffda", "b"]
    assert list(decode([b"\xc3\xa9\x80\x80\x80", b"b"], invalid="replace")) == ["é\ufffd\ufffd\ufffd", "b"]


def test_a_surrogate_pair_spelt_out_is_two_characters() -> None:
    data = b"\xed\xa0\xbd\xed\xb8\x80"
    assert "".join(decode([data])) == "\ud83d\ude00"
    assert encode("\ud83d\ude00") == data


@pytest.mark.parametrize("ending", ["", ".txt", *PACKERS])
def test_files_are_read_by_their_ending_in_pieces_as_often_as_wanted(tmp_path: Path, ending: str) -> None:
    data = random.Random(0).randbytes(text.PIECE // 2) * 5
    path = tmp_path / f"data{ending}"
    path.write_bytes(PACKERS.get(ending, bytes)(data))
    source = file_source(str(path))
    for _ in range(2):
        pieces = list(source.pieces())
        assert b"".join(pieces) == data
        assert max(map(len, pieces)) <= text.PIECE


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("harm", ["cut", "tail", "text"])
def test_harmed_compressed_files_are_input_errors(tmp_path: Path, ending: str, harm: str) -> None:
    whole = PACKERS[ending](random.Random(1).randbytes(50_000))
    path = tmp_path / f"data{ending}"
    for at in {"cut": range(1, len(whole), len(whole) // 16), "tail": [len(whole) - 1], "text": [0]}[harm]:
        path.write_bytes(b"this is no compressed file at all" if harm == "text" else whole[:at])
        with pytest.raises(InputError, match=r"data\.\w+ is a corrupt or truncated compressed file"):
            list(file_source(str(path)).pieces())


@pytest.mark.parametrize("ending", PACKERS)
def test_a_flipped_bit_is_an_input_error_or_changes_nothing(tmp_path: Path, ending: str) -> None:
    rng = random.Random(2)
    data = "".join(rng.choices("abcdefgh \n", k=3000)).encode()
    whole = PACKERS[ending](data)
    path = tmp_path / f"data{ending}"
    refused = 0
    for _ in range(150):
        flipped = bytearray(whole)
        flipped[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        try:
            assert b"".join(file_source(str(path)).pieces()) == data
        except InputError:
            refused += 1
    assert refused > 100


def test_a_missing_file_and_a_folder_are_usage_errors(tmp_path: Path) -> None:
    with raises(UsageError, "gone.txt"):
        list(file_source(str(tmp_path / "gone.txt")).pieces())
    with raises(UsageError, "folder"):
        list(file_source(str(tmp_path)).pieces())


@pytest.mark.parametrize("name", ["a.txt", "a.gz", "A.GZ"])
@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (OSError(5, "Input/output error"), CharnnError, "cannot be read: Input/output error"),
        (OSError("Not a packed file"), CharnnError, "Not a packed file"),
        (EOFError("cut off"), InputError, "is a corrupt or truncated compressed file: cut off"),
    ],
)
def test_an_error_of_reading_is_that_of_the_disk_or_of_the_file(
    name: str, error: Exception, kind: type[CharnnError], told: str
) -> None:
    def fail() -> None:
        raise error

    with raises(kind, f"{name} ", told) as caught:
        list(Source(name, fail).pieces())
    packed = name.lower().endswith(".gz") and "packed" in str(error)
    assert ("corrupt" in str(caught.value)) == (packed or kind is InputError)
    assert isinstance(caught.value, InputError) == (packed or kind is InputError)


def test_what_is_no_text_by_its_first_bytes_is_refused_however_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "packed.txt"
    path.write_bytes(gzip.compress(b"text"))
    for piece in (1, 2, 100):
        monkeypatch.setattr(text, "PIECE", piece)
        with raises(InputError, "packed.txt is compressed by gzip"):
            list(file_source(path).pieces())


def test_sources_are_made_of_names_in_lists_of_any_depth() -> None:
    source = Source("-", lambda: None)
    assert file_source(source) is source
    assert [one.name for one in file_sources(["a", ("b", [Path("c"), source])])] == ["a", "b", "c", "-"]
    assert [one.name for one in file_sources("a")] == ["a"]
    for none in ([], ["a", ()]):
        with pytest.raises(UsageError, match="no text is given: name a file"):
            file_sources(none)
    for name in (3, None, b"a"):
        with raises(UsageError, "a text's name is"):
            file_source(name)  # type: ignore[arg-type]
    with raises(UsageError, "NUL"):
        file_source("a\0b")


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/full", "/dev/urandom"])
def test_a_device_that_has_no_end_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to(name)
    for path in (Path(name), tmp_path / "link"):
        with raises(UsageError, "is a device that has no end"):
            list(file_source(path).pieces())
    assert list(file_source("/dev/null").pieces()) == []


def test_a_name_that_is_almost_that_of_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").touch()
    (tmp_path / "corpus.txu").mkdir()
    with raises(UsageError, "corpus.tx does not exist", "corpus.txt") as caught:
        list(file_source(tmp_path / "corpus.tx").pieces())
    assert "corpus.txu" not in str(caught.value)
    with raises(UsageError, "none/corpus.txt does not exist"):
        list(file_source(tmp_path / "none" / "corpus.txt").pieces())


def test_names_are_shown_from_the_folder_on_where_that_is_shorter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert text.short_path(str(tmp_path / "a.txt")) == "a.txt" and text.short_path("b/c.txt") == "b/c.txt"
    assert text.short_path("/a") == "/a"


def test_an_empty_input_says_what_stands_for_the_held_out_part() -> None:
    assert text.nothing_in("a, b", "score") == "a, b is empty: there is nothing to score"
    assert "`< /dev/null`" in text.nothing_in("standard input")


def test_a_source_knows_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert file_source("a.txt").path == str(tmp_path / "a.txt")
    assert Source("-", lambda: None).path == "-"
    assert Source("-", lambda: None).shown == "standard input" and file_source("a.txt").shown == "a.txt"
