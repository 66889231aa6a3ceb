"""The program in processes forked from one that has imported everything, so that thousands of attacks take minutes."""

import os
import pkgutil
import resource
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from tests.helpers.waiting import limit

SECONDS = 20.0  # of an idle machine, within which every attack ends
SENT = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
PIPE = 60_000  # bytes that a pipe holds while nobody reads it
CLEARED = "CHARNN_", "LC_", "LANG", "COLUMNS", "TERM", "NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING"


@dataclass(frozen=True)
class Attack:
    """A command line, and what surrounds it. `sound` is what the command writes, if it ends well."""

    args: list[str]
    stdin: bytes | str = b""  # what comes through a pipe; or a file's name, "closed" or "socket"
    stdout: str = "file"  # or "full", "closed" or "gone", which is a pipe that nobody reads
    environ: dict[str, str] = field(default_factory=dict)
    limits: dict[int, int] = field(default_factory=dict)
    sent: tuple[int, float] | None = None  # a signal, and after how many seconds it comes
    sound: bytes | None = None


@dataclass(frozen=True)
class End:
    """What an attack came to. The code is None for a process that had to be killed, negative after a signal."""

    code: int | None
    out: bytes
    err: str
    memory: int  # bytes, at most
    left: int  # processes that it left behind


def prepare() -> None:
    """Import the whole program in this process."""
    os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    import charnn

    for module in pkgutil.walk_packages(charnn.__path__, "charnn."):
        import_module(module.name)


def run(attack: Attack, folder: Path) -> End:
    """Carry out an attack in a folder."""
    read, write = os.pipe()  # for messages, which a limit of the size of files should not cut off
    os.set_blocking(read, False)
    with tempfile.TemporaryFile() as out, open(read, "rb") as err, _input(attack.stdin, folder) as stdin:
        signal.pthread_sigmask(signal.SIG_BLOCK, SENT)  # until the program has its handlers
        if (pid := os.fork()) == 0:
            _attacked(attack, folder, (stdin, out.fileno(), write))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SENT)
        os.close(write)
        said = bytearray()
        status, memory = _awaited(pid, attack.sent, lambda: said.extend(err.read() or b""))
        left = _left(pid)
        said += err.read() or b""
        out.seek(0)
        code = None if status is None else os.waitstatus_to_exitcode(status)
        return End(code, out.read(), said.decode("utf-8", "replace"), memory, left)


def _awaited(pid: int, sent: tuple[int, float] | None, hear: Callable[[], object]) -> tuple[int | None, int]:
    """The status of a process once it has ended, None if it had to be killed, and the memory that it took."""
    start = time.monotonic()
    end = start + limit(SECONDS)
    while (found := os.wait4(pid, os.WNOHANG))[0] == 0:
        hear()
        now = time.monotonic()
        if sent and now > start + sent[1]:
            os.kill(pid, sent[0])
            sent = None
        if now > end:
            os.kill(pid, signal.SIGKILL)
            return None, os.wait4(pid, 0)[2].ru_maxrss << 10
        time.sleep(0.004)
    return found[1], found[2].ru_maxrss << 10


def _left(session: int) -> int:
    """How many processes of a session are there still; they are killed, and given a second to go by themselves."""
    for patience in (0.05, 0.2, 0.8):
        if not (found := _of(session)):
            return 0
        time.sleep(patience)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def _of(session: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, of = path.read_text().rpartition(")")[2].split()[:4]
            if int(of) == session and state not in "ZX":
                found.append(int(path.parent.name))
    return found


@contextmanager
def _input(kind: bytes | str, folder: Path) -> Iterator[int]:
    """A descriptor for standard input; -1 for one that is closed."""
    if kind == "closed":
        yield -1
    elif kind == "socket":
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.sendall(b"Anbe\nDola\n" * 20)
            ours.shutdown(socket.SHUT_WR)
            yield theirs.fileno()
    else:
        if isinstance(kind, bytes):
            handle, write = os.pipe()
            os.write(write, kind[:PIPE])
            os.close(write)
        else:
            handle = os.open(folder / kind, os.O_RDONLY | os.O_NONBLOCK)
        try:
            yield handle
        finally:
            os.close(handle)


def _attacked(attack: Attack, folder: Path, streams: tuple[int, int, int]) -> NoReturn:
    """In the child: be the program."""
    code = 70
    try:
        os.setsid()
        os.chdir(folder)
        for number in SENT:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        _replace_streams(attack.stdout, *streams)
        for name in [name for name in os.environ if name.startswith(CLEARED)]:
            del os.environ[name]
        os.environ |= attack.environ
        for which, most in attack.limits.items():
            resource.setrlimit(which, (most, most))
        code = _main(attack.args)
    finally:
        os._exit(code)


def _replace_streams(stdout: str, stdin: int, out: int, err: int) -> None:
    """Standard input, output and error as Python opens them, on other descriptors."""
    if stdout == "gone":
        read, there = os.pipe()
        os.close(read)
    else:
        there = os.open("/dev/full", os.O_WRONLY) if stdout == "full" else out
    for number, handle in ((0, stdin), (1, -1 if stdout == "closed" else there), (2, err)):
        if handle < 0:
            os.close(number)
        else:
            os.dup2(handle, number)
    sys.stdin = None if stdin < 0 else open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # type: ignore[assignment]
    sys.stdout = None if stdout == "closed" else open(1, "w", encoding="utf-8", closefd=False)  # type: ignore[assignment]
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)


def _main(args: list[str]) -> int:
    """The program's exit code, as its interpreter would have it."""
    from charnn.__main__ import main

    sys.argv = ["charnn", *args]
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SENT)
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:  # before the program was there, or after it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        import traceback

        os.write(2, traceback.format_exc().encode("utf-8", "replace"))
        return 1
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            return 120
    return code
