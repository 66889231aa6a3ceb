"""Workers in processes of this machine, made by fork: they see the same weights, and hold no lock in common."""

from __future__ import annotations

import mmap
import os
import pickle
import platform
import signal
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np

from ..errors import CharnnError, CharnnWarning
from .team import SharedMemoryWorker, SingleWorker

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SPINS = 500  # looks at a counter: for some microseconds
YIELD = 0.01  # seconds: then of looks while others may run, before there are naps between
NAP = 0.002  # seconds: the longest of those
IDLE = 200  # looks for the next window's order before a worker sleeps until there is one
STRIDE = 8  # integers of a cache line
CARRIED = signal.SIGINT, signal.SIGTERM, signal.SIGHUP  # for the first of the workers to see to
PRIVATE: set[int] = set()  # files that a child must not hold open, such as a lock

T = TypeVar("T")
R = TypeVar("R")


def can_fork() -> bool:
    """Whether this system can fork, and shows one processor's writes to the others in their order."""
    return hasattr(os, "fork") and platform.system() == "Linux" and platform.machine() == "x86_64"


def startable(count: int) -> int:
    """`count` if so many processes can be at work, this one among them; 1, with a `CharnnWarning`, if not."""
    crew: list[tuple[int, Connection]] = []
    try:
        for _ in range(1, count if can_fork() else 1):
            crew.append(fork_worker(_wait_for_end, crew))
    except OSError as error:
        warn_alone(error)
        return 1
    finally:
        dismiss_workers(crew)
    return count


def warn_alone(error: OSError) -> None:
    """Say that one process does the work of several."""
    message = f"no more processes can be started ({error.strerror}): one does the work"
    warnings.warn(message, CharnnWarning, stacklevel=3)


def _wait_for_end(pipe: Connection) -> None:
    pipe.recv()


class ProcessGroup(SingleWorker):
    """`size` workers, the caller among them: the others are forked at the first `run`.

    Orders go through pipes; the sum goes through shared memory, between two barriers that spin, since a window is
    too short to sleep in. A worker that dies ends the run with an error.
    """

    def __init__(self, size: int):
        super().__init__(size)
        self._barrier = Barrier(size)
        self.worker = SharedMemoryWorker(0, size, self._wait)
        self.crew: list[tuple[int, Connection]] = []
        self.end = weakref.finalize(self, dismiss_workers, self.crew)

    def allocate(self, size: int) -> np.ndarray:
        return shared_memory(size)

    def run(self, *args: Any) -> Any:
        if not self.crew:
            self._barrier.reset()
            for number in self.numbers[1:]:
                self.crew.append(fork_worker(partial(self._serve, number), self.crew))
        try:
            for pid, pipe in self.crew:
                try:
                    pipe.send(args)
                except OSError:
                    raise lost_worker(pid) from None
            return self.work(self.worker, *args)
        except BaseException:  # the others would wait for ever
            self.close()
            raise

    def close(self) -> None:
        dismiss_workers(self.crew)

    def _wait(self) -> None:
        self._barrier.wait(0, self._look)

    def _look(self) -> None:
        """Raise what a worker has raised, or that it is gone."""
        for pid, pipe in self.crew:
            if pipe.poll():
                try:
                    error = pipe.recv()
                except (EOFError, OSError):
                    error = lost_worker(pid)
                raise error

    def _serve(self, number: int, pipe: Connection) -> None:
        """A worker's life: wait for an order, work, until the pipe is closed."""
        parent = os.getppid()

        def look() -> None:
            if os.getppid() != parent:
                raise EOFError

        worker = SharedMemoryWorker(number, self.size, lambda: self._barrier.wait(number, look))
        while True:
            for _ in range(IDLE):
                if pipe.poll():
                    break
            args = pipe.recv()
            try:
                self.work(worker, *args)
            except EOFError:
                raise
            except Exception as error:
                pipe.send(sendable(error))
                return


class Barrier:
    """Where `size` processes wait for one another: each has a counter in shared memory, of the times it has come."""

    def __init__(self, size: int):
        self.size = size
        self.turns = shared_counters(size)

    def reset(self) -> None:
        for i in range(len(self.turns)):
            self.turns[i] = 0

    def wait(self, number: int, look: Callable[[], object] = lambda: None) -> None:
        """Until all have come; `look` is called now and then where that takes long, and may raise."""
        turns, mine = self.turns, self.turns[number * STRIDE] + 1
        turns[number * STRIDE] = mine
        for other in range(0, self.size * STRIDE, STRIDE):
            wait_until_reached(turns, other, mine, look)


