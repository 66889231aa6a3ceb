"""Files written durably: the old file or the new one, nothing between."""

import errno
import gc
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from charnn.errors import CharnnError
from charnn.io import npz
from charnn.io.durable import replace, try_to
from tests.helpers.snapshots import raises
from tests.helpers.zips import names, saved


def put(data: bytes) -> Callable[[BinaryIO], object]:
    return lambda file: file.write(data)


def broken(error: BaseException) -> Callable[[BinaryIO], object]:
    def fill(file: BinaryIO) -> None:
        file.write(b"half")
        raise error

    return fill


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("?"), KeyboardInterrupt()])
def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = saved(tmp_path, b"old")
    with pytest.raises(CharnnError if isinstance(error, OSError) else type(error)) as caught:
        replace(path, broken(error))
    assert path.read_bytes() == b"old" and names(tmp_path) == [path.name]
    if isinstance(error, OSError):
        assert str(caught.value) == f"{path} cannot be written: No space left on device"


@pytest.mark.parametrize("call", ["fsync", "replace", "fchmod"])
def test_an_error_of_the_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = saved(tmp_path, b"old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, call, fail)
    with raises(CharnnError, "Input/output error"):
        replace(path, put(b"new"))
    assert path.read_bytes() == b"old" and names(tmp_path) == [path.name]


def test_the_new_file_is_on_the_disk_before_it_takes_the_old_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, rename = os.fsync, os.replace

    def note_fsync(handle: int) -> None:
        calls.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else f"{os.fstat(handle).st_size} bytes")
        fsync(handle)

    def note_replace(old: Any, new: Any, **folders: int) -> None:
        calls.append("replace")
        rename(old, new, **folders)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    replace(tmp_path / "some.npz", put(b"new"))
    assert calls == ["3 bytes", "replace", "folder"]


def test_an_error_in_a_piece_leaves_the_old_file(tmp_path: Path) -> None:
    def pieces() -> Iterator[np.ndarray]:
        yield np.zeros(3, np.uint8)
        raise CharnnError("the text changed")

    path = saved(tmp_path, b"old")
    with pytest.raises(CharnnError, match="the text changed"):
        npz.write(path, {"ids": pieces()}, {"ids": ((9,), np.uint8)})
    assert path.read_bytes() == b"old" and names(tmp_path) == [path.name]


def test_links_stay_links_and_lead_to_the_new_file(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link, far = tmp_path / "there" / "a.npz", tmp_path / "link.npz", tmp_path / "far.npz"
    target.write_bytes(b"old")
    link.symlink_to(target)
    far.symlink_to("link.npz")
    replace(far, put(b"new"))
    assert link.is_symlink() and far.is_symlink() and target.read_bytes() == b"new"
    dangling = tmp_path / "dangling.npz"
    dangling.symlink_to(tmp_path / "there" / "b.npz")
    replace(dangling, put(b"new"))
    assert dangling.is_symlink() and (tmp_path / "there" / "b.npz").read_bytes() == b"new"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_permissions_stay(tmp_path: Path, mode: int) -> None:
    path = saved(tmp_path, b"old")
    path.chmod(mode)
    replace(path, put(b"new"))
    assert stat.S_IMODE(path.stat().st_mode) == mode and path.read_bytes() == b"new"


def test_a_file_in_an_open_folder_is_written_wherever_the_folder_is_and_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    folder = os.open(tmp_path / "there", os.O_RDONLY)
    (tmp_path / "there").rename(tmp_path / "moved")
    saved(tmp_path, b"old")
    replace("there/new.npz", put(b"new"), folder)
    assert (tmp_path / "moved" / "new.npz").read_bytes() == b"new"
    (tmp_path / "moved" / "link.npz").symlink_to(tmp_path / "some.npz")
    with raises(CharnnError, "there/link.npz is not a regular file"):
        replace("there/link.npz", put(b"new"), folder)
    os.close(folder)
    assert (tmp_path / "some.npz").read_bytes() == b"old" and names(tmp_path / "moved") == ["link.npz", "new.npz"]


@pytest.mark.parametrize("fill", [put(b"new"), broken(ValueError("?"))])
def test_no_file_is_left_open(tmp_path: Path, fill: Callable[[BinaryIO], object]) -> None:
    def opened() -> int:
        return len([*Path("/dev/fd").iterdir()])

    gc.collect()  # of earlier tests
    before = opened()
    with suppress(ValueError):
        replace(tmp_path / "new.npz", fill)
    assert opened() <= before


def test_a_call_that_a_file_system_does_not_know_is_told_from_one_that_fails() -> None:
    def fail(number: int) -> None:
        raise OSError(number, os.strerror(number))

    assert try_to(os.getpid) is True
    for number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP):
        assert try_to(fail, number) is False
    assert try_to(fail, errno.EPERM, also=[errno.EPERM]) is False
    with pytest.raises(PermissionError):
        try_to(fail, errno.EPERM, also=[errno.EIO])


def test_until_a_new_file_is_whole_its_owner_alone_reads_it(tmp_path: Path) -> None:
    modes = []
    replace(tmp_path / "new.npz", lambda file: modes.append(stat.S_IMODE(os.fstat(file.fileno()).st_mode)))
    assert modes == [0o600]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_gets_the_permissions_of_any_new_file(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        replace(tmp_path / "new.npz", put(b"new"))
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.npz").stat().st_mode) == mode


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path, kind: str) -> None:
    """Or `-o /dev/null`, by root, would be the end of /dev/null."""
    path = tmp_path / kind
    (os.mkfifo if kind == "pipe" else os.mkdir)(path)
    before = stat.S_IFMT(path.stat().st_mode)
    with raises(CharnnError, str(path)):
        replace(path, put(b"new"))
    assert stat.S_IFMT(path.stat().st_mode) == before and names(tmp_path) == [kind]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with raises(CharnnError, "gone/some.npz"):
        replace(tmp_path / "gone" / "some.npz", put(b"new"))
