"""C12, C13: files that are no UTF-8 text, or another kind of it, and what is said of them."""

import bz2
import gzip
import io
import json
import lzma
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.processes import bash, charnn
from tests.helpers.program import TINY, names

SHORT = [*TINY, "--steps", "2", "--validate-every", "2"]
DATA = names().encode()


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("names.txt", data)
    return file.getvalue()


def tarred(data: bytes, mode: str = "w") -> bytes:
    file, info = io.BytesIO(), tarfile.TarInfo("names.txt")
    info.size = len(data)
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


ODD = b"\0one\0\ntwo\0three\0\0\n" * 4, b"\0\0\0\0\n" * 20, b"BZhou is a name\nBZ\n" * 9, b"PK\n" * 30
FOREIGN: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {  # how it is made, what it is, and the command
    "UTF-16": (lambda data: data.decode().encode("utf-16"), "is UTF-16", "iconv -f UTF-16 -t UTF-8"),
    "UTF-16LE": (lambda data: data.decode().encode("utf-16-le"), "is UTF-16LE", "iconv -f UTF-16LE"),
    "UTF-16BE": (lambda data: data.decode().encode("utf-16-be"), "is UTF-16BE", "iconv -f UTF-16BE"),
    "UTF-32": (lambda data: data.decode().encode("utf-32"), "is UTF-32", "iconv -f UTF-32 -t UTF-8"),
    "UTF-32LE": (lambda data: data.decode().encode("utf-32-le"), "is UTF-32LE", "iconv -f UTF-32LE"),
    "UTF-32BE": (lambda data: data.decode().encode("utf-32-be"), "is UTF-32BE", "iconv -f UTF-32BE"),
    "gzip": (gzip.compress, "is compressed by gzip", "gunzip < "),
    "bzip2": (bz2.compress, "is compressed by bzip2", "bunzip2 < "),
    "xz": (lzma.compress, "is compressed by xz", "unxz < "),
    "zip": (zipped, "is a zip archive", "unzip "),
    "tar": (tarred, "is a tar archive", "tar -xf "),
}


@pytest.mark.parametrize("name", ["odd.txt", "odd name.txt", "-"])
@pytest.mark.parametrize("kind", FOREIGN)
def test_C12_what_is_no_text_is_named_and_never_trained_on(new: Path, kind: str, name: str) -> None:
    make, what, command = FOREIGN[kind]
    if name == "-":
        done = charnn("train", "-", *SHORT, stdin=make(DATA))
    else:
        Path(name).write_bytes(make(DATA))
        done = charnn("train", name, *SHORT)
    done.told(3, what, f"`{command}", "standard input" if name == "-" else name)
    assert not list(Path().glob("checkpoints/*"))


@pytest.mark.parametrize("kind", ["UTF-16", "UTF-16LE", "UTF-32BE", "gzip", "bzip2", "xz"])
def test_C12_the_command_makes_the_text(new: Path, kind: str) -> None:
    make, _, _ = FOREIGN[kind]
    Path("odd.dat").write_bytes(make(DATA))
    command = charnn("tokenize", "odd.dat").told(3).split("`")[1]
    bash(command).well()
    assert Path("text.txt").read_bytes() == DATA


@pytest.mark.parametrize("name", ["a.tgz", "a.tar.gz", "A.TGZ", "a.tar", "a.tar.bz2"])
def test_C12_archives_by_their_names(new: Path, name: str) -> None:
    mode = {"tar": "w", "bz2": "w:bz2"}.get(name.rsplit(".", 1)[1], "w:gz")
    Path(name).write_bytes(tarred(DATA, mode))
    message = charnn("train", name).told(3, "tar archive", "`tar -xf ")
    Path("names.txt").unlink()
    bash(message.split("`")[1]).well()
    assert Path("names.txt").read_bytes() == DATA


