"""A module that answers as a process of its own, and ends with the process that asked, however that ends."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from threading import Thread
from typing import BinaryIO, cast


def ask(module: str, question: bytes, environment: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    """What `python -m module` answers to a line.

    The pipe that asks stays open meanwhile. It ends with this process, which the other one sees: see `asked`.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # nothing is left to write when the pipe is closed
        env=environment,
        start_new_session=True,
    )
    with child, cast(BinaryIO, child.stdin) as asking:
        child.stdin = None  # `communicate` would close it
        try:
            with suppress(BrokenPipeError):  # its errors say why
                asking.write(question + b"\n")
            written, errors = child.communicate()
            return subprocess.CompletedProcess(child.args, child.returncode, written, errors)
        except BaseException:
            child.kill()
            raise


def asked() -> bytes:
    """The line that this process is asked. From now on the process ends where the one that asked does."""
    question = sys.stdin.buffer.readline()
    Thread(target=_end_with_asker, daemon=True).start()
    return question


def _end_with_asker() -> None:
    os.read(0, 1)  # nothing comes any more but the end of the pipe
    os._exit(1)
