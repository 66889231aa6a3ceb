"""P: signals that come twice, or end a session; terminals that close, want no colours, or know only ASCII."""

import fcntl
import json
import os
import pty
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from charnn.runs import checkpoint
from tests.helpers.processes import COMMAND, altered, bash, charnn, environment, start, told_lines, told_until, waits
from tests.helpers.program import TINY
from tests.helpers.terminals import STYLE, on_terminal, shown
from tests.helpers.waiting import limit, soon

ENDLESS = ["train", "names.txt", *TINY, "--steps", str(10**9)]
UNDER_WAY = b"bits/char; *"  # the head of the list of validations
FILES = ("best.npz", "last.npz", "log.jsonl")

# The command line with a file's fsync, or a step, that takes an hour once there is a file called slow.
SLOW = """
import os, sys, time
from charnn.training import trainer as training
from charnn.__main__ import main

def slowed(name, function):
    def slow(*args):
        if os.path.exists("slow"):
            os.write(2, b"in " + name + b"\\n")
            time.sleep(3600)
        return function(*args)
    return slow

where, update = sys.argv.pop(1), training.Trainer.update
def first(self):
    os.write(2, b"at work\\n")
    training.Trainer.update = slowed(b"a step", update) if where == "step" else update
    return update(self)

training.Trainer.update = first
if where == "save":
    os.fsync = slowed(b"the save", os.fsync)
main()
"""


def kept(name: str) -> list[bytes]:
    return [Path("checkpoints", name, file).read_bytes() for file in FILES]


def steps(name: str) -> list[int]:
    return [json.loads(line)["step"] for line in Path("checkpoints", name, "log.jsonl").read_text().splitlines()]


PAIRS = [
    (signal.SIGINT, signal.SIGINT),
    (signal.SIGTERM, signal.SIGINT),
    (signal.SIGINT, signal.SIGTERM),
    (signal.SIGHUP, signal.SIGTERM),
]