@pytest.mark.parametrize(("name", "make"), [("A.GZ", gzip.compress), ("a.Bz2", bz2.compress), ("a.XZ", lzma.compress)])
def test_C12_endings_in_any_case(new: Path, name: str, make: Callable[[bytes], bytes]) -> None:
    Path(name).write_bytes(make(DATA))
    assert charnn("tokenize", name, "-o", "-").well() == charnn("tokenize", "names.txt", "-o", "-").well()


def test_C12_bytes_of_a_western_code_page(new: Path) -> None:
    Path("old.txt").write_bytes("Café Zoë\nnaïve\n".encode("cp1252") * 40)
    charnn("train", "old.txt").told(3, "not UTF-8", "iconv -f CP1252 -t UTF-8", "--invalid keep")


@pytest.mark.parametrize("command", [["eval"], ["eval", "--by", "line"], ["tokenize"]])
def test_C12_other_commands_name_it_too(here: Path, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "x.txt").write_bytes(gzip.compress(DATA))
    charnn(*command, tmp_path / "x.txt").told(3, "is compressed by gzip")
    if command[0] == "eval":
        charnn(*command, stdin="word\n".encode("utf-16")).told(3, "standard input is UTF-16")


@pytest.mark.parametrize(
    "text", [b"\0one\0\ntwo\0three\0\0\n" * 4, b"\0\0\0\0\n" * 20, b"BZhou is a name\nBZ\n" * 9, b"PK\n" * 30]
)
def test_C12_texts_that_only_look_odd_are_trained_on(new: Path, text: bytes) -> None:
    Path("odd.txt").write_bytes(text)
    assert charnn("train", "odd.txt", *SHORT).well() == b""


# C13


def test_C13_line_ends_and_a_byte_order_mark_are_said(new: Path) -> None:
    for name, text in (("crlf", DATA.replace(b"\n", b"\r\n")), ("mixed", DATA.replace(b"a\n", b"a\r\n"))):
        Path(f"{name}.txt").write_bytes(text)
        for command in (["tokenize"], ["train", *SHORT]):
            said = " ".join(charnn(*command[:1], f"{name}.txt", *command[1:]).err.split())
            both, every = text.count(b"\r\n"), text.count(b"\n")
            assert f"{both:,} CR LF, {every - both:,} LF alone: `tr -d '\\r'` makes LF of all" in said
    Path("bom.txt").write_bytes(b"\xef\xbb\xbf" + DATA)
    done = charnn("tokenize", "bom.txt")
    assert "byte order mark: `tail -c +4` leaves it out" in " ".join(done.err.split()) and done.well() == b""
    assert "CR LF" not in charnn("tokenize", "names.txt").err


@pytest.mark.parametrize("more", [[], ["--by", "line"], ["--json"]])
def test_C13_other_line_ends_than_the_models_are_said(new: Path, more: list[str]) -> None:
    Path("crlf.txt").write_bytes(DATA.replace(b"\n", b"\r\n"))
    charnn("train", "crlf.txt", *SHORT).well()
    charnn("train", "names.txt", *SHORT).well()
    lf, crlf = b"Anbe\nDola\n", b"Anbe\r\nDola\r\n"
    done = charnn("eval", "-m", "names", *more, stdin=crlf)
    assert done.well() and "end by CR LF, unlike those that the model knows: `tr -d '\\r'`" in " ".join(
        done.err.split()
    )
    done = charnn("eval", "-m", "crlf", *more, stdin=lf)
    assert done.well() and "end by LF, unlike those that the model knows: `sed" in done.err
    for model, text in (("names", lf), ("crlf", crlf)):
        assert "unlike those" not in charnn("eval", "-m", model, *more, stdin=text).err


def test_C13_the_commands_do_what_they_say(new: Path) -> None:
    charnn("train", "names.txt", *SHORT).well()
    Path("crlf.txt").write_bytes(b"Anbe\r\nDola\r\n")
    charnn("eval", "crlf.txt").told(3, "U+000D at 1:5", "`tr -d '\\r'`")
    bash("tr -d '\\r' < crlf.txt > lf.txt").well()
    assert json.loads(charnn("eval", "lf.txt", "--json").well())["count"] == 10
    assert shutil.which("tr")
