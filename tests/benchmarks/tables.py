"""What benchmarks share: records in a file, so that they can be interrupted, tables in docs, and one thread each."""

import json
import os
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"


def need_one_thread() -> None:
    """End the program where NumPy's products may take several threads: each worker, and each contender, has one."""
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        raise SystemExit("set OPENBLAS_NUM_THREADS=1: each has one thread")


def kept(cache: Path) -> list[dict[str, Any]]:
    """The records in a cache; none where there is no such file. A line that was cut off is none."""
    lines = cache.read_bytes().split(b"\n") if cache.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"}")]


def keep(cache: Path, record: dict[str, Any]) -> None:
    """Add a record to a cache, in one write: the line is there whole, or is passed over by `kept`."""
    with open(cache, "a+b", buffering=0) as file:
        file.seek(max(0, file.tell() - 1))
        cut_off = file.read(1) not in (b"", b"\n")
        file.write(b"\n" * cut_off + json.dumps(record).encode() + b"\n")
        os.fsync(file.fileno())


def write(begin: str, table: str, end: str, page: Path) -> None:
    """Put a table into a page, in the place of what stands between these marks."""
    before, rest = page.read_text(encoding="utf-8").split(begin)
    page.write_text(before + begin + table + end + rest.split(end)[1], encoding="utf-8")
