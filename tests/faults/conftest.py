"""A tiny model made once, and the score at the end of a run."""

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.processes import charnn
from tests.helpers.program import TINY, names


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with names.txt, and a run in checkpoints/names that was trained on it: to be left as it is."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "names.txt").write_text(names())
    charnn("train", "names.txt", *TINY, "--steps", 40, "--every", 20, cwd=folder).well()
    return folder


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In that folder."""
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In a folder of one's own, with names.txt."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.txt").write_text(names())
    return tmp_path


def pytest_terminal_summary(terminalreporter: Any) -> None:
    def count(*outcomes: str) -> int:
        reports = [report for outcome in outcomes for report in terminalreporter.stats.get(outcome, [])]
        return len({report.nodeid for report in reports if "faults/" in getattr(report, "nodeid", "")})

    terminalreporter.write_line(f"faults: {count('passed')}/{count('passed', 'failed', 'error', 'xfailed')}")
