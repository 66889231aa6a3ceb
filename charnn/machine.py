"""What this computer has, as far as it can be told: cores, memory, processor, BLAS."""

import os
import platform
from math import ceil
from pathlib import Path

import numpy as np

CGROUP = Path("/sys/fs/cgroup")
CORE_SIBLINGS = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings"  # the same for all threads of a core


def cores() -> int:
    """Processor cores that this process may use: physical ones, within its affinity and its container's quota."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    try:
        siblings = {Path(CORE_SIBLINGS.format(n)).read_text("utf-8") for n in allowed}
    except OSError:
        siblings = {str(n) for n in allowed}
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("utf-8").split()
        return max(1, min(len(siblings), ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no control groups, or no limit ("max")
        return len(siblings)


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
    try:  # a container's, without what it holds of files, which it would let go of
        most, taken, held = ((CGROUP / f"memory.{name}").read_text("utf-8") for name in ("max", "current", "stat"))
        files = dict(line.split() for line in held.splitlines()).get("inactive_file", "0")
        found.append(int(most) - int(taken) + int(files))
    except (OSError, ValueError):  # no control groups, or no limit ("max")
        pass
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
    kernel = os.environ.get("OPENBLAS_CORETYPE", "")
    cpu = names[0] if names else platform.processor() or platform.machine()
    return {"numpy": np.__version__, "cpu": cpu, "blas kernel": kernel, "blas threads": threads}
