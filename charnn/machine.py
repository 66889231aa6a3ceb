"""What this computer has, and what processes take of it, as far as it can be told."""

import os
import platform
from collections.abc import Collection, Iterator
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from .cgroups import group_memory, group_processors

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
BUSY = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq and steal in /proc/stat
CORE_SIBLINGS = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings"  # the same for all threads of a core


def cores() -> int:
    """Processor cores that this process may use: physical ones, within its affinity and its container's quota."""
    try:
        allowed: Collection[int] = os.sched_getaffinity(0)
    except (AttributeError, OSError):  # not on this system, or not allowed
        allowed = range(os.cpu_count() or 1)
    try:
        siblings = {Path(CORE_SIBLINGS.format(n)).read_text("utf-8") for n in allowed}
    except OSError:
        siblings = {str(n) for n in allowed}
    return max(1, min(len(siblings), ceil(group_processors() or len(siblings))))


def available_memory() -> int | None:
    """Bytes that this process may still take, by its limits and by what is free; None where that cannot be told."""
    found = []
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            used = int(Path("/proc/self/statm").read_text("utf-8").split()[0]) * resource.getpagesize()
            found.append(limit - used)
    except (ImportError, OSError):  # not on this system
        pass
    if (left := group_memory()) is not None:
        found.append(left)
    try:
        lines = Path("/proc/meminfo").read_text("utf-8").splitlines()
        found += [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")]
    except OSError:
        pass
    return min(found, default=None)


def environment() -> dict[str, str]:
    """What the last bits of a result depend on, beside the run itself."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8", "replace").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "")
    cpu = names[0] if names else platform.processor() or platform.machine()
    return {"numpy": np.__version__, "cpu": cpu, "blas kernel": blas_kernel(), "blas threads": threads}


@cache
def blas_kernel() -> str:
    """The kernels that OpenBLAS has chosen for this processor, such as Haswell; the library's name for another BLAS."""
    import ctypes

    maps = PROC / "self" / "maps"
    lines = maps.read_text("utf-8", "replace").splitlines() if maps.exists() else []
    for path in sorted({line.split()[-1] for line in lines if "openblas" in line}):
        library = ctypes.CDLL(path)
        for name in (f"{prefix}openblas_get_corename{suffix}" for prefix in ("scipy_", "") for suffix in ("64_", "")):
            if corename := getattr(library, name, None):
                corename.restype = ctypes.c_char_p
                return str(corename().decode())
    found: dict[str, Any] = np.show_config(mode="dicts")  # type: ignore[assignment]
    return str(found.get("Build Dependencies", {}).get("blas", {}).get("name", "unknown"))


def describe() -> str:
    """The cores, the processor and the kernels of its BLAS, as far as they can be told."""
    return f"{cores()} cores, {environment()['cpu']}, BLAS kernel {blas_kernel()}"


def busy_seconds() -> float:
    """Seconds that all processors together have worked, or were kept from it by other machines; 0 if unknown."""
    try:
        fields = (PROC / "stat").read_text("utf-8").split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    return sum(int(fields[i]) for i in BUSY) / TICKS


def used_seconds(sessions: Collection[int]) -> float:
    """Seconds of processor time that the processes of these sessions have taken, with those they have waited for."""
    return sum(seconds for _, seconds in _processes(sessions))


def peak_memory(sessions: Collection[int]) -> int | None:
    """Bytes that the processes of these sessions have taken at most; None if unknown.

    What they share counts once: pages left as they were by a fork, shared memory and the packages' code.
    """
    own, shared, more = 0, 0, 0
    for pid, _ in _processes(sessions):
        try:
            status, rollup = _sizes(pid, "status"), _sizes(pid, "smaps_rollup")
        except OSError:
            continue
        own += rollup["Pss_Anon"]
        shared = max(shared, status["RssFile"] + status["RssShmem"])
        more += max(0, status["VmHWM"] - status["VmRSS"])
    return own + shared + more or None


def _processes(sessions: Collection[int]) -> Iterator[tuple[int, float]]:
    """Each process of these sessions, and the seconds of processor time of it and of those it has waited for."""
    for folder in PROC.glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:  # it is gone
            continue
        if int(fields[3]) in sessions:
            yield int(folder.name), sum(map(int, fields[11:15])) / TICKS


def _sizes(pid: int, name: str) -> dict[str, int]:
    """The lines of a file in /proc that are sizes, in bytes."""
    lines = (line.split() for line in (PROC / str(pid) / name).read_text("utf-8", "replace").splitlines())
    return {words[0].rstrip(":"): int(words[1]) << 10 for words in lines if words[-1] == "kB"}
