"""A process of its own for each contender: makes ready, then does its work when told to, and says how long it took.

    python -m tests.benchmarks.peers.contender ENTRY RANK FOLDER

Once ready it says how much one repetition is. It then reads lines from standard input, `go N` or `gradient FILE`, and
answers each with a line; it ends when they end. Between two lines it waits, and takes no time from others.
"""

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import numpy as np

from .work import Work

MAKERS = {  # the module of each package, whose `make` makes a job of an entry
    "charnn": "ours",
    "gemm": "ours",
    "jax": "jax_peer",
    "min-char-rnn": "minchar",
    "torch": "torch_peer",
}
TEAMS = {"charnn": "workers", "gemm": "processes", "jax": "devices", "torch": "processes"}
RANKED = ("gemm", "torch")  # those who are told to start so many processes; others start their own, or none


@dataclass(frozen=True)
class Entry:
    """A package's way (`variant`) to do some work, by a team of so many, each with so many threads."""

    package: str
    variant: str
    work: Work
    threads: int = 1
    team: int = 1

    def __str__(self) -> str:
        words = [f"{self.threads} threads"] * (self.threads > 1) + [f"{self.team} {TEAMS.get(self.package)}"] * (
            self.team > 1
        )
        return ", ".join([self.variant, *words])

    @property
    def ranks(self) -> int:
        """The processes to start."""
        return self.team if self.package in RANKED else 1

    @classmethod
    def load(cls, text: str) -> Self:
        """Read what `dump` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "work": Work(**fields["work"])})

    def dump(self) -> str:
        return json.dumps(asdict(self))

    def environment(self) -> dict[str, str]:
        """This process' own, with as many threads as the entry may have: packages read it when imported."""
        found = dict(os.environ, OPENBLAS_NUM_THREADS="1", JAX_PLATFORMS="cpu", TORCHINDUCTOR_COMPILE_THREADS="1")
        found.update(OMP_NUM_THREADS=str(self.threads), MKL_NUM_THREADS=str(self.threads))
        if self.package == "jax" and self.team > 1:  # with as many threads as devices, they lock each other out
            found["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={4 * self.team}"
        here = str(Path(__file__).resolve().parents[3])  # where `tests` is imported from
        found["PYTHONPATH"] = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
        return found


class Job:
    """What a contender can do. `size` characters (gemm: multiply-adds) are one repetition."""

    size: int

    def run(self, times: int) -> None:
        """Do the work so many times."""
        raise NotImplementedError

    def gradient(self) -> dict[str, np.ndarray]:
        """What the first update of training is made of, under our names; asked for before all else.

        The gradient of the first window's mean loss from the zero state, clipped: what goes into Adam's averages.
        """
        raise NotImplementedError


def serve(entry: Entry, rank: int, folder: Path) -> None:
    """Answer lines until there are no more."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what packages print is no answer

        def answer(value: float) -> None:
            answers.write(f"{value!r}\n")
            answers.flush()

        job: Any = import_module("." + MAKERS[entry.package], __package__).make(entry, rank, folder)
        answer(job.size)
        for line in sys.stdin:
            word, argument = line.split(maxsplit=1)
            start = time.perf_counter()
            if word == "go":
                job.run(int(argument))
            else:
                np.savez(folder / argument.strip(), **job.gradient())
            answer(time.perf_counter() - start)


if __name__ == "__main__":
    serve(Entry.load(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
