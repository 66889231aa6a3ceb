"""What runs there are: a line of facts for each, from the headers of their files alone."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..choices import TASKS
from ..config import TEXT
from ..errors import CharnnError, CheckpointError, expect
from . import checkpoint, names
from .folder import RUNS, Folder


@dataclass(frozen=True)
class RunSummary:
    """A run in a line. `bits` and `accuracy` are those of its best validation, None where it has none."""

    name: str
    task: str
    texts: tuple[str, ...]
    unit: str  # that losses are counted by: char, label ...
    bits: float | None  # for each unit
    accuracy: float | None  # share of what was right, of tasks that measure it
    parameters: int
    steps: int
    modified: float  # seconds since 1970
    bytes: int  # of all its files


def summaries(root: str | Path = RUNS) -> Iterator[RunSummary | CharnnError]:
    """The runs below a folder, the newest first; in place of one that cannot be read, the error that says why."""
    expect("the folder of all runs", root, str, Path)
    found = [Folder(Path(root) / name) for name in names.below(root)]
    for folder in sorted(found, key=lambda one: (-_modified(one), one.path)):
        try:
            yield summary(folder)
        except CharnnError as error:
            yield error


def summary(folder: Folder) -> RunSummary:
    """A run's line of facts. Raises `CheckpointError`, `CharnnError`."""
    path = folder.last if folder.last.is_file() else folder.best
    reader, header = checkpoint.read_header(path)
    shapes = {name: array.shape for name, array in reader.arrays.items()}
    try:
        return _summary(folder, header, shapes)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CheckpointError(f"{path} is corrupt: {error!r}") from None


def _summary(folder: Folder, header: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> RunSummary:
    task = str(header.get("task", {}).get("task", TEXT.task))
    best: dict[str, float] = next((one for one in header["history"] if one["step"] == header["best_step"]), {})
    loss, accuracy = header["best"], best.get("accuracy")
    return RunSummary(
        folder.path.name,
        task,
        tuple(Path(str(name)).name for name in header["origin"]["names"]),
        TASKS[task].load().unit,
        None if loss is None else float(loss) / math.log(2),
        None if accuracy is None else float(accuracy),
        sum(math.prod(shape) for name, shape in shapes.items() if name.startswith("weights/")),
        int(header["step"]),
        _modified(folder),
        sum(path.stat().st_size for path in folder.files),
    )


def _modified(folder: Folder) -> float:
    """When its network was last written."""
    return max(path.stat().st_mtime for path in (folder.best, folder.last) if path.is_file())
