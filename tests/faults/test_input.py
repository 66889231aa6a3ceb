"""P13, P16, S13: standard input that is a socket or empty, and signals while a text is read."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.processes import COMMAND, Done, bash, charnn, environment, start
from tests.helpers.program import TINY, names
from tests.helpers.waiting import limit, soon

SHORT = [*TINY, "--steps", "2", "--validate-every", "2"]


def through(pair: Callable[[], tuple[socket.socket, socket.socket]], data: bytes, *args: str) -> Done:
    """Run a command whose standard input is a socket that gets some bytes, piece by piece, and is then closed."""
    ours, theirs = pair()
    with ours, theirs, start(*args, stdin=theirs.fileno()) as process:
        theirs.close()

        def send() -> None:
            for i in range(0, len(data), 1000):
                ours.sendall(data[i : i + 1000])
                time.sleep(0.001)
            ours.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        out, err = process.communicate(timeout=limit())
        sender.join()
    return Done(process.returncode, out, err.decode())


def local() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


def internet() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        return ours, server.accept()[0]


def impatient() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    return ours, theirs


KINDS = [local, internet, impatient]


@pytest.mark.parametrize("pair", KINDS)
@pytest.mark.parametrize("name", [[], ["-"], ["/dev/stdin"]], ids=["nothing", "dash", "dev"])
def test_P13_eval_reads_a_socket_as_a_pipe(here: Path, pair: Callable, name: list[str]) -> None:
    text = (names() * 3).encode()
    done = through(pair, text, "eval", *name, "--json")
    assert done.well() == charnn("eval", "-", "--json", stdin=text).well()
    assert "standard input" in done.err and "held-out" not in done.err


@pytest.mark.parametrize("pair", KINDS)
def test_P13_other_commands_read_a_socket_as_a_pipe(here: Path, pair: Callable) -> None:
    text = (names() * 3).encode()
    for command in (["tokenize", "-", "-o", "-"], ["sample", "--prime", "-", "--seed", "1"], ["eval", "--by", "line"]):
        data = b"Anbe" if "--prime" in command else text
        assert through(pair, data, *command).well() == charnn(*command, stdin=data).well()


@pytest.mark.parametrize("pair", KINDS)
@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_P13_train_reads_a_socket_as_a_pipe(new: Path, pair: Callable, name: str) -> None:
    text = names().encode()
    through(pair, text, "train", name, *SHORT, "--name", "socket").well()
    charnn("train", "-", *SHORT, "--name", "pipe", stdin=text).well()
    found = [charnn("tokenize", "--decode", f"checkpoints/{name}/tokens.npz").well() for name in ("socket", "pipe")]
    assert found == [text, text]


def test_P13_a_pipe_that_does_not_wait_is_read_to_its_end(here: Path) -> None:
    text, (read, write) = (names() * 3).encode(), os.pipe()
    os.set_blocking(read, False)
    with start("eval", "--json", stdin=read) as process:
        os.close(read)
        with os.fdopen(write, "wb", buffering=0) as pipe:
            for i in range(0, len(text), 3000):
                pipe.write(text[i : i + 3000])
                time.sleep(0.05)
        out, err = process.communicate(timeout=limit())
    assert process.returncode == 0, err
    assert out == charnn("eval", "-", "--json", stdin=text).well()


@pytest.mark.parametrize("command", ["eval", "eval --by line", "eval --json", "eval --by char"])
def test_P16_an_empty_pipe_says_how_to_do_without(here: Path, command: str) -> None:
    done = bash(f"true | charnn {command}")
    if "--by" in command:
        assert done.well() == b""
    else:
        done.told(3, "standard input is empty", "`< /dev/null`")
    assert bash("charnn eval < /dev/null").well() == bash("charnn eval <&-").well()


def test_P16_in_a_loop_that_reads(here: Path) -> None:
    done = bash("printf 'names\\n' | while read name; do charnn eval -m $name; done")
    done.told(3, "standard input is empty", "< /dev/null")


@pytest.mark.parametrize("command", ["train -", "tokenize -"])
def test_P16_an_empty_text_is_too_short(new: Path, command: str) -> None:
    bash(f"true | charnn {command}").told(3, "is too short: ", "at least 16 are needed")
    assert sorted(path.name for path in new.iterdir()) in (["names.txt"], ["checkpoints", "names.txt"])


# S13

CODES = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}
SLOW = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from charnn.io import durable
replace = durable._replace
def slow(folder, target, fill):
    def filled(file):
        fill(file)
        open("{mark}", "w").close()
        time.sleep(60)
    replace(folder, target, filled)
durable._replace = slow
"""