def wait_until_reached(turns: memoryview, at: int, turn: int, look: Callable[[], object]) -> None:
    """Until a counter that another process moves on has reached `turn`; `look` as in `Barrier.wait`."""
    spins, start = 0, 0.0
    while turns[at] < turn:
        spins += 1
        if spins <= SPINS:
            continue
        now = time.monotonic()
        start = start or now
        if now < start + YIELD:  # the one that is late may be waiting for this very processor
            os.sched_yield()
        else:
            look()
            time.sleep(min((now - start) / 16, NAP))


def shared_memory(size: int) -> np.ndarray:
    """`size` bytes, 0 at first, that processes forked from now on see too."""
    return np.frombuffer(mmap.mmap(-1, max(1, size)), np.uint8, size)


def shared_counters(count: int) -> memoryview:
    """So many integers, 0 at first, that processes forked from now on see too: one every `STRIDE`."""
    return shared_memory(count * STRIDE * 8).data.cast("q")


def fork_worker(
    work: Callable[[Connection], None], siblings: Sequence[tuple[int, Connection]]
) -> tuple[int, Connection]:
    """A process that does `work` with its end of a pipe, then ends; its number, and the other end."""
    from multiprocessing.connection import Pipe

    here, there = Pipe()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of other threads: the child needs nothing they hold
            pid = os.fork()
    except OSError:
        here.close()
        there.close()
        raise
    if pid == 0:
        _child(work, there, [here, *(pipe for _, pipe in siblings)])
    there.close()
    return pid, here


def _child(work: Callable[[Connection], None], pipe: Connection, others: Iterable[Connection]) -> NoReturn:
    """Never returns: nothing of the parent's is cleaned up, flushed or printed twice."""
    code = 1
    try:
        for number in CARRIED:
            signal.signal(number, signal.SIG_IGN)
        for other in others:  # else a pipe stays open when the parent is gone
            other.close()
        for handle in PRIVATE:
            os.close(handle)
        work(pipe)
        code = 0
    except (EOFError, OSError):  # the parent is gone
        pass
    finally:
        os._exit(code)


def dismiss_workers(crew: list[tuple[int, Connection]]) -> None:
    """End all workers."""
    while crew:
        pid, pipe = crew.pop()
        pipe.close()
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def lost_worker(pid: int) -> CharnnError:
    return CharnnError(f"a worker process {ending(pid)}: the run stands as it was last saved; charnn train --resume")


def ending(pid: int) -> str:
    """How a process ended, which keeps its number until it is dismissed."""
    try:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    except ChildProcessError:
        return "is gone"
    assert found  # without WNOHANG there is something to tell
    how = "ended with code" if found.si_code == os.CLD_EXITED else "was killed by signal"
    return f"{how} {found.si_status}"


def spread(function: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[R]:
    """function(item) for each item, in order, by several processes where that is possible, this one among them."""
    workers = min(workers, len(items)) if can_fork() else 1
    if workers < 2:
        yield from map(function, items)
        return

    def serve(number: int, pipe: Connection) -> None:
        for item in items[number::workers]:
            try:
                pipe.send(function(item))
            except Exception as error:
                pipe.send(Failed(sendable(error)))

    crew: list[tuple[int, Connection]] = []
    try:
        try:
            for number in range(1, workers):
                crew.append(fork_worker(partial(serve, number), crew))
        except OSError as error:
            warn_alone(error)
            yield from map(function, items)
            return
        for i, item in enumerate(items):
            if i % workers == 0:
                yield function(item)
                continue
            pid, pipe = crew[i % workers - 1]
            try:
                result = pipe.recv()
            except EOFError:
                raise CharnnError(f"a worker process {ending(pid)}") from None
            if isinstance(result, Failed):
                raise result.error
            yield result
    finally:
        dismiss_workers(crew)


@dataclass
class Failed:
    """An error on its way from a worker."""

    error: Exception


def sendable(error: Exception) -> Exception:
    """An error as it can go through a pipe: itself, or what it says where it cannot be made again."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return CharnnError(f"a worker process failed: {error!r}")
    return error
