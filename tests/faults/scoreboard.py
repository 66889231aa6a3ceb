"""The same faults for charnn and its naive twin, in real processes: `python -m tests.faults.scoreboard`.

A fault is handled where the command does the right thing (a damaged model that writes what the intact one does is no
fault), or ends with another code than 0 after one message that names what is wrong: no traceback, nothing wrong written
as if it were right, no hang, memory within bounds, the older model as good as before. Which code it is, is not judged
here: the tests do that, for charnn alone.
"""

import gzip
import io
import os
import random
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.processes import environment
from tests.helpers.program import TINY, names
from tests.helpers.waiting import limit

from . import hostile
from .hostile import Member, members, npy, zipped

RAM = 300 << 20  # bytes a process may have, some 50 of them for Python and NumPy
ROWS: dict[str, "Row"] = {}


@dataclass(frozen=True)
class Program:
    """A command, what its training is asked for, and where its model then is."""

    name: str
    command: list[str]
    fresh: list[str]
    again: list[str]
    model: str


Row = Callable[[Program], str]
PYTHON = sys.executable
CHARNN = Program(
    "charnn",
    [PYTHON, "-m", "charnn"],
    ["train", "names.txt", *TINY],
    ["train", "--resume"],
    "checkpoints/names/last.npz",
)
NAIVE = Program(
    "naive twin",
    [PYTHON, str(Path(__file__).parent / "naive.py")],
    ["train", "names.txt", "--hidden", "8"],
    ["train", "names.txt", "--hidden", "8"],
    "model.npz",
)


def row(name: str) -> Callable[[Row], Row]:
    def add(function: Row) -> Row:
        ROWS[name] = function
        return function

    return add


def run(command: list[str], **options: Any) -> tuple[int | None, bytes, str, int]:
    """Its exit code (None where it had to be killed), output, errors, and most memory in bytes."""
    environ = {**environment(), **options.pop("env", {})}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environ, start_new_session=True, **options
        )
        end = time.monotonic() + limit(20)
        while (found := os.wait4(process.pid, os.WNOHANG))[0] == 0 and time.monotonic() < end:
            time.sleep(0.01)
        if hangs := found[0] == 0:
            os.killpg(process.pid, signal.SIGKILL)
            found = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(found[1])
        out.seek(0), err.seek(0)
        code = None if hangs else process.returncode
        return code, out.read(), err.read().decode("utf-8", "replace"), found[2].ru_maxrss << 10


def refuses(program: Program, *args: str, names: str = "", **options: Any) -> str:
    """What is wrong with how a command turns something down; nothing, if it does it well."""
    code, _, err, memory = run([*program.command, *args], **options)
    if Path("canary").exists():
        return "runs the file's code"
    if code is None:
        return "hangs"
    if memory > RAM:
        return f"takes {memory >> 20} MB"
    if code == 0:
        return "takes it for good"
    if "Traceback" in err:
        return f"traceback: {err.strip().splitlines()[-1]:.60}"
    if code < 0:
        return f"dies of signal {-code}"
    last = err.strip().splitlines()[-1:] or [""]
    return "" if names in last[0] and last[0] else f"does not name {names}: {last[0]:.40}"


def works(program: Program, *args: str, **options: Any) -> tuple[str, bytes]:
    """What is wrong, if a command should do well; and its output."""
    code, out, err, _ = run([*program.command, *args], **options)
    if code is None:
        return "hangs", out
    if "Traceback" in err:
        return f"traceback: {err.strip().splitlines()[-1]:.60}", out
    return (f"exit code {code}: {err.strip()[-60:]}" if code else ""), out


def intact(program: Program) -> str:
    """Whether the model of this folder still writes."""
    return works(program, "sample", "-m", program.model, "--length", "5")[0] and "the old model is lost"


# Models

Damage = Callable[[bytes], list[Member] | bytes]
WEIGHTS = 1  # the place of a member that is an array of floats, in the files of both


def other(place: int, make: Callable[[np.ndarray], Any]) -> Damage:
    def change(data: bytes) -> list[Member]:
        found = members(data)
        name = found[place].name
        found[place] = Member(name, npy(make(arrays_of(found[place]))))
        return found

    return change


def arrays_of(member: Member) -> np.ndarray:
    return np.load(io.BytesIO(member.data), allow_pickle=True)


