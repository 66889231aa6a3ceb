"""Workers on one machine or many, started by mpiexec: every rank runs the whole program, and reads its own rows.

    mpiexec -n 4 charnn train corpus.txt

All ranks hold the same weights, since they start from the same seed and add the same sums. Rank 0 writes and draws.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import numpy as np

from ..errors import CharnnError
from .launcher import join
from .team import SingleWorker, rows_of_worker


class MPIGroup(SingleWorker):
    """All ranks that mpiexec started; this process is one of them."""

    def __init__(self) -> None:
        mpi = join()
        super().__init__(mpi.COMM_WORLD.size)
        self.comm, self.in_place, self.failure = mpi.COMM_WORLD, mpi.IN_PLACE, mpi.Exception
        self.comm.Set_errhandler(mpi.ERRORS_RETURN)
        self.number, self.rank, self.ranks = self.comm.rank, self.comm.rank, self.size
        self.numbers = range(self.rank, self.rank + 1)

    def all_reduce(self, vectors: Sequence[np.ndarray]) -> np.ndarray:
        (vector,) = vectors
        with self._told():
            self.comm.Allreduce(self.in_place, vector)
        return vector

    def broadcast(self, value: Any) -> Any:
        with self._told():
            return self.comm.bcast(value, 0)

    def all_gather(self, rows: np.ndarray) -> None:
        parts = [rows_of_worker(len(rows), i, self.size) for i in range(self.size)]
        with self._told():
            whole = self.comm.allgather(rows[parts[self.rank]])
        for part, values in zip(parts, whole, strict=True):
            rows[part] = values

    def assert_in_sync(self, weights: np.ndarray) -> None:
        with self._told():
            digests = self.comm.allgather(sha256(weights.data).digest())
        if strays := [str(i) for i, other in enumerate(digests) if other != digests[0]]:
            raise CharnnError(
                f"the weights of rank {', '.join(strays)} are no longer those of rank 0: run the same versions on "
                "machines of one kind, and charnn train --resume"
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self.failure as error:
            raise CharnnError(f"a rank is lost ({error}): the run stands as it was last saved; --resume") from None
