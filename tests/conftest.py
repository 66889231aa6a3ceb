"""What all tests share: snapshots of messages and losses, and helpers that explain their failed assertions."""

from typing import Any

import pytest

pytest.register_assert_rewrite("tests.helpers")

from tests.helpers import snapshots  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-snapshots", action="store_true", help="accept the messages and losses that the tests find now"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than a second of a free core")
    config.addinivalue_line("markers", "quick: the first case of each test that is not slow; all in a minute on two cores")
    for kept in snapshots.ALL:
        kept.updating = config.getoption("--update-snapshots")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the first case of each test as quick, unless it is marked as slow."""
    seen = set()
    for item in items:
        test = item.nodeid.partition("[")[0]
        if test not in seen and not item.get_closest_marker("slow"):
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
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over the snapshots of one of xdist's processes."""
    for kept, found in zip(snapshots.ALL, getattr(node, "workeroutput", {}).get("snapshots", []), strict=False):
        kept.found.update(found)
