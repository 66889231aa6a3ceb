"""What one all-reduce costs, measured, and what that predicts for many machines; the tables of docs/scaling.md.

mpiexec -n 2 python -m tests.benchmarks.allreduce      measures between ranks
python -m tests.benchmarks.allreduce                   measures between two processes' shared memory, and predicts
"""

import statistics
import time
from functools import partial
from math import log2

import numpy as np

from charnn.parallel.launcher import launched
from charnn.parallel.mpi import MPIGroup
from charnn.parallel.processes import ProcessGroup
from charnn.parallel.team import Worker, WorkerGroup

SIZES = {"0.3 M": 300_000, "1 M": 1_000_000, "4 M": 4_000_000}  # floats: parameters, and a few figures
ROUNDS = 50
MACHINES = 8, 64, 512
NETWORKS = {"10 Gbit/s, 30 us": (1.25e9, 30e-6), "100 Gbit/s, 2 us": (12.5e9, 2e-6)}  # bytes/s, latency
ROWS, STEPS = 64, 64  # of a window, on each machine
SPEED = {"0.3 M": 100e3, "1 M": 28e3, "4 M": 7.5e3}  # characters/s of a machine of two cores, 1 x 512, 1024, 2048


def times(team: WorkerGroup, vectors: list[np.ndarray]) -> list[float]:
    """Milliseconds of each of some sums."""

    def work(member: Worker) -> float:
        start = time.perf_counter()
        member.all_reduce(vectors)
        return 1e3 * (time.perf_counter() - start)

    team.start(work)
    found = [team.run() for _ in range(ROUNDS)]
    team.close()
    return found


def measured(team: WorkerGroup, where: str) -> None:
    for name, size in SIZES.items():
        vectors = [team.allocate(4 * size).view(np.float32) for _ in team.numbers]
        for vector in vectors:
            vector.fill(0)
        found = times(team, vectors)
        if team.rank == 0:
            print(f"| {where}, {team.size} | {name} | {statistics.median(found):.2f} ms |")


def efficiency(name: str, machines: int, bandwidth: float, latency: float) -> float:
    """Of each machine's time, the share that is not waiting: Rabenseifner's all-reduce (2004), nothing overlapped."""
    window = ROWS * STEPS / SPEED[name]
    size = 4 * SIZES[name]
    reduce = 2 * log2(machines) * latency + 2 * (machines - 1) / machines * size / bandwidth
    return window / (window + reduce)


def predicted() -> None:
    print(f"\n| parameters, network | {' | '.join(f'{n} machines' for n in MACHINES)} |")
    print("|---|" + "---|" * len(MACHINES))
    for name in SIZES:
        for network, (bandwidth, latency) in NETWORKS.items():
            share = partial(efficiency, name, bandwidth=bandwidth, latency=latency)
            print(f"| {name}, {network} | {' | '.join(f'{share(n):.0%}' for n in MACHINES)} |")


if __name__ == "__main__":
    if launched() > 1:
        measured(MPIGroup(), "MPI ranks")
    else:
        measured(ProcessGroup(2), "processes")
        predicted()
