"""Teams against one worker; and what becomes of workers, however they, their work or their caller end."""

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charnn import machine as charnn_machine
from charnn.errors import CharnnError, DivergenceError, InputError
from charnn.machine import cores
from charnn.nn.workspace import ALIGN
from charnn.parallel import choose, processes
from charnn.parallel.processes import Barrier, ProcessGroup, spread
from charnn.parallel.team import (
    CACHE_LINE_FLOATS,
    SharedMemoryWorker,
    SingleWorker,
    ThreadGroup,
    WorkerGroup,
    rows_of_worker,
)
from charnn.runs import checkpoint
from charnn.runs.folder import Folder
from charnn.training import session
from charnn.training.trainer import Order, Trainer, Update
from tests.helpers.processes import running
from tests.helpers.toys import begin, corpus, start, text, trainer_of, updates, vectors
from tests.helpers.waiting import limit, soon

pytestmark = pytest.mark.skipif(not processes.can_fork(), reason="workers are forked on Linux on x86-64 only")

KINDS: dict[str, type[ThreadGroup] | type[ProcessGroup]] = {"threads": ThreadGroup, "processes": ProcessGroup}
TEAMS = {f"{size} {name}": (kind, size) for name, kind in KINDS.items() for size in (2, 3, 5)}
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
many = settings(max_examples=200, deadline=None, derandomize=True)


@pytest.fixture(params=TEAMS.values(), ids=TEAMS.keys())
def team(request: pytest.FixtureRequest) -> Iterator[WorkerGroup]:
    kind, size = request.param
    team = kind(size)
    yield team
    team.close()


def children() -> set[int]:
    """Processes that this one started, those that ended and were not asked after among them."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(path.parent.name))
    return found


# Who does what


@many
@given(size=st.integers(0, 5000), members=st.integers(1, 70))
@example(size=1, members=5)
@example(size=16 * 7 + 3, members=7)
def test_parts_cover_a_vector_once_and_meet_at_cache_lines(size: int, members: int) -> None:
    parts = [SharedMemoryWorker(i, members, lambda: None).part(size) for i in range(members)]
    seen = np.zeros(size, int)
    for part in parts:
        seen[part] += 1
        assert part.start % CACHE_LINE_FLOATS == 0 and (part.stop % CACHE_LINE_FLOATS == 0 or part.stop == size)
    assert (seen == 1).all()
    sizes = [len(range(size)[part]) for part in parts]
    assert max(sizes) - min(sizes) <= 2 * CACHE_LINE_FLOATS
    assert CACHE_LINE_FLOATS * np.dtype(np.float32).itemsize == ALIGN


@many
@given(batch=st.integers(1, 600), members=st.integers(1, 70))
def test_rows_cover_the_batch_once_and_evenly(batch: int, members: int) -> None:
    rows = [rows_of_worker(batch, i, members) for i in range(members)]
    assert [b for part in rows for b in range(batch)[part]] == list(range(batch))
    assert {part.stop - part.start for part in rows} <= {batch // members, -(-batch // members)}


def test_a_team_alone_is_its_only_member_and_updates_everything() -> None:
    solo = SingleWorker()
    vector = np.arange(5.0)
    assert solo.all_reduce([vector]) is vector and solo.part(7) == slice(0, 7)
    solo.start(lambda member, a, b: (member, a + b))
    assert solo.run(2, 3) == (solo, 5)
    assert (solo.size, solo.rank, list(solo.numbers)) == (1, 0, [0])


def machine(monkeypatch: pytest.MonkeyPatch, siblings: list[str] | None, quota: float | None) -> int:
    """Cores of a machine whose logical ones have these siblings, with a container's quota."""

    class Files:
        def __init__(self, path: str):
            self.path = path

        def read_text(self, encoding: str) -> str:
            if "topology" in self.path and siblings is not None:
                return siblings[int(self.path.split("/cpu")[-1].split("/")[0])]
            raise FileNotFoundError(self.path)

    monkeypatch.setattr(charnn_machine, "Path", Files)
    monkeypatch.setattr(charnn_machine, "group_processors", lambda: quota)
    return cores()


