"""Runs by their names."""

from contextlib import suppress
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING

from .. import options
from ..config import TrainConfig
from ..data.vocabulary import Vocabulary
from ..errors import CharnnError, UsageError, expect
from ..machine import cores
from ..runs import checkpoint, folder
from ..runs.run import Run
from ..runs.verbs import assert_used_for

if TYPE_CHECKING:
    from ..exchange.export import Exported
    from ..runs.listing import RunSummary

RunLike = Run | str | Path  # a run, or its name, folder or file


def load(model: str | Path | None = None, root: str | Path = folder.RUNS) -> Run:
    """A trained run by its name, folder or file; the newest below `root` without one. Raises `CheckpointError`."""
    expect("a run", model, str, Path, type(None))
    path = folder.find(None if model is None else str(model), root)
    run = checkpoint.load(path)
    run.path = path
    return run


def save(run: RunLike, name: str, root: str | Path = folder.RUNS) -> Path:
    """Keep the weights of a run in a new folder `name` below `root`, or name-2 and so on. It cannot be resumed."""
    return folder.Folder.keep(opened(run), root, name).path


def export(run: RunLike, path: str | Path) -> "Exported":
    """Write a run as .safetensors, .onnx, .html or .h, or as a folder for PyTorch, and run what was written.

    Of tasks other than text only .onnx. Raises `UsageError` for another suffix, and for a network that the format
    cannot hold. Raises `CharnnError` where the file cannot be written or its scores are not those of the run.
    """
    from ..exchange.export import export

    expect("the file to write", path, str, Path)
    return export(opened(run, "export"), path)


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


def processes(workers: int | None) -> int:
    """So many workers, or as many as there are cores. Raises `UsageError` for no number of them."""
    with suppress(TypeError):  # NumPy's integers are numbers too
        workers = workers if workers is None else index(workers)
    expect("workers", workers, int, type(None))
    options.check_value("workers", workers, options.bounds(TrainConfig, "workers"))
    return workers or cores()


def opened(run: RunLike | None, verb: str | None = None, root: str | Path = folder.RUNS) -> Run:
    """The run itself, or the run of this name, folder or file, or the newest.

    Raises `UsageError` for a run that is not there for this use, one of the verbs of the command line.
    """
    found = run if isinstance(run, Run) else load(run, root)
    if verb:
        assert_used_for(found, verb)
    return found


def assert_of_text(run: Run, use: str) -> None:
    """Raise `UsageError` for a run that reads no text, which a function is not for."""
    if not isinstance(run.vocabulary, Vocabulary):
        task = run.task.task
        raise UsageError(f"{use} is for models of --task text or fill, and {run.path or run.name} is of --task {task}")
