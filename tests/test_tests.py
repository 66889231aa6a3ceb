"""Rules that the tests keep among themselves."""

import re
from pathlib import Path

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
