"""P12, P14, P15, N4, A1: fewer processes, processors or less memory than there seem to be, and copies of a run."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from charnn.runs import checkpoint
from tests.helpers.processes import COMMAND, Done, altered, charnn, environment
from tests.helpers.program import TINY, names
from tests.helpers.ranks import real, together
from tests.helpers.waiting import limit

ALONE = [*TINY[: TINY.index("--workers")], *TINY[TINY.index("--workers") + 2 :]]  # as many as there may be
TWO = [*TINY[: TINY.index("--workers")], "--workers", "2", *TINY[TINY.index("--workers") + 2 :]]
RUN = Path("checkpoints/names")

# P15

NO_FORK = """
import errno, os
left = {left}
fork = os.fork
def forking():
    global left
    left -= 1
    if left < 0:
        raise BlockingIOError(errno.{error}, os.strerror(errno.{error}))
    return fork()
os.fork = forking
"""


@pytest.mark.parametrize("error", ["EAGAIN", "ENOMEM", "ENOSYS"])
def test_P15_training_goes_on_with_one_process(new: Path, error: str) -> None:
    steps = ["--steps", "8", "--validate-every", "4"]
    done = altered(NO_FORK.format(left=0, error=error), "train", "names.txt", *TWO, *steps, "--name", "names")
    done.well()
    assert done.err.count("no more processes can be started") == 1 and "one does the work" in done.err
    charnn("train", "names.txt", *TINY, *steps, "--name", "one").well()
    assert (RUN / "log.jsonl").read_bytes() == Path("checkpoints/one/log.jsonl").read_bytes()
    assert checkpoint.load(RUN / "last.npz").config.workers == 1


def test_P15_where_only_some_can_be_started(new: Path) -> None:
    options = [*TWO, "--workers", "4", "--steps", "8", "--validate-every", "4"]
    done = altered(NO_FORK.format(left=2, error="EAGAIN"), "train", "names.txt", *options)
    done.well()
    assert "one does the work" in done.err


def test_P15_a_run_of_several_workers_is_resumed_by_one(new: Path) -> None:
    charnn("train", "names.txt", *TWO, "--steps", "4", "--validate-every", "4").well()
    done = altered(NO_FORK.format(left=0, error="EAGAIN"), "train", "--resume", "--steps", "8")
    done.well()
    assert "one does the work" in done.err and "1 workers, 2 before" in done.err
    assert checkpoint.load(RUN / "last.npz").step == 8


@pytest.mark.parametrize("command", [["eval", "big.txt"], ["sample", "-n", "200", "--seed", "1"]])
def test_P15_scores_and_samples_are_those_of_one_process(here: Path, command: list[str]) -> None:
    Path("big.txt").write_text(names() * 60)
    two = "import charnn.machine, charnn.cli\ncharnn.machine.cores = lambda: 2\n"
    done = altered(two + NO_FORK.format(left=0, error="EAGAIN"), *command)
    assert done.well() == altered(two, *command).well()
    assert done.err.count("no more processes can be started") <= 1


def test_P15_the_system_itself_refuses(new: Path) -> None:
    """By a limit of processes for a user who has none yet."""
    if os.geteuid() != 0:
        pytest.skip("needs a user with no other process")
    new.chmod(0o777)
    for folder in [new, *new.parents][:4]:
        folder.chmod(folder.stat().st_mode | 0o055)

    def alone() -> None:
        os.setgid(54321)
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        os.setuid(54321)

    try:
        done = charnn("train", "names.txt", *TWO, "--steps", 4, "--out", "runs", preexec_fn=alone)
    except (PermissionError, subprocess.SubprocessError) as error:
        pytest.skip(f"another user may not run Python here: {error}")
    if "Permission denied" in done.err or "ModuleNotFound" in done.err:
        pytest.skip("another user may not read Python's libraries here")
    done.well()
    assert "one does the work" in done.err


def test_P15_an_affinity_that_may_not_be_asked_for(here: Path) -> None:
    refusing = """
import os
def sched_getaffinity(pid):
    raise PermissionError(1, "Operation not permitted")
