"""Files written durably: a name leads to the whole old file or to the whole new one, whatever happens."""

import errno
import os
import stat
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import CharnnError

# How file systems (on a network, FAT, in user space) answer a request that they do not know
UNSUPPORTED = errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP


def replace(path: str | Path, fill: Callable[[BinaryIO], object], folder: int | None = None) -> None:
    """Write a file durably: into a new file beside it, flushed to the disk, then renamed over the old one.

    On any error the new file is removed. A symbolic link stays a link, and permissions stay. `folder` is the descriptor
    of the folder that the file is in, wherever that folder is by now: `path` is then its name for messages, and no link
    is followed. Raises `CharnnError` on a full disk and the like.
    """
    target = Path(path) if folder is not None else Path(os.path.realpath(path))
    try:
        if folder is not None:
            return _replace(folder, target, fill)
        parent = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return _replace(parent, target, fill)
        finally:
            os.close(parent)
    except OSError as error:
        raise CharnnError(f"{path} cannot be written: {error.strerror or error}") from None


def _replace(folder: int, target: Path, fill: Callable[[BinaryIO], object]) -> None:
    mode = _mode(folder, target)
    temporary = f".{target.name}.{os.urandom(6).hex()}.tmp"  # known before it is there, so that it is always removed
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=folder), "wb") as file:
            fill(file)
            file.flush()
            try_to(os.fchmod, file.fileno(), mode, also=[errno.EPERM])
            try_to(os.fsync, file.fileno())
        os.replace(temporary, target.name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        remove(temporary, folder)
        raise
    try_to(os.fsync, folder)


def remove(name: str, folder: int) -> None:
    """Remove a file from an open folder, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def try_to(call: Callable[..., object], *args: object, also: Collection[int] = ()) -> bool:
    """Whether a file system supports a call. Errors that mean neither this nor one of `also` are raised."""
    try:
        call(*args)
    except OSError as error:
        if error.errno not in (*UNSUPPORTED, *also):
            raise
        return False
    return True


def _mode(folder: int, target: Path) -> int:
    """The permissions of the file to be replaced, or those that any new file gets."""
    try:
        found = os.stat(target.name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
    if not stat.S_ISREG(found):  # a device, say
        raise CharnnError(f"{target} is not a regular file, and cannot be made one: name another")
    return stat.S_IMODE(found)
