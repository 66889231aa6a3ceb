"""Ranks that mpiexec starts against one process; what they say, and say once; and what is left when one is lost."""

import re
import sys
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from charnn.config import TrainConfig
from charnn.errors import CharnnError, UsageError
from charnn.parallel import choose, launcher
from charnn.parallel.mpi import MPIGroup
from charnn.parallel.team import rows_of_worker
from charnn.tasks import fitting
from charnn.training import session
from tests.helpers.ranks import MPIEXEC, STARTERS, Done, execute, log, real, saved, together
from tests.helpers.snapshots import raises
from tests.helpers.toys import begin

TINY = ["--hidden", "8", "--layers", "2", "--batch", "6", "--window", "8", "--dropout", "0", "--patience", "0"]
TINY += ["--cell", "elman", "--schedule", "constant", "--rate", "0.02", "--state", "carry"]


def alone(*args: object, folder: Path) -> Done:
    return execute([sys.executable, "-m", "charnn", *map(str, args)], folder)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """A folder with words.txt."""
    rng = np.random.default_rng(0)
    words = ("".join(rng.choice(["an", "be", "do", "la"], rng.integers(2, 5))) for _ in range(1200))
    (tmp_path / "words.txt").write_text("".join(f"{word}\n" for word in words))
    return tmp_path


# Training

SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import numpy as np
from charnn.training.trainer import Update
from charnn.training.session import Validation
from tests.helpers.toys import begin