os.sched_getaffinity = sched_getaffinity
"""
    assert altered(refusing, "eval").well() == charnn("eval").well()
    altered(refusing, "train", "names.txt", *TINY[: TINY.index("--workers")], "--steps", "2", "--out", "runs").well()


# P12, P14

KILLED = """
import os, signal, sys, time
fork = os.fork
def forking():
    child = fork()
    if child and sys._getframe(1).f_code.co_name == "last_words":
        time.sleep(0.2)
        os.kill(child, signal.SIGKILL)
    return child
os.fork = forking
"""


@real
def test_P12_the_child_that_holds_the_last_words_is_killed(new: Path) -> None:
    done = together(2, "train", "names.txt", *ALONE, "--steps", 20, folder=new, change=KILLED.strip())
    assert done.code == 0 and "Traceback" not in done.err, done.err
    assert "finished  20 of 20 steps" in done.err and "kept in   checkpoints/names/" in done.err


@real
def test_P12_there_can_be_no_child(new: Path) -> None:
    change = NO_FORK.format(left=0, error="EAGAIN")
    done = together(2, "train", "names.txt", *ALONE, "--steps", 20, folder=new, change=change)
    assert done.code == 0 and "finished  20 of 20 steps" in done.err, done.err


@real
@pytest.mark.parametrize("stdin", [subprocess.DEVNULL, subprocess.PIPE])
@pytest.mark.parametrize(
    "command",
    [["eval"], ["eval", "names.txt"], ["eval", "--by", "line"], ["sample", "--seed", "1"], ["info"], ["tokenize", "-"]],
    ids=" ".join,
)
def test_P14_one_answer(here: Path, command: list[str], stdin: int) -> None:
    """Even where nobody closes mpiexec's standard input."""
    command = [*command[:1], *("names.txt" if word == "-" else word for word in command[1:])]
    done = together(2, *command, folder=here, stdin=stdin)
    alone = charnn(*command)
    assert (done.code, done.out) == (0, alone.out) and done.err.count("Traceback") == 0, done.err


@real
def test_P14_a_mistake_is_said_once(here: Path) -> None:
    done = together(2, "sample", "-m", "gone", folder=here)
    assert done.code != 0 and done.err.count("there is no model gone") == 1


# N4

GROUPS = Path("/sys/fs/cgroup")


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group of this system, of version 1 or 2, one below another, whose limits may be set."""
    top = GROUPS / "memory" if (GROUPS / "memory").is_dir() else GROUPS
    outer = top / f"charnn-test-{os.getpid()}"
    inner = outer / "inner"
    try:
        outer.mkdir()
        inner.mkdir()
        names = ("memory.limit_in_bytes", "memory.max")
        if not any((outer / name).exists() for name in names):
            raise OSError("no controller")
    except OSError as error:
        for folder in (inner, outer):
            with suppress(OSError):
                folder.rmdir()
        pytest.skip(f"no control group can be made here: {error}")
    yield inner
    for folder in (inner, outer):
        folder.rmdir()


def within(group: Path, *args: object) -> Done:
    command = ["bash", "-c", 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"', "bash", str(group)]
    done = subprocess.run(
        [*command, *COMMAND, *map(str, args)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=limit(),
    )
    return Done(done.returncode, done.stdout, done.stderr.decode())


@pytest.mark.parametrize("level", ["the group", "the one above"])
def test_N4_a_limit_of_memory_is_respected(new: Path, group: Path, level: str) -> None:
    holder = group if level == "the group" else group.parent
    name = "memory.limit_in_bytes" if (holder / "memory.limit_in_bytes").exists() else "memory.max"
    (holder / name).write_text(str(300 << 20))
    within(group, "train", "names.txt", *TINY, "--steps", 4).well()
    done = within(group, "train", "names.txt", "--hidden", 4000, "--layers", 1, "--steps", 4, "--name", "large")
    done.told(1, "training needs ", " GB, and there are 0.", "try a smaller --hidden")
    assert not Path("checkpoints/large").exists()


FAKE = """
import charnn.cgroups
from pathlib import Path
charnn.cgroups.SELF = Path({self!r})
"""


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("level", ["", "a", "a/b"])
def test_N4_limits_at_any_level(new: Path, version: int, level: str) -> None:
    own, top = Path("self"), new / "groups"
    for folder in (own, top / "a/b"):
        folder.mkdir(parents=True)
    names = ("memory.max", "memory.current", "inactive_file") if version == 2 else (
        "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
    )  # fmt: skip
    controllers, kind = ("", "cgroup2") if version == 2 else ("cpu,memory", "cgroup")
    (own / "cgroup").write_text(f"4:{controllers}:/a/b\n")
    (own / "mountinfo").write_text(f"1 2 0:3 / {top} rw - {kind} {kind} rw,cpu,memory\n")
    (top / level / names[0]).write_text(f"{200 << 20}\n")
    (top / level / names[1]).write_text(f"{90 << 20}\n")
    (top / level / "memory.stat").write_text(f"{names[2]} {10 << 20}\n")
    if version == 2:
        (top / level / "cpu.max").write_text("100000 100000\n")
    else:
        (top / level / "cpu.cfs_quota_us").write_text("100000\n")
        (top / level / "cpu.cfs_period_us").write_text("100000\n")
    fake = FAKE.format(self=str(own.absolute()))
    done = altered(fake, "train", "names.txt", *TINY[: TINY.index("--workers")], "--steps", "2", "--batch", "64")
    done.well()
    assert "1 worker\n" in done.err
    altered(fake, "train", "names.txt", "--hidden", "2000").told(1, "training needs ", "there are 0.1 GB")
    altered(fake, "train", "--resume", "--steps", "4").well()


# A1

COPIES = """
import copy, multiprocessing, pickle, sys
import charnn

