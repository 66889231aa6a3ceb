"""The command line in real processes, each with ten seconds of an idle machine to be done."""

import functools
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helpers import warm
from tests.helpers.waiting import limit

cold = False  # whether each process imports all itself: `--long` sets this
COMMAND = [sys.executable, "-m", "charnn"]
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
        self.clean()
        messages = self.messages
        assert len(messages) == 1 and self.err.endswith(messages[0] + "\n"), self.err
        for word in words:
            assert word in messages[0], messages[0]
        return messages[0]

    @property
    def messages(self) -> list[str]:
        """Its messages on standard error, none of them a internal error."""
        assert "Traceback" not in self.err and "internal error" not in self.err, self.err
        return [str(line) for line in re.findall(r"^(?:charnn|Error): .*$", self.err, re.MULTILINE)]

    def well(self) -> bytes:
        """What it wrote to standard output, once it has done well."""
        assert self.code == 0, self.err
        self.clean()
        return self.out

    def clean(self) -> None:
        """No escapes where no terminal asks for them, and no line written over."""
        assert "\x1b" not in self.err and "\r" not in self.err


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in HIDDEN} | {"NO_PAGER": "1"}


STARTED = environment()  # the variables that a server of processes has


class Process(subprocess.Popen[bytes]):
    """One that a failing test kills, rather than waits for."""

    def __exit__(self, kind: Any, *rest: Any) -> None:
        if kind:
            self.kill()
        super().__exit__(kind, *rest)


def start(*args: object, command: Sequence[str] = COMMAND, **options: Any) -> "subprocess.Popen[bytes]":
    """A process under way, which ignores no signal, even where these tests run in the background, or under nohup."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment()}
    streams["bufsize"] = 0  # what a buffer has read ahead behind `told_until`, `communicate` would never see
    heeded = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in heeded.items()}
    try:
        return Process([*command, *map(str, args)], **{**streams, **options})
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def charnn(*args: object, stdin: bytes | int = subprocess.DEVNULL, seconds: float = 10, **options: Any) -> Done:
    """Run the command line to its end, on some bytes or a file as standard input.

    Where nothing but bytes and a folder are given, the process is one of `warm`.
    """
    sent = stdin if isinstance(stdin, bytes) else None
    if is_warm() and options.keys() <= {"cwd"} and (sent is not None or stdin == subprocess.DEVNULL):
        folder = Path.cwd() / options.get("cwd", "")
        return warmly(warm.Request([*map(str, args)], folder, environment(), sent), seconds)
    with start(*args, stdin=stdin if sent is None else subprocess.PIPE, **options) as process:
        try:
            out, err = process.communicate(sent, timeout=limit(seconds))
        finally:
            process.kill()
    return Done(process.returncode, out or b"", (err or b"").decode())


def is_warm() -> bool:
    """Whether a process may be one of `warm`: not where a test has set what Python or NumPy read when they start."""
    return not cold and warm.fixed(environment()) == warm.fixed(STARTED)


@functools.cache
def server() -> warm.Server:
    """The server of these tests' processes, started when it is first wanted."""
    return warm.Server(STARTED)


def warmly(request: warm.Request, seconds: float) -> Done:
    """Run the command line in a process that has imported it before."""
    code, out, err = server().run(request, limit(seconds))
    return Done(code, out, err.decode())


def told(process: "subprocess.Popen[bytes]", enough: Callable[[bytes], bool]) -> bytes:
    """What a process says on standard error up to the line that makes it enough."""
    assert process.stderr
    said, timer = b"", threading.Timer(limit(), process.kill)
    timer.start()
    try:
        while not enough(said):
            line = process.stderr.readline()
            assert line, said.decode()
            said += line
    finally:
        timer.cancel()
    return said


def told_until(process: "subprocess.Popen[bytes]", words: bytes) -> bytes:
    """What a process says on standard error up to the line with these words."""
    return told(process, lambda said: words in said)


def told_lines(process: "subprocess.Popen[bytes]", count: int) -> bytes:
    """The next lines that a process says on standard error."""
    return told(process, lambda said: said.count(b"\n") >= count)


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)


def bash(line: str) -> Done:
    """Run a line of shell, in which `charnn` is the command."""
    command = line.replace("charnn", " ".join(map(shlex.quote, COMMAND)))
    done = subprocess.run(
        ["bash", "-c", command], env=environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=limit()
    )
    return Done(done.returncode, done.stdout, done.stderr.decode())


def altered(change: str, *args: object, seconds: float = 10, **options: Any) -> Done:
    """Run the command line in a Python that executes a few lines first, which make something fail."""
    if is_warm() and not options:
        return warmly(warm.Request([*map(str, args)], Path.cwd(), environment(), change=change), seconds)
    program = f"{change}\nfrom charnn.__main__ import main\nmain()\n"
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": limit(seconds)}
    command = [sys.executable, "-c", program, *map(str, args)]
    done = subprocess.run(command, env=environment(), **{**streams, **options})
    return Done(done.returncode, done.stdout, done.stderr.decode())


def running(pid: int) -> bool:
    """Whether a process is there, and has not ended."""
    return _state(pid) not in "ZX"


def waits(pid: int) -> bool:
    """Whether a process sleeps, as it does where it reads and nothing has come."""
    return _state(pid) == "S"


def _state(pid: int) -> str:
    """A letter, as of `ps`: X where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


RAM = 200_000  # kB
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
open(sys.argv[1], "w").write(f"{used.ru_maxrss} {used.ru_utime + used.ru_stime}")
sys.exit(code)
"""  # a small parent: a process counts the memory of the one it was forked from as its own


def measured(*args: object, seconds: float = 10) -> tuple[Done, int, float]:
    """What a process left behind, the most memory it had (kB), and the seconds of processor it took."""
    with tempfile.NamedTemporaryFile() as file:
        command = [sys.executable, "-S", "-c", MEASURE, file.name, *COMMAND, *map(str, args)]
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": limit(seconds)}
        done = subprocess.run(command, env=environment(), **streams)
        memory, took = Path(file.name).read_text().split()
    return Done(done.returncode, done.stdout, done.stderr.decode()), int(memory), float(took)


def cheaply(command: Sequence[object], beside: Sequence[object]) -> Done:
    """A command that takes 200 MB at most, and a second of processor time more than one which does well."""
    good, _, start = measured(*beside)
    good.well()
    done, memory, seconds = measured(*command)
    assert memory < RAM and seconds < start + 1, (memory, seconds, start)
    return done