session = begin(**{given!r})
events = list(session)
session.save()  # which gathers the state
run = session.run
np.savez(
    f"rank{{session.group.rank}}.npz", weights=run.weights.flat, state=np.stack(run.state),
    moments=np.stack([moment.flat for moment in run.moments]),
    nats=[e.nats for e in events if isinstance(e, Update)], norms=[e.norm for e in events if isinstance(e, Update)],
    counts=[e.count for e in events if isinstance(e, Update)],
    valid=[e.valid for e in events if isinstance(e, Validation)], size=session.group.size,
)
"""
GIVEN: dict[str, Any] = {"layers": 2, "batch": 5, "symbols": 3336, "steps": 70, "validate_every": 10, "state": "carry"}


@pytest.fixture(scope="module")
def serial() -> Any:
    """What one worker, and what two of this machine, make of it."""
    found = []
    for workers in (1, 2):
        running = begin(workers=workers, **GIVEN)
        events = list(running)
        found.append((running.run, events))
    return found


@real
@pytest.mark.parametrize("count", [2, 3])
def test_ranks_train_as_one_process_does_and_as_local_workers_do(count: int, serial: Any, tmp_path: Path) -> None:
    script = SCRIPT.format(tests=str(Path(__file__).parents[2]), given=GIVEN)
    execute([str(MPIEXEC), "-n", str(count), sys.executable, "-c", script], tmp_path).well()
    ranks_ = [dict(np.load(tmp_path / f"rank{i}.npz")) for i in range(count)]
    for other in ranks_[1:]:
        for name, value in ranks_[0].items():
            np.testing.assert_array_equal(other[name], value, name)
    found = ranks_[0]
    assert found["size"] == count
    for run_, events in serial:
        by_kind = {name: [e for e in events if type(e).__name__ == name] for name in ("Update", "Validation")}
        assert found["counts"].tolist() == [e.count for e in by_kind["Update"]] and 1 in found["counts"]
        np.testing.assert_allclose(found["nats"], [e.nats for e in by_kind["Update"]], rtol=1e-5)
        np.testing.assert_allclose(found["norms"], [e.norm for e in by_kind["Update"]], rtol=1e-4)
        np.testing.assert_allclose(found["valid"], [e.valid for e in by_kind["Validation"]], rtol=1e-5)
        np.testing.assert_allclose(found["weights"], run_.weights.flat, atol=1e-5)
        np.testing.assert_allclose(found["moments"], [moment.flat for moment in run_.moments], atol=1e-4)
        np.testing.assert_allclose(found["state"], run_.state, atol=1e-4)
        assert found["state"].any(axis=(0, 2)).all()  # of every row


@real
def test_rank_0_alone_writes_and_draws(new: Path) -> None:
    done = together(3, "train", "words.txt", *TINY, "--steps", 40, "--validate-every", 20, folder=new)
    done.well()
    assert sorted(path.name for path in (new / "checkpoints").iterdir()) == ["words"]
    assert [record["step"] for record in log(new)] == [20, 40]
    for words in ("parameters", "bits/char; *", "3 workers", "finished", "kept in"):
        assert done.err.count(words) == 1, words
    assert done.out == b"" and done.messages == []
    assert len(re.findall(r"^ +40 ", done.err, re.MULTILINE)) == 1
    one = alone(
        "train", "words.txt", *TINY, "--steps", 40, "--validate-every", 20, "--workers", 1, "--name", "one", folder=new
    )
    one.well()
    assert saved(new).history[-1]["valid"] == pytest.approx(log(new, "one")[-1]["valid"], rel=1e-4)
    np.testing.assert_allclose(saved(new).weights.flat, saved(new, "one").weights.flat, atol=1e-4)
    for a, b in zip(saved(new).state, saved(new, "one").state, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)


@real
def test_another_number_of_ranks_goes_on_with_a_run(new: Path) -> None:
    together(2, "train", "words.txt", *TINY, "--steps", 20, "--validate-every", 10, folder=new).well()
    done = alone("train", "--resume", "--steps", 40, "--workers", 1, folder=new)
    done.well()
    assert "note: 1 workers, 2 before: it goes on, but not to the same last bits" in done.err
    done = together(3, "train", "--resume", "--steps", 60, folder=new)
    done.well()
    assert done.err.count("note: 3 workers, 1 before") == 1
    assert (saved(new).step, saved(new).config.workers) == (60, 3)
    assert [record["step"] for record in log(new)] == [10, 20, 30, 40, 50, 60]
    straight = ["--steps", "60", "--validate-every", "10", "--workers", "1", "--name", "one"]
    alone("train", "words.txt", *TINY, *straight, folder=new).well()
    np.testing.assert_allclose(saved(new).weights.flat, saved(new, "one").weights.flat, atol=1e-3)
    for a, b in zip(saved(new).state, saved(new, "one").state, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-2)


@real
def test_ranks_that_are_stopped_and_resumed_train_as_if_they_were_not(new: Path) -> None:
    """Rank 1 gets the signal; all stop after the same step, and rank 0 saves."""
    command = ["train", "words.txt", *TINY, "--steps", 40, "--validate-every", 10]
    done = together(2, *command, folder=new, change=at_step(13, "os.kill(os.getpid(), signal.SIGINT)"))
    assert done.code != 0 and done.err.count("saved at step ") == 1
    stopped = saved(new).step
    assert 13 <= stopped <= 15 and f"saved at step {stopped}; `charnn train --resume --name words` goes on" in done.err
    together(2, "train", "--resume", folder=new).well()
    together(2, *command, "--name", "whole", folder=new).well()
    for name in ("last.npz", "best.npz", "log.jsonl"):
        whole = (new / "checkpoints/whole" / name).read_bytes()
        assert (new / "checkpoints/words" / name).read_bytes() == whole, name


def at_step(step: int, what: str, rank: int = 1) -> str:
    """Lines that do something on a rank before the update after a step."""
    return f"""
import os, signal
from charnn.training.trainer import Trainer
update = Trainer.update
def changed(self):
    if self.group.rank == {rank} and self.run.step == {step}:
        {what}
    return update(self)
Trainer.update = changed
"""


@real
def test_ranks_that_are_stopped_do_not_speak_of_a_lost_one(new: Path) -> None:
    interrupt = at_step(13, "os.kill(os.getpid(), signal.SIGINT)", rank=0)
    done = together(2, "train", "words.txt", *TINY, "--steps", 10**9, folder=new, change=interrupt)
    assert "saved at step" in done.err
    assert "a rank was lost" not in done.err


@real
@pytest.mark.parametrize("rank", [0, 1])
def test_a_stopped_rank_waits_for_rank_0_to_say_so(new: Path, rank: int) -> None:
    """However long that takes: the first to die is the end of all."""
    slow = """
