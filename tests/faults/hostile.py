"""Files of arrays that no honest program wrote, made from one that did; for charnn and the naive twin alike."""

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

STORED, DEFLATED = 0, 8
FULL = 0xFFFFFFFF  # stands for a number of 64 bits
Change = Callable[[dict[str, Any], dict[str, np.ndarray]], object]


@dataclass(frozen=True)
class Member:
    """A member of a zip, with whatever it claims to be."""

    name: str
    data: bytes
    method: int = STORED
    size: int | None = None  # uncompressed
    crc: int | None = None
    at: int | None = None  # where the directory says it is
    hole: int = 0  # bytes that follow the data, and are not written


def zipped(members: Iterable[Member], path: Path, wide: bool = False) -> None:
    """Write a zip, byte by byte, so that nothing checks it; with sizes and places in 64 bits if `wide`."""
    directory, count = b"", 0
    with open(path, "wb") as file:
        for m in members:
            length = len(m.data) + m.hole
            size = length if m.size is None else m.size
            crc = zlib.crc32(m.data) if m.crc is None else m.crc
            start = file.tell() if m.at is None else m.at
            extra = struct.pack("<2H3Q", 1, 24, size, length, start) if wide else b""
            sizes = (FULL, FULL) if wide else (length, size)
            common = struct.pack("<4H3I2H", 0, m.method, 0, 0x21, crc, *sizes, len(m.name), len(extra))
            if m.at is None:
                file.write(b"PK\3\4\x14\0" + common + m.name.encode() + extra + m.data)
                file.seek(m.hole, io.SEEK_CUR)
            place = struct.pack("<3H2I", 0, 0, 0, 0, FULL if wide else start)
            directory += b"PK\1\2\x14\0\x14\0" + common + place + m.name.encode() + extra
            count += 1
        start = file.tell()
        file.write(directory)
        if wide:
            places = (count, count, len(directory), start)
            file.write(struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, *places))
            file.write(struct.pack("<4sIQI", b"PK\6\7", 0, start + len(directory), 1))
        end = (len(directory), min(start, FULL))
        file.write(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, *end, 0))


def members(data: bytes) -> list[Member]:
    """Those of a file that numpy.savez made."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [Member(name, archive.read(name)) for name in archive.namelist()]


def npy(array: Any) -> bytes:
    """A .npy, pickled where it has to be."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def header(shape: object, descr: str = "<f4", order: bool = False) -> bytes:
    """The head of a .npy that claims this shape."""
    text = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text


def bomb(name: str, megabytes: int) -> Member:
    """So many megabytes of zeros, deflated to a thousandth without ever being there."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    head, zeros = header(((megabytes << 20) // 4,)), bytes(1 << 20)
    first = squeeze.compress(head) + squeeze.flush(zlib.Z_FULL_FLUSH)
    block = squeeze.compress(zeros) + squeeze.flush(zlib.Z_FULL_FLUSH)
    crc = zlib.crc32(head)
    for _ in range(megabytes):
        crc = zlib.crc32(zeros, crc)
    data = first + block * megabytes + squeeze.flush()
    return Member(name, data, DEFLATED, len(head) + (megabytes << 20), crc)


def wide(name: str, length: int = 1_500_000_000) -> Member:
    """A .npy whose header is of 1.5 GB, of which all but the start is a hole in the file."""
    return Member(name, b"\x93NUMPY\x02\0" + struct.pack("<I", length) + b"{'descr': ", hole=length)


def flipped(data: bytes, seed: int) -> bytes:
    """One bit of it flipped."""
    rng, changed = random.Random(seed), bytearray(data)
    changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


class Trap:
    """Leaves a file called canary behind where it is unpickled."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("canary"),)


def trap() -> bytes:
    """A .npy with an array of such objects."""
    return npy(np.array([Trap()], object))


def arrays(data: bytes) -> dict[str, np.ndarray]:
    """What NumPy makes of a file."""
    with np.load(io.BytesIO(data), allow_pickle=False) as read:
        return dict(read)


def forged(data: bytes, change: Change, path: Path, text: Callable[[str], str] = str) -> None:
    """Write a charnn file with its header and arrays changed, `text` applied to the header's JSON, and a right digest.

    Nothing of it is wrong but what was changed, so that no earlier check can hide a later one.
    """
    from charnn.runs.checkpoint import digest

    found = arrays(data)
    facts = json.loads(found.pop("header").tobytes())
    change(facts, found)
    if facts.pop("digest", None):
        facts["digest"] = digest(facts, found)
    said = np.frombuffer(text(json.dumps(facts)).encode(), np.uint8)
    zipped([Member(f"{name}.npy", npy(array)) for name, array in {"header": said, **found}.items()], path)
