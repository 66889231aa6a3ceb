"""Signals while training: a handler only sets a flag, which is read between two steps."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn, Self

from ..terminal import plain
from .program import Ended, die

STOPPING = b"\ncharnn: stopping after this step, and saving (again: stop without saving)\n"


class Stop:
    """While it is entered, SIGINT, SIGTERM and SIGHUP set `.signal`; one that comes again ends the program at once.

    A signal that was ignored when the program started stays ignored, as under nohup.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            die(number)
        self.signal = number
        if sys.stderr is not None:
            with suppress(OSError):
                os.write(sys.stderr.fileno(), STOPPING)

    def die(self) -> NoReturn:
        """End as the signal would have ended the program, here or on the rank that got it."""
        die(self.signal or signal.SIGTERM)


@contextmanager
def unwinding() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP end the program as SIGINT does: by way of whatever removes what is half made."""

    def unwind(number: int, frame: FrameType | None) -> NoReturn:
        raise Ended(number)

    numbers = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) == signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, unwind)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def last_words(message: str) -> Iterator[None]:
    """Write a line to standard error if this process is killed inside, as mpiexec does once any rank is lost.

    A child waits for it, in a session of its own, where mpiexec does not reach it.
    """
    read, write = os.pipe()
    try:
        child = os.fork()
    except OSError:  # without them, then
        os.close(read)
        os.close(write)
        yield
        return
    if child == 0:
        os.setsid()
        os.close(write)
        if os.read(read, 1) == b"":
            os.write(2, f"charnn: {plain.message(message)}\n".encode())
        os._exit(0)
    os.close(read)
    try:
        yield
    finally:
        with suppress(BrokenPipeError):  # the child may have been killed
            os.write(write, b".")
        os.close(write)
        os.waitpid(child, 0)
