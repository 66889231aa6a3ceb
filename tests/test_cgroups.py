"""Limits of control groups, of both versions, wherever in the hierarchy they are."""

from pathlib import Path

import pytest

from charnn import cgroups

MEMORY_2 = ("memory.max", "memory.current", "inactive_file")
MEMORY_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
UNLIMITED_1 = 9223372036854771712


class Tree:
    """Files as a kernel shows them: /proc/self, and hierarchies that are mounted below a folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.folder, self.lines, self.mounts = folder, list[str](), list[str]()
        (folder / "self").mkdir()
        monkeypatch.setattr(cgroups, "SELF", folder / "self")

    def mount(self, name: str, kind: str, options: str, own: str, root: str = "/") -> Path:
        """A hierarchy, this process' own group in it, and the group that its top folder shows."""
        top = self.folder / name
        top.mkdir()
        controllers = "" if kind == "cgroup2" else options.removeprefix("rw,")
        self.lines.append(f"{len(self.lines)}:{controllers}:{own}")
        place = str(top).replace(" ", "\\040")
        self.mounts.append(f"32 31 0:29 {root} {place} rw,relatime shared:9 - {kind} {kind} {options}")
        (self.folder / "self/cgroup").write_text("\n".join(self.lines) + "\n")
        (self.folder / "self/mountinfo").write_text("\n".join(["1 1 0:1 / / rw - ext4 /dev/x rw", *self.mounts]) + "\n")
        return top


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    return Tree(tmp_path, monkeypatch)


def limit(group: Path, names: tuple[str, str, str], most: object, taken: int, files: int = 0) -> None:
    group.mkdir(parents=True, exist_ok=True)
    (group / names[0]).write_text(f"{most}\n")
    (group / names[1]).write_text(f"{taken}\n")
    (group / "memory.stat").write_text(f"anon 7\n{names[2]} {files}\nfile 9\n")


@pytest.mark.parametrize("level", ["", "user.slice", "user.slice/job", "user.slice/job/step"])
def test_a_limit_of_version_2_counts_at_any_level(tree: Tree, level: str) -> None:
    top = tree.mount("unified", "cgroup2", "rw", "/user.slice/job/step")
    for group in ("user.slice", "user.slice/job", "user.slice/job/step"):
        limit(top / group, MEMORY_2, "max", 10)
    assert cgroups.group_memory() is None and cgroups.group_processors() is None
    limit(top / level, MEMORY_2, 9_000_000, 5_000_000, 2_000_000)
    (top / level / "cpu.max").write_text("150000 100000\n")
    assert cgroups.group_memory() == 6_000_000 and cgroups.group_processors() == 1.5


@pytest.mark.parametrize("level", ["", "docker", "docker/a1"])
def test_a_limit_of_version_1_counts_at_any_level(tree: Tree, level: str) -> None:
    memory, cpu = (
        tree.mount(name, "cgroup", options, "/docker/a1")
        for name, options in (("memory", "rw,memory"), ("cpu,cpuacct", "rw,cpu,cpuacct"))
    )
    for group in ("", "docker", "docker/a1"):
        limit(memory / group, MEMORY_1, UNLIMITED_1, 10)
        (cpu / group).mkdir(parents=True, exist_ok=True)
        (cpu / group / "cpu.cfs_quota_us").write_text("-1\n")
        (cpu / group / "cpu.cfs_period_us").write_text("100000\n")
    assert (cgroups.group_memory() or 0) > 1 << 60 and cgroups.group_processors() is None
    limit(memory / level, MEMORY_1, 9_000_000, 5_000_000, 2_000_000)
    (cpu / level / "cpu.cfs_quota_us").write_text("50000\n")
    assert cgroups.group_memory() == 6_000_000 and cgroups.group_processors() == 0.5


def test_the_tightest_of_several_limits_counts(tree: Tree) -> None:
    top = tree.mount("unified", "cgroup2", "rw", "/a/b")
    for group, most, quota in (("a", 3_000_000, 300_000), ("a/b", 5_000_000, 200_000)):
        limit(top / group, MEMORY_2, most, 1_000_000)
        (top / group / "cpu.max").write_text(f"{quota} 100000\n")
    assert cgroups.group_memory() == 2_000_000 and cgroups.group_processors() == 2


def test_both_versions_may_be_there_at_once(tree: Tree) -> None:
    memory = tree.mount("memory", "cgroup", "rw,memory", "/job")
    unified = tree.mount("unified", "cgroup2", "rw", "/job")
    limit(memory / "job", MEMORY_1, 8_000_000, 1_000_000)
    (unified / "job").mkdir()
    (unified / "job/cpu.max").write_text("100000 100000\n")
    assert cgroups.group_memory() == 7_000_000 and cgroups.group_processors() == 1


@pytest.mark.parametrize("own", ["/docker/a1", "/docker/a1/job", "/docker/a12", "/../.."])
def test_a_container_sees_its_group_at_the_top(tree: Tree, own: str) -> None:
    """Mounted without a namespace of its own: the group's path is that of the whole machine."""
    top = tree.mount("memory", "cgroup", "rw,memory", own, root="/docker/a1")
    limit(top, MEMORY_1, 8_000_000, 1_000_000)
    assert cgroups.group_memory() == 7_000_000


def test_a_folder_with_a_space_and_other_controllers(tree: Tree) -> None:
    tree.mount("freezer", "cgroup", "rw,freezer", "/")
    top = tree.mount("m e m", "cgroup", "rw,memory", "/")
    limit(top, MEMORY_1, 8_000_000, 1_000_000)
    assert cgroups.group_memory() == 7_000_000 and cgroups.group_processors() is None


def test_without_control_groups_there_is_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "SELF", tmp_path)
    assert cgroups.group_memory() is None and cgroups.group_processors() is None
