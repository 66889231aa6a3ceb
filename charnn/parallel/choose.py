"""Which group trains: one worker, processes or threads of this machine, or the ranks that mpiexec started."""

from . import mpi, processes
from .launcher import launched
from .team import SingleWorker, ThreadGroup, WorkerGroup


def worker_group(workers: int) -> WorkerGroup:
    """A group of so many workers."""
    if launched() > 1:
        return mpi.MPIGroup()
    if workers == 1:
        return SingleWorker()
    return processes.ProcessGroup(workers) if processes.can_fork() else ThreadGroup(workers)
