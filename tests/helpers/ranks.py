"""The command line on ranks that mpiexec starts."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from charnn.runs import checkpoint
from tests.helpers.processes import Done, start
from tests.helpers.waiting import limit

BESIDE = Path(sys.executable).with_name("mpiexec")
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")
missing = pytest.mark.skipif(not (MPIEXEC and find_spec("mpi4py")), reason="needs mpi4py and mpiexec: charnn[mpi]")
STARTERS = ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMI_SIZE", "PMI_RANK")


def real(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that starts ranks."""
    return pytest.mark.slow(missing(test))


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in (*STARTERS, "CHARNN_DEBUG")}
    as_root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return {**kept, **as_root, "OMPI_MCA_rmaps_base_oversubscribe": "1", "OPENBLAS_NUM_THREADS": "1"}


def execute(command: list[str], folder: Path, **options: Any) -> Done:
    """Run a command to its end, and leave none of its processes."""
    process = start(command=command, cwd=folder, start_new_session=True, **{"env": environment(), **options})
    try:
        out, err = process.communicate(timeout=limit(60))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return Done(process.returncode, out, err.decode())


def together(count: int, *args: object, folder: Path, change: str = "", **options: Any) -> Done:
    """The command line on so many ranks, each of which executes a few lines first."""
    program = f"{change}\nfrom charnn.__main__ import main\nmain()\n"
    command = [str(MPIEXEC), "-n", str(count), sys.executable, "-c", program, *map(str, args)]
    return execute(command, folder, **options)


def saved(folder: Path, name: str = "words") -> Any:
    return checkpoint.load(folder / "checkpoints" / name / "last.npz")


def log(folder: Path, name: str = "words") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "checkpoints" / name / "log.jsonl").read_text().splitlines()]
