"""A run in other formats, chosen by the suffix of the file to write, and checked by running what was written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..runs.run import Run
from . import check, check_tasks, header, html, onnx, onnx_tasks, safetensors
from .check import Check, Scorer

Writer = Callable[[Path, Run], None]
Opener = Callable[[Path, Run], tuple[str, Scorer]]  # what runs the file, and its scores
FORMATS: dict[str, tuple[Writer, Opener]] = {
    ".safetensors": (safetensors.write, lambda path, run: check.by_import(path)),
    ".onnx": (onnx.write, check.by_onnxruntime),
    ".html": (html.write, check.by_node),
    ".h": (header.write, check.by_compiler),
}
FOLDER: tuple[Writer, Opener] = (safetensors.write_folder, check.by_torch)


@dataclass(frozen=True)
class Exported:
    """A file or folder that was written, and what checking it found."""

    path: Path
    bytes: int
    checked: Check | None  # None where there is nothing to run it by


def export(run: Run, path: str | Path) -> Exported:
    """See `api.export`."""
    path = Path(path)
    if run.task.task != "text":
        return _of_task(run, path)
    write, opened = writer(path)
    write(path, run)
    size = sum(file.stat().st_size for file in (path.iterdir() if path.is_dir() else [path]) if file.is_file())
    return Exported(path, size, check.check(run, *opened(path, run)))


def _of_task(run: Run, path: Path) -> Exported:
    """See `export`."""
    if path.suffix != ".onnx":
        raise UsageError(f"a model of --task {run.task.task} can be written as .onnx, not as {path.name}")
    onnx_tasks.write(path, run)
    return Exported(path, path.stat().st_size, check_tasks.check(run, path))


def writer(path: Path) -> tuple[Writer, Opener]:
    """What writes a file or folder of this name, and what opens it again."""
    if path.suffix and not path.is_dir() and path.suffix not in FORMATS:
        raise UsageError(
            f"{path} has the suffix {path.suffix}: give {', '.join(FORMATS)}, or a folder (no suffix) for PyTorch"
        )
    return FORMATS[path.suffix] if path.suffix and not path.is_dir() else FOLDER
