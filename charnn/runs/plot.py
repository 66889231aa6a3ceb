"""The curves of runs, read from their folders."""

import json
import math
from contextlib import suppress
from pathlib import Path

from . import checkpoint
from .curves import Curve
from .folder import Folder


def read(path: Path) -> Curve:
    """The curve of a run, with the times in the log that lies beside its file."""
    run = checkpoint.load(path)
    folder = Folder(path.parent)
    own = path in (folder.best, folder.last)
    seconds = _seconds(folder.log) if own else {}
    records = [one | ({"seconds": seconds[one["step"]]} if one["step"] in seconds else {}) for one in run.history]
    return Curve(folder.path.name if own else path.stem, records, run.origin.baselines, run.measure)


def _seconds(log: Path) -> dict[float, float]:
    """Of training before the validation at each step, for a run with a budget of minutes; lines that say no such thing
    are left out."""
    found = {}
    for line in log.read_bytes().splitlines() if log.is_file() else []:
        with suppress(ValueError, TypeError, KeyError, OverflowError, RecursionError):
            record = json.loads(line)
            seconds = float(record["seconds"])
            if 0 <= seconds < math.inf:
                found[float(record["step"])] = seconds
    return found
