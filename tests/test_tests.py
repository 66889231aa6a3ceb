"""Rules that the tests keep among themselves."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.helpers import processes, snapshots

ROOT = Path(__file__).parent
IMPORT = re.compile(r"^\s*(?:from|import)\s.*\btest_\w+", re.MULTILINE)  # in scripts that tests write, too


def test_no_test_module_imports_another() -> None:
    """What two of them need is in tests/helpers."""
    assert IMPORT.search("    from tests.io.test_npz import npy")
    found = {
        str(path): match
        for path in ROOT.rglob("*.py")
        if path != Path(__file__)
        for match in IMPORT.findall(path.read_text("utf-8"))
    }
    assert found == {}


def test_the_program_is_run_by_helpers() -> None:
    """By tests/helpers/program.py in this process, by processes.py in others."""
    users = [path for path in ROOT.rglob("*.py") if re.search(r"\bCliRunner\b", path.read_text("utf-8"))]
    assert {path.name for path in users} == {"program.py"}


def test_snapshots_are_of_tests_that_exist() -> None:
    for kept in snapshots.ALL:
        for test in kept.known:
            module, _, function = test.partition("[")[0].partition("::")
            assert f"def {function}(" in (ROOT / module).read_text("utf-8"), f"{test} in {kept.path.name}"


@pytest.mark.parametrize("args", [["--version"], ["nosuch"], ["tokenize", "-"], ["train", "gone.txt"], ["sample"]])
def test_a_process_that_is_forked_is_as_one_that_is_started(args: list[str], new: Path) -> None:
    assert processes.charnn(*args, stdin=b"a\nb\n") == processes.charnn(*args, stdin=b"a\nb\n", env=processes.STARTED)


def test_a_process_that_is_forked_and_killed_says_by_which_signal() -> None:
    assert processes.altered("import os; os.kill(os.getpid(), 9)", "list").code == -signal.SIGKILL


def test_a_process_that_is_forked_and_not_done_in_time_is_killed() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        processes.altered("import signal; signal.pause()", "list", seconds=0.01)
    assert processes.charnn("--version").code == 0
