"""M15 to M18: headers and directories of any size, any value in a header, disks that fail, messages of any length."""

import json
import os
import shutil
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.errors import CheckpointError
from charnn.runs import checkpoint, frame
from tests.faults.hostile import Member, arrays, forged, header, members, npy, zipped
from tests.helpers.processes import COMMAND, Done, altered, charnn, cheaply, environment, start, told_until
from tests.helpers.program import TINY, invoke
from tests.helpers.waiting import limit

MESSAGE = 400  # characters of a message, at most


def refused_cheaply(kind: str) -> str:
    """bad.npz is turned down in little time and memory. Returns the message."""
    command = ["info", "-m", "bad.npz"] if kind == "model" else ["tokenize", "--decode", "bad.npz"]
    return cheaply(command, beside=["info", "-m", "good.npz"]).told(3, "bad.npz")


# M15

SIZES = (11 << 20, 60 << 20, 500 << 20)
CONTENTS: dict[str, Callable[[int], bytes]] = {
    "spaces": lambda size: b" " * size,
    "a long text": lambda size: b'{"a":"' + b"x" * size + b'"}',
    "numbers": lambda size: b'{"a":[' + b"12345," * (size // 6) + b"0]}",
    "objects": lambda size: b'{"a":[' + b'{"":0},' * (size // 7) + b"0]}",
    "lists": lambda size: b'{"a":[' + b"[]," * (size // 3) + b"0]}",
    "texts": lambda size: b'{"a":[' + b'"xy",' * (size // 5) + b"0]}",
}


@pytest.mark.parametrize("kind", ["model", "tokens"])
@pytest.mark.parametrize("content", CONTENTS)
def test_M15_a_header_of_60_mb(good: Path, whole: bytes, tokens: bytes, content: str, kind: str) -> None:
    first, *rest = members(whole if kind == "model" else tokens)
    data = CONTENTS[content](60 << 20)
    zipped([Member(first.name, header((len(data),), "|u1") + data), *rest], Path("bad.npz"))
    assert "a header of" in refused_cheaply(kind)


@pytest.mark.parametrize("content", CONTENTS)
def test_M15_a_header_as_large_as_may_be(good: Path, whole: bytes, content: str) -> None:
    """Of 9 MB, which the vocabulary alone may have: whatever is in it."""
    first, *rest = members(whole)
    data = CONTENTS[content](9 << 20)
    zipped([Member(first.name, header((len(data),), "|u1") + data), *rest], Path("bad.npz"))
    refused_cheaply("model")


def test_M15_a_header_of_many_gigabytes_that_are_not_on_the_disk(good: Path, whole: bytes) -> None:
    first, *rest = members(whole)
    zipped([Member(first.name, header((4 << 30,), "|u1"), hole=4 << 30, crc=0), *rest], Path("bad.npz"), wide=True)
    refused_cheaply("model")


def test_M15_arrays_of_many_gigabytes_that_are_not_on_the_disk(good: Path, whole: bytes) -> None:
    """A sparse file: neither read nor believed, since no model has such an array."""
    stray = Member("stray.npy", header((1 << 30,), "<f4"), hole=4 << 30, crc=0)
    zipped([*members(whole), stray], Path("bad.npz"), wide=True)
    assert "stray should be nothing" in refused_cheaply("model")


@pytest.mark.parametrize("kind", ["model", "tokens"])
@pytest.mark.parametrize("count", [60_000, 100_000, 2_000_000])
def test_M15_a_directory_of_very_many_entries(good: Path, whole: bytes, tokens: bytes, kind: str, count: int) -> None:
    """All of them for the same member, so that the file is of 100 MB, not of 500."""
    data = whole if kind == "model" else tokens
    end = data.rindex(b"PK\5\6")
    start = data.index(b"PK\1\2")
    entry = data[start : data.index(b"PK\1\2", start + 1)]
    fields = (0xFFFF, 0xFFFF) if count > 0xFFFF else (count, count)
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, *fields, len(entry) * count, start, 0)
    Path("bad.npz").write_bytes(data[:start] + entry * count + tail)
    assert end > start
    refused_cheaply(kind)


def test_M15_as_many_small_arrays_as_a_directory_has(good: Path, whole: bytes) -> None:
    stray = npy(np.zeros(1, np.uint8))
    crc = zlib.crc32(stray)
    many = [Member(f"a{i}.npy", stray, crc=crc) for i in range(20_000)]
    zipped([*members(whole), *many], Path("bad.npz"))
    assert "should be nothing" in refused_cheaply("model")


def test_M15_a_vocabulary_of_all_of_unicode_is_read(new: Path) -> None:
    """What is refused is what no text makes."""
    text = "".join(map(chr, [*range(1, 0xD800), *range(0xE000, 0x110000)]))
    Path("all.txt").write_text(text, "utf-8")
    charnn("tokenize", "all.txt", "-o", "all.npz", seconds=60).well()
    assert charnn("tokenize", "--decode", "all.npz", seconds=60).well() == text.encode()


def test_M15_a_long_history_is_thinned_before_it_is_too_long(new: Path) -> None:
    """At the same places however often the run is resumed; the log has all of them."""
    tiny = ["--hidden", "1", "--layers", "1", "--batch", "1", "--window", "1", "--workers", "1", "--dropout", "0"]
    kept = "import charnn.runs.run as run\nrun.MAX_HISTORY = 40\n"
    options = [*tiny, "--cell", "elman", "--validate-every", "1", "--patience", "0", "--steps"]
    altered(kept, "train", "names.txt", *options, 100, "--name", "whole", seconds=60).well()
    altered(kept, "train", "names.txt", *options, 50, "--name", "two", seconds=60).well()
    altered(kept, "train", "--resume", "--name", "two", "--steps", 100, seconds=60).well()
    steps, again = (
        [record["step"] for record in checkpoint.load(f"checkpoints/{name}/last.npz").history]
        for name in ("whole", "two")
    )
    assert steps == again and len(steps) <= 40 and steps[-1] == 100 and steps == sorted(set(steps))
    assert len(Path("checkpoints/whole/log.jsonl").read_text().splitlines()) == 100


# M16

MISSING = object()
VALUES = [MISSING, None, "", 0, -1, 2**62, 10**30, 1e308, [], {}, ["x"], "x" * 5000, True, 0.5, {"x": 1.0}]
EVERY: dict[str, list[str]] = {
    "info": ["info"],
    "info as JSON": ["info", "--json"],
    "sample": ["sample", "--length", "20", "--novelty", "--seed", "1"],
    "eval": ["eval"],
    "eval of a text": ["eval", "names.txt", "--json"],
    "mixture": ["eval", "--mix", "ngram"],
    "rows": ["eval", "--by", "char", "names.txt"],
    "units": ["inspect", "units", "names.txt"],
    "gradients": ["inspect", "gradients", "names.txt"],
}
SECTIONS = ("model", "train", "origin", "vocabulary", "environment", "baselines", "history", None)


def part(found: dict[str, Any], section: str | None) -> dict[str, Any]:
    """Of a header, what has the fields."""
    if section == "baselines":
        return dict(found["origin"])["baselines"]
    return found if section is None else found["history"][-1] if section == "history" else found[section]


def change(section: str | None, name: str, value: Any) -> Callable[..., None]:
    def apply(found: dict[str, Any], _: object) -> None:
        fields = part(found, section)
        if value is MISSING:
            fields.pop(name)
        else:
            fields[name] = value

    return apply


@pytest.mark.slow
@pytest.mark.parametrize("section", SECTIONS)
def test_M16_every_field_with_any_value(here: Path, whole: bytes, section: str | None, tmp_path: Path) -> None:
    """Done, or refused in one line that is not about charnn; and a file that one command refuses others refuse too.

    In this process, since there are thousands: each value meets the next two commands.
    """
    found, commands = json.loads(arrays(whole)["header"].tobytes()), cycle(EVERY.values())
    bad = tmp_path / "bad.npz"
    for name in [name for name in part(found, section) if name != "digest"]:
        for value in VALUES:
            forged(whole, change(section, name, value), bad)
            codes = set()
            for command in islice(commands, 2):
                done = invoke(*command, "-m", bad)
                where = (section, name, value, command, done.output)
                assert done.exception is None or isinstance(done.exception, SystemExit), where
                assert "internal error" not in done.output, where
                assert all(len(line) <= MESSAGE for line in done.output.splitlines() if "charnn: " in line), where
                codes.add(done.exit_code)
            assert codes <= {0, 2} or codes == {3}, (section, name, value, codes)


FIRST = {"model": frame.MODEL, "train": frame.TRAIN, "origin": frame.ORIGIN}


@pytest.mark.parametrize("section", ["model", "train", "origin"])
def test_M16_a_field_that_is_missing_or_null_or_of_another_type(here: Path, whole: bytes, section: str) -> None:
    found = json.loads(arrays(whole)["header"].tobytes())
    for name in part(found, section):
        for value in (MISSING, {"x": 1}, [[]], "x" * 5000):
            if value is MISSING and name not in FIRST[section]:
                continue  # older files do not have it
            forged(whole, change(section, name, value), here / "wrong.npz")
            with pytest.raises(CheckpointError):
                checkpoint.load(here / "wrong.npz")


@pytest.mark.parametrize("workers", [64, 1024])
def test_M16_a_model_does_not_decide_how_many_processes_run(new: Path, whole: bytes, workers: int) -> None:
    run = new / "checkpoints/names"
    run.mkdir(parents=True)
    text = (new / "names.txt").read_text()
    assert text

    def greedy(found: dict[str, Any], state: dict[str, np.ndarray]) -> None:
        found["train"] |= {"workers": workers, "batch": 1024}
        found["origin"]["names"] = [str(new / "names.txt")]
        state["state/0"] = np.zeros((1024, 8), np.float32)

    forged(whole, greedy, run / "last.npz")
    with start("train", "--resume", "--steps", 10**9, "--validate-every", 10**9) as process:
        told = told_until(process, b"saved in")
        time.sleep(1)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.terminate()
        _, rest = process.communicate(timeout=limit())
    cores = max(2, len(os.sched_getaffinity(0)))
    assert len(children) < cores
    assert f"{workers} before" in (told + rest).decode()


@pytest.mark.parametrize("name", ["/proc/kmsg", "/proc/self/mem", "/proc/kcore", "/sys/kernel/notes", "/dev/zero"])
def test_M16_a_model_does_not_have_the_kernels_files_read(good: Path, whole: bytes, name: str) -> None:
    forged(whole, change("origin", "names", [name]), Path("bad.npz"))
    for command in (["eval"], ["eval", "--mix", "ngram"], ["sample", "--novelty"]):
        charnn(*command, "-m", "bad.npz").told(2, "the corpus of this model is not at", name)
    Path("link.txt").symlink_to(name)
    forged(whole, change("origin", "names", [str(Path("link.txt").absolute())]), Path("bad.npz"))
    charnn("eval", "-m", "bad.npz").told(2, "the corpus of this model is not at", "link.txt")


def test_M16_a_model_does_not_have_more_unpacked_than_its_corpus_was(good: Path, whole: bytes) -> None:
    import gzip

    with gzip.open("bomb.gz", "wb", 9) as file:
        for _ in range(300):
            file.write(bytes(1 << 20))
    forged(whole, change("origin", "names", [str(Path("bomb.gz").absolute())]), Path("bad.npz"))
    cheaply(["eval", "-m", "bad.npz"], beside=["info", "-m", "good.npz"]).told(3, "bomb.gz")


# M17

EIO = """
import errno, os, builtins, sys
left, name = {call}, {name!r}
def count(path):
    global left
    if name in str(path):
        left -= 1
        if left == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
opened, pread, stat, fstat = builtins.open, os.pread, os.stat, os.fstat
path_of = lambda handle: os.readlink(f"/proc/self/fd/{{handle}}") if isinstance(handle, int) else handle
def open(file, *args, **options):
    count(file)
    return opened(file, *args, **options)
def reading(handle, *args):
    count(path_of(handle))
    return pread(handle, *args)
builtins.open, os.pread = open, reading
"""


@pytest.mark.parametrize("command", [["info"], ["sample", "--seed", "1"], ["eval", "names.txt"]])
def test_M17_each_read_of_a_model_that_fails(good: Path, command: list[str]) -> None:
    calls = 0
    for call in (1, 2, 3, 5, 8, 13, 30, 10**6):
        done = altered(EIO.format(call=call, name="good.npz"), *command, "-m", "good.npz")
        if done.code == 0:
            break
        done.told(1, "good.npz cannot be read: Input/output error")
        calls += 1
    assert calls >= 6


def test_M17_each_system_call_that_reads_a_model_fails(good: Path) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    failed = 0
    for call in range(1, 40, 4):
        trace = ["-e", "trace=pread64,read,openat", "-P", str(good), "-e", f"inject=pread64,read:error=EIO:when={call}"]
        strace = ["strace", "-qq", "-o", "/dev/null", *trace]
        process = subprocess.run(
            [*strace, *COMMAND, "info", "-m", str(good)], env=environment(), capture_output=True, timeout=limit(20)
        )
        if b"PTRACE" in process.stderr:
            pytest.skip(f"strace cannot trace: {process.stderr.decode().strip()}")
        if process.returncode == 0:
            break
        done = Done(process.returncode, process.stdout, process.stderr.decode())
        done.told(1, "good.npz cannot be read: Input/output error")
        failed += 1
    assert failed > 3


# M18

LONG = "x" * 5000


def lengths(done: Done) -> list[int]:
    return [len(line) for line in done.err.splitlines() if line.startswith(("charnn:", "Error:"))]


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("model", "cell", LONG),
        ("train", "scheme", LONG),
        ("vocabulary", "sequence", LONG),
        ("origin", "names", [LONG]),
        ("origin", "names", ["a.txt"] * 10_000),
        (None, "format", LONG),
        (None, "version", LONG),
        (None, "charnn", [LONG]),
    ],
)
def test_M18_a_message_is_short_whatever_a_model_holds(
    good: Path, whole: bytes, section: str | None, name: str, value: Any
) -> None:
    forged(whole, change(section, name, value), Path("bad.npz"))
    done = charnn("eval", "-m", "bad.npz")
    done.told(done.code)
    assert done.code in (2, 3) and lengths(done) and max(lengths(done)) <= MESSAGE


@pytest.mark.parametrize(
    "command",
    [
        ["sample", "-m", LONG],
        ["sample", "--temp", LONG],
        ["sample", "--prime", LONG],
        ["train", *["names.txt"] * 3, "--name", LONG],
        ["train", LONG],
        ["train", "/".join(["x" * 200] * 20)],
        ["eval", LONG, "-m", "good.npz"],
        [LONG],
        ["sample", f"--{LONG}"],
    ],
    ids=range(9),
)
def test_M18_a_message_is_short_whatever_an_option_is(good: Path, command: list[str]) -> None:
    done = charnn(*command, *(["-m", "good.npz"] if command[1:2] == ["--prime"] else []))
    assert done.code in (1, 2, 3) and "internal error" not in done.err
    assert lengths(done) and max(lengths(done)) <= MESSAGE


def test_M18_what_to_do_is_at_the_end_and_stays(good: Path) -> None:
    message = charnn("train", "names.txt", *TINY, "--name", "a/" + LONG).told(2)
    assert message.startswith("charnn: 'a/xxx") and message.endswith("--runs for where it is")
    assert " ... " in message and len(message) == MESSAGE


def test_M18_notes_are_short_too(good: Path, whole: bytes) -> None:
    forged(whole, change("environment", "cpu", LONG), Path("bad.npz"))
    done = charnn("train", "names.txt", "--resume", "--name", "bad.npz", "--steps", 44)
    done.well()
    notes = [line for line in done.err.splitlines() if line.startswith("note:")]
    assert notes and max(map(len, notes)) <= MESSAGE
    assert sys.maxsize
