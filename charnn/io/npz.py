"""Arrays in a .npz file, read with suspicion and written durably.

Anything `numpy.load` could be talked into by a hostile or damaged file is refused here: what is accepted is a plain
zip of stored, checksummed .npy members with short headers, whose sizes are those of the file itself.
"""

import math
import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..errors import CharnnError, CheckpointError
from .archive import MAX_MEMBERS, Damaged, Member, members
from .durable import replace
from .handle import Extent, FileHandle
from .header import MAX_BYTES, json_value
from .lazy import LazyArray

DTYPES = ("|u1", "<u2", "<u4", "<i8", "<f4", "<f8")
SHAPE = rb"(?:\d{1,18}(?:, \d{1,18}){0,31},?)?"
HEADER = re.compile(
    rb"\{'descr': '([|<][a-z]\d)', 'fortran_order': False, 'shape': \((" + SHAPE + rb")\), \} *\n", re.ASCII
)
LONGEST_HEADER = 4096
MAX_ELEMENTS = 1 << 48
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same arrays make the same file, whenever they are written


class Stored(NamedTuple):
    """An array in a file: what it is, and where it lies."""

    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int  # bytes before its first number
    extent: Extent  # its member's


class Reader:
    """The arrays of a .npz file, each read when it is asked for.

    Raises `CheckpointError` for a file that is not exactly as `write` makes one, before memory is taken for its
    arrays. Raises `CharnnError` where the file cannot be read.
    """

    def __init__(self, path: str | Path):
        self.file = FileHandle(Path(path))
        try:
            self.arrays = {member.name: _npy_header(self.file, member) for member in members(self.file)}
        except Damaged as error:
            ours = self.file.size >= 4 and self.file.read(0, 4) == b"PK\x03\x04"
            what = f"truncated or corrupt: {error}" if ours else "not a charnn file"
            raise CheckpointError(f"{path} is {what}") from None

    def header(self) -> dict[str, Any]:
        """The JSON object in the array `header`."""
        found = self.arrays.get("header")
        if found and found.extent.size > MAX_BYTES + LONGEST_HEADER:
            raise CheckpointError(f"{self.file.path} is not a charnn file: a header of {found.extent.size:,} bytes")
        return json_value(self.file.path, self.read("header") if found else None)

    def read(self, name: str) -> np.ndarray:
        """An array, its checksum verified, and its numbers finite."""
        dtype, shape, offset, (start, size, crc) = self.arrays[name]
        data = self.file.read(start, size)
        if zlib.crc32(data) != crc:
            raise CheckpointError(f"{self.file.path} is truncated or corrupt: the checksum of {name} differs")
        array = np.frombuffer(data, dtype, offset=offset - start).reshape(shape)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise CheckpointError(f"{self.file.path} has non-finite numbers in {name}: not a model to use")
        return array

    def lazy(self, name: str) -> LazyArray:
        """A 1-D array that stays in the file. `LazyArray.checked` verifies its checksum."""
        dtype, (length,), offset, extent = self.arrays[name]
        self.file.guarded += (extent,)
        return LazyArray(self.file, dtype, offset, length, extent)


def _npy_header(file: FileHandle, member: Member) -> Stored:
    """Parse a .npy header by pattern, never by evaluating it."""
    start, size, _ = member.extent
    if size < 10:
        raise Damaged(f"{member.name} is not a plain array")
    magic, version, length = struct.unpack("<6sHH", file.read(start, 10))
    if magic != b"\x93NUMPY" or version != 1 or length > min(LONGEST_HEADER, size - 10):
        raise CheckpointError(f"{file.path} is not a charnn file: {member.name} is not a plain array")
    head = file.read(start + 10, length)
    match = HEADER.fullmatch(head)
    if not match or match[1].decode() not in DTYPES:
        raise CheckpointError(
            f"{file.path} is not a charnn file: {member.name} should be of one of the types {' '.join(DTYPES)} with "
            f"'fortran_order': False, and is {head[:100].decode('ascii', 'replace').strip()}"
        )
    dtype = np.dtype(match[1].decode())
    shape = tuple(int(n) for n in match[2].split(b",") if n)
    if (there := dtype.itemsize * math.prod(shape)) != size - 10 - length:
        raise Damaged(f"{member.name} has {there} bytes by its shape")
    if math.prod(max(n, 1) for n in shape) > MAX_ELEMENTS:  # which an axis of length 0 hides
        raise Damaged(f"{member.name} has the shape {shape}")
    return Stored(dtype, shape, start + 10 + length, member.extent)


def write(
    path: str | Path,
    arrays: Mapping[str, np.ndarray | Iterable[np.ndarray]],
    shapes: Any = None,
    folder: int | None = None,
) -> None:
    """Write arrays to a .npz file, durably (`replace`, which knows what `folder` is). Plain `numpy.load` reads it.

    An array too large for memory comes as an iterable of 1-D pieces, with its (length, dtype) in `shapes`.
    """
    if len(arrays) > MAX_MEMBERS:
        raise CharnnError(f"{path} cannot be written: {len(arrays):,} arrays, where a file has {MAX_MEMBERS:,} at most")

    import zipfile  # which reading does without

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

    replace(path, fill, folder)