@pytest.mark.parametrize("where", ["save", "step"])
@pytest.mark.parametrize(("once", "again"), PAIRS, ids=lambda number: number.name)
def test_P4_a_second_signal_ends_it_at_once(new: Path, where: str, once: signal.Signals, again: signal.Signals) -> None:
    charnn("train", "names.txt", *TINY, "--steps", 40, "--validate-every", 20).well()
    before = kept("names")
    slow = [sys.executable, "-c", SLOW, where]
    with start("train", "--resume", "--steps", 10**9, "--validate-every", 10**9, command=slow) as process:
        told_until(process, b"at work")
        Path("slow").touch()
        if where == "step":
            told_until(process, b"in a step")
        process.send_signal(once)
        told_until(process, b"again: stop without saving")
        if where == "save":
            told_until(process, b"in the save")
        asked = time.monotonic()
        process.send_signal(again)
        out, rest = process.communicate(timeout=limit())
        assert time.monotonic() - asked < limit(1)
    assert process.returncode == -again and out == b"" and b"Traceback" not in rest and b"saved" not in rest
    assert kept("names") == before
    assert bool(list(Path("checkpoints/names").glob(".*.tmp"))) == (where == "save")  # the save was under way
    charnn("train", "--resume", "--steps", 60).well()
    assert checkpoint.load("checkpoints/names/last.npz").step == 60
    assert {path.name for path in Path("checkpoints/names").iterdir()} == {*FILES, ".lock"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_P5_a_signal_that_ends_it_saves_first(new: Path, number: signal.Signals) -> None:
    with start(*ENDLESS, "--validate-every", 1000) as process:
        told = told_until(process, UNDER_WAY) + told_lines(process, 2)
        process.send_signal(number)
        out, rest = process.communicate(timeout=limit())
    assert process.returncode == -number and out == b""  # which a shell calls 128 + the number: 143, 129
    told += rest
    step = checkpoint.load("checkpoints/names/last.npz").step
    assert told.count(b"charnn: stopping after this step, and saving") == 1
    assert told.endswith(f"saved at step {step:,}; `charnn train --resume --name names` goes on\n".encode())
    assert step >= 1000 and b"Traceback" not in told and b"\x1b" not in told and b"\r" not in told
    assert {path.name for path in Path("checkpoints/names").iterdir()} == {*FILES, ".lock"}
    charnn("train", "--resume", "--steps", step + 10).well()
    assert checkpoint.load("checkpoints/names/last.npz").step == step + 10


@pytest.mark.parametrize(("number", "code"), [("TERM", 143), ("HUP", 129), ("INT", 130)])
def test_P5_what_a_shell_sees_of_it(new: Path, number: str, code: int) -> None:
    line = f"charnn {' '.join(ENDLESS)} --minutes 0.5 --validate-every 1000 & "
    line += f"until [ -s checkpoints/names/log.jsonl ]; do sleep 0.05; done; kill -{number} $!; wait $!"
    done = bash(f"set -m; {line}")  # -m: or bash would have what it starts in the background ignore SIGINT
    assert done.code == code and "`charnn train --resume --name names` goes on" in done.err


@pytest.mark.parametrize(
    ("shield", "numbers"),
    [
        (["nohup"], [signal.SIGHUP]),
        (["bash", "-c", "trap '' HUP INT TERM; exec \"$@\"", "bash"], [signal.SIGHUP, signal.SIGINT, signal.SIGTERM]),
    ],
    ids=["nohup", "trap"],
)
def test_P5_a_signal_ignored_from_the_start_stays_so(
    new: Path, shield: list[str], numbers: list[signal.Signals]
) -> None:
    options = ["train", "names.txt", *TINY, "--steps", 4000, "--validate-every", 1000]
    with start(*options, command=[*shield, *COMMAND]) as process:
        told = told_until(process, UNDER_WAY)
        for number in numbers * 2:
            process.send_signal(number)
        _, rest = process.communicate(timeout=limit())
    assert process.returncode == 0 and b"stopping" not in told + rest and b"4000 of 4000 steps" in rest
    assert steps("names") == [1000, 2000, 3000, 4000]


def test_P5_a_terminal_that_is_closed_stops_and_saves(new: Path) -> None:
    """The kernel sends SIGHUP, and no more can be written: the training's last words are lost, and nothing else."""
    with on_terminal([*COMMAND, *ENDLESS, "--validate-every", str(10**9)]) as (process, leader):
        shown(leader, b"char/s")
        os.close(leader)
        assert process.wait(timeout=limit()) == -signal.SIGHUP
    step = checkpoint.load("checkpoints/names/last.npz").step
    charnn("train", "--resume", "--steps", step + 10).well()
    assert step > 0 and steps("names") == [step + 10]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_P5_a_corpus_that_was_never_whole_leaves_nothing(new: Path, number: signal.Signals) -> None:
    """A training on standard input, stopped while it reads."""
    with start("train", "-", *TINY, stdin=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(b"some text\n" * 100_000)
        process.stdin.flush()
        process.send_signal(number)
        assert process.wait(timeout=limit()) == -number
        assert process.stderr and process.stderr.read() == b""
    assert [path.name for path in new.iterdir()] == ["names.txt"]


def test_P5_a_corpus_that_is_being_tokenised_leaves_no_run(new: Path) -> None:
    Path("long.txt").write_bytes(Path("names.txt").read_bytes() * 10_000)
    with Path("long.txt").open("rb") as text, start("train", "-", *TINY, stdin=text) as process:
        assert soon(lambda: any(path.stat().st_size for path in Path("checkpoints").glob("stdin/.*.tmp")))
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=limit())
    assert (process.returncode, out, told) == (-signal.SIGINT, b"", b"")
    assert list(Path("checkpoints").iterdir()) == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (" ".join([*ENDLESS, "--validate-every", "1000"]), UNDER_WAY),
        ("sample -m {home}/checkpoints/names --past-end --length 1000000000", b"an"),
        ("eval -m {home}/checkpoints/names --by char endless", b"\x1b[0m"),
        ("tokenize -", b""),
    ],
    ids=["train", "sample", "eval", "tokenize"],
)
def test_P6_ctrl_c_ends_a_loop_of_the_shell(home: Path, new: Path, command: str, words: bytes) -> None:
    Path("endless").write_bytes((new / "names.txt").read_bytes() * 1000)
    os.mkfifo("never")
    line = " ".join(map(shlex.quote, COMMAND)) + " " + command.format(home=home)
    loop = f"for i in 1 2 3; do {line} {'< never' if command.endswith(' -') else ''}; echo next; done; echo and on"
    with on_terminal(["bash", "-c", loop]) as (process, leader):
        handle = os.open("never", os.O_RDWR)
        shown(leader, words)
        os.write(handle, b"an\n" * 9)
        assert words or soon(lambda: fcntl.ioctl(handle, termios.FIONREAD, bytes(4)) == bytes(4))  # it has been read
        os.write(leader, b"\x03")
        told = shown(leader)
        os.close(handle)
        assert process.wait(timeout=limit()) == -signal.SIGINT
    assert b"next" not in told and b"and on" not in told and b"Traceback" not in told and b"Aborted" not in told
    assert (b"goes on" in told) == command.startswith("train")


