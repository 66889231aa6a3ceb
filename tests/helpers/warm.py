"""The command line in processes that are forked from one that has imported it: a start costs a tenth.

Such a process is a real one, with streams, an environment, a folder and an end of its own. Its imports alone are those
of the server that forks it. A process of tests has one server, which ends with it.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

FREE = ("CHARNN_", "XDG_", "PYTEST_", "HOME", "COLUMNS", "NO_COLOR", "TERM")  # variables that imports do not read
NUMBER = 4  # bytes of a number between server and client
PIPE = 1 << 16  # bytes that are written or read at a time


class Request(NamedTuple):
    """Arguments, folder and environment of a process, the bytes it reads, and lines of Python that come before all."""

    args: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    stdin: bytes | None = None
    change: str = ""


class Server:
    """The client's end of a server: it asks for processes, one after the other."""

    def __init__(self, environment: Mapping[str, str]):
        self.socket, other = socket.socketpair()
        command, root = [sys.executable, "-m", "tests.helpers.warm", str(other.fileno())], Path(__file__).parents[2]
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        with other:
            self.process = subprocess.Popen(
                command, cwd=root, env=dict(environment), pass_fds=[other.fileno()], **streams
            )

    def run(self, request: Request, seconds: float) -> tuple[int, bytes, bytes]:
        """The exit code of a process, or the negative number of its signal, and what it wrote to its two streams."""
        read, write = os.pipe() if request.stdin is not None else (os.open(os.devnull, os.O_RDONLY), None)
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        data = json.dumps([request.args, os.fspath(request.folder), dict(request.environment), request.change]).encode()
        socket.send_fds(self.socket, [len(data).to_bytes(NUMBER, "big")], [read, its_out, its_err])
        self.socket.sendall(data)
        for fd in (read, its_out, its_err):
            os.close(fd)
        pid = self._number()
        try:
            told, said = exchanged(write, request.stdin or b"", (out, err), seconds)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(["charnn", *request.args], seconds) from None
        finally:
            status = self._number()
        return os.waitstatus_to_exitcode(status), told, said

    def _number(self) -> int:
        data = self.socket.recv(NUMBER, socket.MSG_WAITALL)
        assert len(data) == NUMBER, "the server of processes has ended"
        return int.from_bytes(data, "big")


def fixed(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that Python, NumPy or BLAS may read as they start: a server has those of its own start."""
    return {name: value for name, value in environment.items() if not name.startswith(FREE)}


def exchanged(stdin: int | None, sent: bytes, outs: tuple[int, int], seconds: float) -> tuple[bytes, bytes]:
    """What comes out of two pipes up to their ends, while bytes are sent into a third. Raises `TimeoutError`."""
    found, end = {fd: bytearray() for fd in outs}, time.monotonic() + seconds
    with selectors.DefaultSelector() as waiting:
        if stdin is not None:
            os.set_blocking(stdin, False)
            waiting.register(stdin, selectors.EVENT_WRITE)
        for fd in outs:
            waiting.register(fd, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(end - time.monotonic())
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                if key.fd == stdin:
                    sent = sent[written(stdin, sent) :]
                    done = not sent
                else:
                    found[key.fd] += (data := os.read(key.fd, PIPE))
                    done = not data
                if done:
                    waiting.unregister(key.fd)
                    os.close(key.fd)
    return bytes(found[outs[0]]), bytes(found[outs[1]])


def written(fd: int, data: bytes) -> int:
    """The bytes that a pipe has taken: all of them, where nobody reads them."""
    try:
        return os.write(fd, data[:PIPE]) if data else 0
    except BrokenPipeError:
        return len(data)


def serve(asked: socket.socket) -> None:
    """Fork for each request until there are no more. Returns in a forked process alone, which is ready to run."""
    while True:
        data, fds, _, _ = socket.recv_fds(asked, NUMBER, 3)
        if not data:
            os._exit(0)
        request = json.loads(asked.recv(int.from_bytes(data, "big"), socket.MSG_WAITALL))
        if not (pid := os.fork()):
            asked.close()
            become(*request, fds)
            return
        for fd in fds:
            os.close(fd)
        asked.sendall(pid.to_bytes(NUMBER, "big"))
        asked.sendall(os.waitpid(pid, 0)[1].to_bytes(NUMBER, "big"))


def become(args: list[str], folder: str, environment: dict[str, str], change: str, fds: Sequence[int]) -> None:
    """Take over arguments, folder, environment and the three streams, and execute the lines that come first."""
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    sys.argv[1:] = args
    exec(change, {})


def ready() -> Callable[[], None]:
    """The program, with all that it imports sooner or later."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as the program does before it imports NumPy
    import charnn.__main__

    for module in pkgutil.walk_packages(charnn.__path__, "charnn."):
        importlib.import_module(module.name)
    gc.freeze()  # what was imported is not looked through for garbage, which would copy its pages
    return charnn.__main__.main


def end(program: Callable[[], None]) -> NoReturn:
    """Run the program, and end as Python does, but for the time that freeing all modules takes."""
    try:
        program()
    except SystemExit as reason:
        if isinstance(reason.code, str):
            print(reason.code, file=sys.stderr)
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(reason.code if isinstance(reason.code, int) else reason.code is not None)
    raise AssertionError("a command line ends by SystemExit")


if __name__ == "__main__":
    program = ready()
    serve(socket.socket(fileno=int(sys.argv[1])))
    end(program)
