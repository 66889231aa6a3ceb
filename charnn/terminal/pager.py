"""Long tables on a terminal go through a pager, as git's do."""

import io
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..errors import UsageError
from . import console

DEFAULT = "less"
LESS = "FRX"  # end where all fits on the screen, show colours, leave the text on the screen


class Paged(io.TextIOWrapper):
    """The standard input of a pager, to write to as to the terminal that the pager shows it on."""

    def isatty(self) -> bool:
        return True


def program() -> list[str]:
    """The pager's command: that of PAGER, else less; nothing where there is none, or no terminal to page on.

    Raises `UsageError` for a PAGER that is no command.
    """
    plain = os.environ.get("NO_PAGER") or os.environ.get("TERM", "dumb") == "dumb"
    if plain or not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        return []
    command = os.environ.get("PAGER", DEFAULT)
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"PAGER is {command!r} ({error}): name a command, or set NO_PAGER=1") from None
    return words if words and words != ["cat"] and shutil.which(words[0]) else []


@contextmanager
def paged() -> Iterator[None]:
    """Show what is written to standard output by a pager, where there is one. It may be left before the end.

    A note says where the pager failed, which may have shown nothing.
    """
    if not (words := program()):
        yield
        return
    pager = subprocess.Popen(words, stdin=subprocess.PIPE, env={"LESS": LESS, **os.environ})
    assert pager.stdin is not None
    terminal, sys.stdout = sys.stdout, Paged(pager.stdin, encoding="utf-8", write_through=True)
    try:
        yield
    except (BrokenPipeError, SystemExit):  # as rich ends the program where nobody reads on
        if pager.poll() is None:
            raise
    finally:
        with suppress(BrokenPipeError):
            sys.stdout.close()
        sys.stdout = terminal
        interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the pager's
        pager.wait()
        signal.signal(signal.SIGINT, interrupted)
        if pager.returncode > 0:
            console.note(f"{shlex.join(words)} ended with code {pager.returncode}; NO_PAGER=1 does without a pager")
