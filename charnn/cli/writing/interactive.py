"""charnn sample -i: a prime is typed, its continuation is written, again and again."""

import sys
from collections.abc import Callable
from typing import Any

from ...errors import InputError, UsageError
from .. import streams
from .output import Output

PROMPT = "> "


def answer(sampler: Callable[[str], Any], output: Output) -> None:
    """Write what `sampler` makes of each line that is typed, until there are no more. Ctrl-C ends a continuation."""
    from ...terminal import console

    streams.flush()  # refused where standard output is closed
    if sys.stdin is None:
        raise UsageError("standard input is closed: type or pipe lines into it")
    if sys.stdin.isatty():
        console.note("type the beginning of a text; Ctrl-C ends what is written, Ctrl-D ends all")
    while (prime := _line()) is not None:
        try:
            output.write_stream(sampler(prime))
        except InputError as error:
            console.note(str(error))
        except KeyboardInterrupt:
            streams.write("\n", flush=True)


def _line() -> str | None:
    """The next line of standard input, which a terminal lets one edit; None at its end."""
    terminal = sys.stdin.isatty() and streams.is_terminal()
    if terminal:
        import readline  # noqa: F401 - what edits the line
    try:
        return input(PROMPT if terminal else "")
    except EOFError:
        if terminal:
            streams.write("\n", flush=True)
        return None
