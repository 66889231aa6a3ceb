"""The log of a run: a JSON object a line, for every validation and setback."""

import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ..errors import CharnnError, CheckpointError
from ..io.durable import replace

LONGEST_LINE = 1 << 20  # bytes; what is longer is no line of ours


def append(path: Path, folder: int, record: dict[str, Any]) -> None:
    """Add a line, whole or not at all, to the log in an open folder. Raises `CharnnError`."""
    line = json.dumps(record).encode("ascii") + b"\n"
    try:
        with _open(path, folder, "ab", os.O_WRONLY | os.O_APPEND | os.O_CREAT) as file:
            size = os.fstat(file.fileno()).st_size
            try:
                while line:  # a disk that fills up takes a part of it first
                    line = line[file.write(line) :]
            except OSError:
                file.truncate(size)
                raise
    except OSError as error:
        raise CharnnError(f"{path} cannot be written: {error.strerror}") from None


def rewind(path: Path, folder: int, step: int, rollbacks: int = sys.maxsize) -> None:
    """Drop lines that tell of later validations than that of `step`, and of more than so many rollbacks.

    The run goes on from there, and will tell of them again. (A setback's own step is the one it leads back to.)
    """
    if all(kept for _, kept in _lines(path, folder, step, rollbacks)):
        return
    lines = (line for line, kept in _lines(path, folder, step, rollbacks) if kept)
    replace(path, lambda file: file.writelines(lines), folder)


def separate(path: Path, folder: int) -> None:
    """Make a log that has other names too (hard links) a file with this name alone."""
    if _links(path, folder) > 1:
        lines = (line for line, _ in _lines(path, folder, sys.maxsize, sys.maxsize))
        replace(path, lambda file: file.writelines(lines), folder)


def _links(path: Path, folder: int) -> int:
    """How many names the log has; 0 where there is none. Raises `CheckpointError` for what is no plain file."""
    try:
        found = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return 0
    if not stat.S_ISREG(found.st_mode):
        raise CheckpointError(f"{path} is not a plain file: put one in its place, or nothing")
    return found.st_nlink


def _open(path: Path, folder: int, mode: str, flags: int) -> IO[bytes]:
    """The log itself, never what a link leads to."""
    _links(path, folder)
    handle = os.open(path.name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666, dir_fd=folder)
    return os.fdopen(handle, mode, buffering=0 if "a" in mode else -1)


def _lines(path: Path, folder: int, step: int, rollbacks: int) -> Iterator[tuple[bytes, bool]]:
    """The lines, and whether each is of a run at this step."""
    if not _links(path, folder):
        return
    with _open(path, folder, "rb", os.O_RDONLY) as file:
        while line := file.readline(LONGEST_LINE):
            record = _record(line)
            rollbacks -= "setback" in record
            whole = line.endswith(b"\n") or len(line) == LONGEST_LINE
            yield line, whole and (rollbacks >= 0 if "setback" in record else record.get("step", 0) <= step)


def _record(line: bytes) -> dict[str, Any]:
    """The object in a line of the log; an empty one for a line that is none of ours."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) and isinstance(record.get("step"), int) else {}
