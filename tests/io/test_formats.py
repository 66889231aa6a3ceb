"""What first bytes say of a file: the format that has them, and the command that makes a text."""

import bz2

import pytest

from charnn.io.formats import TAR_AT, foreign

TEXT = "Anna and Bert, Carla and Dora\n" * 4


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x1f\x8b\x08", "is compressed by gzip, no UTF-8 text: `gunzip < x.dat > text.txt`"),
        *((bz2.compress(b"a", level), "is compressed by bzip2,") for level in range(1, 10)),
        (b"\xfd7zXZ\0", "is compressed by xz,"),
        (b"\x28\xb5\x2f\xfd", "is compressed by zstd,"),
        (b"PK\x03\x04", "is a zip archive,"),
        (b"PK\x05\x06", "is an empty zip archive,"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive,"),
        (b"\0" * TAR_AT + b"ustar", "is a tar archive, no UTF-8 text: `tar -xf x.dat`"),
        (b"\xff\xfea\0", "is UTF-16,"),
        (b"\xff\xfe\0\0a\0\0\0", "is UTF-32,"),
        (b"\0\0\xfe\xff", "is UTF-32,"),
    ],
)
def test_magic_bytes_name_their_format(data: bytes, told: str) -> None:
    assert (foreign("x.dat", data) or "").startswith(f"x.dat {told}")
    assert foreign("x.dat", data[:1]) is None


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_text_without_a_mark_is_known_from_eight_bytes_on(encoding: str) -> None:
    name, data = encoding.upper().replace("-L", "L").replace("-B", "B"), TEXT.encode(encoding)
    for size in (8, 9, 16, len(data), len(data) - 1):
        assert (foreign("a", data[:size]) or "").startswith(f"a is {name}, no UTF-8 text: `iconv -f {name} ")
    assert foreign("a", data[:7]) is None


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("abя" * 60, True),  # 2 of 3 upper bytes are NUL
        ("aяя" * 60, False),
        ("яя" * 60, False),
        (("a" * 20 + "\0") * 60, True),  # a lower byte of 21 is NUL
        (("a" * 18 + "\0") * 60, False),
        ("\0" + "a" * 39, True),  # one of 20 at the first of four places
        ("\0" + "a" * 37, False),
        ("aa" * 2 + "яa" * 3, True),  # 2 of 5 upper bytes at the second of four places
        ("aa" * 2 + "яa" * 4, False),
    ],
)
def test_wide_text_is_mostly_latin(text: str, known: bool) -> None:
    found = foreign("a", text.encode("utf-16-le")) or ""
    assert ("a is UTF-16LE" in found) == known == bool(found)


def test_text_with_a_few_nul_is_text() -> None:
    assert foreign("a", b"\0one\0\ntwo\0three\0\0\n" * 4) is None
    assert foreign("a", TEXT.encode()) is None
    assert foreign("a", b"") is None


def test_only_the_first_bytes_count() -> None:
    assert foreign("a", b"x" * 16_384 + TEXT.encode("utf-16-le") * 1000) is None
    assert "UTF-16LE" in (foreign("a", "ab".encode("utf-16-le") * 4_096 + b"\0" * 16_384) or "")
    assert foreign("a", b"\0" * (TAR_AT + 1) + b"ustar") is None


def test_messages_quote_names_and_call_standard_input_by_its_name() -> None:
    assert "`gunzip < 'a b' > text.txt`" in (foreign("a b", b"\x1f\x8b") or "")
    assert foreign("-", b"\x1f\x8b") == (
        "standard input is compressed by gzip, no UTF-8 text: `gunzip < FILE > text.txt`"
    )


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.npz", b"PK\x03\x04", "`charnn tokenize --decode a.npz > text.txt`"),
        ("a.npz", b"\x1f\x8b", "`gunzip < a.npz > text.txt`"),
        ("a.zip", b"PK\x03\x04", "`unzip a.zip`"),
        ("a.TGZ", b"\x1f\x8b", "is a compressed tar archive, no UTF-8 text: `tar -xf a.TGZ`"),
        ("tar.gz/a.gz", b"\x1f\x8b", "`gunzip < tar.gz/a.gz > text.txt`"),
    ],
)
def test_the_name_tells_what_is_inside(name: str, data: bytes, told: str) -> None:
    assert told in (foreign(name, data) or "")