def spoilt(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flat[0] = np.nan
    return array


def replaced(data: bytes, make: Callable[[str], Member]) -> list[Member]:
    found = members(data)
    return [found[0], make(found[1].name), *found[2:]]


DAMAGES: dict[str, Damage] = {
    "M2 an empty file as model": lambda data: b"",
    "M2 a text as model": lambda data: b"It was a dark and stormy night.\n" * 100,
    "M3 a model cut off in the middle": lambda data: data[: len(data) // 2],
    "M3 a model without its last byte": lambda data: data[:-1],
    "M5 a pickle that runs code": lambda data: replaced(data, lambda name: Member(name, hostile.trap())),
    "M6 an array of 10^12 elements": lambda data: replaced(
        data, lambda name: Member(name, hostile.header((10**12,)) + bytes(100))
    ),
    "M7 a deflate bomb": lambda data: replaced(data, lambda name: hostile.bomb(name, 600)),
    "M7 a header of 1.5 GB": lambda data: replaced(data, hostile.wide),
    "M8 a second member of a name": lambda data: [
        *members(data),
        Member(members(data)[WEIGHTS].name, npy(1 - arrays_of(members(data)[WEIGHTS]))),
    ],
    "M8 a member that is no array": lambda data: [*members(data), Member("readme.txt", b"read me")],
    "M8 bytes after the end": lambda data: data + b"more" * 100,
    "M9 other type": other(WEIGHTS, lambda w: w.astype("<i8")),
    "M9 other byte order": other(WEIGHTS, lambda w: w.astype(w.dtype.newbyteorder(">"))),
    "M9 an array cut in half": other(WEIGHTS, lambda w: w[: len(w) // 2]),
    "M9 an array missing": lambda data: [m for i, m in enumerate(members(data)) if i != WEIGHTS],
    "M10 a weight that is NaN": other(WEIGHTS, spoilt),
}


def damaged(damage: Damage) -> Row:
    def judge(program: Program) -> str:
        made = damage(Path(program.model).read_bytes())
        if isinstance(made, bytes):
            Path("bad.npz").write_bytes(made)
        else:
            zipped(made, Path("bad.npz"))
        wanted, found = (works(program, "sample", "-m", name, "--seed", "1") for name in (program.model, "bad.npz"))
        if found == wanted and memory_of(program) < RAM and not Path("canary").exists():
            return ""  # what is wrong with it does no harm
        return refuses(program, "sample", "-m", "bad.npz", "--seed", "1", names="bad.npz")

    return judge


def memory_of(program: Program) -> int:
    return run([*program.command, "sample", "-m", "bad.npz"])[3]


for _name, _damage in DAMAGES.items():
    ROWS[_name] = damaged(_damage)


@row("M1 no such model")
def missing(program: Program) -> str:
    return refuses(program, "sample", "-m", "gone.npz", names="gone.npz")


@row("M4 20 flipped bits")
def flips(program: Program) -> str:
    data, wrong = Path(program.model).read_bytes(), []
    wanted = works(program, "sample", "-m", program.model, "--seed", "1")[1]
    for seed in range(20):
        Path("bad.npz").write_bytes(hostile.flipped(data, seed))
        if works(program, "sample", "-m", "bad.npz", "--seed", "1")[1] != wanted:
            wrong.append(refuses(program, "sample", "-m", "bad.npz", "--seed", "1", names="bad.npz"))
    wrong = [problem for problem in wrong if problem]
    return f"{len(wrong)} times, as {wrong[0]}" if wrong else ""


@row("M13 /dev/zero as model")
def zero(program: Program) -> str:
    return refuses(program, "sample", "-m", "/dev/zero", names="/dev/zero", preexec_fn=limited)


@row("M13 a named pipe as model")
def pipe(program: Program) -> str:
    os.mkfifo("pipe.npz")
    return refuses(program, "sample", "-m", "pipe.npz", names="pipe.npz")


# Texts


def trained_on(text: bytes) -> Row:
    def judge(program: Program) -> str:
        Path("names.txt").write_bytes(text)
        return refuses(program, *program.fresh, "--steps", "20", "--validate-every", "10", names="names.txt")

    return judge


ROWS["C1 an empty text"] = trained_on(b"")
ROWS["C1 a text of one character"] = trained_on(b"x")
ROWS["C2 invalid UTF-8"] = trained_on(b"Anbe\n" * 20 + b"Caf\xe9\n" + b"Anbe\n" * 20)
ROWS["C12 UTF-16"] = trained_on(names().encode("utf-16"))
ROWS["C12 UTF-16 without a byte order mark"] = trained_on(names().encode("utf-16-le"))
ROWS["C12 gzip under another name"] = trained_on(gzip.compress(names().encode()))


@row("C11 a line of 4 million characters scored")
def long_line(program: Program) -> str:
    Path("long.txt").write_text("Anbedola" * 500_000 + "\n")
    code, _, err, memory = run([*program.command, "eval", "long.txt", "-m", program.model])
    if code != 0:
        return "hangs" if code is None else f"ends with {code}: {err.strip().splitlines()[-1]:.60}"
    return f"takes {memory >> 20} MB" if memory > RAM else ""


@row("P11 escape sequences in a file's name")
def escapes(program: Program) -> str:
    name = "\x1b[2Jnone.txt"
    _, out, err, _ = run([*program.command, "eval", name, "-m", program.model])
    return "sends them to the terminal" if "\x1b" in err or b"\x1b" in out else ""


@row("C5 a prompt with an unknown character")
def prompt(program: Program) -> str:
    return refuses(program, "sample", "-m", program.model, "--prime", "An?", names="?")


@row("C5 a scored text with an unknown character")
def scored(program: Program) -> str:
    Path("other.txt").write_text("Anbe\nDo?be\n")
    return refuses(program, "eval", "other.txt", "-m", program.model, names="?")


# Saving, signals, pipes


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


@row("S2 10 random kills while saving")
def kills(program: Program) -> str:
    rng = random.Random(0)
    for _ in range(10):
        command = [*program.command, *program.again, "--steps", str(10**9), "--validate-every", "1"]
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(1, 2))
        process.kill()
        process.wait()
        if problem := intact(program):
            return problem
    return ""


@row("S3 a file may not grow beyond half of a model")
def half(program: Program) -> str:
    size = Path(program.model).stat().st_size // 2

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    problem = refuses(program, *program.again, "--steps", "60", "--validate-every", "10", preexec_fn=small)
    return intact(program) or problem


@row("S4 disk full")
def full(program: Program) -> str:
    """A small file system, where the system lets one be mounted; the model in it is the folder's."""
    size = Path(program.model).stat().st_size
    Path("disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={max(16384, size * 3 // 2)}", "none", "disk"]
    if subprocess.run(mount, capture_output=True).returncode:
        return "cannot be tried here"
    try:
        shutil.copy("names.txt", "disk")
        (Path("disk") / program.model).parent.mkdir(parents=True, exist_ok=True)
        for file in Path(program.model).parent.glob(Path(program.model).name):
            shutil.copy(file, Path("disk") / program.model)
        with open("disk/rest", "wb", buffering=0) as rest:
            try:
                while True:
                    rest.write(bytes(4096))
            except OSError:
                pass
        os.chdir("disk")
        args = [*program.again, "--steps", "60", "--validate-every", "10"]
        problem = works(program, *args)[0] and refuses(program, *args, names="space")
        problem = intact(program) or problem
        os.chdir("..")
        return problem
    finally:
        subprocess.run(["umount", "-l", "disk"], capture_output=True)


@row("S7 a model that is a symbolic link, readable by its owner only")
def link(program: Program) -> str:
    """In a folder made here: a link out of one that was copied here may be another's, and is not followed."""
    shutil.rmtree("checkpoints", ignore_errors=True)
    works(program, *program.fresh, "--steps", "40", "--validate-every", "20")
    path = Path(program.model).absolute()
    path.rename("kept.npz")
    Path("kept.npz").chmod(0o600)
    path.symlink_to(Path("kept.npz").absolute())
    problem, _ = works(program, *program.again, "--steps", "60", "--validate-every", "10")
    kept = path.is_symlink() and Path("kept.npz").stat().st_mode & 0o777 == 0o600
    return problem or ("" if kept else "the link or the mode is lost")


def piped(reader: str, args: str) -> Row:
    def judge(program: Program) -> str:
        line = f"{shlex.join(program.command)} {args.format(program.model)} {reader}"
        code, _, err, _ = run(["bash", "-c", f"set -o pipefail; {line}"])
        if code is None:
            return "hangs"
        return f"noise: {err.strip().splitlines()[-1]:.60}" if err else "" if code else "exit code 0"

    return judge


ROWS["P1 many samples | head -1"] = piped("| head -1", "sample -n 3000 -m {}")
ROWS["P1 a sample | true"] = piped("| true", "sample -m {}")


@row("P2 standard output is full")
def out_full(program: Program) -> str:
    line = f"{shlex.join(program.command)} sample -m {program.model} > /dev/full"
    return refuses(Program("bash", ["bash", "-c"], [], [], ""), line, names="space")


def stopped(number: int) -> Row:
    def judge(program: Program) -> str:
        path = Path(program.model)
        before = path.stat().st_mtime_ns
        command = [*program.command, *program.again, "--steps", str(10**9), "--validate-every", "2000"]
        with tempfile.TemporaryFile() as err:
            # SIGINT may be ignored where this runs in the background, and children would inherit that
            reset = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
            process = subprocess.Popen(
                command, env=environment(), stdout=subprocess.DEVNULL, stderr=err, preexec_fn=reset
            )
            end = time.monotonic() + limit(20)
            while path.stat().st_mtime_ns == before and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(0.1)
            asked = time.time_ns()
            process.send_signal(number)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                return "goes on"
            err.seek(0)
            if b"Traceback" in err.read():
                return "traceback"
        if path.stat().st_mtime_ns < asked - 10**7:  # the clock of files is a coarse one
            return "what was learned since the last save is lost"
        return intact(program)

    return judge


ROWS["P3 SIGINT while training"] = stopped(signal.SIGINT)
ROWS["P5 SIGTERM while training"] = stopped(signal.SIGTERM)


@row("P9 text beyond ASCII in an ASCII locale")
def locale(program: Program) -> str:
    Path("names.txt").write_text("Käse\nBrötchen\n€ 1\n" * 50, encoding="utf-8")
    shutil.rmtree("checkpoints", ignore_errors=True)
    plain = {"PYTHONIOENCODING": "ascii:strict", "LC_ALL": "C"}
    problem, _ = works(program, *program.fresh, "--steps", "20", "--validate-every", "10", env=plain)
    sample = ["sample", "-m", program.model, "--seed", "1", "--prime", "Käse", "--length", "100"]
    return problem or works(program, *sample, env=plain)[0]


# Numbers


@row("N1 a learning rate of 1e9")
def diverges(program: Program) -> str:
    problem = refuses(program, *program.again, "--steps", "200", "--validate-every", "50", "--rate", "1e9")
    out = works(program, "sample", "-m", program.model, "--length", "5")
    return (out[0] and "the old model is lost") or problem


def number(*args: str) -> Row:
    def judge(program: Program) -> str:
        command = [*(program.fresh if args[0] == "train" else ["sample", "-m", program.model]), *args[1:]]
        return refuses(program, *command, names=args[1].strip("-"), preexec_fn=limited)

    return judge


for _args in ("sample --temp nan", "sample --temp inf", "sample --temp -1"):
    ROWS[f"N2 {_args}"] = number(*_args.split())
for _args in ("sample --length -1", "sample -n -1", "train --hidden 0", "train --validate-every 0", "train --rate nan"):
    ROWS[f"N2 {_args}"] = number(*_args.split())
ROWS["N3 10^6 hidden units in 4 GB"] = number("train", "--hidden", "1000000")


@row("R5 the same seed twice")
def repeats(program: Program) -> str:
    first, second = (works(program, "sample", "-m", program.model, "--seed", "3") for _ in range(2))
    return first[0] or ("" if first == second else "another text")


@row("K1 warnings as errors")
def warned(program: Program) -> str:
    command = [program.command[0], "-W", "error", *program.command[1:]]
    strict = Program(program.name, command, program.fresh, program.again, program.model)
    return works(strict, *program.again, "--steps", "60", "--validate-every", "10")[0] or intact(strict)


def main() -> None:
    results: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as base:
        for program in (CHARNN, NAIVE):
            home = Path(base) / program.name.replace(" ", "-")
            home.mkdir()
            os.chdir(home)
            Path("names.txt").write_text(names())
            assert not works(program, *program.fresh, "--steps", "40", "--validate-every", "20")[0]
            for name, judge in ROWS.items():
                folder = Path(base) / "row"
                shutil.copytree(home, folder)
                os.chdir(folder)
                try:
                    results.setdefault(name, []).append(judge(program) or "ok")
                finally:
                    os.chdir(base)
                    shutil.rmtree(folder)
    width = max(map(len, results))
    print(f"{'fault':{width}} | {'charnn':10} | naive twin")
    for name in sorted(results, key=lambda name: ("MCSPNRK".index(name[0]), int(name.split()[0][1:]))):
        print(f"{name:{width}} | {results[name][0]:10} | {results[name][1]}")
    for i, program in enumerate((CHARNN, NAIVE)):
        print(f"{program.name}: {sum(found[i] == 'ok' for found in results.values())}/{len(results)}")


if __name__ == "__main__":
    main()
