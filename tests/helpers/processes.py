"""The command line in real processes, each with ten seconds to be done."""

import os
import random
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LIMIT = 10  # seconds
COMMAND = [sys.executable, "-m", "charnn"]
TINY = ["--hidden", "8", "--layers", "1", "--batch", "4", "--window", "8", "--workers", "1", "--dropout", "0"]
TINY += ["--cell", "elman", "--schedule", "constant", "--rate", "0.02", "--patience", "0"]
HIDDEN = ("PYTHONUNBUFFERED", "CHARNN_DEBUG", "FORCE_COLOR", "TTY_COMPATIBLE")  # they hide how output is written


@dataclass(frozen=True)
class Done:
    """What a process left behind."""

    code: int
    out: bytes
    err: str

    def told(self, code: int, *words: str) -> str:
        """Its one message, the last of what it says, which has these words in it."""
        assert self.code == code, self
        assert "Traceback" not in self.err and "fault of charnn's own" not in self.err
        self.clean()
        messages = re.findall(r"^(?:charnn|Error): .*$", self.err, re.MULTILINE)
        assert len(messages) == 1 and self.err.endswith(messages[0] + "\n"), self.err
        for word in words:
            assert word in messages[0], messages[0]
        return str(messages[0])

    def well(self) -> bytes:
        """What it wrote to standard output, once it has done well."""
        assert self.code == 0, self.err
        self.clean()
        return self.out

    def clean(self) -> None:
        """No escapes where no terminal asks for them, and no line written over."""
        assert "\x1b" not in self.err and "\r" not in self.err


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in HIDDEN}


class Process(subprocess.Popen[bytes]):
    """One that a failing test kills, rather than waits for."""

    def __exit__(self, kind: Any, *rest: Any) -> None:
        if kind:
            self.kill()
        super().__exit__(kind, *rest)


def start(*args: object, command: Sequence[str] = COMMAND, **options: Any) -> "subprocess.Popen[bytes]":
    """A process under way, in which SIGINT is not ignored, even where these tests run in the background."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    streams["bufsize"] = 0  # what a buffer has read ahead behind `told_until`, `communicate` would never see
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return Process([*command, *map(str, args)], env=environment(), **{**streams, **options})
    finally:
        signal.signal(signal.SIGINT, before)


def charnn(*args: object, stdin: bytes | int = subprocess.DEVNULL, limit: float = LIMIT, **options: Any) -> Done:
    """Run the command line to its end, on some bytes or a file as standard input."""
    sent = stdin if isinstance(stdin, bytes) else None
    with start(*args, stdin=stdin if sent is None else subprocess.PIPE, **options) as process:
        try:
            out, err = process.communicate(sent, timeout=limit)
        finally:
            process.kill()
    return Done(process.returncode, out or b"", (err or b"").decode())


def told_until(process: "subprocess.Popen[bytes]", words: bytes) -> bytes:
    """What a process says on standard error up to the line with these words."""
    assert process.stderr
    told, timer = b"", threading.Timer(LIMIT, process.kill)
    timer.start()
    try:
        while words not in told:
            line = process.stderr.readline()
            assert line, told.decode()
            told += line
    finally:
        timer.cancel()
    return told


def bash(line: str) -> Done:
    """Run a line of shell, in which `charnn` is the command."""
    command = line.replace("charnn", " ".join(map(shlex.quote, COMMAND)))
    done = subprocess.run(
        ["bash", "-c", command], env=environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT
    )
    return Done(done.returncode, done.stdout, done.stderr.decode())


def names() -> str:
    """Lines of two to four syllables."""
    rng = random.Random(0)
    lines = ("".join(rng.choices(["an", "be", "do", "la"], k=rng.randint(2, 4))).title() for _ in range(400))
    return "".join(f"{line}\n" for line in lines)


def altered(change: str, *args: object, **options: Any) -> Done:
    """Run the command line in a Python that executes a few lines first, which make something fail."""
    program = f"{change}\nfrom charnn.__main__ import main\nmain()\n"
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": LIMIT}
    command = [sys.executable, "-c", program, *map(str, args)]
    done = subprocess.run(command, env=environment(), **{**streams, **options})
    return Done(done.returncode, done.stdout, done.stderr.decode())