@pytest.mark.parametrize(("key", "code"), [(b"\x03", -signal.SIGINT), (b"\x04", 2)])
def test_P6_a_question_that_is_not_answered(home: Path, new: Path, key: bytes, code: int) -> None:
    shutil.copytree(home / "checkpoints", "checkpoints")
    with on_terminal([*COMMAND, "rm", "names"]) as (process, leader):
        shown(leader, b"[y/N]: ")
        assert soon(lambda: waits(process.pid))  # a signal just before Python reads is heeded after
        os.write(leader, key)
        told = shown(leader)
        assert process.wait(timeout=limit()) == code
    assert b"Aborted" not in told and (b"answer y or n" in told) == (code == 2)
    assert Path("checkpoints/names/last.npz").exists()


def test_P6_without_a_signal_the_loop_goes_on(home: Path, new: Path) -> None:
    line = " ".join(map(shlex.quote, COMMAND)) + f" sample -m {home}/checkpoints/names --length 5 --past-end"
    with on_terminal(["bash", "-c", f"for i in 1 2; do {line}; echo next; done"]) as (process, leader):
        assert shown(leader).count(b"next") == 2 and process.wait(timeout=limit()) == 0


BUDGET = ["train", "names.txt", *TINY, "--steps", "2000", "--validate-every", "100"]


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_P7_a_reader_of_stderr_that_goes_away(new: Path, kind: str) -> None:
    if kind == "pipe":
        ours, theirs = os.pipe()
    else:
        ours, theirs = pty.openpty()
    with start(*BUDGET, "--name", "alone", stderr=theirs) as process:
        os.close(theirs)
        shown(ours, UNDER_WAY)
        os.close(ours)
        assert process.poll() is None
        assert process.communicate(timeout=limit())[0] == b""
    assert process.returncode == 0
    charnn(*BUDGET, "--name", "whole").well()
    assert kept("alone") == kept("whole") and steps("alone") == list(range(100, 2100, 100))


def test_P7_a_closed_stdin_is_said(here: Path) -> None:
    for command in ("sample -i", "sample --primes -", "eval -", "fill", "train -"):
        done = bash(f"charnn {command} <&-")
        assert done.code == 2 and "standard input is closed" in done.err and done.err.count("charnn: ") == 1


@pytest.mark.parametrize("where", ["/dev/full", "&-"])
def test_P7_a_stderr_that_takes_nothing(new: Path, where: str) -> None:
    done = bash(f"charnn {' '.join(BUDGET)} --steps 300 2>{where}")
    assert (done.code, done.out, done.err) == (0, b"", "") and steps("names") == [100, 200, 300]
    for command in ("sample --seed 1", "eval", "info", "inspect gradients", "inspect units", "tokenize names.txt -o -"):
        quiet = bash(f"charnn {command} 2>{where}")
        assert (quiet.code, quiet.out) == (0, bash(f"charnn {command}").out) and quiet.out
    assert bash(f"charnn sample -m gone 2>{where}").code == 2
    assert bash(f"charnn sample --temp nan 2>{where}").code == 2


def test_P7_a_signal_after_stderrs_reader_went_away(new: Path) -> None:
    ours, theirs = os.pipe()
    with start(*ENDLESS, "--validate-every", 1000, stderr=theirs) as process:
        os.close(theirs)
        shown(ours, UNDER_WAY)
        os.close(ours)
        assert soon(lambda: len(steps("names")) > 3)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=limit()) == -signal.SIGINT
    assert checkpoint.load("checkpoints/names/last.npz").step >= 1000


COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")
SETTINGS = {
    "plain": "",
    "no colour": "NO_COLOR=1",
    "dumb": "TERM=dumb",
    "forced": "FORCE_COLOR=1",
    "forced and dumb": "FORCE_COLOR=1 TERM=dumb",
    "forced another way": "TTY_COMPATIBLE=1 COLORTERM=truecolor CLICOLOR_FORCE=1",
}
FORCED = ("forced", "forced another way")
SPEAKING = {
    "train": "train names.txt " + " ".join([*TINY, "--steps", "2000", "--validate-every", "500"]),
    "tokenize": "tokenize names.txt",
    "eval": "eval names.txt -m {home}/checkpoints/names",
    "rows": "eval names.txt -m {home}/checkpoints/names --by char",
    "a complaint": "sample -m gone",
    "a usage error": "train --hidden many",
    "help": "sample --help",
}


def set_up(setting: str, command: str) -> list[str]:
    return ["env", "TERM=xterm-256color", *SETTINGS[setting].split(), *COMMAND, *command.split()]


@pytest.mark.parametrize("what", SPEAKING)
@pytest.mark.parametrize("setting", SETTINGS)
def test_P8_what_is_no_terminal_gets_plain_lines(home: Path, new: Path, what: str, setting: str) -> None:
    """Who forces colours gets those of messages, not a bar, and none in results."""
    command = set_up(setting, SPEAKING[what].format(home=home))
    done = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=limit())
    assert b"\r" not in done.stdout + done.stderr and done.stdout + done.stderr
    assert b"\x1b" not in done.stdout + (STYLE.sub(b"", done.stderr) if setting in FORCED else done.stderr)


def on_a_screen(home: Path, what: str, setting: str) -> bytes:
    with on_terminal(set_up(setting, SPEAKING[what].format(home=home))) as (process, leader):
        told = shown(leader)
        process.wait(timeout=limit())
    return told.replace(b"\r\n", b"\n")


def test_P8_a_terminal_gets_a_bar_and_styles(home: Path, new: Path) -> None:
    """What the tests below say is not there would be seen."""
    told = on_a_screen(home, "train", "plain")
    assert STYLE.search(told) and "█".encode() in told and b"char/s" in told and b"\r" in told
    assert COLOUR.search(on_a_screen(home, "rows", "plain"))


@pytest.mark.parametrize("what", SPEAKING)
def test_P8_a_terminal_without_colours_gets_none(home: Path, new: Path, what: str) -> None:
    assert not COLOUR.search(on_a_screen(home, what, "no colour"))


@pytest.mark.parametrize("what", SPEAKING)
@pytest.mark.parametrize("setting", ["dumb", "forced and dumb"])
def test_P8_a_dumb_terminal_gets_no_escapes(home: Path, new: Path, what: str, setting: str) -> None:
    told = on_a_screen(home, what, setting)
    assert told and b"\x1b" not in told


