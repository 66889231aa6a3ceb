"""Waits for events, and limits of time that grow with what else this machine has to do."""

import time
from collections.abc import Callable

LOOPS, IDLE_SECONDS = 2_000_000, 0.06  # of a measurement, and what it takes on an idle core
MEASURED_EVERY = 30.0  # seconds

_measured = {"at": -MEASURED_EVERY, "slowness": 1.0}


def slowness() -> float:
    """How many times as long as on an idle machine work takes here now, at least 1."""
    if time.monotonic() - _measured["at"] > MEASURED_EVERY:
        start, total = time.perf_counter(), 0
        for number in range(LOOPS):
            total += number * number
        _measured["slowness"] = max(1.0, (time.perf_counter() - start) / IDLE_SECONDS)
        _measured["at"] = time.monotonic()
    return _measured["slowness"]


def limit(seconds: float = 10) -> float:
    """The time that what takes so many seconds on an idle machine, at most, is given on this one."""
    return seconds * slowness()


def soon(condition: Callable[[], object]) -> bool:
    """Whether something comes true before long."""
    end = time.monotonic() + limit(20)
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
