"""Bytes to characters and back: files, compressed files and streams, decoded piece by piece, nothing lost.

UTF-8, strictly, but for two things that keep decode and encode inverse to one another on any bytes: surrogates that
some programs write on their own are let through, and, if asked for, an invalid byte b is kept as U+DC00 + b.
"""

import codecs
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from ..errors import CharnnError, InputError, UsageError, did_you_mean, expect
from .formats import LOOKED_AT, foreign

BOM = "\ufeff"  # the byte order mark: of numbers and of pairs it is no part
LIST = "pairs"  # the name of pairs that are given in a list; where a file is kept is a whole path
PIECE = 1 << 20  # bytes read at a time
POLICIES = "error", "keep", "replace"  # what becomes of bytes that are not UTF-8
ENDLESS = "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"
PACKED = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}  # modules that open such files, imported when one comes
Watch = Callable[[Iterable[bytes]], Iterable[bytes]]  # passes pieces on, to show progress


@dataclass(frozen=True)
class Source:
    """Something to read bytes from, as often as needed."""

    name: str
    open: Callable[[], Any]
    in_memory: bool = False  # whether no file has it

    @property
    def shown(self) -> str:
        """What messages call it."""
        return "standard input" if self.name == "-" else self.name

    @property
    def path(self) -> str:
        """Where to find it again, from any folder; the name of what is no file."""
        return self.name if self.name == "-" or self.in_memory else str(Path(self.name).absolute())

    def held(self) -> "Source":
        """The same text in memory, which can be read again."""
        data = b"".join(self.pieces())
        return replace(self, open=lambda: BytesIO(data))

    def pieces(self) -> Iterator[bytes]:
        """The bytes, a piece at a time. Raises `UsageError` (not there), `InputError` (damaged), `CharnnError`."""
        try:
            with self.open() as file:
                first = b""
                while piece := file.read(PIECE):
                    if len(first) < LOOKED_AT and (told := foreign(self.name, first := first + piece[:LOOKED_AT])):
                        raise InputError(told)
                    yield piece
        except FileNotFoundError:
            raise UsageError(f"{self.name} does not exist{did_you_mean(self.name, _beside(self.name))}") from None
        except IsADirectoryError:
            raise UsageError(f"{self.name} is a folder: give the files in it") from None
        except _damage() as error:
            raise InputError(f"{self.name} is a corrupt or truncated compressed file: {error}") from None
        except OSError as error:
            if Path(self.name).suffix.lower() in PACKED and error.errno is None:
                raise InputError(f"{self.name} is a corrupt or truncated compressed file: {error}") from None
            raise CharnnError(f"{self.name} cannot be read: {error.strerror or error}") from None


def file_source(path: str | Path | Source) -> Source:
    """A file, decompressed by its ending (.gz, .bz2, .xz, in any case); what is a source already as it is."""
    if isinstance(path, Source):
        return path
    expect("a text's name", path, str, Path)
    if "\0" in str(path):
        raise UsageError(f"{str(path)!r} is no file's name, since it has a NUL: name another file")
    module = PACKED.get(Path(path).suffix.lower(), "builtins")
    return Source(str(path), lambda: import_module(module).open(_with_an_end(path), "rb"))


def _with_an_end(path: str | Path) -> str | Path:
    """The same path. Raises `UsageError` for a device that gives bytes for ever, `OSError` where there is nothing."""
    found = os.stat(path)
    if stat.S_ISCHR(found.st_mode):
        for name in ENDLESS:
            with suppress(OSError):
                if os.stat(name).st_rdev == found.st_rdev:
                    raise UsageError(f"{path} is a device that has no end: give a file")
    return path


def file_sources(what: Any) -> list[Source]:
    """The files in what is given: a name, or a list of them, in any depth. Raises `UsageError` for none of these."""
    if isinstance(what, list | tuple):
        assert_some(what)
        return [source for one in what for source in file_sources(one)]
    return [file_source(what)]


def assert_some(files: Sequence[Any]) -> None:
    """Raise `UsageError` for no file at all."""
    if not files:
        raise UsageError("no text is given: name a file")


def _damage() -> tuple[type[Exception], ...]:
    """What a damaged compressed file raises."""
    import gzip
    import lzma
    import zlib

    return EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error


def decode(pieces: Iterable[bytes], name: str = "text", invalid: str = "error") -> Iterator[str]:
    """Characters of UTF-8 bytes, piece by piece.

    `invalid` bytes are an `InputError` that names the first one's offset, or are kept ("keep": encoding them again
    gives the same bytes), or replaced by U+FFFD ("replace").
    """
    rest, offset = b"", 0
    for piece in pieces:
        data = rest + piece
        cut = _whole(data)
        yield _decode(data[:cut], name, invalid, offset)
        rest, offset = data[cut:], offset + cut
    if rest:
        yield _decode(rest, name, invalid, offset)


def encode(text: str) -> bytes:
    """The bytes that `decode` made the text from."""
    return text.encode("utf-8", "charnn")


def _whole(data: bytes) -> int:
    """How many bytes come before a character whose end is still to come."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte >= 0xC0:
            length = 2 + (byte >= 0xE0) + (byte >= 0xF0)
            return len(data) - back if length > back else len(data)
        if byte < 0x80:
            break
    return len(data)


def _decode(data: bytes, name: str, invalid: str, offset: int) -> str:
    try:
        return data.decode("utf-8", f"charnn-{invalid}")
    except UnicodeDecodeError as error:
        at = offset + error.start
        raise InputError(
            f"{name} is not UTF-8: byte 0x{data[error.start]:02x} at offset {at:,}; "
            "`iconv -f CP1252 -t UTF-8` makes UTF-8 of Western texts, --invalid keep takes such bytes as they are, "
            "--invalid replace puts U+FFFD"
        ) from None


def _surrogate(three: bytes) -> str | None:
    """The lone surrogate that these bytes spell, unless it is one of those that stand for invalid bytes."""
    if len(three) == 3 and three[0] == 0xED and 0xA0 <= three[1] <= 0xBF and 0x80 <= three[2] <= 0xBF:
        code = 0xD000 | (three[1] & 0x3F) << 6 | three[2] & 0x3F
        return None if 0xDC80 <= code <= 0xDCFF else chr(code)
    return None


def _decoder(invalid: str) -> Callable[[UnicodeError], tuple[str, int]]:
    def handle(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        start = error.start
        if lone := _surrogate(error.object[start : start + 3]):
            return lone, start + 3
        if invalid == "error":
            raise error
        return chr(0xDC00 + error.object[start]) if invalid == "keep" else "\ufffd", start + 1

    return handle


def _encoder(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    character = error.object[error.start]
    if 0xDC80 <= ord(character) <= 0xDCFF:
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return character.encode("utf-8", "surrogatepass"), error.start + 1


for _invalid in POLICIES:
    codecs.register_error(f"charnn-{_invalid}", _decoder(_invalid))
codecs.register_error("charnn", _encoder)


def _beside(name: str) -> list[str]:
    """The files in the folder where one is looked for, as that is named."""
    folder = Path(name).parent
    return [str(folder / path.name) for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def nothing_in(names: str, use: str = "read") -> str:
    """The message of texts, by their names, that have nothing to be used."""
    piped = names == "standard input"
    instead = "; `< /dev/null` stands for the held-out part of the model's corpus" if piped else ""
    return f"{names} is empty: there is nothing to {use}{instead}"


def short_path(name: str) -> str:
    """A file's name from the current folder on, where that is shorter."""
    return min(name, os.path.relpath(name), key=len) if Path(name).is_absolute() else name
