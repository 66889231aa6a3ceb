"""Where runs are kept: a folder each, with best.npz, last.npz and log.jsonl; nothing overwritten unasked."""

import errno
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import CharnnError, CharnnWarning, CheckpointError, UsageError, did_you_mean, expect
from ..io.durable import remove
from ..io.handle import refuse_irregular
from . import checkpoint, log, names
from .hold import LOCK as LOCK
from .hold import Hold
from .names import MODELS
from .names import RUNS as RUNS
from .run import Run

KEPT = *MODELS, "log.jsonl", "tokens.npz", "numbers.txt"
STALE = re.compile(rf"\.({'|'.join(map(re.escape, KEPT))})\.\w+\.tmp")  # of a save that was killed


@dataclass
class Folder:
    """A run's folder, written to by one training at a time."""

    path: Path
    _hold: Hold | None = field(default=None, repr=False, compare=False)
    _links: set[str] = field(default_factory=set, repr=False, compare=False)  # names of files that are links

    @property
    def best(self) -> Path:
        """The weights of the best validation."""
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
            except (OSError, ValueError) as error:  # of a name with NUL
                told = error.strerror if isinstance(error, OSError) else error
                raise CharnnError(f"{path} cannot be made: {told}; --runs names another folder") from None
        raise CharnnError(f"{root} has too many runs called {name}: give another --name")

    @classmethod
    def keep(cls, run: Run, root: str | Path, name: str) -> "Folder":
        """A new folder with the weights of a run, whole or not at all. Raises as `create` does, and as `save`."""
        folder = cls.create(root, name)
        try:
            folder.save_weights(run)
        except BaseException:
            with suppress(OSError):
                folder.path.rmdir()
            raise
        return folder

    def lock(self) -> None:
        """Keep other trainings out while this object lives, and remove what a killed one left half-written.

        Raises `CharnnError` where another training is at work here, and `CheckpointError` for files that are links to
        elsewhere, which nobody here put there.
        """
        if self._hold:
            return
        self._hold = hold = Hold(self.path)
        try:
            self._links = {path.name for path in (self.best, self.last) if path.is_symlink()}
            if out := sorted(name for name in self._links if self._leads_out(name)):
                self._check_links(out, hold.made_here)
            else:
                hold.mark()
            log.separate(self.log, hold.folder)
            for name in os.listdir(hold.folder):  # noqa: PTH208 - a descriptor is no path
                if STALE.fullmatch(name):
                    remove(name, hold.folder)
        except OSError as error:
            raise CharnnError(
                f"{self.path} cannot be written to: {error.strerror}; --runs names another folder"
            ) from None

    def save(self, run: Run, *, best: bool = False) -> None:
        """Write last.npz, and best.npz where these are the best weights."""
        if best:
            self.save_weights(run)
        self._save(run, "last.npz", resumable=True)

    def save_weights(self, run: Run) -> None:
        """Write best.npz alone, for a run that cannot be resumed."""
        self._save(run, "best.npz", resumable=False)

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
        self._change(lambda folder: log.append(self.log, folder, record))

    def rewind(self, step: int, rollbacks: int = sys.maxsize) -> None:
        """Drop lines of the log that tell of later validations than that of `step`, and of more rollbacks."""
        self._change(lambda folder: log.rewind(self.log, folder, step, rollbacks))

    def _save(self, run: Run, name: str, resumable: bool) -> None:
        def save(folder: int) -> None:
            where = None if name in self._links else folder
            checkpoint.save(self.path / name, run, resumable=resumable, folder=where)

        self._change(save)

    def _change(self, change: Callable[[int], None]) -> None:
        """Do something in the folder, by its descriptor: in the one that is held, wherever it is by now."""
        if self._hold:
            self._follow(self._hold)
            try:
                return change(self._hold.folder)
            except CharnnError:
                if self._hold.found_at():
                    raise
            self._follow(self._hold)  # it was removed in between
            return change(self._hold.folder)
        try:
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise CharnnError(f"{self.path} cannot be written to: {error.strerror}") from None
        try:
            return change(folder)
        finally:
            os.close(folder)

    def _follow(self, hold: Hold) -> None:
        """Go where the folder went, or to a new one where it was removed, or taken by another training; say so."""
        if (now := hold.found_at()) and hold.still_alone():
            what = "was moved"
        else:
            what = "was taken by another training" if now else "is gone"
            now = Folder.create(self.path.parent, self.path.name).path
            self._hold, self._links = Hold(now), set()
            self._hold.mark()
        if now != self.path or hold is not self._hold:
            self.path = hold.path = now
            warnings.warn(f"the folder of this run {what}: it goes on in {now}/", CharnnWarning, stacklevel=4)

    def _leads_out(self, name: str) -> bool:
        """Whether a link leads to anything outside."""
        return os.path.dirname(os.path.realpath(self.path / name)) != os.path.realpath(self.path)  # noqa: PTH120

    def _check_links(self, names: Iterable[str], made_here: bool) -> None:
        """Raise `CheckpointError` unless links lead to this run's own files, and the folder was made here."""
        for name in names:
            path = self.path / name
            if path.exists() and not path.is_file():
                refuse_irregular(path)
            runs = [checkpoint.load(there) for there in (self.best, self.last) if there.exists()] if made_here else []
            if not path.exists() or not runs or any(run.identity != runs[0].identity for run in runs):
                where = os.path.realpath(path)
                raise CheckpointError(f"{path} is a link out of the run's folder, to {where}: put a file in its place")


def check_name(name: str) -> None:
    """Raise `UsageError` for what cannot be the name of a run."""
    expect("the name of a run", name, str)
    if not name or Path(name).name != name or name == ".." or "\0" in name:
        raise UsageError(f"{name!r} is no name of a run: give one without /, and --runs for where it is")


@contextmanager
def too_long_for_a_file() -> Iterator[None]:
    """Go on where a name is looked for that no file can have."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise


def find_run(name: str, root: str | Path = RUNS) -> Folder:
    """The folder of a run, given by its name or its folder. Raises `UsageError` where there is none."""
    expect("a run", name, str, Path)
    for path in (Path(root) / name, Path(name)):
        with too_long_for_a_file():
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
        with too_long_for_a_file():
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