def score(run):
    return charnn.evaluate(run, "Anbe\\nDola\\n").nats, charnn.generate(run, 3, seed=1)

def main():
    run = charnn.load({model!r})
    wanted = score(run)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert score(pickle.loads(pickle.dumps(run, protocol))) == wanted, protocol
    again = copy.deepcopy(run)
    assert score(again) == wanted
    again.weights["readout/c"] = 0 * again.weights["readout/c"]
    assert score(again) != wanted and score(run) == wanted
    assert again.weights.flat.any() and score(copy.copy(run)) == wanted
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(score, [run, again, run]) == [wanted, score(again), wanted], method

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("kind", ["best", "last"])
def test_A1_a_loaded_run_is_copied_and_sent_to_other_processes(here: Path, tmp_path: Path, kind: str) -> None:
    script = tmp_path / "copies.py"
    script.write_text(COPIES.format(model=str(here / f"checkpoints/names/{kind}.npz")))
    done = subprocess.run([sys.executable, script], env=environment(), capture_output=True, timeout=limit(30))
    assert done.returncode == 0, done.stderr.decode()


def test_A1_a_copy_of_a_run_is_trained_on_as_the_run_itself(here: Path) -> None:
    import copy
    import pickle

    import charnn as library
    from charnn.training import session

    data = library.read("names.txt")
    found: list[Any] = []
    for make in (lambda run: run, copy.deepcopy, lambda run: pickle.loads(pickle.dumps(run))):
        run = make(library.load(here / "checkpoints/names/last.npz"))
        resumed = session.resume(run, data, None, {"steps": 60})
        list(resumed)
        found.append(resumed.run.weights.flat.copy())
    assert (found[0] == found[1]).all() and (found[0] == found[2]).all()


def test_A1_a_tokenised_corpus_is_sent_to_other_processes(new: Path) -> None:
    import pickle

    import numpy as np

    import charnn as library

    data = library.tokenize("tokens.npz", "names.txt")
    again = pickle.loads(pickle.dumps(data))
    assert np.array_equal(np.asarray(again.ids), np.asarray(data.ids)) and again.sha256 == data.sha256


NO_FILES = """
import resource
import charnn.__main__, charnn.cli.inspect.trace, charnn.cli.shell.messages, charnn.terminal.plain
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
"""


def test_P15_a_message_where_no_file_can_be_opened(tmp_path: Path) -> None:
    """What looks for near names is imported when a name is wrong, and cannot be."""
    altered(NO_FILES, "inspect", "trace", "--nope", cwd=tmp_path).told(1, "Too many open files")