def test_cores_are_physical_ones_within_affinity_and_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    pairs = ["05\n", "0a\n", "05\n", "0a\n"]
    assert machine(monkeypatch, pairs, None) == 2
    assert machine(monkeypatch, ["1\n", "2\n", "4\n", "8\n"], None) == 4
    assert machine(monkeypatch, None, None) == 4
    assert machine(monkeypatch, None, None) == 4
    assert machine(monkeypatch, None, 3.0) == 3
    assert machine(monkeypatch, None, 2.5) == 3
    assert machine(monkeypatch, None, 0.5) == 1
    assert machine(monkeypatch, pairs, 9.0) == 2
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 3})
    assert machine(monkeypatch, pairs, None) == 1


def test_this_machine_has_a_core() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)


def test_one_worker_is_alone_and_several_are_processes_where_there_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(choose.worker_group(1)) is SingleWorker
    assert type(choose.worker_group(3)) is ProcessGroup and choose.worker_group(3).size == 3
    monkeypatch.setattr(processes, "can_fork", lambda: False)
    assert type(choose.worker_group(3)) is ThreadGroup and type(choose.worker_group(1)) is SingleWorker


def test_processes_are_made_where_writes_are_seen_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes.can_fork()
    for name, value in (("machine", "aarch64"), ("system", "Darwin")):
        with monkeypatch.context() as patch:
            patch.setattr(processes.platform, name, lambda value=value: value)
            assert not processes.can_fork()


# Training


def trained(team: WorkerGroup, count: int, symbols: int, **given: Any) -> tuple[Any, list[Update]]:
    run = start(workers=team.size, **given)
    return run, updates(trainer_of(run, text(symbols), team), count)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("state", ["carry", "reset"])
