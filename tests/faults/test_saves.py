"""S: saves that are cut short, disks that are full, folders that are taken."""

import contextlib
import ctypes
import itertools
import json
import os
import random
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from charnn.runs import checkpoint
from charnn.runs.folder import LOCK, Folder, find
from tests.helpers.processes import Done, altered, charnn, environment, start, told_lines, told_until
from tests.helpers.program import TINY
from tests.helpers.waiting import limit

UNDER_WAY = b"bits/char; *"  # the head of the list of validations
FILES = ("best.npz", "last.npz", "log.jsonl")
ENDLESS = [*TINY, "--steps", str(10**9)]
ALWAYS = [*ENDLESS, "--validate-every", "1"]
RUN = Path("checkpoints/names")


def state(folder: Path) -> dict[str, str]:
    """sha256 of a run's files."""
    return {name: sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def temporaries(folder: Path) -> set[str]:
    """Files in a run's folder that are neither its own nor its lock."""
    return {path.name for path in folder.iterdir()} - {*FILES, LOCK}


def parsed(log: Path) -> list[int]:
    """The steps in a log, every line of which must be whole."""
    data = log.read_bytes()
    assert data.endswith(b"\n")
    return [json.loads(line)["step"] for line in data.splitlines()]


STOPPED = """
import os, signal
from charnn.training.session import Session
validate = Session.validate
def stopped(self):
    event = validate(self)
    if self.run.step >= {step}:
        os.kill(os.getpid(), signal.SIGTERM)
    return event
Session.validate = stopped
"""


def train(step: int, *args: object) -> None:
    """Train an endless run until a step is validated, the same from the shell as from a signal at that step."""
    done = altered(STOPPED.format(step=step), "train", *args, seconds=60)
    assert done.code == -signal.SIGTERM and "`charnn train --resume --name" in done.err, done


def same_as_uninterrupted(folder: Path, step: int, *options: object) -> None:
    """Resume an endless run up to a step, and compare it to one that was never interrupted, to the byte."""
    root = folder.parent
    train(step, "--resume", "--name", folder.name, "--out", root)
    train(step, "names.txt", *ENDLESS, *options, "--name", "whole", "--out", root)
    assert state(folder) == state(root / "whole")
    assert not temporaries(folder)
    assert checkpoint.load(folder / "last.npz").step == step


@contextlib.contextmanager
def at_work(*args: object) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is killed in the end, whatever the test finds."""
    with start(*args) as process:
        try:
            yield process
        finally:
            process.kill()


# S1


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory, home: Path) -> tuple[dict[str, bytes], dict[str, bytes], Path]:
    """The files of an old run and of the one that is to be saved over it, and the latter's whole state."""
    root = tmp_path_factory.mktemp("versions")
    shutil.copytree(home / "checkpoints/names", root / "new")
    charnn("train", home / "names.txt", "--resume", "--name", "new", "--out", root, "--steps", 60).well()
    old, new = (
        {name: (folder / name).read_bytes() for name in FILES[:2]}
        for folder in (home / "checkpoints/names", root / "new")
    )
    assert all(old[name] != new[name] for name in old)
    return old, new, root / "new/last.npz"


@pytest.fixture
def saver(tmp_path: Path, versions: tuple[dict, dict, Path]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that saves the new run in runs/names, where the old one is, whenever it is told to."""
    folder = tmp_path / "runs/names"
    folder.mkdir(parents=True)
    for name, data in versions[0].items():
        (folder / name).write_bytes(data)
    command = [sys.executable, Path(__file__).with_name("saving.py"), versions[2], folder]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
    with subprocess.Popen(command, env={**environment(), "OPENBLAS_NUM_THREADS": "1"}, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


MEMORY = {"brk", "mmap", "munmap", "mremap", "madvise", "exit_group", "futex"}  # calls that no file is touched by


def old_or_new(root: Path, versions: tuple[dict, dict, Path], save: Callable[[int], int]) -> int:
    """Cut a save short at its first place, at its second, ...: old files or new ones are there, always."""
    old, new, _ = versions
    folder, phases = root / "names", []
    for place in itertools.count(1):
        for name, data in old.items():
            (folder / name).write_bytes(data)
        code = save(place)
        found = {name: (folder / name).read_bytes() for name in old}
        assert all(data in (old[name], new[name]) for name, data in found.items()), f"damaged at place {place}"
        phases.append(tuple(found[name] == new[name] for name in found))
        assert all(name.startswith(".") and name.endswith(".tmp") for name in temporaries(folder))
        assert find(None, root) == folder / "best.npz"
        assert find("names", root, "last") == folder / "last.npz"
        if code == 0:
            break
        Folder(folder).lock()
        assert not temporaries(folder)
    assert list(dict.fromkeys(phases)) == [(False, False), (True, False), (True, True)] and not temporaries(folder)
    for name in old:
        checkpoint.load(folder / name)
    return place - 1


def test_S1_a_kill_at_every_system_call(tmp_path: Path, saver: "subprocess.Popen[bytes]", versions: tuple) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")

    def traced(*options: str | Path) -> int:
        saver.stdin.write(b"wait\n")
        child = saver.stdout.readline().strip().decode()
        with subprocess.Popen(["strace", "-p", child, "-o", tmp_path / "trace", *options], stderr=-1) as tracer:
            told = tracer.stderr.readline()
            saver.stdin.write(b"!")
            code = int(saver.stdout.readline())
        if b"attached" not in told:
            pytest.skip(f"strace cannot attach: {told.decode().strip()}")
        return code

    def save(place: int) -> int:
        if place > len(calls):
            return traced()
        name, number = calls[place - 1]
        assert traced("-e", f"inject={name}:signal=KILL:when={number}") == -signal.SIGKILL
        return -signal.SIGKILL

    assert traced() == 0
    names = re.findall(r"^(\w+)\((?!0,)", (tmp_path / "trace").read_text(), re.MULTILINE)
    names = [name for name in names if name not in MEMORY]  # and each call of a name by its number
    calls = [(name, names[: i + 1].count(name)) for i, name in enumerate(names)]
    assert {("renameat", 1), ("renameat", 2), ("fsync", 4), ("fchmod", 2)} <= set(calls) and calls[-1][0] == "close"
    assert old_or_new(tmp_path / "runs", versions, save) == len(calls)


def test_S1_an_end_at_every_line(tmp_path: Path, saver: "subprocess.Popen[bytes]", versions: tuple) -> None:
    def save(place: int) -> int:
        saver.stdin.write(f"line {place}\n".encode())
        code = int(saver.stdout.readline())
        assert code in (0, 9)
        return code

    assert old_or_new(tmp_path / "runs", versions, save) > 100


# S2


@pytest.mark.long
def test_S2_twenty_random_kills(new: Path) -> None:
    rng, command, steps = random.Random(2), ["names.txt", *ALWAYS], [0]
    for _ in range(20):
        with at_work("train", *command) as process:
            told_until(process, UNDER_WAY)
            told_lines(process, rng.randint(0, 9))
        assert process.returncode == -signal.SIGKILL
        command = ["--resume"]
        steps.append(checkpoint.load(RUN / "last.npz").step)
        checkpoint.load(RUN / "best.npz") if (RUN / "best.npz").exists() else None
    assert steps == sorted(steps) and len(set(steps)) > 10
    same_as_uninterrupted(RUN, steps[-1] + 10, "--validate-every", 1)


KILL = "os.kill(os.getpid(), signal.SIGKILL)"
AFTER_A_LINE = f"""
import os, signal
from charnn.runs.folder import Folder
write = Folder.write
def killed(self, record):
    write(self, record)
    if {{condition}}:
        {KILL}
Folder.write = killed
"""


def test_S2_killed_after_a_setback_was_logged(new: Path) -> None:
    """The setback is not in last.npz yet: it comes again, and is told of once."""
    options = ["--validate-every", "10", "--rate", "100"]
    killed = altered(AFTER_A_LINE.format(condition="'setback' in record"), "train", "names.txt", *ENDLESS, *options)
    assert killed.code == -signal.SIGKILL and len(parsed(RUN / "log.jsonl")) == 1
    same_as_uninterrupted(RUN, 40, *options)
    lines = (RUN / "log.jsonl").read_text().splitlines()
    assert sum("setback" in json.loads(line) for line in lines) == checkpoint.load(RUN / "last.npz").rollbacks > 0


def test_S2_killed_after_the_validation_of_a_step_that_was_saved_before(new: Path) -> None:
    """SIGTERM saves step 10 before it is validated, SIGKILL comes when the log tells of it, and last.npz does not."""
    term = """
import os, signal
from charnn.training.trainer import Trainer
update = Trainer.update
def updated(self):
    event = update(self)
    if self.run.step == 10:
        os.kill(os.getpid(), signal.SIGTERM)
    return event
Trainer.update = updated
"""
    assert altered(term, "train", "names.txt", *ENDLESS, "--validate-every", 10).code == -signal.SIGTERM
    assert checkpoint.load(RUN / "last.npz").step == 10 and not (RUN / "log.jsonl").exists()
    assert altered(AFTER_A_LINE.format(condition="True"), "train", "--resume").code == -signal.SIGKILL
    assert parsed(RUN / "log.jsonl") == [10]
    same_as_uninterrupted(RUN, 40, "--validate-every", 10)


# S3


def file_size(limit: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def test_S3_a_limit_of_file_size(new: Path) -> None:
    train(20, "names.txt", *ALWAYS)
    limit = file_size((RUN / "last.npz").stat().st_size + 500)
    done = charnn("train", "--resume", preexec_fn=limit)
    done.told(1, "/last.npz cannot be written: File too large")
    step = checkpoint.load(RUN / "last.npz").step
    assert 20 < step < 40 and checkpoint.load(RUN / "best.npz").step <= step + 1
    assert not temporaries(RUN)
    assert parsed(RUN / "log.jsonl") == list(range(1, step + 2))
    same_as_uninterrupted(RUN, 50, "--validate-every", 1)


def test_S3_a_log_that_reaches_the_limit(new: Path) -> None:
    charnn("train", "names.txt", *TINY, "--steps", 20, "--validate-every", 20).well()
    log, before = RUN / "log.jsonl", state(RUN)
    line = log.read_bytes()
    log.write_bytes(b'{"step": 0, "note": "of somebody else"}\n' * 1000 + line)
    size = log.stat().st_size
    done = charnn("train", "--resume", "--steps", 40, preexec_fn=file_size(size + 50))
    done.told(1, "/log.jsonl cannot be written: File too large")
    assert log.stat().st_size == size  # no part of a line
    assert {**state(RUN), "log.jsonl": ""} == {**before, "log.jsonl": ""} and not temporaries(RUN)


def test_S3_a_limit_that_no_model_keeps(new: Path) -> None:
    done = charnn("train", "names.txt", *TINY, "--steps", 20, preexec_fn=file_size(1000))
    done.told(1, "checkpoints/names/last.npz cannot be written: File too large")
    assert UNDER_WAY.decode() not in done.err and not any(RUN.glob("*.npz")) and not temporaries(RUN)


# S4


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(not shutil.which("mount"), reason="mount is not installed")
def test_S4_a_full_disk(new: Path, disk: Path) -> None:
    run = disk / "names"
    done = charnn("train", "names.txt", *ALWAYS, "--out", disk)
    done.told(1, f"{disk}/names/", "cannot be written: No space left on device")
    steps = parsed(run / "log.jsonl")
    step = checkpoint.load(run / "last.npz").step
    assert steps == list(range(1, len(steps) + 1)) and step in (len(steps), len(steps) - 1) and step > 10
    assert 10 < checkpoint.load(run / "best.npz").step <= step + 1
    assert not temporaries(run)
    before = state(run)
    charnn("sample", "-m", run, "--seed", 1).well()
    with open(disk / "rest", "wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))
    done = charnn("train", "names.txt", *ALWAYS, "--out", disk)
    done.told(1, "No space left on device")
    assert UNDER_WAY.decode() not in done.err  # found out at once
    assert state(run) == before
    subprocess.run(["mount", "-o", "remount,size=10m", disk], check=True)
    same_as_uninterrupted(run, step + 10, "--validate-every", 1)


FAILING = """
import errno, os
calls, real = 0, os.{name}
def failing(*args, **options):
    global calls
    calls += 1
    if calls in {which}:
        raise OSError(errno.{error}, os.strerror(errno.{error}))
    return real(*args, **options)
os.{name} = failing
"""
FULL = """
import errno, os
from charnn.io import npz
replace, saves = npz.replace, 0
def full(path, fill, folder):
    def half(file):
        global saves
        saves += 1
        if saves > {after}:
            file.write(b"PK" * 5000)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fill(file)
    replace(path, half, folder)
npz.replace = full
"""


@pytest.mark.parametrize("after", [0, 1, 6])
def test_S4_a_disk_that_says_it_is_full(new: Path, after: int) -> None:
    charnn("train", "names.txt", *TINY, "--steps", 40, "--validate-every", 20).well()
    before = state(RUN)
    done = altered(FULL.format(after=after), "train", "--resume", "--validate-every", 1, "--steps", 60)
    done.told(1, f"checkpoints/names/{'last' if after % 2 else 'best'}.npz cannot be written: No space left on device")
    assert (state(RUN)["last.npz"] == before["last.npz"]) is (after < 2)
    assert checkpoint.load(RUN / "last.npz").step == 40 + after // 2
    assert checkpoint.load(RUN / "best.npz").step == 40 + (after + 1) // 2
    assert not temporaries(RUN)


# S5


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("fsync", "EIO", "Input/output error"),
        ("replace", "EIO", "Input/output error"),
        ("replace", "EACCES", "Permission denied"),
        ("fchmod", "EIO", "Input/output error"),
    ],
)
def test_S5_a_step_of_the_save_that_fails(new: Path, name: str, error: str, message: str) -> None:
    train(40, "names.txt", *ENDLESS, "--validate-every", 20)
    before = state(RUN)
    done = altered(FAILING.format(name=name, error=error, which="range(10**9)"), "train", "--resume")
    done.told(1, f"checkpoints/names/best.npz cannot be written: {message}")
    assert {**state(RUN), "log.jsonl": ""} == {**before, "log.jsonl": ""} and not temporaries(RUN)
    assert parsed(RUN / "log.jsonl") == [20, 40, 60]
    same_as_uninterrupted(RUN, 80, "--validate-every", 20)


@pytest.mark.parametrize("call", range(1, 5))
def test_S5_one_flush_that_fails(new: Path, call: int) -> None:
    """best.npz, its folder, last.npz, its folder: whichever it is, what is there is whole, and can be gone on from."""
    train(10, "names.txt", *ENDLESS, "--validate-every", 10)
    done = altered(FAILING.format(name="fsync", error="EIO", which=(call,)), "train", "--resume")
    done.told(1, f"checkpoints/names/{'best' if call < 3 else 'last'}.npz cannot be written: Input/output error")
    assert checkpoint.load(RUN / "best.npz").step == (10 if call < 2 else 20)
    assert checkpoint.load(RUN / "last.npz").step == (10 if call < 4 else 20)
    assert not temporaries(RUN)
    same_as_uninterrupted(RUN, 30, "--validate-every", 10)


@pytest.mark.parametrize("call", ["fsync", "/^rename"])
def test_S5_the_system_itself_fails(new: Path, call: str) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    charnn("train", "names.txt", *TINY, "--steps", 40, "--validate-every", 20).well()
    before = state(RUN)
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error=EIO"]
    command = [*strace, sys.executable, "-m", "charnn", "train", "--resume", "--steps", "60"]
    process = subprocess.run(command, env=environment(), capture_output=True, timeout=limit())
    if b"PTRACE" in process.stderr:
        pytest.skip(f"strace cannot trace: {process.stderr.decode().strip()}")
    done = Done(process.returncode, process.stdout, process.stderr.decode())
    done.told(1, "checkpoints/names/best.npz cannot be written: Input/output error")
    assert {**state(RUN), "log.jsonl": ""} == {**before, "log.jsonl": ""} and not temporaries(RUN)


# S6


def without_privileges() -> None:
    """Even root has only the permissions that a file gives."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE


def before_the_first_step(*args: object, **options: object) -> str:
    """The message of a training that fails before it trains."""
    done = charnn("train", *args, **options)
    assert UNDER_WAY.decode() not in done.err
    return done.told(1, "--runs names another folder")


def test_S6_missing_folders_are_made(new: Path) -> None:
    charnn("train", "names.txt", *TINY, "--steps", 2, "--out", "all/my/runs").well()
    assert {path.name for path in Path("all/my/runs/names").iterdir()} == {*FILES, LOCK}


def test_S6_a_folder_that_is_not_writable(new: Path) -> None:
    charnn("train", "names.txt", *TINY, "--steps", 4, "--validate-every", 2).well()
    before = state(RUN)
    (RUN / LOCK).unlink()
    for path in (RUN, RUN.parent):
        path.chmod(0o555)
    if subprocess.run(["touch", RUN / "there"], preexec_fn=without_privileges, capture_output=True).returncode == 0:
        pytest.skip("this user may write anywhere")
    message = before_the_first_step("names.txt", *TINY, preexec_fn=without_privileges)
    assert "checkpoints/names-2 cannot be made: Permission denied" in message
    message = before_the_first_step("--resume", "--steps", 8, preexec_fn=without_privileges)
    assert "checkpoints/names cannot be written to: Permission denied" in message
    charnn("sample", preexec_fn=without_privileges).well()
    assert state(RUN) == before and not temporaries(RUN)


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/charnn", "/dev/null/runs"])
def test_S6_a_folder_that_cannot_be_made(new: Path, out: str) -> None:
    Path("file").write_text("in the way")
    message = before_the_first_step("names.txt", *TINY, "--out", out)
    assert f"{out}/names cannot be made: " in message
    assert Path("file").read_text() == "in the way"


def test_S6_a_file_in_the_way_of_the_run(new: Path) -> None:
    Path("checkpoints").mkdir()
    RUN.write_text("in the way")
    charnn("train", "names.txt", *TINY, "--steps", 2).well()
    assert RUN.read_text() == "in the way" and checkpoint.load("checkpoints/names-2/last.npz").step == 2


@pytest.mark.parametrize("name", ["last.npz", "best.npz", "log.jsonl"])
def test_S6_a_folder_in_the_way_of_a_file(new: Path, name: str) -> None:
    charnn("train", "names.txt", *TINY, "--steps", 4, "--validate-every", 2).well()
    (RUN / name).unlink()
    (RUN / name).mkdir()
    done = charnn("train", "--resume", "--steps", 8)
    assert done.code in (1, 3), done
    done.told(done.code, f"checkpoints/names/{name}")
    assert not temporaries(RUN)


# S7


def test_S7_links_and_permissions_are_kept(new: Path) -> None:
    train(4, "names.txt", *ENDLESS, "--validate-every", 2)
    Path("elsewhere").mkdir()
    for name in ("last.npz", "best.npz"):
        (RUN / name).rename(f"elsewhere/{name}")
        Path(f"elsewhere/{name}").chmod(0o600)
        (RUN / name).symlink_to(new / "elsewhere" / name)
    before = Path("elsewhere/last.npz").read_bytes()
    train(8, "--resume")
    for name in ("last.npz", "best.npz"):
        path = Path("elsewhere", name)
        assert (RUN / name).is_symlink() and (RUN / name).readlink() == path.absolute()
        assert not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Path("elsewhere/last.npz").read_bytes() != before
    assert {path.name for path in Path("elsewhere").iterdir()} == {"last.npz", "best.npz"}
    same_as_uninterrupted(RUN, 12, "--validate-every", 2)
    assert (RUN / "last.npz").is_symlink()


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_S7_new_files_get_the_permissions_of_new_files(new: Path, mask: int, mode: int) -> None:
    charnn("train", "names.txt", *TINY, "--steps", 2, preexec_fn=lambda: os.umask(mask)).well()
    assert {stat.S_IMODE((RUN / name).stat().st_mode) for name in FILES} == {mode}


# S8


def test_S8_two_trainers_in_one_folder(new: Path) -> None:
    charnn("train", "names.txt", *TINY, "--steps", 2, "--validate-every", 2).well()
    with at_work("train", "--resume", "--name", "names", "--steps", 10**9, "--validate-every", 100) as first:
        told_until(first, UNDER_WAY)
        for second in (["--resume", "--name", "names"], ["--resume"], ["--resume", "--steps", "1", "--rate", "1"]):
            charnn("train", *second).told(1, "checkpoints/names is in use by another training", "--name")
        charnn("train", "names.txt", *TINY, "--steps", 4, "--validate-every", 4).well()  # a folder of its own
        charnn("sample", "-m", "names").well()
        assert first.poll() is None
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=limit())
    assert first.returncode == -signal.SIGTERM
    assert checkpoint.load("checkpoints/names-2/last.npz").step == 4
    step = checkpoint.load(RUN / "last.npz").step
    charnn("train", "--resume", "--name", "names", "--steps", step + 1).well()
    assert checkpoint.load(RUN / "last.npz").step == step + 1 and not temporaries(RUN)


def test_S8_many_trainings_begin_at_once(new: Path) -> None:
    """Each new run gets a folder of its own, and all are alike."""
    trainings = [start("train", "names.txt", *TINY, "--steps", 10, "--validate-every", 5) for _ in range(4)]
    for process in trainings:
        process.communicate(timeout=limit())
    assert [process.returncode for process in trainings] == [0] * 4
    found = sorted(path.name for path in Path("checkpoints").iterdir())
    assert found == ["names", "names-2", "names-3", "names-4"]
    assert len({(Path("checkpoints") / name / "last.npz").read_bytes() for name in found}) == 1


# S9

SAMPLES = """
import charnn
steps = set()
for i in range(200):
    run = charnn.load("names" if i % 2 else None)
    (text,) = charnn.generate(run, seed=i, length=20)
    assert len(text) <= 20
    steps.add(run.step)
print(len(steps))
"""


def test_S9_samples_while_a_trainer_saves(new: Path) -> None:
    with at_work("train", "names.txt", *ALWAYS) as process:
        told_until(process, UNDER_WAY)
        told_until(process, b"*")
        command = [sys.executable, "-c", SAMPLES]
        done = subprocess.run(command, env=environment(), capture_output=True, timeout=limit())
        assert done.returncode == 0, done.stderr.decode()
        assert int(done.stdout) > 10  # the model did change in the meantime
        for seed in range(5):
            charnn("sample", "--seed", seed).well()
        assert process.poll() is None


# S10


def test_S10_what_a_killed_save_leaves_is_removed(new: Path) -> None:
    train(40, "names.txt", *ENDLESS, "--validate-every", 20)
    before, sample = state(RUN), charnn("sample", "--seed", 1).well()
    kill = f"import os, signal\nos.replace = lambda *_, **__: {KILL}"
    for left in (1, 1):  # the second start removes what the first one left
        assert altered(kill, "train", "--resume").code == -signal.SIGKILL
        assert len(temporaries(RUN)) == left
    (stale,) = temporaries(RUN)
    assert re.fullmatch(r"\.(best\.npz|log\.jsonl)\.\w+\.tmp", stale)
    assert {**state(RUN), "log.jsonl": ""} == {**before, "log.jsonl": ""}
    assert charnn("sample", "--seed", 1).well() == sample
    same_as_uninterrupted(RUN, 60, "--validate-every", 20)


def test_S10_stale_temporaries_are_no_models(new: Path) -> None:
    charnn("train", "names.txt", *TINY, "--steps", 4, "--validate-every", 2).well()
    sample = charnn("sample", "--seed", 1).well()
    other = Path("checkpoints/killed")  # before it ever saved
    other.mkdir()
    stale = [folder / f".{name}.x1_y.tmp" for folder in (RUN, other) for name in FILES]
    for path, data in zip(stale, itertools.cycle([b"", b"PK\3\4", (RUN / "last.npz").read_bytes()])):
        path.write_bytes(data)
    for command in (["sample", "--seed", 1], ["sample", "--seed", 1, "-m", "names"]):
        assert charnn(*command).well() == sample
    charnn("sample", "-m", "killed").told(2, "checkpoints/killed holds no model")
    charnn("train", "--resume", "--steps", 6).well()
    assert not temporaries(RUN)
    charnn("train", "names.txt", *TINY, "--steps", 2, "--name", "killed").well()
    assert checkpoint.load("checkpoints/killed-2/last.npz").step == 2
