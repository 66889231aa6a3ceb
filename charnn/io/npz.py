"""Arrays in a .npz file, read with suspicion and written durably.

Anything `numpy.load` could be talked into by a hostile or damaged file is refused here: what is accepted is a plain
zip of stored, checksummed .npy members with short headers, whose sizes are those of the file itself.
"""

import json
import os
import re
import stat
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import CharnnError, CheckpointError
from .lazy import FileHandle, Ids, LazyArray

DTYPES = ("|u1", "<u2", "<u4", "<i8", "<f4", "<f8")
MEMBER = re.compile(r"[a-z0-9_]+(?:[./][A-Za-z0-9_]+)*\.npy", re.ASCII)
HEADER = re.compile(rb"\{'descr': '([|<][a-z]\d)', 'fortran_order': False, 'shape': \(([\d, ]*)\), \} *\n", re.ASCII)
LONGEST_HEADER = 4096
LAST = 22  # bytes of the record that ends a zip without a comment
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same arrays make the same file, whenever they are written


@dataclass(frozen=True)
class Member:
    """Where an array's bytes lie in the file."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int
    size: int  # bytes


def read(path: str | Path, lazy: Iterable[str] = ()) -> dict[str, Any]:
    """The arrays of a .npz file by name; those named in `lazy` stay in the file, and so are not checksummed.

    Raises `CheckpointError` for anything that is not exactly such a file as `write` makes, before memory is taken
    for it, and `CharnnError` where the file cannot be read.
    """
    path = Path(path)
    with _opened(path) as (archive, members):
        return {member.name: _array(path, archive, member, lazy) for member in members}


def glance(path: str | Path) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """The header of a file, and the shapes of its arrays, which are not read. Raises as `read` does."""
    path = Path(path)
    with _opened(path) as (archive, members):
        shapes = {member.name: member.shape for member in members}
        header = next((_array(path, archive, member, ()) for member in members if member.name == "header"), None)
    return json_value(path, None if header is None else np.asarray(header)), shapes


@contextmanager
def _opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, list[Member]]]:
    """A file whose arrays are where they should be. What is wrong with it is raised as an error."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise CheckpointError(f"{path} is not a charnn file: not a regular file")
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            yield archive, list(_members(file, archive))
    except CheckpointError:
        raise
    except zipfile.BadZipFile as error:
        with open(path, "rb") as file:
            ours = file.read(4) == b"PK\x03\x04"
        what = f"truncated or corrupt ({error})" if ours else "not a charnn file"
        raise CheckpointError(f"{path} is {what}") from None
    except OSError as error:
        raise CharnnError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # the zip reader has many ways to fail on hostile bytes: all mean the same
        raise CheckpointError(f"{path} is truncated or corrupt ({error})") from None


def _members(file: BinaryIO, archive: zipfile.ZipFile) -> Iterator[Member]:
    """Every array in the archive, its place checked: one after the other, with nothing between or beyond."""
    end, seen = 0, set()
    for info in archive.infolist():
        if not MEMBER.fullmatch(info.filename) or info.filename in seen:
            raise CheckpointError(f"{file.name} is not a charnn file: member {info.filename!r:.80}")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.flag_bits & 1:
            raise CheckpointError(f"{file.name} is not a charnn file: {info.filename} is compressed or encrypted")
        if info.header_offset != end:
            raise CheckpointError(f"{file.name} is truncated or corrupt: {info.filename} is not where it should be")
        seen.add(info.filename)
        file.seek(info.header_offset)
        local = struct.unpack("<4s5H3I2H", file.read(30))
        start = info.header_offset + 30 + local[-2] + local[-1]
        end = start + info.file_size
        yield _npy_header(file, info, start)
    file.seek(-LAST, os.SEEK_END)
    if end != archive.start_dir or not seen or file.read(4) != b"PK\5\6":
        raise CheckpointError(f"{file.name} is truncated or corrupt: bytes that belong to no array")


