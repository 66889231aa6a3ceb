"""Control groups: the limits of memory and processors that a container, a service or a session has.

Version 1 has a hierarchy of groups for each controller, version 2 one for all. A limit holds for all groups below it,
so that the tightest counts of the group that this process is in and of those above.
"""

from collections.abc import Iterator
from pathlib import Path

SELF = Path("/proc/self")


def group_memory() -> int | None:
    """Bytes that this process may still take, cached files not counted; None without a limit."""
    found = []
    for group in _groups("memory"):
        try:
            if (group / "memory.max").exists():
                most, taken, files = _numbers(group, "memory.max", "memory.current", "inactive_file")
            else:
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
                most, taken, files = _numbers(group, *names)
            found.append(most - taken + files)
        except (OSError, ValueError):  # a group without a limit ("max"), or the topmost
            continue
    return min(found, default=None)


def group_processors() -> float | None:
    """Processors that this process may take, in time; None without a limit."""
    found = []
    for group in _groups("cpu"):
        try:
            if (group / "cpu.max").exists():
                quota, period = map(int, (group / "cpu.max").read_text("utf-8").split())
            else:
                quota, period = (int((group / f"cpu.cfs_{name}_us").read_text("utf-8")) for name in ("quota", "period"))
        except (OSError, ValueError):
            continue
        if quota > 0 and period > 0:  # -1 is no limit in version 1
            found.append(quota / period)
    return min(found, default=None)


def _numbers(group: Path, most: str, taken: str, files: str) -> tuple[int, int, int]:
    """A group's limit, what is in use, and what of that are files which would be let go."""
    held = dict(line.split() for line in (group / "memory.stat").read_text("utf-8").splitlines())
    return int((group / most).read_text("utf-8")), int((group / taken).read_text("utf-8")), int(held.get(files, 0))


def _groups(controller: str) -> Iterator[Path]:
    """Folders of the groups that this process is in: by version 1, then by version 2, each from its own group up."""
    try:
        lines = (SELF / "cgroup").read_text("utf-8").splitlines()
        mounts = (SELF / "mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        for root, top in _mounted(mounts, controller if controllers else None):
            inside = path.removeprefix(root) if f"{path}/".startswith(f"{root}/") else ""
            group = top.joinpath(*[part for part in inside.split("/") if part not in ("", "..")])
            yield from (folder for folder in (group, *group.parents) if folder == top or top in folder.parents)


def _mounted(mounts: list[str], controller: str | None) -> Iterator[tuple[str, Path]]:
    """Where the hierarchy of a controller, or that of version 2, is mounted: the group at the top, and its folder."""
    for mount in mounts:
        before, _, after = mount.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2" if controller is None else kind == "cgroup" and controller in options.split(","):
            root, top = (part.replace("\\040", " ") for part in before.split(" ")[3:5])
            yield root.rstrip("/"), Path(top)