def test_a_team_does_what_one_does_up_to_rounding(team: WorkerGroup, layers: int, state: str) -> None:
    symbols = 5 * 8 * 6 + 2  # the last window of an epoch has two rows: not one for every worker
    given = {"layers": layers, "skip": layers > 1, "batch": 5, "state": state}
    solo, alone = trained(SingleWorker(), 20, symbols, **given)
    shared, together = trained(team, 20, symbols, **given)
    assert [update.count for update in together] == [update.count for update in alone]
    assert {40, 2} <= {update.count for update in alone}
    np.testing.assert_allclose([u.nats for u in together], [u.nats for u in alone], rtol=1e-5)
    np.testing.assert_allclose([u.norm for u in together], [u.norm for u in alone], rtol=1e-4)
    np.testing.assert_allclose(shared.weights.flat, solo.weights.flat, atol=1e-5)
    for a, b in zip(vectors(shared)[1:], vectors(solo)[1:], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    assert any(s.any() for s in solo.state)
    assert (shared.step, shared.epoch, shared.cursor, shared.count) == (solo.step, solo.epoch, solo.cursor, solo.count)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_a_team_with_more_members_than_cache_lines_of_weights_updates_all_of_them(optimizer: str) -> None:
    given = {"hidden": 1, "batch": 40, "window": 2, "optimizer": optimizer}
    solo, _ = trained(SingleWorker(), 6, 2000, **given)
    crowd = ThreadGroup(12)
    shared, _ = trained(crowd, 6, 2000, **given)
    crowd.close()
    assert shared.weights.flat.size < 12 * CACHE_LINE_FLOATS
    np.testing.assert_allclose(shared.weights.flat, solo.weights.flat, atol=1e-5)


@kinds
def test_a_team_repeats_itself_to_the_bit(kind: Any) -> None:
    found = []
    for _ in range(2):
        team = kind(3)
        run, events = trained(team, 12, 2000, layers=2, dropout=0.3)
        team.close()
        found.append([*(v.tobytes() for v in vectors(run)), events])
    assert found[0] == found[1]


def test_threads_and_processes_do_the_same_to_the_bit() -> None:
    found = []
    for kind in KINDS.values():
        team = kind(3)
        run, _ = trained(team, 12, 2000, dropout=0.3)
        team.close()
        found.append([v.tobytes() for v in vectors(run)])
    assert found[0] == found[1]


def test_workers_that_were_sent_home_come_back(team: WorkerGroup) -> None:
    once, again = (trained(SingleWorker(), 10, 1000, batch=5)[0] for _ in range(2))
    run = start(workers=team.size, batch=5)
    trainer = trainer_of(run, text(1000), team)
    for _ in range(5):
        updates(trainer, 2)
        team.close()
        team.close()
    np.testing.assert_allclose(run.weights.flat, once.weights.flat, atol=1e-5)
    np.testing.assert_array_equal(once.weights.flat, again.weights.flat)


def test_what_the_caller_changes_all_workers_see() -> None:
    """Weights, moments and state are the same memory for all: after a setback, say, or in a notebook."""
    team = ProcessGroup(3)
    run = start(batch=6)
    trainer = trainer_of(run, text(2000), team)
    updates(trainer, 2)
    for v in vectors(run):
        v[...] = 0.01
    run.cursor = 3
    other = start(batch=6)
    for v in vectors(other):
        v[...] = 0.01
    alone = trainer_of(other, text(2000))
    other.cursor, other.step = run.cursor, run.step
    assert [u.nats for u in updates(trainer, 3)] == pytest.approx([u.nats for u in updates(alone, 3)], rel=1e-5)
    np.testing.assert_allclose(run.weights.flat, other.weights.flat, atol=1e-5)
    team.close()


# Sums, and errors


def test_a_sum_is_the_same_for_all_members_and_covers_the_whole_vector(team: WorkerGroup) -> None:
    size = CACHE_LINE_FLOATS * 7 + 5
    shared = [team.allocate(4 * size).view(np.float32) for _ in range(team.size)]
    seen = team.allocate(8 * team.size).view(np.float64)
    assert all(v.ctypes.data % ALIGN == 0 for v in shared)

    def work(member: Any, turn: int) -> float:
        shared[member.number][...] = np.arange(size) * (member.number + 1) + turn
        total = member.all_reduce(shared)
        seen[member.number] = total.astype(np.float64).sum()
        member.barrier()
        part = member.part(size)
        total[part] = member.number
        member.barrier()
        return float(total[-1])

    team.start(work)
    members = team.size
    for turn in range(50):
        assert team.run(turn) == members - 1
        expected = sum(range(size)) * members * (members + 1) / 2 + turn * size * members
        assert seen.tolist() == [expected] * members
        assert sorted({*shared[0].tolist()}) == list(range(members))


def test_memory_of_no_bytes_can_be_had(team: WorkerGroup) -> None:
    assert len(team.allocate(0)) == 0


def failing(number: int, error: Exception, when: int) -> Callable[..., int]:
    def work(member: Any, turn: int) -> int:
        member.barrier()
        if (member.number, turn) == (number, when):
            raise error
        member.barrier()
        return turn

    return work


ERRORS = [ValueError("item 1"), InputError("a text at 1:2"), ZeroDivisionError(), MemoryError("no room"), KeyError(3)]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("number", [0, 1])
def test_a_members_error_reaches_the_caller_and_the_team_goes_on(
    team: WorkerGroup, number: int, error: Exception
) -> None:
    team.start(failing(number, error, 2))
    assert [team.run(0), team.run(1)] == [0, 1]
    with pytest.raises(type(error)) as found:
        team.run(2)
    assert type(found.value) is type(error) and found.value.args == error.args
    assert [team.run(3), team.run(4)] == [3, 4]


def test_of_several_errors_one_is_told(team: WorkerGroup) -> None:
    def work(member: Any) -> None:
        raise ValueError("all of them")

    team.start(work)
    with pytest.raises(ValueError, match="all of them"):
        team.run()


def test_a_workers_error_of_the_system_keeps_its_type() -> None:
    team = ProcessGroup(2)
    team.start(failing(1, FileNotFoundError(2, "No such file", "corpus.txt"), 0))
    with pytest.raises(FileNotFoundError, match=r"corpus\.txt"):
        team.run(0)


class Awkward(Exception):
    """One that pickle cannot make again."""

    def __init__(self, what: str, where: str):
        super().__init__(f"{what} in {where}")


def test_a_workers_error_that_cannot_be_sent_is_still_told() -> None:
    team = ProcessGroup(2)
    team.start(failing(1, Awkward("something", "somewhere"), 0))
    with pytest.raises(Exception, match=r"something in somewhere|a worker process"):
        team.run(0)


def test_a_threads_error_after_the_last_barrier_is_not_lost() -> None:
    def work(member: Any) -> None:
        member.barrier()
        if member.number:
            raise ValueError("late")

    team = ThreadGroup(2)
    team.start(work)
    try:
        with pytest.raises(ValueError, match="late"):
            team.run()
    finally:
        team.close()


def test_an_interrupted_caller_sends_the_workers_home() -> None:
    def work(member: Any) -> None:
        member.barrier()
        if not member.number:
            raise KeyboardInterrupt
        member.barrier()

    team = ProcessGroup(3)
    team.start(work)
    with pytest.raises(KeyboardInterrupt):
        team.run()
    assert team.crew == []


@kinds
@pytest.mark.parametrize("size", [2, 4])
def test_an_interrupted_caller_can_go_on(kind: Any, size: int) -> None:
    def work(member: Any, turn: int) -> int:
        member.barrier()
        if (member.number, turn) == (0, 1):
            raise KeyboardInterrupt
        member.barrier()
        return turn

    team = kind(size)
    team.start(work)
    assert team.run(0) == 0
    with pytest.raises(KeyboardInterrupt):
        team.run(1)
    assert [team.run(2), team.run(3)] == [2, 3]
    team.close()


def test_training_that_never_recovers_ends_as_it_does_alone(team: WorkerGroup) -> None:
    run = start(activation="relu", optimizer="sgd", rate=1e7, clip=0.0, batch=5)
    first = run.weights.flat.copy()
    trainer = trainer_of(run, text(2000), team)
    with pytest.raises(DivergenceError, match="times in a row"):
        while True:
            trainer.update()
    np.testing.assert_array_equal(run.weights.flat, first)


# Barriers


@pytest.mark.parametrize("spins", [0, processes.SPINS])
def test_nobody_passes_a_barrier_before_all_have_come(spins: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "SPINS", spins)
    barrier, came, early = Barrier(3), [0, 0, 0], []

    def work(number: int) -> None:
        for turn in range(1, 101):
            came[number] = turn
            barrier.wait(number)
            if min(came) < turn:
                early.append(number)
            barrier.wait(number)

    threads = [threading.Thread(target=work, args=[i], daemon=True) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(limit())
    assert came == [100, 100, 100] and early == []


def test_a_barrier_looks_round_while_it_waits_and_can_be_used_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "SPINS", 10)
    barrier, looks = Barrier(2), []

    def look() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise InputError("gone")

    with pytest.raises(InputError, match="gone"):
        barrier.wait(0, look)
    assert len(looks) == 3
    barrier.reset()
    thread = threading.Thread(target=barrier.wait, args=[1], daemon=True)
    thread.start()
    barrier.wait(0, look)  # which is not called more than a few times
    thread.join(limit())
    assert not thread.is_alive()


# How workers end


def at_work(size: int = 3, **given: Any) -> tuple[ProcessGroup, Trainer, list[int]]:
    """A team that has trained for some windows, and its processes."""
    team = ProcessGroup(size)
    trainer = trainer_of(start(workers=size, **given), text(2000), team)
    updates(trainer, 3)
    pids = [pid for pid, _ in team.crew]
    assert len(pids) == size - 1 and all(map(running, pids)) and set(pids) <= children()
    return team, trainer, pids


def test_closing_a_team_leaves_no_process_and_no_zombie() -> None:
    team, _, pids = at_work()
    team.close()
    assert not children() & set(pids) and team.crew == []


def test_a_team_that_is_forgotten_leaves_no_process() -> None:
    team, trainer, pids = at_work()
    del team, trainer
    gc.collect()
    assert not children() & set(pids)


def test_a_session_that_is_forgotten_leaves_no_process(tmp_path: Path) -> None:
    before, running_ = children(), begin(tmp_path, workers=3, batch=6)
    for event in running_:
        if event.step == 3:
            break
    pids = children() - before
    assert len(pids) == 2
    del running_, event
    gc.collect()
    assert not children() & pids


def test_a_session_that_ends_sends_its_workers_home() -> None:
    before = children()
    running_ = begin(workers=2, steps=8)
    list(running_)
    assert children() <= before and running_.run.step == 8


def test_a_worker_killed_at_work_ends_the_run_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    gradient = Trainer._gradient

    def deadly(self: Trainer, number: int, order: Order) -> tuple[float, int]:
        if number == 1 and order.step == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return gradient(self, number, order)

    monkeypatch.setattr(Trainer, "_gradient", deadly)
    team, trainer, pids = at_work()
    updates(trainer, 1)
    before = trainer.run.weights.flat.copy()
    with pytest.raises(CharnnError, match=r"^a worker process was killed by signal 9: .*--resume$") as found:
        trainer.update()
    assert "\n" not in str(found.value)
    assert not children() & set(pids)
    np.testing.assert_array_equal(trainer.run.weights.flat, before)
    monkeypatch.undo()
    updates(trainer, 2)  # by new workers
    team.close()


def test_a_worker_that_ends_by_itself_is_noticed() -> None:
    team = ProcessGroup(3)
    team.start(lambda member: os._exit(7) if member.number == 2 else member.barrier())
    with pytest.raises(CharnnError, match="a worker process ended with code 7"):
        team.run()
    assert team.crew == []


def test_a_worker_killed_between_two_windows_is_noticed_and_another_takes_its_place() -> None:
    team, trainer, pids = at_work()
    os.kill(pids[1], signal.SIGKILL)
    assert soon(lambda: not running(pids[1]))
    with pytest.raises(CharnnError, match=r"^a worker process .*--resume$"):
        trainer.update()
    assert not children() & set(pids)
    updates(trainer, 2)
    team.close()


def test_how_a_worker_ended_between_two_windows_is_told() -> None:
    _, trainer, pids = at_work()
    os.kill(pids[1], signal.SIGKILL)
    assert soon(lambda: not running(pids[1]))
    with pytest.raises(CharnnError, match="a worker process was killed by signal 9"):
        trainer.update()


def test_workers_leave_signals_to_the_caller() -> None:
    team, trainer, pids = at_work()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for pid in pids:
            os.kill(pid, number)
    updates(trainer, 5)
    assert [pid for pid, _ in team.crew] == pids and all(map(running, pids))
    team.close()


def test_a_thread_that_trained_for_a_while_may_end() -> None:
    team = ProcessGroup(2)
    trainer = trainer_of(start(workers=2), text(2000), team)
    thread = threading.Thread(target=updates, args=[trainer, 2])
    thread.start()
    thread.join(limit())
    assert soon(lambda: not Path(f"/proc/self/task/{thread.native_id}").exists())
    updates(trainer, 2)


def test_a_sessions_workers_do_not_hold_on_to_another_runs_folder(tmp_path: Path) -> None:
    first = begin(tmp_path, steps=4)
    list(first)
    path = first.folder.last  # type: ignore[union-attr]
    second = begin(None, workers=2)
    next(iter(second))
    del first
    gc.collect()
    session.resume(checkpoint.load(path), corpus(text(4000)), Folder(path.parent), {"steps": 5})


SCRIPT = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from tests.helpers.processes import running
from tests.helpers.toys import begin
from tests.helpers.waiting import limit, soon
session = begin(workers=3, batch=6, steps=10**9, validate_every=10**9)
for event in session:
    if event.step == 3:
        print(*(pid for pid, _ in session.group.crew), flush=True)
    if event.step == {last}:
        {end}
"""


def workers_of(end: str, last: int = 5) -> tuple[subprocess.Popen[str], list[int]]:
    """A process that trains, then does something, and its workers."""
    script = SCRIPT.format(tests=str(Path(__file__).parents[2]), last=last, end=end)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    pids = [int(word) for word in process.stdout.readline().split()]
    assert len(pids) == 2
    return process, pids


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os._exit(3)", 3),
        ("sys.exit(4)", 4),
        ("raise SystemError", 1),
        ("break", 0),
    ],
)
def test_however_a_process_ends_its_workers_do_too(end: str, code: int) -> None:
    process, pids = workers_of(end)
    with process:
        process.communicate(timeout=limit())
    assert process.returncode == code
    assert soon(lambda: not any(map(running, pids)))


def test_workers_of_a_process_killed_while_they_work_end_too() -> None:
    process, pids = workers_of("pass")
    with process:
        assert all(map(running, pids))
        process.kill()
        process.wait(limit())
    assert soon(lambda: not any(map(running, pids)))


# The command line

TRAIN = ["train", "text.txt", "--workers", "3", "--hidden", "8", "--layers", "1", "--batch", "6", "--window", "8"]
TRAIN += ["--steps", str(10**9), "--validate-every", "100", "--patience", "0", "--dropout", "0", "--rate", "0.001"]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """The command line under way with three workers, in a session of its own, and the two that were forked."""
    (tmp_path / "text.txt").write_text("to be or not to be\nthat is the question\n" * 100)
    process = subprocess.Popen(
        [sys.executable, "-m", "charnn", *TRAIN],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    timer = threading.Timer(limit(20), process.kill)
    timer.start()
    assert process.stderr
    while "bits/char; *" not in (line := process.stderr.readline()):
        assert line
    pids = [pid for pid in members(process.pid) if pid != process.pid]
    yield process, pids
    timer.cancel()
    process.kill()
    process.wait()
    process.stderr.close()


def members(group: int) -> list[int]:
    """Running processes of a process group."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if running(pid) and group_of(pid) == group]


def group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


Command = tuple["subprocess.Popen[str]", list[int]]


def test_ctrl_c_is_the_first_workers_to_see_to(command: Command, tmp_path: Path) -> None:
    process, pids = command
    assert len(pids) == 2
    os.killpg(process.pid, signal.SIGINT)
    told = process.communicate(timeout=limit())[1]
    assert process.returncode == -signal.SIGINT
    assert told.count("stopping after this step") == 1 and "Traceback" not in told
    assert told.endswith("`charnn train --resume --name text` goes on\n")
    assert soon(lambda: members(process.pid) == [])
    assert_resumes(tmp_path)


@pytest.mark.slow
def test_a_worker_killed_under_the_command_line_ends_it_in_one_line(command: Command, tmp_path: Path) -> None:
    process, pids = command
    os.kill(pids[0], signal.SIGKILL)
    told = process.communicate(timeout=limit())[1]
    assert process.returncode == 1 and "Traceback" not in told
    lines = [line for line in told.splitlines() if line.startswith("charnn: ")]
    assert len(lines) == 1 and told.endswith(lines[0] + "\n")
    assert lines[0].startswith("charnn: a worker process ") and "--resume" in lines[0]
    assert soon(lambda: members(process.pid) == [])
    assert_resumes(tmp_path)


def test_the_command_line_killed_leaves_no_worker_and_a_run_that_goes_on(command: Command, tmp_path: Path) -> None:
    process, pids = command
    process.kill()
    process.wait(limit())
    assert soon(lambda: not any(map(running, pids)))
    assert_resumes(tmp_path)


def assert_resumes(folder: Path) -> None:
    last = folder / "checkpoints/text/last.npz"
    step = checkpoint.load(last).step
    assert step >= 100
    again = [sys.executable, "-m", "charnn", "train", "--resume", "--steps", str(step + 5)]
    done = subprocess.run(again, cwd=folder, capture_output=True, text=True, timeout=limit())
    assert done.returncode == 0, done.stderr
    assert checkpoint.load(last).step == step + 5


# Spreading


def square(item: int) -> tuple[int, int]:
    return item * item, os.getpid()


@pytest.mark.parametrize("workers", [2, 3, 20])
def test_what_is_spread_comes_in_order_from_several_processes(workers: int) -> None:
    before = children()
    found = list(spread(square, range(11), workers))
    assert [item for item, _ in found] == [i * i for i in range(11)]
    pids = {pid for _, pid in found}
    assert len(pids) == min(workers, 11) and os.getpid() in pids
    assert children() <= before


@pytest.mark.parametrize(("items", "workers"), [(range(5), 1), (range(1), 4), (range(0), 4)])
def test_one_worker_or_one_item_needs_no_process(items: range, workers: int) -> None:
    assert list(spread(square, items, workers)) == [(i * i, os.getpid()) for i in items]


def test_where_there_are_no_processes_the_caller_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "can_fork", lambda: False)
    assert list(spread(square, range(4), 3)) == [(i * i, os.getpid()) for i in range(4)]


