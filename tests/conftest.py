"""What all tests share: a tiny model, the snapshots of messages and losses, the quick ones, the score of the faults."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.helpers")

from tests.helpers import pairs, processes, snapshots  # noqa: E402
from tests.helpers.program import BRIEF, names, ok  # noqa: E402

SKIPPED = "charnn/skipped"  # where pytest's cache keeps what a run skipped
LONG = ("faults", "benchmarks")  # folders of tests that start many processes


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with names.txt, and a run in checkpoints/names that was trained on it: to be left as it is."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "names.txt").write_text(names(), "utf-8")
    ok("train", folder / "names.txt", "--out", folder / "checkpoints", *BRIEF)
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
    (tmp_path / "names.txt").write_text(names(), "utf-8")
    return tmp_path


@pytest.fixture(scope="session")
def pair_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs, classify and translate, that were trained on toy pairs: to be left as it is."""
    folder = tmp_path_factory.mktemp("pairs")
    for task in ("classify", "translate"):
        pairs.fitted(folder, task)
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-snapshots", action="store_true", help="accept the messages and losses that the tests find now"
    )
    parser.addoption("--long", action="store_true", help="run what takes some ten seconds a test too")
    parser.addoption("--skipped-before", action="store_true", help="run only what the last run without this skipped")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes some ten seconds or learns; runs with --long alone")
    config.addinivalue_line("markers", "slow: takes more than a second of a free core, in one case at least")
    config.addinivalue_line(
        "markers", "quick: the first case of each test, but for slow ones, faults and benchmarks: a minute on two cores"
    )
    if not hasattr(config, "workerinput"):  # else it is one of xdist's processes, which share the folder
        os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="charnn-tests-")  # not the user's own
    processes.cold = config.getoption("--long")
    for kept in snapshots.ALL:
        kept.updating = config.getoption("--update-snapshots")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the first case of each test as quick; but none that is slow, a fault or of the benchmarks.

    Long tests stay with --long alone; with --skipped-before only those that were skipped, alone or with their module.
    """
    if not config.getoption("--long"):
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    if config.getoption("--skipped-before"):
        assert config.cache
        skipped = set(config.cache.get(SKIPPED, []))
        items[:] = [item for item in items if {item.nodeid, item.nodeid.partition("::")[0]} & skipped]
    seen = set()
    for item in items:
        test = item.nodeid.partition("[")[0]
        if test not in seen and not item.get_closest_marker("slow") and item.path.parent.name not in LONG:
            item.add_marker("quick")
        seen.add(test)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write snapshots, or hand them to the process that started this one."""
    if output := getattr(session.config, "workeroutput", None):
        output["snapshots"] = [dict(kept.found) for kept in snapshots.ALL]
    elif session.config.getoption("--update-snapshots"):
        for kept in snapshots.ALL:
            kept.save()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let a process of xdist that is done take over tests of others: some folders take much longer than others."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over the snapshots of one of xdist's processes."""
    for kept, found in zip(snapshots.ALL, getattr(node, "workeroutput", {}).get("snapshots", []), strict=False):
        kept.found.update(found)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The score of tests/faults, where some of them ran; and what was skipped is kept, for another run."""
    if config.cache and not config.getoption("--skipped-before"):
        config.cache.set(SKIPPED, sorted({report.nodeid for report in terminalreporter.stats.get("skipped", [])}))

    def count(*outcomes: str) -> int:
        reports = [report for outcome in outcomes for report in terminalreporter.stats.get(outcome, [])]
        return len({report.nodeid for report in reports if "faults/" in getattr(report, "nodeid", "")})

    if total := count("passed", "failed", "error", "xfailed"):
        terminalreporter.write_line(f"faults: {count('passed')}/{total}")
