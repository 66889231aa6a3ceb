"""What tests found before: exact sentences of messages and losses of golden runs, each kind in one JSON file.

`pytest --update-snapshots` writes what the tests that run find now. Elsewhere a test of a message asserts the exit code
and the option, file or value that the message names.
"""

import json
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "snapshots"
TEMPORARY = re.compile(rf"{tempfile.gettempdir()}/(?:[^\s/'\"`]+/)*")
MEMORY = re.compile(r"[\d.,]+ GB")


class Snapshots:
    """For each test the values that it finds, in their order."""

    def __init__(self, name: str):
        self.path = FOLDER / name
        self.known: dict[str, list[Any]] = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
        self.found: dict[str, list[Any]] = defaultdict(list)
        self.updating = False

    def check(self, value: Any, same: Callable[[Any, Any], bool]) -> None:
        """Compare the running test's next value with the one found before."""
        test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" (")[0].removeprefix("tests/")
        known, number = self.known.get(test, []), len(self.found[test])
        self.found[test].append(value)
        if not self.updating:
            before = known[number] if number < len(known) else None
            assert before is not None and same(value, before), (
                f"{value!r} was {before!r} in {self.path.name}; if it should change: pytest --update-snapshots"
            )

    def save(self) -> None:
        """Write what was found, and what is known of the tests that did not run."""
        tests = []
        for test, values in sorted((self.known | self.found).items()):
            lines = ",\n".join("  " + json.dumps(value, ensure_ascii=False) for value in values)
            tests.append(f" {json.dumps(test, ensure_ascii=False)}: [\n{lines}\n ]")
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text("{\n" + ",\n".join(tests) + "\n}\n", "utf-8")


MESSAGES, LOSSES = Snapshots("messages.json"), Snapshots("losses.json")
ALL = (MESSAGES, LOSSES)


def check_message(message: str) -> None:
    """A message is word for word what it was, but for temporary folders and amounts of memory."""
    MESSAGES.check(MEMORY.sub("N GB", TEMPORARY.sub("TMP/", message)), str.__eq__)


def check_losses(losses: list[float]) -> None:
    """Losses are what they were, but for rounding."""
    LOSSES.check([round(loss, 6) for loss in losses], lambda now, before: now == pytest.approx(before, rel=1e-5))


@contextmanager
def raises(kind: type[Exception], *names: str) -> Iterator["pytest.ExceptionInfo[Any]"]:
    """What is done inside is refused, in the same words as before, with these names among them."""
    with pytest.raises(kind) as caught:
        yield caught
    message = str(caught.value)
    for name in names:
        assert name in message
    check_message(message)
