"""Contenders side by side in one run: A B A B ..., since a machine's speed drifts, and ratios hold."""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from charnn import machine
from charnn.errors import CharnnError

from .contender import Entry
from .process import Contender

TURN = 0.3  # seconds
DISTURBED = 0.05  # the share of the machine that others may take in a round
CLOSE = 0.75  # of its package's best first turn: who is slower does not run on
TOLERANCE = 1e-4  # of gradients, of the largest of an array
OURS = "charnn"


@dataclass(frozen=True)
class Result:
    """Characters a second (gemm: multiply-adds) of an entry in each round, and the bytes of memory that it took."""

    entry: Entry
    rates: tuple[float, ...]
    memory: int | None = None

    @property
    def rate(self) -> float:
        """The median."""
        return statistics.median(self.rates)

    def over(self, other: "Result") -> float:
        """How many times as fast as another: the median over the rounds."""
        return statistics.median(a / b for a, b in zip(self.rates, other.rates, strict=True))


@dataclass
class Race:
    """Who ran to the end; who was too slow for that, with the rate of a first turn; who was lost, and why."""

    results: list[Result] = field(default_factory=list)
    slow: list[Result] = field(default_factory=list)
    lost: dict[Entry, str] = field(default_factory=dict)
    disturbed: float = 0.0  # the share of the machine that others took in the worst round that counts

    def best(self, package: str, variant: str = "") -> Result | None:
        """The fastest of a package's entries whose variant begins so, or None; one that ran to the end, if any did."""
        for results in (self.results, self.slow):
            named = [r for r in results if r.entry.package == package and r.entry.variant.startswith(variant)]
            if named:
                return max(named, key=lambda result: result.rate)
        return None

    def smallest(self, package: str) -> int | None:
        """The least memory that any of a package's entries took."""
        all_ = [r.memory for r in self.results + self.slow if r.entry.package == package and r.memory]
        return min(all_, default=None)


def race(
    entries: Sequence[Entry],
    rounds: int = 5,
    turn: float = TURN,
    tell: Callable[[str], None] = lambda line: None,
    start: Callable[[Entry], Any] = Contender,
    keep: Sequence[str] = (),
) -> Race:
    """Run entries against one another: each gets a turn of so many seconds in each round.

    A round in which others took more than 5 % of the machine is repeated, once for each round asked for. Only those
    run to the end that come near the best of their package in a first turn, and those whose variants are in `keep`.
    What is trained must have charnn's gradient: `CharnnError` otherwise, or where charnn itself is lost.
    """
    found = Race()
    times: dict[Entry, int] = {}
    first: dict[Entry, float] = {}
    with ExitStack() as stack:
        running = _ready(entries, found, tell, lambda entry: stack.enter_context(start(entry)))

        def calibrate(contender: Contender) -> None:
            times[contender.entry], first[contender.entry] = calibrated(contender, turn)

        _each(running, calibrate, found, tell)
        for entry in dropped({entry: first[entry] for entry in running}, keep):
            contender = running.pop(entry)
            contender.close()
            found.slow.append(Result(entry, (first[entry],), contender.memory))
        rates: dict[Entry, list[float]] = {entry: [] for entry in running}
        spare = rounds
        while running and len(next(rates[entry] for entry in running)) < rounds:
            taken = run_round(running, times, rates, found, tell)
            if taken > DISTURBED and spare:
                spare -= 1
                for entry in running:
                    rates[entry].pop()
            else:
                found.disturbed = max(found.disturbed, taken)
        for contender in running.values():
            contender.close()
    found.results = [Result(entry, tuple(rates[entry]), running[entry].memory) for entry in running]
    return found


def _ready(
    entries: Sequence[Entry], found: Race, tell: Callable[[str], None], start: Callable[[Entry], Contender]
) -> dict[Entry, Contender]:
    """Contenders that are imported, checked and warm."""
    running: dict[Entry, Contender] = {}
    compare = check()
    for group in groups(entries):
        several = {entry: start(entry) for entry in group}
        for step in (lambda contender: contender.ready(), compare, lambda contender: contender.go(1)):
            _each(several, step, found, tell)
        running |= several
    return running


def groups(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Who gets ready together: charnn and the machine alone, since they try out what is fast as they start."""
    alone = [entry for entry in entries if entry.package in (OURS, "gemm")]
    return [*([entry] for entry in alone), [entry for entry in entries if entry not in alone]]


def _each(
    running: dict[Entry, Contender],
    action: Callable[[Contender], Any],
    found: Race,
    tell: Callable[[str], None],
) -> None:
    """Let each do something; one that is lost runs no more, and without charnn there is no race."""
    for entry, contender in list(running.items()):
        try:
            action(contender)
        except CharnnError as error:
            if entry.package == OURS or isinstance(error, Mismatch):
                raise
            tell(str(error))
            found.lost[entry] = str(error)
            running.pop(entry).close()


class Mismatch(CharnnError):
    """Two packages do not compute the same."""


def check() -> Callable[[Contender], None]:
    """A function that compares the gradients of those who train, each with the first of them, charnn's."""
    first: list[tuple[str, dict[str, np.ndarray]]] = []

    def compare(contender: Contender) -> None:
        if contender.entry.package == "gemm" or contender.entry.work.task != "train":
            return
        name, g = f"{contender.entry.package} ({contender.entry})", contender.gradient()
        if not first:
            first.append((name, g))
            return
        expected, reference = first[0]
        for array, a in reference.items():
            off = float(np.abs(a - g[array]).max()) / float(np.abs(a).max())
            if not off <= TOLERANCE:
                raise Mismatch(
                    f"the gradient of {array} differs by {off:.1g} between {expected} and {name}, where "
                    f"{TOLERANCE:g} is allowed: they do not do the same work, and are not timed"
                )

    return compare


def calibrated(contender: Contender, turn: float) -> tuple[int, float]:
    """How many repetitions fill a turn, and the rate of such a turn, once all has come to speed."""
    times = 1
    while (seconds := contender.go(times)) < turn / 4:
        times = max(2 * times, min(round(times * turn / 3 / max(seconds, 1e-9)), 64 * times))
    times = max(1, round(times * turn / seconds))
    return times, times * contender.size / contender.go(times)


def dropped(first: dict[Entry, float], keep: Sequence[str]) -> list[Entry]:
    """Who is much slower than the best of its package. charnn's own all run."""
    best: dict[str, float] = {}
    for entry, rate in first.items():
        best[entry.package] = max(rate, best.get(entry.package, 0.0))
    return [
        entry
        for entry, rate in first.items()
        if entry.package != OURS and entry.variant not in keep and rate < CLOSE * best[entry.package]
    ]


def run_round(
    running: dict[Entry, Contender],
    times: dict[Entry, int],
    rates: dict[Entry, list[float]],
    found: Race,
    tell: Callable[[str], None],
) -> float:
    """A turn for each; returns the share of the machine that others took meanwhile, idle contenders among them."""
    others, whole = 0.0, 0.0

    def turn(contender: Contender) -> None:
        nonlocal others, whole
        own = machine.used_seconds(contender.sessions) + time.process_time()
        busy, start = machine.busy_seconds(), time.perf_counter()
        rate = times[contender.entry] * contender.size / contender.go(times[contender.entry])
        whole += (time.perf_counter() - start) * (os.cpu_count() or 1)
        busy = machine.busy_seconds() - busy
        others += busy - (machine.used_seconds(contender.sessions) + time.process_time() - own)
        rates[contender.entry].append(rate)

    _each(running, turn, found, tell)
    return max(0.0, others) / whole if whole else 0.0
