"""Files that are no UTF-8 text but could be made one: what they are, by their first bytes, and the command for that."""

import shlex
from pathlib import Path

# First bytes, what such a file is, and a command in which {} is its name
MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "compressed by gzip", "gunzip < {} > text.txt"),
    *((b"BZh%d1AY&SY" % n, "compressed by bzip2", "bunzip2 < {} > text.txt") for n in range(1, 10)),
    (b"\xfd7zXZ\0", "compressed by xz", "unxz < {} > text.txt"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "unzstd < {} > text.txt"),
    (b"PK\x03\x04", "a zip archive", "unzip {}"),
    (b"PK\x05\x06", "an empty zip archive", "unzip -l {}"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x {}"),
    (b"\x00\x00\xfe\xff", "UTF-32", "iconv -f UTF-32 -t UTF-8 {} > text.txt"),
    (b"\xff\xfe\x00\x00", "UTF-32", "iconv -f UTF-32 -t UTF-8 {} > text.txt"),
    (b"\xff\xfe", "UTF-16", "iconv -f UTF-16 -t UTF-8 {} > text.txt"),
    (b"\xfe\xff", "UTF-16", "iconv -f UTF-16 -t UTF-8 {} > text.txt"),
)
TAR, TAR_AT = b"ustar", 257
ARCHIVES = ".tgz", ".tbz", ".tbz2", ".txz", ".tzst", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"
LOOKED_AT = 1 << 14  # bytes from the start of a text
WIDE = {"x0x0": "UTF-16LE", "0x0x": "UTF-16BE", "x000": "UTF-32LE", "000x": "UTF-32BE"}  # of 4 bytes, which are NUL
MANY, FEW = 0.4, 0.05  # share of NUL among the bytes that are the upper halves of characters, and among the others


def foreign(name: str, data: bytes) -> str | None:
    """What a file with these first bytes is, and what to do, for a message; None for what may be a text."""
    found = _found(name, data)
    if found is None:
        return None
    what, command = found
    given = "FILE" if name == "-" else shlex.quote(name)
    return f"{'standard input' if name == '-' else name} is {what}, no UTF-8 text: `{command.format(given)}`"


def _found(name: str, data: bytes) -> tuple[str, str] | None:
    for magic, what, command in MAGIC:
        if data.startswith(magic):
            if name.endswith(".npz") and data.startswith(b"PK"):
                return "a file of arrays", "charnn tokenize --decode {} > text.txt"
            archive = Path(name).name.lower().endswith(ARCHIVES)
            return ("a compressed tar archive", "tar -xf {}") if archive else (what, command)
    if data[TAR_AT : TAR_AT + len(TAR)] == TAR:
        return "a tar archive", "tar -xf {}"
    return _wide(data[:LOOKED_AT])


def _wide(data: bytes) -> tuple[str, str] | None:
    """UTF-16 or UTF-32 of mostly Latin text, without a byte order mark: NUL is every second byte, or three of four."""
    if len(data) < 8:
        return None
    places = [data[at::4] for at in range(4)]
    shares = [place.count(0) / len(place) for place in places]
    if any(FEW < share < MANY for share in shares):
        return None
    kind = WIDE.get("".join("0" if share >= MANY else "x" for share in shares))
    return (kind, f"iconv -f {kind} -t UTF-8 {{}} > text.txt") if kind else None
