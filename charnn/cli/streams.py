"""Standard input and output: bytes, whatever the locale says."""

import json
import math
import os
import select
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import click

from ..conflicts import check
from ..errors import CharnnError, UsageError
from ..io.text import BOM, Source, decode, encode, file_source
from ..parallel.launcher import launched
from ..terminal.plain import visible


def write(text: str, *, flush: bool = False) -> None:
    """Text to standard output, as UTF-8. On a terminal its harmful characters are spelled out."""
    if sys.stdout is None:
        raise CharnnError("standard output is closed: nothing to write to")
    sys.stdout.buffer.write(encode(visible(text, "\n\t") if is_terminal() else text))
    if flush:
        sys.stdout.buffer.flush()


def flush() -> None:
    """Show what was written so far."""
    write("", flush=True)


def write_row(*cells: str) -> None:
    """A row of TSV to standard output."""
    write("\t".join(map(cell, cells)) + "\n")


def cell(text: str) -> str:
    """Text that fits in one cell of a TSV row: backslash, tab and line ends escaped."""
    for character, shown in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(character, shown)
    return text


def write_json(value: dict[str, Any], *, flush: bool = False) -> None:
    """An object on a line of standard output."""
    write(json_line(value), flush=flush)


def json_line(value: dict[str, Any]) -> str:
    """An object as a line of JSON."""
    return json.dumps(finite(value), allow_nan=False) + "\n"


def finite(value: Any) -> Any:
    """The same with null for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return value if not isinstance(value, float) or math.isfinite(value) else None


def refuse_overwriting(output: str, inputs: Sequence[str]) -> None:
    """Raise `UsageError` where a file to be written is one of those that are read, under this name or by a link."""
    for name in inputs:
        with suppress(OSError, ValueError):  # there is none yet
            if Path(output).samefile(name):
                raise UsageError(f"{output} is {name} itself, which would be lost: name another file")


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def refuse_picture(command: str, as_json: bool = False) -> None:
    """Raise `UsageError` where standard output is a terminal, which shows no picture, or should be JSON too."""
    check({"svg": True, "json": as_json})
    if is_terminal():
        raise UsageError(f"a terminal shows no picture: write it to a file, as in `charnn {command} > picture.svg`")


def stdin() -> Any:
    """Standard input. Raises `UsageError` where it is closed, or a terminal that nobody would type a corpus at."""
    if sys.stdin is None or sys.stdin.closed:
        raise UsageError("standard input is closed: pipe a text into it, or name a file")
    if sys.stdin.isatty():
        raise UsageError("standard input is a terminal: pipe a text into it, or name a file; --help shows how")
    return sys.stdin.buffer


def is_piped() -> bool:
    """Whether somebody redirected a file, a pipe or a socket into standard input. (mpiexec always does, to rank 0.)"""
    if launched() > 1:
        return False
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def passing(name: str) -> bool:
    """Whether a text can be read but once: standard input, a pipe. One called .npz is refused where that is read."""
    return is_stdin(name) or (Path(name).is_fifo() and not name.endswith(".npz"))


def is_stdin(name: str) -> bool:
    """Whether a name means standard input: -, or /dev/stdin where that is a socket, which cannot be opened by name."""
    try:
        return name == "-" or (Path(name).is_socket() and os.path.samestat(os.stat(name), os.fstat(0)))
    except OSError:
        return False


def sources(names: tuple[str, ...]) -> list[Source]:
    """Texts to read by name, twice if need be: what can be read but once is put aside on disk."""
    return [buffered(name) if passing(name) else file_source(name) for name in names]


def streamed(names: Sequence[str]) -> list[Source]:
    """Texts to read by name, once; `-` is standard input, taken as it comes."""
    return [Source("-", lambda: Reading(taker(stdin()))) if is_stdin(name) else file_source(name) for name in names]


def taker(file: Any) -> Callable[[int], bytes]:
    """A function that reads what there is of a stream, waiting for it even where the stream itself does not wait."""
    raw = getattr(file, "raw", None)
    if raw is None:
        return cast(Callable[[int], bytes], file.read1)

    def take(size: int) -> bytes:
        while (piece := raw.read(size)) is None:
            select.select([raw], [], [])
        return cast(bytes, piece)

    return take


def read_text(name: str, invalid: str) -> str:
    """All of standard input, less one line end at its end; `name` is what a message calls it."""
    return "".join(decode(buffered().pieces(), name, invalid)).removesuffix("\n")


def read_lines(name: str) -> list[str]:
    """The lines of a file, or of standard input, without their ends (LF or CR LF) and a byte order mark."""
    text = "".join(decode(streamed([name])[0].pieces(), name)).removeprefix(BOM).removesuffix("\n")
    return [line.removesuffix("\r") for line in text.split("\n")] if text else []


def buffered(name: str = "-") -> Source:
    """Standard input, or a pipe, as a source that can be read again, until the command is done."""
    import tempfile

    file = click.get_current_context().with_resource(tempfile.SpooledTemporaryFile(max_size=1 << 26))
    for piece in streamed((name,))[0].pieces():
        file.write(piece)

    def again() -> Reading:
        file.seek(0)
        return Reading(file.read)

    return Source(name, again)


@dataclass(frozen=True)
class Reading:
    """A file to read from, which is left open when done."""

    read: Callable[[int], bytes]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return
