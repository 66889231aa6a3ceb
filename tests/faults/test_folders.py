"""S11, S12, S14: a run's folder that moves or is taken, comes from elsewhere, or lies on a poor file system."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from charnn.runs import checkpoint
from charnn.runs.hold import LOCK
from tests.helpers.processes import Done, altered, charnn, environment, start, told_until
from tests.helpers.program import TINY, names, ok, refused
from tests.helpers.waiting import limit

UNDER_WAY = b"bits/char; *"  # the head of the list of validations
RUN = Path("checkpoints/names")
ENDLESS = ["train", "names.txt", *TINY, "--steps", str(10**9), "--validate-every", "100"]
HUP, INT, TERM = signal.SIGHUP, signal.SIGINT, signal.SIGTERM


@contextmanager
def training(*args: object) -> Iterator["subprocess.Popen[bytes]"]:
    """A training under way."""
    with start(*(args or ENDLESS)) as process:
        told_until(process, UNDER_WAY)
        told_until(process, b"*")
        try:
            yield process
        finally:
            process.kill()


def stopped(process: "subprocess.Popen[bytes]", number: signal.Signals = TERM) -> str:
    """What a training says from now on, stopped by a signal."""
    process.send_signal(number)
    _, told = process.communicate(timeout=limit())
    assert process.returncode == -number, told.decode()
    assert b"Traceback" not in told
    return told.decode()


def step(folder: Path) -> int:
    return checkpoint.load(folder / "last.npz").step


# S11


@pytest.mark.parametrize("number", [TERM, HUP, INT])
def test_S11_a_folder_that_is_renamed_is_followed(new: Path, number: signal.Signals) -> None:
    with training() as process:
        RUN.rename("moved")
        before = step(Path("moved"))
        told = told_until(process, b"goes on in").decode() + stopped(process, number)
    assert "the folder of this run was moved: it goes on in " in told and str(new / "moved") in told
    assert f"saved at step {step(Path('moved')):,}" in told and step(Path("moved")) > before
    assert not RUN.exists() and not list(Path("moved").glob(".*.tmp"))
    charnn("train", "--resume", "--name", "moved", "--out", ".", "--steps", step(Path("moved")) + 5).well()


def test_S11_validations_go_where_the_folder_went(new: Path) -> None:
    with training() as process:
        RUN.rename("moved")
        told_until(process, b"goes on in")
        told_until(process, b" ")
        told = stopped(process)
    lines = Path("moved/log.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines]
    assert steps == list(range(100, steps[-1] + 1, 100)) and len(steps) > 1 and not RUN.exists(), told


@pytest.mark.parametrize("number", [TERM, INT])
@pytest.mark.parametrize("what", ["the run's", "all runs'"])
def test_S11_a_folder_that_is_removed_is_made_anew(new: Path, what: str, number: signal.Signals) -> None:
    with training() as process:
        process.send_signal(signal.SIGSTOP)
        shutil.rmtree(RUN if what == "the run's" else RUN.parent)
        process.send_signal(signal.SIGCONT)
        told = stopped(process, number)
    assert "the folder of this run is gone: it goes on in checkpoints/names/" in told
    assert "`charnn train --resume --name names` goes on" in told
    charnn("train", "--resume", "--steps", step(RUN) + 5).well()


def test_S11_a_folder_that_another_run_made_again_is_left_to_it(new: Path) -> None:
    with training() as first:
        first.send_signal(signal.SIGSTOP)
        RUN.rename("moved")
        with training() as second:  # which finds the name free
            first.send_signal(signal.SIGCONT)
            told = stopped(first)
            assert "it goes on in" in told and step(Path("moved")) > 0
            stopped(second)
    steps = [json.loads(line)["step"] for line in (RUN / "log.jsonl").read_text().splitlines()]
    assert steps == list(range(100, steps[-1] + 1, 100)) and step(RUN) >= steps[-1]


def test_S11_a_folder_removed_and_made_again_by_another_run(new: Path) -> None:
    with training() as first:
        first.send_signal(signal.SIGSTOP)
        shutil.rmtree(RUN)
        with training() as second:
            first.send_signal(signal.SIGCONT)
            told = stopped(first)
            stopped(second)
    assert "the folder of this run is gone: it goes on in checkpoints/names-2/" in told
    assert {path.name for path in Path("checkpoints").iterdir()} == {"names", "names-2"}
    steps = [json.loads(line)["step"] for line in (RUN / "log.jsonl").read_text().splitlines()]
    assert steps == list(range(100, steps[-1] + 1, 100))
    assert step(Path("checkpoints/names-2")) > 0


def test_S11_a_lock_that_is_removed_lets_nobody_in(new: Path) -> None:
    with training() as process:
        (RUN / LOCK).unlink()
        charnn("train", "--resume", "--name", "names").told(1, "checkpoints/names is in use by another training")
        told = stopped(process)
    assert "goes on in" not in told and step(RUN) > 0
    charnn("train", "--resume", "--steps", step(RUN) + 5).well()


def test_S11_a_lock_that_another_training_took_ends_writing_there(new: Path) -> None:
    """On file systems where folders cannot be locked, `.lock` alone keeps others out, and may be removed."""
    with training() as process:
        (RUN / LOCK).unlink()
        other = os.open(RUN / LOCK, os.O_RDWR | os.O_CREAT)
        fcntl.flock(other, fcntl.LOCK_EX)
        kept = step(RUN)
        told = stopped(process)
        os.close(other)
    assert "the folder of this run was taken by another training: it goes on in checkpoints/names-2/" in told
    assert step(RUN) - kept <= 200 and step(Path("checkpoints/names-2")) >= kept


def test_S11_the_lock_is_let_go_with_the_last_process_alone(new: Path) -> None:
    """Workers hold neither of the two locks."""
    with training(*ENDLESS, "--workers", "2") as process:
        process.kill()
        process.wait(timeout=limit())
        charnn("train", "--resume", "--steps", 10**9, "--minutes", 0.001).well()


# S12


@pytest.fixture
def elsewhere(new: Path) -> Path:
    """A run in checkpoints/names as it was unpacked, or copied, from another machine."""
    charnn("train", "names.txt", *TINY, "--steps", 4, "--validate-every", 2).well()
    RUN.rename("made")
    shutil.copytree("made", RUN)
    return RUN


VICTIMS = {"text": b"dear diary\n" * 3, "nothing": b"", "log": b'{"step": 1}\n'}


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("name", ["best.npz", "log.jsonl", ".lock"])
@pytest.mark.parametrize("home", ["made here", "from elsewhere"])
def test_S12_a_link_out_of_the_folder_is_not_followed(elsewhere: Path, name: str, victim: str, home: str) -> None:
    if home == "made here":
        shutil.rmtree(RUN)
        Path("made").rename(RUN)
    Path("victim").write_bytes(VICTIMS[victim])
    (RUN / name).unlink()
    (RUN / name).symlink_to(Path("victim").absolute())
    before = (RUN / "last.npz").read_bytes()
    charnn("train", "--resume", "--steps", 8).told(3, f"checkpoints/names/{name}")
    assert Path("victim").read_bytes() == VICTIMS[victim] and (RUN / "last.npz").read_bytes() == before
    assert not list(RUN.glob(".*.tmp"))


@pytest.mark.parametrize("name", ["best.npz", "log.jsonl", ".lock"])
def test_S12_a_link_to_what_is_not_there_makes_nothing(elsewhere: Path, name: str) -> None:
    (RUN / name).unlink()
    (RUN / name).symlink_to("../../nowhere")
    charnn("train", "--resume", "--steps", 8).told(3, f"checkpoints/names/{name}")
    assert not Path("nowhere").exists()


@pytest.mark.parametrize("name", ["best.npz", "last.npz"])
def test_S12_a_link_to_another_model_of_the_user(elsewhere: Path, name: str) -> None:
    """Even one that is a state of this very run: nobody here put the link there."""
    victim = (Path("made") / name).absolute()
    before = victim.read_bytes()
    (RUN / name).unlink()
    (RUN / name).symlink_to(victim)
    charnn("train", "--resume", "--steps", 8).told(3, f"checkpoints/names/{name} is a link out of the run's folder")
    assert victim.read_bytes() == before
    charnn("sample", "-m", "names").well()


def test_S12_a_link_within_the_folder_harms_nobody(elsewhere: Path) -> None:
    (RUN / "best.npz").rename(RUN / "kept.npz")
    (RUN / "best.npz").symlink_to("kept.npz")
    charnn("train", "--resume", "--steps", 60, "--validate-every", 1).well()
    assert (RUN / "best.npz").is_symlink() and checkpoint.load(RUN / "kept.npz").step > 4


@pytest.mark.parametrize("name", ["log.jsonl", ".lock", "best.npz", "last.npz"])
def test_S12_another_name_of_a_file_elsewhere(elsewhere: Path, name: str) -> None:
    """A hard link: what has the other name stays as it was."""
    if name == ".lock":
        (RUN / name).write_bytes(b"")
    before = (RUN / name).read_bytes()
    os.link(RUN / name, "victim")
    charnn("train", "--resume", "--steps", 8).well()
    assert Path("victim").read_bytes() == before and step(RUN) == 8


@pytest.mark.parametrize("name", ["log.jsonl", ".lock"])
def test_S12_what_is_no_file_neither_hangs_nor_is_written_to(elsewhere: Path, name: str) -> None:
    (RUN / name).unlink()
    os.mkfifo(RUN / name)
    charnn("train", "--resume", "--steps", 8).told(3, f"checkpoints/names/{name} is not a plain file")


# S14

REFUSING = """
import errno, fcntl, os, stat
def refusing(real, error, when):
    def call(*args, **options):
        if when(*args):
            raise OSError(error, os.strerror(error))
        return real(*args, **options)
    return call