ENCODINGS = {
    "ascii": {"PYTHONIOENCODING": "ascii:strict"},
    "C": {"LC_ALL": "C"},
    "both": {"PYTHONIOENCODING": "ascii:strict", "LC_ALL": "C"},
    "C, with Python's help turned off": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
TEXT = "Zoë liebt Käse — 😀\nÇa va, naïf?\n\u2028и так далее…\n" * 8


@pytest.fixture(params=ENCODINGS)
def narrow(request: pytest.FixtureRequest, new: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In a folder with a text that is not ASCII, where Python would write ASCII, say."""
    for name in ("LANG", "LC_ALL", "LC_CTYPE", "PYTHONUTF8"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENCODINGS[request.param].items():
        monkeypatch.setenv(name, value)
    Path("Käse.txt").write_bytes(TEXT.encode())
    return new


def test_P9_every_command_writes_utf8_whatever_the_locale(narrow: Path) -> None:
    """And says what it has to say on standard error as far as that can be written."""
    characters = set(TEXT)
    done = charnn("train", "Käse.txt", "--name", "Käse", *TINY, "--steps", 20, "--validate-every", 10)
    assert done.well() == b"" and "se.txt" in done.err and Path("checkpoints/Käse/best.npz").exists()
    written = charnn("sample", "-m", "Käse", "--past-end", "--length", 300, "--seed", 1).well().decode()
    assert len(written) == 301 and set(written) <= characters and not written.isascii()
    primed = charnn("sample", "--prime", "-", "--seed", 1, stdin="Zoë liebt".encode()).well().decode()
    assert primed.startswith("Zoë liebt")
    drawn = charnn("sample", "--json", "-n", 2).well().decode().splitlines()
    assert len(drawn) == 2 and all(set(json.loads(line)["text"]) <= characters for line in drawn)
    rows = charnn("eval", "Käse.txt", "--by", "char").well().decode().split("\n")[:-1]
    assert "".join(row.split("\t")[3] for row in rows).replace("\\n", "\n") == TEXT
    rows = charnn("eval", "Käse.txt", "--by", "line").well().decode().split("\n")[:-1]
    assert "\n".join(row.split("\t")[3] for row in rows) + "\n" == TEXT
    assert charnn("eval", "Käse.txt", "--json").well() and charnn("eval").well()
    charnn("tokenize", "Käse.txt", "-o", "Käse.npz").well()
    assert charnn("tokenize", "--decode", "Käse.npz").well() == TEXT.encode()
    info = charnn("info").well().decode()
    assert "checkpoints/Käse/best.npz" in info and "ë" in info and "😀" in info and "█" in info
    assert os.fsencode(json.loads(charnn("info", "--json").well())["file"]) == "checkpoints/Käse/best.npz".encode()
    charnn("eval", "-", "--unknown", "error", stdin="ÿ".encode()).told(3, "U+00FF at 1:1")
    charnn("sample", "-m", "Größe").told(2, "there is no model")


def test_P9_a_terminal_gets_utf8_too(narrow: Path) -> None:
    charnn("train", "Käse.txt", *TINY, "--steps", 20, "--validate-every", 10).well()
    units, eval = ["inspect", "units", "Käse.txt"], ["eval", "Käse.txt", "--by", "char"]
    for command in (units, eval, ["sample", "--past-end", "--length", "300"], ["info"]):
        with on_terminal([*COMMAND, *command]) as (process, leader):
            told = shown(leader)
            assert process.wait(timeout=limit()) == 0, told
        assert b"Traceback" not in told and not STYLE.sub(b"", told).decode().isascii()


def test_P9_a_terminal_gets_bytes_that_are_no_text_spelled_out(new: Path) -> None:
    Path("odd.txt").write_bytes(data := b"caf\xe9, \xed\xa0\x80 and more of it\n" * 8)
    charnn("train", "odd.txt", "--invalid", "keep", *TINY, "--steps", 20, "--validate-every", 10).well()
    command = [*COMMAND, "eval", "odd.txt", "--by", "char", "--invalid", "keep"]
    with on_terminal(command, stderr=subprocess.DEVNULL) as (process, leader):
        told = STYLE.sub(b"", shown(leader)).replace(b"\r\n", b"\n")
        assert told == data.replace(b"\xe9", rb"\udce9").replace(b"\xed\xa0\x80", rb"\ud800")
        assert process.wait(timeout=limit()) == 0


@pytest.mark.parametrize("number", range(5))
def test_P10_a_log_is_whole_lines_whenever_it_is_killed(new: Path, number: int) -> None:
    with start(*ENDLESS, "--validate-every", 1, stderr=subprocess.DEVNULL) as process:
        log, size = Path("checkpoints/names/log.jsonl"), random.Random(number).randint(1, 9000)  # bytes
        assert soon(lambda: log.exists() and log.stat().st_size >= size)
        process.kill()
    data = log.read_bytes()
    whole = data[: data.rfind(b"\n") + 1].splitlines()
    assert [json.loads(line)["step"] for line in whole] == list(range(1, len(whole) + 1)) and whole
    step = checkpoint.load("checkpoints/names/last.npz").step
    assert len(whole) - 1 <= step <= len(whole)
    with log.open("ab") as file:  # what the machine's own end may leave
        file.write(b'{"step": 10000')
    charnn("train", "--resume", "--steps", step + 2).well()
    assert steps("names") == list(range(1, step + 3))


EARLY = """
import sys
class Interrupted:
    def find_spec(self, name, *_):
        if name == "charnn.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
"""


def test_P3_ctrl_c_before_there_is_a_command(tmp_path: Path) -> None:
    done = altered(EARLY, "sample", cwd=tmp_path)
    assert (done.code, done.out, done.err) == (-signal.SIGINT, b"", "")