def interrupted(number: signal.Signals, *args: str, where: str) -> tuple[int, str]:
    """A command that gets a signal once its file is nearly there; its code, and what it said."""
    mark = Path(where)
    program = f"{SLOW.format(mark=mark)}\nfrom charnn.__main__ import main\nmain()\n"
    with open("names.txt", "rb") as text, start(*args, command=[sys.executable, "-c", program], stdin=text) as process:
        assert soon(mark.exists)
        process.send_signal(number)
        _, err = process.communicate(timeout=limit())
    mark.unlink()
    return process.returncode, err.decode()


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("args", [["tokenize", "names.txt", "-o", "tokens.npz"], ["tokenize", "-", "-o", "tokens.npz"]])
def test_S13_a_signal_while_a_tokenised_file_is_written(new: Path, number: signal.Signals, args: list[str]) -> None:
    code, told = interrupted(number, *args, where="there")
    assert (code, told) == (-number, "")
    assert [path.name for path in new.iterdir()] == ["names.txt"]


@pytest.mark.parametrize("number", CODES)
def test_S13_an_older_tokenised_file_stays(new: Path, number: signal.Signals) -> None:
    charnn("tokenize", "names.txt", "-o", "tokens.npz").well()
    before = Path("tokens.npz").read_bytes()
    assert interrupted(number, "tokenize", "names.txt", "-o", "tokens.npz", where="there")[0] == -number
    assert Path("tokens.npz").read_bytes() == before
    assert sorted(path.name for path in new.iterdir()) == ["names.txt", "tokens.npz"]


@pytest.mark.parametrize("number", CODES)
def test_S13_a_signal_while_a_run_on_standard_input_begins(new: Path, number: signal.Signals) -> None:
    code, told = interrupted(number, "train", "-", *TINY, where="there")
    assert (code, told) == (-number, "")
    assert list(Path("checkpoints").iterdir()) == []


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("after", [0.0, 0.1, 0.2, 0.4, 0.6])
def test_S13_a_signal_at_any_time(new: Path, number: signal.Signals, after: float) -> None:
    """Either it was over, or nothing is left."""
    Path("long.txt").write_bytes(Path("names.txt").read_bytes() * 3000)
    with start("tokenize", "long.txt", "-o", "tokens.npz") as process:
        time.sleep(0.5)
        assert soon(lambda: process.poll() is not None or list(new.glob(".tokens.npz.*"))) or True
        time.sleep(after)
        process.send_signal(number)
        process.communicate(timeout=limit(20))
    left = {path.name for path in new.iterdir()} - {"names.txt", "long.txt"}
    assert (process.returncode, left) == (-number, set()) or left == {"tokens.npz"}


@pytest.mark.parametrize(("number", "code"), [(number.name[3:], code) for number, code in CODES.items()])
def test_S13_what_a_shell_sees_of_it(new: Path, number: str, code: int) -> None:
    if not shutil.which("mkfifo"):
        pytest.skip("mkfifo is not installed")
    line = "mkfifo never; charnn tokenize never -o tokens.npz & exec 3> never; sleep 1; "
    done = bash(f"set -m; {line} kill -{number} $!; wait $!")
    assert (done.code, done.out) == (code, b"") and "Traceback" not in done.err
    assert sorted(path.name for path in new.iterdir()) == ["names.txt", "never"]


def test_S13_signals_that_were_ignored_stay_so(new: Path) -> None:
    def ignore() -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    Path("long.txt").write_bytes(Path("names.txt").read_bytes() * 1000)
    command = [*COMMAND, "tokenize", "long.txt", "-o", "t.npz"]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, preexec_fn=ignore)
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    assert process.stderr and process.wait() == 0, process.stderr.read()
    process.stderr.close()
    assert Path("t.npz").exists()