import time
from charnn.terminal import console
saved = console.saved
console.saved = lambda session: (time.sleep(0.3 * (session.group.rank == 0)), saved(session))
"""
    interrupt = at_step(13, "os.kill(os.getpid(), signal.SIGINT)", rank=rank)
    done = together(2, "train", "words.txt", *TINY, "--steps", 10**9, folder=new, change=slow + interrupt)
    assert done.err.count("saved at step ") == 1 and "a rank was lost" not in done.err


# What goes wrong


@real
@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_is_killed_ends_the_run_in_one_line_and_leaves_what_was_saved(new: Path, rank: int) -> None:
    kill = at_step(33, "os.kill(os.getpid(), signal.SIGKILL)", rank)
    done = together(2, "train", "words.txt", *TINY, "--steps", 10**9, "--validate-every", 10, folder=new, change=kill)
    assert done.code != 0
    assert done.messages == ["charnn: a rank was lost; `charnn train --resume --name words` goes on"]
    assert saved(new).step == 30
    alone("train", "--resume", "--steps", 40, folder=new).well()
    assert saved(new).step == 40 and [record["step"] for record in log(new)] == [10, 20, 30, 40]


@real
def test_ranks_whose_weights_are_no_longer_the_same_are_noticed(new: Path) -> None:
    drift = at_step(25, "self.run.weights.flat[3] += 1e-3")
    done = together(2, "train", "words.txt", *TINY, "--steps", 10**9, "--validate-every", 10, folder=new, change=drift)
    (told,) = done.messages
    assert done.code == 1 and "the weights of rank 1 are no longer those of rank 0" in told and "--resume" in told
    assert saved(new).step == 20


@real
@pytest.mark.parametrize(
    ("count", "args", "message"),
    [
        (2, ["words.txt", "--workers", "2"], "the ranks that mpiexec starts are the workers"),
        (2, ["words.txt", "--workers", "1"], "leave --workers out"),
        (2, ["gone.txt"], "gone.txt does not exist"),
        (2, ["-"], "standard input reaches one rank only: name a file that all ranks can read"),
        (3, ["words.txt", "--batch", "2"], "there are 3 ranks for a batch of 2: start fewer, or give a larger --batch"),
        (2, ["words.txt", "--hidden", "0"], "--hidden is 0"),
    ],
    ids=["workers", "one worker", "missing", "standard input", "batch", "hidden"],
)
def test_what_is_wrong_on_all_ranks_is_said_once(new: Path, count: int, args: list[str], message: str) -> None:
    with (new / "words.txt").open() as text:
        done = together(count, "train", *TINY, *args, folder=new, stdin=text)
    assert done.code == 2
    assert len(done.messages) == 1 and message in done.messages[0], done.err
    assert not list(new.glob("checkpoints/*"))


@real
@pytest.mark.parametrize(
    ("args", "message"), [([], "name a CORPUS"), (["words.txt", "--hidden", "x"], "--hidden is 'x'")]
)
def test_what_the_command_line_itself_refuses_is_said_once(new: Path, args: list[str], message: str) -> None:
    done = together(2, "train", *TINY, *args, folder=new)
    assert done.code == 2
    assert len(done.messages) == 1 and message in done.messages[0], done.err


@real
def test_a_folder_in_use_is_said_once_and_ends_all_ranks(new: Path) -> None:
    together(2, "train", "words.txt", *TINY, "--steps", 10, folder=new).well()
    running = begin_in(new / "checkpoints/words")
    done = together(2, "train", "--resume", "--steps", 20, folder=new)
    assert done.code == 1 and len(done.messages) == 1 and "in use by another training" in done.messages[0]
    del running


def begin_in(path: Path) -> session.Folder:
    folder = session.Folder(path)
    folder.lock()
    return folder


@real
def test_training_that_diverges_gives_up_once_and_keeps_the_last_good_state(new: Path) -> None:
    wild = ["--activation", "relu", "--optimizer", "sgd", "--rate", "1e7", "--clip", "0", "--steps", "100"]
    done = together(2, "train", "words.txt", *TINY, *wild, folder=new)
    assert done.code == 4 and len(done.messages) == 1 and "training diverged" in done.messages[0]
    assert saved(new).step == 0


def test_without_mpi4py_a_rank_says_what_to_install(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(UsageError, match=r"mpiexec started 2 ranks, but .* is missing .*pip install 'charnn\[mpi\]'"):
        choose.worker_group(1)
    program = "import sys; sys.modules['mpi4py'] = None\nfrom charnn.__main__ import main\nmain()\n"
    command = ["env", "PMI_SIZE=2", "PMI_RANK=0", sys.executable, "-c", program, "train", "words.txt", *TINY]
    done = execute(command, new)
    assert done.code == 2 and len(done.messages) == 1 and "pip install 'charnn[mpi]'" in done.messages[0]


# Without mpiexec


class Comm:
    """Ranks that are imagined: what each of them sends is given."""

    def __init__(self, *sent: Any):
        self.sent = sent

    def allgather(self, value: Any) -> list[Any]:
        return [value if other is None else other for other in self.sent]

    def bcast(self, value: Any, root: int) -> Any:
        assert root == 0
        return value if self.sent[0] is None else self.sent[0]

    def Allreduce(self, kind: str, vector: np.ndarray) -> None:
        assert kind == "in place"
        for other in self.sent:
            if other is not None:
                vector += other


def team_of(*sent: Any, rank: int = 0) -> MPIGroup:
    team = object.__new__(MPIGroup)
    team.comm, team.in_place, team.failure = Comm(*sent), "in place", ZeroDivisionError
    team.size, team.rank, team.number, team.numbers = len(sent), rank, rank, range(rank, rank + 1)
    return team


def test_a_sum_adds_what_all_ranks_have() -> None:
    vector = np.arange(4.0)
    team = team_of(np.ones(4), None, np.full(4, 10.0), rank=1)
    assert team.all_reduce([vector]) is vector
    assert vector.tolist() == [11, 12, 13, 14]
    assert team.part(4) == slice(0, 4)


def test_each_rank_has_the_rows_that_the_others_trained() -> None:
    rows = np.zeros((5, 2))
    parts = [rows_of_worker(5, i, 3) for i in range(3)]
    rows[parts[1]] = 1
    sent = [np.full((len(range(5)[part]), 2), i) if i != 1 else None for i, part in enumerate(parts)]
    team_of(*sent, rank=1).all_gather(rows)
    for i, part in enumerate(parts):
        assert (rows[part] == i).all() and rows[part].size


def test_weights_that_differ_in_a_bit_are_named_by_their_rank() -> None:
    weights = np.linspace(0, 1, 50, dtype=np.float32)
    other = weights.copy()
    other[7] = np.nextafter(other[7], 1)
    same, stray = (sha256(vector.tobytes()).digest() for vector in (weights, other))
    team_of(None, same, same).assert_in_sync(weights)
    with raises(CharnnError, "rank 1, 3"):
        team_of(None, stray, same, stray).assert_in_sync(weights)
    with raises(CharnnError, "rank 1"):
        team_of(same, None, rank=1).assert_in_sync(other)


def test_a_rank_that_is_gone_is_said_whatever_was_to_be_done() -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("broken")

    team = team_of(None, None)
    team.comm = SimpleNamespace(allgather=fail, bcast=fail, Allreduce=fail)
    works = [
        lambda: team.all_reduce([np.zeros(2)]),
        lambda: team.broadcast(1),
        lambda: team.all_gather(np.zeros((4, 2))),
    ]
    for work in (*works, lambda: team.assert_in_sync(np.zeros(2))):
        with pytest.raises(CharnnError, match=r"^a rank is lost \(broken\): .*--resume$"):
            work()


@pytest.mark.parametrize(
    ("given", "size", "rank"),
    [
        ({}, 1, 0),
        ({"PMI_SIZE": "4", "PMI_RANK": "3"}, 4, 3),
        ({"OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_RANK": "5"}, 8, 5),
        ({"PMI_SIZE": "", "PMI_RANK": "one"}, 1, 0),
        ({"PMI_SIZE": "1", "PMI_RANK": "0"}, 1, 0),
    ],
    ids=str,
)
def test_who_started_it_tells_a_process_its_rank(
    given: dict[str, str], size: int, rank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in STARTERS:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert (launcher.launched(), launcher.rank()) == (size, rank)


def test_ranks_are_the_workers_and_must_have_a_row_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_SIZE", "4")
    assert fitting.fit(TrainConfig(batch=32, workers=2), 10**6).workers == 4
    assert fitting.fit(TrainConfig(batch=4, window=8), 10**6).workers == 4
    with raises(UsageError, "4 ranks"):
        fitting.fit(TrainConfig(batch=3, window=8), 10**6)


def test_nothing_is_aborted_where_mpi_is_not_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mpi4py.MPI", raising=False)
    launcher.abort(3)
    aborted: list[int] = []
    world = SimpleNamespace(COMM_WORLD=SimpleNamespace(Abort=aborted.append))
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", world)
    launcher.abort(3)
    assert aborted == [3]
