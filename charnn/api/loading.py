"""Runs by their names."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CharnnError, expect
from ..runs import checkpoint, folder
from ..runs.run import Run
from ..runs.verbs import assert_used_for

if TYPE_CHECKING:
    from ..runs.listing import RunSummary

RunLike = Run | str | Path  # a run, or its name, folder or file


def load(model: str | Path | None = None, root: str | Path = folder.RUNS) -> Run:
    """A trained run by its name, folder or file; the newest below `root` without one. Raises `CheckpointError`."""
    expect("a run", model, str, Path, type(None))
    path = folder.find(None if model is None else str(model), root)
    run = checkpoint.load(path)
    run.path = path
    return run


def save(run: Run, name: str, root: str | Path = folder.RUNS) -> Path:
    """Keep the weights of a run in a new folder `name` below `root`, or name-2 and so on. It cannot be resumed."""
    return folder.Folder.keep(run, root, name).path


def list_runs(root: str | Path = folder.RUNS) -> "list[RunSummary]":
    """All runs below a folder that can be read, in a line each, the newest first."""
    from ..runs import listing

    return [found for found in listing.summaries(root) if not isinstance(found, CharnnError)]


def remove_run(name: str, root: str | Path = folder.RUNS) -> list[Path]:
    """Remove a run, and return other files in its folder, which stay. Raises `UsageError` where there is no such run,
    and `CharnnError` while it trains."""
    return folder.find_run(name, root).remove()


def rename_run(name: str, new: str, root: str | Path = folder.RUNS) -> Path:
    """Give a run another name, and return its folder. Raises `UsageError` for a name that is taken."""
    return folder.find_run(name, root).rename(new).path


def opened(run: RunLike | None, verb: str, root: str | Path = folder.RUNS) -> Run:
    """The run itself, or the run of this name, folder or file, or the newest.

    Raises `UsageError` for a run that is not there for this use, one of the verbs of the command line.
    """
    found = run if isinstance(run, Run) else load(run, root)
    assert_used_for(found, verb)
    return found
