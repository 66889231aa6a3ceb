"""A run's folder held open and locked: by descriptor, so that whatever becomes of its name misleads nobody."""

import errno
import fcntl
import os
import stat
import warnings
import weakref
from pathlib import Path

from ..errors import CharnnError, CharnnWarning, CheckpointError
from ..io.durable import try_to
from ..parallel.processes import PRIVATE

LOCK = ".lock"  # held, not made, by the training at work: the system lets go of it however that ends
LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
NO_LOCKS = errno.ENOLCK, errno.EBADF  # of file systems that lock nothing, or no folders


class Hold:
    """A folder, locked as long as this object lives. Both the folder and the file `.lock` in it are locked.

    The first lock stays where `.lock` is removed; the second works where folders cannot be locked. The file holds the
    folder's inode number: that of a folder which was copied here, or unpacked, is another one. Raises `CharnnError`
    where another training is at work here, `CheckpointError` where `.lock` is no plain file.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self.folder = self._keep(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
            self._lock(self.folder)
            self.file, locked = self._lock_file()
        except OSError as error:
            raise CharnnError(f"{path} cannot be written to: {error.strerror}; --runs names another folder") from None
        if not locked:
            warnings.warn(
                f"{path} cannot be locked on this file system: see that no other training writes to it",
                CharnnWarning,
                stacklevel=2,
            )

    def _keep(self, handle: int) -> int:
        """A descriptor that is closed with this object, and in processes forked from this one."""
        PRIVATE.add(handle)
        weakref.finalize(self, unlock, handle)
        return handle

    def _lock(self, handle: int) -> bool:
        """Whether the file system has locks. Raises `CharnnError` where somebody else has this one."""
        try:
            return try_to(_flock, handle, also=NO_LOCKS)
        except BlockingIOError:
            raise CharnnError(
                f"{self.path} is in use by another training: wait for it, or give another --name"
            ) from None

    def _lock_file(self) -> tuple[int, bool]:
        try:
            handle = self._keep(os.open(LOCK, LOCK_FLAGS, 0o666, dir_fd=self.folder))
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR):
                raise CheckpointError(f"{self.path / LOCK} is not a plain file: remove it") from None
            raise
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise CheckpointError(f"{self.path / LOCK} is not a plain file: remove it")
        return handle, self._lock(handle)

    @property
    def made_here(self) -> bool:
        """Whether this folder is the one that its `.lock` was written for."""
        return os.pread(self.file, 64, 0) == self._mark

    def mark(self) -> None:
        """Note that this folder is the one which `.lock` is for."""
        if not self.made_here and os.fstat(self.file).st_nlink == 1:
            os.ftruncate(self.file, 0)
            os.pwrite(self.file, self._mark, 0)

    @property
    def _mark(self) -> bytes:
        return f"{os.fstat(self.folder).st_ino}\n".encode()

    def found_at(self) -> Path | None:
        """Where the folder is by now; None where it was removed."""
        if self._is(self.path):
            return self.path
        try:
            now = Path(f"/proc/self/fd/{self.folder}").readlink()
        except OSError:  # no such thing on this system
            return None
        return now if self._is(now) else None

    def _is(self, path: Path) -> bool:
        try:
            return os.path.samestat(os.stat(path), os.fstat(self.folder))
        except OSError:
            return False

    def still_alone(self) -> bool:
        """Whether no other training has come here: `.lock` is the file that is held, or can be locked anew."""
        try:
            there = os.stat(LOCK, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            there = None
        if there is None or not os.path.samestat(there, os.fstat(self.file)):
            try:
                self.file, _ = self._lock_file()
            except CharnnError:
                return False
            self.mark()
        return True


def _flock(handle: int) -> None:
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def unlock(handle: int) -> None:
    """Let another training write to the folder."""
    PRIVATE.discard(handle)
    os.close(handle)
