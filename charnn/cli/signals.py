"""Signals while training: a handler only sets a flag, which is read between two steps."""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn, Self

from .program import die

STOPPING = b"\ncharnn: stopping after this step, and saving (once more to stop at once, without saving)\n"


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
        """End as the signal would have ended the program."""
        die(self.signal)
