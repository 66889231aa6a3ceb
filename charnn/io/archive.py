"""The members of a plain zip, read with suspicion: stored, one after the other, with nothing between or beyond.

What the directory at the end says is bounded before it is read, and checked against the file before it is believed.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import CheckpointError
from .handle import Extent, FileHandle

MEMBER = re.compile(r"[a-z0-9_]+(?:[./][A-Za-z0-9_]+)*\.npy", re.ASCII)
MAX_MEMBERS = 0xFFFE  # as many as a directory counts without an extension
MAX_DIRECTORY = MAX_MEMBERS * 200  # bytes
LOCAL = struct.Struct("<4s5H3I2H")
ENTRY = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
END_64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR_64 = struct.Struct("<4sIQI")
FULL = 0xFFFFFFFF  # stands for a number that is in an extension, with 64 bits


class Damaged(ValueError):
    """Bytes that are not what `write` makes."""


@dataclass(frozen=True)
class Member:
    """A name, and where its bytes lie."""

    name: str
    extent: Extent


class _Directory(NamedTuple):
    start: int
    size: int
    entries: int


def members(file: FileHandle) -> list[Member]:
    """The members of a zip. Raises `Damaged` for what is no such zip, and `CheckpointError` for what no member is."""
    directory = _directory(file)
    found: dict[str, Member] = {}
    end = 0
    for fields, name, extra in _entries(file.read(directory.start, directory.size)):
        member, start = _member(file, fields, name, extra)
        if member.name in found:
            raise CheckpointError(f"{file.path} is not a charnn file: two members called {member.name}")
        if start != end:
            raise Damaged(f"{member.name} is not where it should be")
        end = member.extent.offset + member.extent.size
        found[member.name] = member
    if not found or len(found) != directory.entries or end != directory.start:
        raise Damaged("bytes that belong to no array")
    return list(found.values())


def _directory(file: FileHandle) -> _Directory:
    """Where the directory is, by the records at the file's end."""
    stop = file.size - END.size
    if stop < 0:
        raise Damaged("it is too short")
    magic, *_, count, size, start, comment = END.unpack(file.read(stop, END.size))
    if magic != b"PK\5\6" or comment:
        raise Damaged("there is no directory at its end")
    before = max(0, stop - LOCATOR_64.size - END_64.size)
    wide = file.read(before, stop - before)
    if len(wide) == stop - before and wide.startswith(b"PK\6\7", END_64.size):  # what is beyond 2 GB, in 64 bits
        stop = before
        magic, *_, count, size, start = END_64.unpack_from(wide)
        if magic != b"PK\6\6" or LOCATOR_64.unpack_from(wide, END_64.size)[2] != stop:
            raise Damaged("there is no directory at its end")
    if count > MAX_MEMBERS or size > MAX_DIRECTORY:
        raise CheckpointError(f"{file.path} is not a charnn file: a directory of {count:,} members and {size:,} bytes")
    if start + size != stop:
        raise Damaged("bytes that belong to no array")
    return _Directory(start, size, count)


def _entries(data: bytes) -> Iterator[tuple[tuple[int, ...], bytes, bytes]]:
    """The fields, the name and the extension of each entry of a directory."""
    at = 0
    while at < len(data):
        if len(data) - at < ENTRY.size or not data.startswith(b"PK\1\2", at):
            raise Damaged("its directory is not one")
        fields = ENTRY.unpack_from(data, at)
        name = at + ENTRY.size
        extra, at = name + fields[10], name + sum(fields[10:13])
        yield fields, data[name:extra], data[extra : extra + fields[11]]
    if at != len(data):
        raise Damaged("its directory is cut off")


def _member(file: FileHandle, fields: tuple[int, ...], raw: bytes, extra: bytes) -> tuple[Member, int]:
    """A member by its entry in the directory, and where its own header starts."""
    name = raw.decode("ascii", "backslashreplace")
    if not MEMBER.fullmatch(name):
        raise CheckpointError(f"{file.path} is not a charnn file: member {name!r:.80}")
    flags, method, crc, packed, size, start = fields[3], fields[4], *fields[7:10], fields[16]
    wide = iter(_wide(extra))
    size, packed, start = (next(wide, FULL) if value == FULL else value for value in (size, packed, start))
    if method != 0 or size != packed or flags & 1:
        raise CheckpointError(f"{file.path} is not a charnn file: {name} is compressed or encrypted")
    if start > file.size:
        raise Damaged(f"{name} is not where it should be")
    head = file.read(start, LOCAL.size + len(raw))
    magic, *_, named, more = LOCAL.unpack_from(head)
    if magic != b"PK\3\4" or named != len(raw) or head[LOCAL.size :] != raw:
        raise Damaged(f"{name} is not where it should be")
    return Member(name.removesuffix(".npy"), Extent(start + len(head) + more, size, crc)), start


def _wide(extra: bytes) -> tuple[int, ...]:
    """Numbers of 64 bits in an entry's extension."""
    if len(extra) < 4:
        return ()
    kind, length = struct.unpack_from("<2H", extra)
    return struct.unpack_from(f"<{length // 8}Q", extra, 4) if kind == 1 and length == len(extra) - 4 else ()