folder = lambda handle, *_: stat.S_ISDIR(os.fstat(handle).st_mode)
always = lambda *_: True
{where}.{call} = refusing({where}.{call}, errno.{error}, {when})
"""
REFUSALS = [
    *(("os", "fsync", error, "folder") for error in ("EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS")),
    ("os", "fsync", "EINVAL", "always"),
    *(("os", "fchmod", error, "always") for error in ("EPERM", "ENOTSUP", "ENOSYS", "EINVAL")),
    *(("fcntl", "flock", error, "folder") for error in ("EBADF", "ENOTSUP")),
]
NO_LOCKS = [("fcntl", "flock", error, "always") for error in ("ENOSYS", "ENOLCK", "ENOTSUP", "EOPNOTSUPP", "EINVAL")]
SAVING = ["train", "names.txt", *TINY, "--steps", "8", "--validate-every", "4"]


@pytest.mark.parametrize(("where", "call", "error", "when"), REFUSALS + NO_LOCKS)
def test_S14_what_a_file_system_does_not_have_is_done_without(
    new: Path, where: str, call: str, error: str, when: str
) -> None:
    charnn(*SAVING, "--name", "whole").well()
    refusing = REFUSING.format(where=where, call=call, error=error, when=when)
    done = altered(refusing, *SAVING, "--name", "poor")
    done.well()
    unlocked = (where, call, error, when) in NO_LOCKS
    assert ("checkpoints/poor cannot be locked on this file system" in done.err) is unlocked
    assert done.err.count("cannot be locked") == unlocked
    for name in ("best.npz", "last.npz", "log.jsonl"):
        assert Path("checkpoints/poor", name).read_bytes() == Path("checkpoints/whole", name).read_bytes()
    altered(refusing, "tokenize", "names.txt", "-o", "tokens.npz").well()
    assert charnn("tokenize", "--decode", "tokens.npz").well() == Path("names.txt").read_bytes()


def test_S14_a_lock_that_others_hold_is_no_refusal(new: Path) -> None:
    """Where folders cannot be locked, `.lock` still keeps others out."""
    charnn(*SAVING).well()
    refusing = REFUSING.format(where="fcntl", call="flock", error="EBADF", when="folder")
    with training("train", "--resume", "--steps", 10**9, "--validate-every", 100) as process:
        altered(refusing, "train", "--resume").told(1, "checkpoints/names is in use by another training")
        stopped(process)


@pytest.mark.parametrize(("call", "error"), [("fsync", "EIO"), ("fsync", "ENOSPC"), ("fchmod", "EIO")])
def test_S14_a_disk_that_fails_is_no_refusal(new: Path, call: str, error: str) -> None:
    failing = REFUSING.format(where="os", call=call, error=error, when="always")
    altered(failing, *SAVING).told(1, "checkpoints/names/last.npz cannot be written")
    assert not list(RUN.glob(".*.tmp"))


def test_S14_the_system_itself_refuses(new: Path) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fchmod,fsync,flock"]
    strace += ["-e", "inject=fchmod:error=EPERM", "-e", "inject=fsync:error=EINVAL", "-e", "inject=flock:error=ENOLCK"]
    command = [*strace, sys.executable, "-m", "charnn", *SAVING]
    process = subprocess.run(command, env=environment(), capture_output=True, timeout=limit(20))
    if b"PTRACE" in process.stderr:
        pytest.skip(f"strace cannot trace: {process.stderr.decode().strip()}")
    done = Done(process.returncode, process.stdout, process.stderr.decode())
    done.well()
    assert "cannot be locked" in done.err and step(RUN) == 8


def test_S14_what_cannot_be_made_public_stays_private(new: Path) -> None:
    charnn(*SAVING).well()
    (RUN / "last.npz").chmod(0o600)
    refusing = REFUSING.format(where="os", call="fchmod", error="EPERM", when="always")
    altered(refusing, "train", "--resume", "--steps", 12).well()
    assert (RUN / "last.npz").stat().st_mode & 0o077 == 0


# S7: what is written is never what is read


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_S7_a_text_is_not_replaced_by_its_tokens(new: Path, link: str) -> None:
    before = Path("names.txt").read_bytes()
    getattr(Path("link.npz"), link)("names.txt")
    charnn("tokenize", "names.txt", "-o", "link.npz").told(2, "link.npz is names.txt itself", "name another file")
    assert Path("names.txt").read_bytes() == before


def test_S7_a_model_is_not_replaced_by_tokens(new: Path, whole: bytes) -> None:
    for name, data in (("model.npz", whole), ("other.npz", b"mine")):
        Path(name).write_bytes(data)
        assert name in refused(2, "tokenize", "names.txt", "-o", name)
        assert Path(name).read_bytes() == data
    Path("tokens.npz").touch()  # as mktemp does
    for text in ("names.txt", "more.txt"):
        Path(text).write_text(names(40))
        ok("tokenize", text, "-o", "tokens.npz")


def test_S7_a_model_is_not_replaced_by_its_export(new: Path) -> None:
    charnn("train", "names.txt", *TINY, "--steps", 2).well()
    model = Path("checkpoints/names/best.npz")
    before = model.read_bytes()
    Path("link.html").symlink_to(model)
    charnn("export", "link.html").told(2, "link.html is checkpoints/names/best.npz itself")
    assert model.read_bytes() == before
