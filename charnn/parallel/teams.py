"""Which team trains: one worker, processes or threads of this machine, or the ranks that mpiexec started."""

from . import mpi, processes
from .parallel import Solo, Team, Threads
from .ranks import launched


def team(workers: int) -> Team:
    """A team of so many workers."""
    if launched() > 1:
        return mpi.MPI()
    if workers == 1:
        return Solo()
    return processes.Processes(workers) if processes.possible() else Threads(workers)
