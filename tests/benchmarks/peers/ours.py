"""charnn as its users run it, and the machine's own matrix products: what shares are shares of."""

from pathlib import Path

import numpy as np

from charnn.training import throughput
from charnn.training.trainer import Update

from .contender import Entry, Job


class Training(Job):
    """Updates of a run."""

    def __init__(self, entry: Entry):
        self.trainer, self.size = throughput.trainer(entry.work.ours, entry.team), entry.work.characters

    def gradient(self) -> dict[str, np.ndarray]:
        self.run(1)
        return {name: m.copy() for name, m in self.trainer.run.moments[0].items()}

    def run(self, times: int) -> None:
        for _ in range(times):
            update = self.trainer.update()
            assert isinstance(update, Update), "random text led to a setback"


class Repeated(Job):
    """Evaluation or sampling."""

    def __init__(self, entry: Entry):
        self.size = entry.work.characters
        self.once = throughput.repetition(entry.work.ours, entry.team)

    def run(self, times: int) -> None:
        for _ in range(times):
            self.once()


class Products(Job):
    """The machine's float32 products at their fastest, by one core: `size` multiply-adds."""

    def __init__(self) -> None:
        self.once = throughput.Peak()
        self.size = self.once.size

    def run(self, times: int) -> None:
        for _ in range(times):
            self.once()


def make(entry: Entry, rank: int, folder: Path) -> Job:
    if entry.package == "gemm":
        return Products()
    return Training(entry) if entry.work.task == "train" else Repeated(entry)
