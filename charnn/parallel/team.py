"""Groups of workers that share a batch: each takes some rows, and one sum of their gradients makes them one.

All workers of a group do the same work in step. What they do is written once, as a function of the `Worker` that does
it. The group decides where its workers live: here, in threads, in processes of this machine, or on many machines.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ..nn.workspace import ALIGN, aligned

CACHE_LINE_FLOATS = ALIGN // 4  # floats of a cache line: two workers never write to the same one


class Worker(Protocol):
    """What one worker knows of its group."""

    number: int
    size: int

    def all_reduce(self, vectors: Sequence[np.ndarray]) -> np.ndarray:
        """The sum of all workers' vectors, the same for all. `vectors` are those in reach; they are overwritten."""

    def part(self, size: int) -> slice:
        """The part of the weights that this worker updates: all of them where nobody else can see them."""

    def barrier(self) -> None:
        """Until all workers have come here."""


class WorkerGroup(Protocol):
    """`size` workers, whose numbers are `numbers` where this process can see their memory.

    A program that runs on several machines at once is several processes in step, `ranks` of them, each with a `rank`.
    """

    size: int
    rank: int
    ranks: int
    numbers: range

    def allocate(self, size: int) -> np.ndarray:
        """Bytes that all workers in reach see, on a cache line."""

    def start(self, work: Callable[..., Any]) -> None:
        """From now on `run` is work(worker, ...). What workers share must be allocated before."""

    def run(self, *args: Any) -> Any:
        """Let all workers work; return what the first one in reach returned."""

    def close(self) -> None:
        """Send the workers home. A later `run` calls them back."""

    def broadcast(self, value: Any) -> Any:
        """What rank 0 passes, on every rank."""

    def all_gather(self, rows: np.ndarray) -> None:
        """Fill (batch, n), of which each rank has written its own rows, on every rank."""

    def assert_in_sync(self, weights: np.ndarray) -> None:
        """Raise `CharnnError` unless all ranks hold the same weights."""


class SingleWorker:
    """One worker, which is a group by itself; and what all groups within one process have in common."""

    number = rank = 0
    ranks = 1

    def __init__(self, size: int = 1):
        self.size, self.numbers = size, range(size)
        self.work: Callable[..., Any] = lambda worker: None

    def all_reduce(self, vectors: Sequence[np.ndarray]) -> np.ndarray:
        return vectors[0]

    def part(self, size: int) -> slice:
        return slice(0, size)

    def barrier(self) -> None:
        pass

    def allocate(self, size: int) -> np.ndarray:
        return aligned(size)

    def start(self, work: Callable[..., Any]) -> None:
        self.work = work

    def run(self, *args: Any) -> Any:
        return self.work(self, *args)

    def close(self) -> None:
        pass

    def broadcast(self, value: Any) -> Any:
        return value

    def all_gather(self, rows: np.ndarray) -> None:
        pass

    def assert_in_sync(self, weights: np.ndarray) -> None:
        pass


class SharedMemoryWorker:
    """A worker whose group shares memory: it sums, and updates, its own part of the vectors."""

    def __init__(self, number: int, size: int, barrier: Callable[[], object]):
        self.number, self.size, self.barrier = number, size, barrier

    def all_reduce(self, vectors: Sequence[np.ndarray]) -> np.ndarray:
        self.barrier()
        total, part = vectors[0], self.part(vectors[0].size)
        for vector in vectors[1:]:
            total[part] += vector[part]
        self.barrier()
        return total

    def part(self, size: int) -> slice:
        lines = -(-size // CACHE_LINE_FLOATS)
        first, end = (lines * i // self.size * CACHE_LINE_FLOATS for i in (self.number, self.number + 1))
        return slice(first, min(end, size))


class ThreadGroup(SingleWorker):
    """`size` workers, the caller among them, in this process: NumPy leaves its lock aside while it computes.

    Give BLAS one thread (OPENBLAS_NUM_THREADS=1 before NumPy is imported). Two workers then do 1.4 (128 hidden units)
    to 1.9 (512) times the work of one; processes do more of small work, where the lock is held for longer.
    """

    def __init__(self, size: int):
        super().__init__(size)
        self.pool: Any = None
        self._barrier = threading.Barrier(size)
        self.workers = [SharedMemoryWorker(i, size, self._barrier.wait) for i in self.numbers]

    def run(self, *args: Any) -> Any:
        from concurrent.futures import ThreadPoolExecutor

        self.pool = self.pool or ThreadPoolExecutor(self.size - 1, thread_name_prefix="charnn")
        others = [self.pool.submit(self._work, worker, args) for worker in self.workers[1:]]
        errors: list[BaseException] = []
        try:
            result = self._work(self.workers[0], args)
        except BaseException as error:  # an interrupt too: the barrier is broken
            errors.append(error)
        errors += [failure for other in others if (failure := other.exception())]
        self._barrier.reset()
        if errors:  # of which one broke the barrier, and the rest came to it
            raise min(errors, key=lambda failure: isinstance(failure, threading.BrokenBarrierError))
        return result

    def _work(self, worker: SharedMemoryWorker, args: tuple[Any, ...]) -> Any:
        try:
            return self.work(worker, *args)
        except BaseException:
            self._barrier.abort()
            raise

    def close(self) -> None:
        if self.pool:
            self.pool.shutdown()
            self.pool = None


def rows_of_worker(batch: int, number: int, size: int) -> slice:
    """A worker's rows of a batch."""
    return slice(round(batch * number / size), round(batch * (number + 1) / size))
