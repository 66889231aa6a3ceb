"""P: readers that go away, disks that are full, signals."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.runs import checkpoint
from tests.helpers.processes import bash, charnn, handles, running, start, told_lines, told_until
from tests.helpers.program import TINY
from tests.helpers.waiting import limit, soon

UNDER_WAY = b"bits/char; *"  # the head of the list of validations
WRITING = {
    "one long sample": "charnn sample --past-end --length 100000 --seed 1",
    "many samples": "charnn sample -n 100000 --seed 1",
    "ids": "charnn tokenize names.txt names.txt names.txt names.txt names.txt names.txt names.txt -o - 2> /dev/null",
    "rows": "charnn eval names.txt --by char 2> /dev/null",
    "a sample": "charnn sample --seed 1",
    "a score": "charnn eval 2> /dev/null",
    "answers": "charnn sample -i --length 5 < names.txt 2> /dev/null",
    "facts": "charnn info --json",
    "help": "charnn --help",
    "help of a command": "charnn sample --help",
    "version": "charnn --version",
}


@pytest.mark.parametrize("what", ["one long sample", "many samples"])
def test_P1_a_reader_that_takes_one_line(here: Path, what: str) -> None:
    done = bash(f"{WRITING[what]} | head -1; exit ${{PIPESTATUS[0]}}")
    assert (done.code, done.err) == (141, "") and done.out.count(b"\n") == 1


@pytest.mark.parametrize("what", WRITING)
def test_P1_a_reader_that_takes_nothing(here: Path, what: str) -> None:
    done = bash(f"{WRITING[what]} | true; exit ${{PIPESTATUS[0]}}")
    assert (done.code, done.out, done.err) == (141, b"", "")


@pytest.mark.parametrize("what", WRITING)
def test_P2_standard_output_is_full(here: Path, what: str) -> None:
    done = bash(f"{WRITING[what].removesuffix(' 2> /dev/null')} > /dev/full")
    done.told(1, "standard output: No space left on device")


@pytest.mark.parametrize("what", [what for what in WRITING if "help" not in what and what != "version"])
def test_P2_standard_output_is_closed(here: Path, what: str) -> None:
    bash(f"{WRITING[what].removesuffix(' 2> /dev/null')} >&-").told(1, "standard output is closed")


@pytest.mark.parametrize("what", ["help", "help of a command", "version"])
def test_P2_help_without_standard_output_is_quiet(here: Path, what: str) -> None:
    done = bash(f"{WRITING[what]} >&-")
    assert (done.code, done.err) == (0, "")


def test_P3_sigint_while_training(new: Path) -> None:
    command = ["train", "names.txt", *TINY, "--steps", "1000000000", "--validate-every", "1000"]
    with start(*command) as process:
        told = told_until(process, UNDER_WAY) + told_lines(process, 2)
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        told += told_until(process, b"stopping")
        assert time.monotonic() - asked < limit(2)
        out, rest = process.communicate(timeout=limit())
    assert process.returncode == -signal.SIGINT and out == b""
    told += rest
    assert told.count(b"charnn: stopping after this step, and saving") == 1
    assert b"Traceback" not in told and b"\x1b" not in told and b"\r" not in told
    run = checkpoint.load("checkpoints/names/last.npz")
    assert f"saved at step {run.step:,}; `charnn train --resume --name names` goes on\n".encode() in told
    assert run.step >= 1000
    assert {path.name for path in Path("checkpoints/names").glob("[!.]*")} == {"best.npz", "last.npz", "log.jsonl"}
    charnn("train", "--resume", "--name", "names", "--steps", run.step + 10).well()
    assert checkpoint.load("checkpoints/names/last.npz").step == run.step + 10
    steps = [json.loads(line)["step"] for line in Path("checkpoints/names/log.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps)) and steps[-1] == run.step + 10


def test_P3_what_is_stopped_and_resumed_is_what_was_never_stopped(new: Path) -> None:
    options = ["train", "names.txt", *TINY, "--validate-every", "500", "--dropout", "0.2"]
    with start(*options, "--steps", "1000000000", "--name", "stopped") as process:
        told_until(process, UNDER_WAY)
        told_lines(process, 2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=limit())
    step = checkpoint.load("checkpoints/stopped/last.npz").step
    whole = (step // 500 + 1) * 500
    charnn("train", "--resume", "--name", "stopped", "--steps", whole).well()
    charnn(*options, "--steps", whole, "--name", "whole").well()
    for name in ("last.npz", "best.npz"):
        assert content(Path("checkpoints/stopped", name)) == content(Path("checkpoints/whole", name))
    assert Path("checkpoints/stopped/log.jsonl").read_bytes() == Path("checkpoints/whole/log.jsonl").read_bytes()


def content(path: Path) -> dict[str, Any]:
    """All that a model holds, but for how products are cut, which is measured for long runs alone."""
    with np.load(path) as file:
        found: dict[str, Any] = {name: file[name].tobytes() for name in file}
    header = json.loads(found.pop("header"))
    return {**found, **{name: value for name, value in header.items() if name not in ("products", "digest")}}


def test_P3_a_run_stopped_before_its_first_validation_is_the_one_to_resume(new: Path) -> None:
    charnn("train", "names.txt", *TINY, "--steps", 4, "--validate-every", 2, "--name", "older").well()
    with start("train", "names.txt", *TINY, "--steps", 10**9, "--validate-every", 10**9) as process:
        told_until(process, b"saved in")
        assert soon(lambda: handles(process.pid, signal.SIGTERM))  # as it does once it trains
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=limit())
    assert process.returncode == -signal.SIGINT
    step = checkpoint.load("checkpoints/names/last.npz").step
    charnn("train", "--resume", "--steps", step + 2).well()
    assert checkpoint.load("checkpoints/names/last.npz").step == step + 2


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_what_bench_measures_with_ends_where_bench_is_killed(here: Path) -> None:
    def children(pid: int) -> list[int]:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
        return [*map(int, found.split())]

    small = ("--hidden", 4, "--layers", 1, "--batch", 2, "--window", 4, "--workers", 2)
    with start("bench", *small, "--seconds", 3600) as process:
        assert soon(lambda: any(map(children, children(process.pid))))  # what is measured has started its worker
        (measuring,) = children(process.pid)
        workers = children(measuring)
        process.kill()
    assert soon(lambda: not any(map(running, [measuring, *workers])))
