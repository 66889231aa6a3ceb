"""What a process knows of mpiexec before MPI is loaded: whether it is one of several, and which."""

import os
import sys
import time
from typing import Any

from ..errors import UsageError

SIZES = "OMPI_COMM_WORLD_SIZE", "PMI_SIZE"  # what Open MPI and MPICH tell each process that they start
SAID = 0.2  # seconds in which mpiexec passes on what was written, before it ends everything
RANKS = "OMPI_COMM_WORLD_RANK", "PMI_RANK"


def launched() -> int:
    """How many processes mpiexec started of this program; 1 without it."""
    return _number(SIZES, 1)


def rank() -> int:
    """Which of them this is; 0 without it."""
    return _number(RANKS, 0)


def join() -> Any:
    """mpi4py's MPI, with all ranks in it. Raises `UsageError` where it is not installed."""
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise UsageError(
            f"mpiexec started {launched()} ranks, but MPI is missing ({error}): pip install 'charnn[mpi]'"
        ) from None
    return MPI


def abort(code: int) -> None:
    """End all ranks, where MPI is at work: one that ended by itself would be waited for."""
    if loaded := sys.modules.get("mpi4py.MPI"):
        time.sleep(SAID)
        loaded.COMM_WORLD.Abort(code)


def _number(names: tuple[str, ...], otherwise: int) -> int:
    return next((int(os.environ[name]) for name in names if os.environ.get(name, "").isdigit()), otherwise)