def test_large_results_and_arrays_come_whole() -> None:
    found = list(spread(lambda i: np.full(300_000, i), range(6), 2))
    assert [(a.size, a.min(), a.max()) for a in found] == [(300_000, i, i) for i in range(6)]


def broken(item: int) -> int:
    if item == 4:
        raise InputError(f"item {item} at 1:2")
    return item


def test_an_error_comes_where_its_result_would_have() -> None:
    before, seen = children(), []
    with pytest.raises(InputError, match=r"^item 4 at 1:2$"):
        for item in spread(broken, range(9), 3):
            seen.append(item)
    assert seen == [0, 1, 2, 3] and children() <= before


def test_a_result_that_cannot_be_sent_is_an_error() -> None:
    before = children()
    with pytest.raises(Exception, match="pickle"):
        list(spread(lambda item: lambda: item, range(3), 2))
    assert children() <= before


def test_a_spread_worker_that_is_killed_is_noticed() -> None:
    before, seen = children(), []
    with pytest.raises(CharnnError, match=r"^a worker process was killed by signal 9$"):
        for item in spread(lambda i: os.kill(os.getpid(), signal.SIGKILL) if i == 3 else i, range(9), 2):
            seen.append(item)
    assert seen == [0, 1, 2] and children() <= before


@pytest.mark.parametrize("leave", ["close", "forget"])
def test_who_stops_early_leaves_no_process(leave: str) -> None:
    before = children()
    results = spread(partial(np.full, 200_000), range(50), 3)  # more than fits into a pipe
    assert next(results)[0] == 0
    assert len(children() - before) == 2
    if leave == "close":
        results.close()  # type: ignore[attr-defined]
    del results
    gc.collect()
    assert children() <= before


def test_spread_workers_leave_signals_to_the_caller() -> None:
    def hit(item: int) -> int:
        if item % 2:
            for number in processes.CARRIED:
                os.kill(os.getpid(), number)
        return os.getppid() if item % 2 else os.getpid()

    assert list(spread(hit, range(4), 2)) == [os.getpid()] * 4
