"""Processes on a terminal of their own, and what it shows."""

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from tests.helpers.processes import environment
from tests.helpers.waiting import limit

STYLE = re.compile(rb"\x1b\[[\d;]*m")


@contextmanager
def on_terminal(
    command: Sequence[str], columns: int = 80, **options: Any
) -> "Iterator[tuple[subprocess.Popen[bytes], int]]":
    """A process whose controlling terminal is a new one, in a session of its own, and the terminal's other side."""
    leader, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, columns))

    def control() -> None:
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        for number in (signal.SIGINT, signal.SIGHUP):  # which are ignored where these tests run under nohup
            signal.signal(number, signal.SIG_DFL)

    size = ("COLUMNS", "LINES")  # of the terminal of these tests
    own = {name: value for name, value in environment().items() if name not in size}
    streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal, "env": own, **options}
    process = subprocess.Popen(command, start_new_session=True, preexec_fn=control, pass_fds=[terminal], **streams)
    os.close(terminal)
    try:
        yield process, leader
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a shell's child too
        process.wait()
        with suppress(OSError):  # a test may have closed it
            os.close(leader)


def shown(leader: int, words: bytes | None = None) -> bytes:
    """What a terminal shows up to these words, or up to its end."""
    told, end = b"", time.monotonic() + limit()
    while words is None or words not in told:
        left = end - time.monotonic()
        assert left > 0 and select.select([leader], [], [], left)[0], told[-2000:]
        try:
            piece = os.read(leader, 1 << 16)
        except OSError:  # nobody holds the other side any more
            piece = b""
        told += piece
        if not piece:
            assert words is None, told
            break
    return told
