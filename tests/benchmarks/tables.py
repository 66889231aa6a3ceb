"""What benchmarks keep: records in a file, so that they can be interrupted, and tables in README, between two marks."""

import json
from pathlib import Path
from typing import Any

README = Path(__file__).parents[2] / "README.md"


def kept(cache: Path) -> list[dict[str, Any]]:
    """The records in a cache; none where there is no such file."""
    return [json.loads(line) for line in cache.read_text(encoding="utf-8").splitlines()] if cache.exists() else []


def keep(cache: Path, record: dict[str, Any]) -> None:
    """Add a record to a cache."""
    with open(cache, "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def write(begin: str, table: str, end: str) -> None:
    """Put a table into README, in the place of what stands between these marks."""
    before, rest = README.read_text(encoding="utf-8").split(begin)
    README.write_text(before + begin + table + end + rest.split(end)[1], encoding="utf-8")
