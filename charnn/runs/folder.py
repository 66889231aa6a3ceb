"""Where runs are kept: a folder each, with best.npz, last.npz and log.jsonl; nothing overwritten unasked."""

import fcntl
import json
import os
import sys
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import CharnnError, UsageError, did_you_mean
from ..io import npz
from ..parallel.processes import PRIVATE
from . import checkpoint, names
from .names import MODELS
from .names import RUNS as RUNS
from .run import Run

KEPT = *MODELS, "log.jsonl", "tokens.npz"
LOCK = ".lock"  # held, not made, by the training at work: the system lets go of it however that ends


@dataclass
class Folder:
    """A run's folder, written to by one training at a time."""

    path: Path
    _locked: bool = field(default=False, repr=False, compare=False)

    @property
    def best(self) -> Path:
        """The weights with the lowest validation loss."""
        return self.path / "best.npz"

    @property
    def last(self) -> Path:
        """The newest state of the run, to resume from."""
        return self.path / "last.npz"

    @property
    def log(self) -> Path:
        """A JSON object a line, for every validation and rollback."""
        return self.path / "log.jsonl"

    @property
    def files(self) -> list[Path]:
        """The files that a run has, without its lock."""
        return [path for name in KEPT if (path := self.path / name).is_file()]

    @classmethod
    def create(cls, root: str | Path, name: str) -> "Folder":
        """A new folder `name` below `root`, or name-2, name-3, ... where that is taken.

        Raises `UsageError` for a name that is a path, and `CharnnError` where the folder cannot be made.
        """
        check_name(name)
        for number in range(1, 100_000):
            path = Path(root) / (name if number == 1 else f"{name}-{number}")
            try:
                path.mkdir(parents=True)
                return cls(path)
            except FileExistsError:
                continue
            except OSError as error:
                raise CharnnError(f"{path} cannot be made: {error.strerror}; --runs names another folder") from None
        raise CharnnError(f"{root} has too many runs called {name}: give another --name")

    def lock(self) -> None:
        """Keep other trainings out while this object lives, and remove what a killed one left half-written.

        Raises `CharnnError` where another training is at work here.
        """
        if self._locked:
            return
        try:
            handle = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise CharnnError(
                f"{self.path} cannot be written to: {error.strerror}; --runs names another folder"
            ) from None
        release = weakref.finalize(self, unlock, handle)
        PRIVATE.add(handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            release()
            if isinstance(error, BlockingIOError):
                what = "is in use by another training: wait for it, or give another --name"
            else:
                what = f"cannot be locked: {error.strerror}; --runs names another folder"
            raise CharnnError(f"{self.path} {what}") from None
        self._locked = True
        for stale in (path for name in KEPT for path in self.path.glob(f".{name}.*.tmp")):
            stale.unlink(missing_ok=True)

    def save(self, run: Run, *, best: bool = False) -> None:
        """Write last.npz, and best.npz where these are the best weights."""
        if best:
            self.save_weights(run)
        checkpoint.save(self.last, run)

    def save_weights(self, run: Run) -> None:
        """Write best.npz alone, for a run that cannot be resumed."""
        checkpoint.save(self.best, run, resumable=False)

    def remove(self) -> list[Path]:
        """Remove a run's files, and its folder. What else lies there stays, and is returned.

        Raises `CharnnError` where a training is at work here, or the files cannot be removed.
        """
        self.lock()
        try:
            for path in self.files:
                path.unlink()
            (self.path / LOCK).unlink(missing_ok=True)
            if not (others := sorted(self.path.iterdir())):
                self.path.rmdir()
            return others
        except OSError as error:
            raise CharnnError(f"{error.filename} cannot be removed: {error.strerror}") from None

    def rename(self, name: str) -> "Folder":
        """Give a run another name, in the folder where it is.

        Raises `UsageError` for a name that is taken or no name, `CharnnError` where a training is at work here.
        """
        check_name(name)
        self.lock()
        target = self.path.with_name(name)
        if os.path.lexists(target):
            raise UsageError(f"there is a {target} already: give another name, or remove it with `charnn rm {name}`")
        try:
            self.path.rename(target)
        except OSError as error:
            raise CharnnError(f"{self.path} cannot be renamed: {error.strerror}") from None
        return Folder(target)

    def write(self, record: dict[str, Any]) -> None:
        """Add a line to the log, whole or not at all."""
        line = json.dumps(record).encode("ascii") + b"\n"
        try:
            with open(self.log, "ab", buffering=0) as file:
                size = file.tell()
                try:
                    while line:  # a disk that fills up takes a part of it first
                        line = line[file.write(line) :]
                except OSError:
                    file.truncate(size)
                    raise
        except OSError as error:
            raise CharnnError(f"{self.log} cannot be written: {error.strerror}") from None

    def rewind(self, step: int, rollbacks: int = sys.maxsize) -> None:
        """Drop lines of the log that tell of later validations than that of `step`, and of more than so many rollbacks.

        The run goes on from there, and will tell of them again. (A rollback's step is the one that it leads back to.)
        """
        if not self.log.exists():
            return
        lines, kept = self.log.read_bytes().splitlines(keepends=True), []
        for line in lines:
            record = _record(line)
            rollbacks -= "setback" in record
            if line.endswith(b"\n") and (rollbacks >= 0 if "setback" in record else record.get("step", 0) <= step):
                kept.append(line)
        if kept != lines:
            npz.replace(self.log, lambda file: file.write(b"".join(kept)))


def _record(line: bytes) -> dict[str, Any]:
    """The object in a line of the log; an empty one for a line that is none of ours."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) and isinstance(record.get("step"), int) else {}


def check_name(name: str) -> None:
    """Raise `UsageError` for what cannot be the name of a run."""
    if not name or Path(name).name != name or name == "..":
        raise UsageError(f"{name!r} is no name of a run: give one without /, and --runs for where it is")


def find_run(name: str, root: str | Path = RUNS) -> Folder:
    """The folder of a run, given by its name or its folder. Raises `UsageError` where there is none."""
    for path in (Path(root) / name, Path(name)):
        if any((path / file).is_file() for file in MODELS):
            return Folder(path)
    raise UsageError(f"there is no run {name} in {root}/{did_you_mean(name, names.below(root)) or _list(root)}")


def _list(root: str | Path) -> str:
    return ": `charnn list` shows what there is" if names.below(root) else ": `charnn train CORPUS` makes one"


def newest(root: str | Path, kind: str = "best") -> Folder | None:
    """The folder below `root` that was written to last, of those that have best.npz (or last.npz) if any has."""
    files = [path for path in Path(root).glob("*/*.npz") if path.name in MODELS and path.is_file()]
    if not files:
        return None
    whole = {path.parent for path in files if path.name == f"{kind}.npz"}
    return Folder(max(files, key=lambda path: (path.parent in whole, path.stat().st_mtime_ns, path)).parent)


def find(model: str | None, root: str | Path = RUNS, kind: str = "best") -> Path:
    """The file of a model given by a run's name, a folder or a file, or of the newest run; `kind` best or last.

    Raises `UsageError` where there is none, and says how to get one.
    """
    if model is None:
        if folder := newest(root, kind):
            return _either(folder, kind)
        raise UsageError(f"there is no model in {root}/: train one with `charnn train CORPUS`")
    for path in (Path(root) / model, Path(model)):
        if path.is_dir():
            return _either(Folder(path), kind)
        if path.exists():
            return path
    known = names.below(root)
    rest = did_you_mean(model, known) or _list(root)
    raise UsageError(f"there is no model {model}, neither a file nor a run in {root}/{rest}")


def _either(folder: Folder, kind: str) -> Path:
    wanted, other = (folder.best, folder.last) if kind == "best" else (folder.last, folder.best)
    if not wanted.exists() and not other.exists():
        raise UsageError(f"{folder.path} holds no model (no {wanted.name}): train one with `charnn train CORPUS`")
    return wanted if wanted.exists() else other


def unlock(handle: int) -> None:
    """Let another training write to the folder."""
    PRIVATE.discard(handle)
    os.close(handle)
