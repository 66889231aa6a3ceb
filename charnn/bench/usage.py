"""What the machine is, and what its processes take of it, as Linux tells; elsewhere some of it is unknown."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from ..machine import cores, environment

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
BUSY = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq and steal in /proc/stat


def describe() -> str:
    """The cores and the processor, as far as they can be told."""
    return f"{cores()} cores, {environment()['cpu']}"


def busy() -> float:
    """Seconds that all processors together have worked, or were kept from it by other machines; 0 if unknown."""
    try:
        fields = (PROC / "stat").read_text("utf-8").split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    return sum(int(fields[i]) for i in BUSY) / TICKS


def processes(sessions: Collection[int]) -> Iterator[tuple[int, float]]:
    """Each process of these sessions, and the seconds of processor time that it has taken."""
    for folder in PROC.glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:  # it is gone
            continue
        if int(fields[3]) in sessions:
            yield int(folder.name), (int(fields[11]) + int(fields[12])) / TICKS


def worked(sessions: Collection[int]) -> float:
    """Seconds of processor time that the processes of these sessions have taken."""
    return sum(seconds for _, seconds in processes(sessions))


def peak_memory(sessions: Collection[int]) -> int | None:
    """Bytes that the processes of these sessions have taken at most; None if unknown.

    What they share counts once: pages left as they were by a fork, shared memory and the packages' code.
    """
    own, shared, more = 0, 0, 0
    for pid, _ in processes(sessions):
        try:
            status, rollup = _sizes(pid, "status"), _sizes(pid, "smaps_rollup")
        except OSError:
            continue
        own += rollup["Pss_Anon"]
        shared = max(shared, status["RssFile"] + status["RssShmem"])
        more += max(0, status["VmHWM"] - status["VmRSS"])
    return own + shared + more or None


def _sizes(pid: int, name: str) -> dict[str, int]:
    """The lines of a file in /proc that are sizes, in bytes."""
    lines = (line.split() for line in (PROC / str(pid) / name).read_text("utf-8", "replace").splitlines())
    return {words[0].rstrip(":"): int(words[1]) << 10 for words in lines if words[-1] == "kB"}