def _npy_header(file: BinaryIO, info: zipfile.ZipInfo, start: int) -> Member:
    """Parse a .npy header by pattern, never by evaluating it."""
    file.seek(start)
    magic, version, length = struct.unpack("<6sHH", file.read(10))
    if magic != b"\x93NUMPY" or version != 1 or length > LONGEST_HEADER:
        raise CheckpointError(f"{file.name} is not a charnn file: {info.filename} is not a plain array")
    head = file.read(length)
    match = HEADER.fullmatch(head)
    if not match or match[1].decode() not in DTYPES:
        raise CheckpointError(
            f"{file.name} is not a charnn file: {info.filename} should be of one of the types {' '.join(DTYPES)} with "
            f"'fortran_order': False, and is {head[:100].decode('ascii', 'replace').strip()}"
        )
    dtype = np.dtype(match[1].decode())
    shape = tuple(int(n) for n in match[2].split(b",") if n.strip())
    size = dtype.itemsize
    for n in shape:
        size *= n
    if size != info.file_size - 10 - length:
        raise CheckpointError(f"{file.name} is truncated or corrupt: {info.filename} has {size} bytes by its shape")
    return Member(info.filename.removesuffix(".npy"), dtype, shape, start + 10 + length, size)


def _array(path: Path, archive: zipfile.ZipFile, member: Member, lazy: Iterable[str]) -> Ids:
    if member.name in lazy and member.size and len(member.shape) == 1:
        return LazyArray(FileHandle(path), member.dtype, member.offset, member.shape[0])
    data = archive.read(member.name + ".npy")  # verifies the checksum
    array = np.frombuffer(data, member.dtype, offset=len(data) - member.size).reshape(member.shape)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise CheckpointError(f"{path} has non-finite numbers in {member.name}: not a model to use")
    return array


def write(path: str | Path, arrays: Mapping[str, np.ndarray | Iterable[np.ndarray]], shapes: Any = None) -> None:
    """Write arrays to a .npz file, durably (`replace`). Plain `numpy.load` reads it.

    An array too large for memory comes as an iterable of 1-D pieces, with its (length, dtype) in `shapes`.
    """

    def fill(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, array in arrays.items():
                whole = isinstance(array, np.ndarray)
                shape, dtype = (array.shape, array.dtype) if isinstance(array, np.ndarray) else shapes[name]
                header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
                with archive.open(zipfile.ZipInfo(name + ".npy", EPOCH), "w", force_zip64=True) as member:
                    np.lib.format.write_array_header_1_0(member, header)
                    for piece in [array] if whole else array:
                        member.write(np.ascontiguousarray(piece).data)

    replace(path, fill)


def replace(path: str | Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write a file so that, whatever happens, its name leads to the whole old one or the whole new one.

    Into a new file in the same folder, flushed to the disk, renamed over the old; on any error it is removed. A
    symbolic link stays a link, and permissions stay. Raises `CharnnError` on a full disk and the like.
    """
    target = Path(os.path.realpath(path))
    temporary = None
    try:
        if target.exists() and not target.is_file():  # a device, say
            raise CharnnError(f"{path} is not a regular file, and cannot be made one: name another")
        import tempfile

        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            fill(file)
            file.flush()
            os.fchmod(file.fileno(), _mode(target))
            os.fsync(file.fileno())
        os.replace(temporary, target)
        temporary = None
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise CharnnError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _mode(target: Path) -> int:
    """The permissions of the file to be replaced, or those that any new file gets."""
    try:
        return stat.S_IMODE(os.stat(target).st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def json_array(value: Any) -> np.ndarray:
    """JSON as an array of its bytes."""
    return np.frombuffer(json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii"), np.uint8)


def json_value(path: str | Path, array: np.ndarray | None) -> dict[str, Any]:
    """The JSON object in such an array. Raises `CheckpointError`."""
    try:
        if array is None or array.dtype != np.uint8 or array.ndim != 1:
            raise ValueError("no header")
        value = json.loads(array.tobytes())
        if not isinstance(value, dict):
            raise ValueError("header is no object")
        return value
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a charnn file: {error}") from None
