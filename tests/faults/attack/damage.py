"""Attacks by damaged and forged files: models, tokenised files, weights of PyTorch."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tests.faults.hostile import Member, forged, members, npy, trap, zipped

from .server import Attack, run
from .stock import MODELS, TOKENS, reader

BAD = "bad.npz"
VALUES: list[Any] = [
    None, "", 0, -1, 1, 2, 2**31, 2**62, 10**30, 1e308, 1e-320, 0.5, [], {}, [[]], ["x"], [0], [-1], [2**40], [None],
    "x" * 5000, "\x1b[31m", "\u202egnp", "\ud800", "../x", "/dev/zero", "/proc/kmsg", "line", "lstm", "text", "fill",
    True, False, {"x": 1.0}, {"": None}, [1.5, 2], "1.0:0.5", "nan", "a\0b", [["a"]],
]  # fmt: skip
FLOATS = [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45, -0.0, 0.0, 1e30]
TYPES = "<f8", "<f2", ">f4", "<i8", "<i4", "|u1", "<c8", "|b1", "<u2", "<U1"


def bits(rng: Random, folder: Path) -> Attack:
    """Bytes of a model or a tokenised file changed, cut, added or moved: noticed, or without effect."""
    kind = rng.choice([*MODELS, *TOKENS])
    good = (folder / f"{kind}.npz").read_bytes()
    (folder / BAD).write_bytes(good)
    args = reader(rng, kind, BAD)
    wanted = run(Attack(args), folder)
    for made in ("checkpoints", "out.safetensors"):
        _remove(folder / made)
    (folder / BAD).write_bytes(changed(rng, good))
    return Attack(args, sound=wanted.out)


def changed(rng: Random, data: bytes) -> bytes:
    """Bytes with something done to them."""
    at, other = sorted(rng.choices(range(len(data)), k=2))
    near = at + rng.randint(1, 40)
    found = bytearray(data)
    match rng.randrange(9):
        case 0 | 1 | 2:
            for _ in range(rng.choice([1, 1, 2, 8, 100])):
                found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
        case 3:
            return data[:at]
        case 4:
            found[at:near] = bytes(len(found[at:near]))
        case 5:
            found[at:at] = rng.randbytes(rng.randint(1, 40))
        case 6:
            del found[at:near]
        case 7:
            found[at:other] = found[other : other + other - at]
        case _:
            end = max(0, len(found) - rng.randint(1, 400))  # the directory at the end, or a tail of its own
            found[end : end + 4] = rng.choice([b"\xff" * 4, b"\0" * 4, b"PK\5\6", rng.randbytes(4)])
    return bytes(found)


def header(rng: Random, folder: Path) -> Attack:
    """A value anywhere in the header of a model or a tokenised file replaced, removed or added, the digest right."""
    kind = rng.choice([*MODELS, *TOKENS])

    def change(facts: dict[str, Any], found: dict[str, np.ndarray]) -> None:
        for _ in range(rng.choice([1, 1, 1, 2, 5])):
            _disturb(rng, facts)

    forged((folder / f"{kind}.npz").read_bytes(), change, folder / BAD)
    return Attack(reader(rng, kind, BAD))


def _disturb(rng: Random, value: Any) -> None:
    """Change something somewhere within lists and objects."""
    keys: list[Any] = [*value] if isinstance(value, dict) else [*range(len(value))]
    if not keys:
        return
    key = rng.choice(keys)
    if isinstance(value[key], dict | list) and value[key] and rng.random() < 0.75:
        _disturb(rng, value[key])
        return
    match rng.randrange(6):
        case 0:
            del value[key]
        case 1 if isinstance(value, dict):
            value[rng.choice(["x", "", "\x1b", "names", "task"])] = rng.choice(VALUES)
        case 2 if isinstance(value[key], int | float):
            value[key] = rng.choice([-value[key], value[key] + 1, value[key] * 1000, value[key] / 3])
        case 3 if isinstance(value[key], str):
            value[key] = rng.choice([value[key][1:], value[key] * 2, value[key].upper(), value[key] + "\n"])
        case _:
            value[key] = rng.choice(VALUES)


def numbers(rng: Random, folder: Path) -> Attack:
    """An array of a model or a tokenised file changed in value, type, shape or name, the digest right."""
    kind = rng.choice([*MODELS, *TOKENS])

    def change(facts: dict[str, Any], found: dict[str, np.ndarray]) -> None:
        name = rng.choice(sorted(found))
        array = found[name].copy()
        match rng.randrange(7):
            case 0:
                del found[name]
            case 1:
                found[rng.choice(["weights/x", "x", "state/9", "moments/7/x", "header2"])] = array
            case 2:
                found[name] = array.astype(rng.choice(TYPES))
            case 3 if array.ndim:
                found[name] = rng.choice(
                    [array[:-1], array[None], array.T, array.reshape(-1), array[:0], array[..., 0]]
                )
            case _ if array.size:
                array.flat[rng.randrange(array.size)] = _number(rng, array.dtype)
                found[name] = array

    forged((folder / f"{kind}.npz").read_bytes(), change, folder / BAD)
    return Attack(reader(rng, kind, BAD))


def _number(rng: Random, dtype: np.dtype) -> Any:
    if dtype.kind == "f":
        return rng.choice(FLOATS)
    most = np.iinfo(dtype).max
    return rng.choice([0, 1, most, most - 1, rng.randint(0, int(most))])


def archive(rng: Random, folder: Path) -> Attack:
    """A zip whose members are renamed, doubled, left out, reordered, hollow, or of a false size or checksum."""
    kind = rng.choice([*MODELS, *TOKENS])
    found = members((folder / f"{kind}.npz").read_bytes())
    at = rng.randrange(len(found))
    one = found[at]
    tricks: list[Callable[[], Member]] = [
        lambda: Member(
            rng.choice(["../x.npy", "/x.npy", "x\n.npy", "\x1b[1m.npy", "x" * 300 + ".npy", "é.npy"]), one.data
        ),
        lambda: Member(found[rng.randrange(len(found))].name, one.data),
        lambda: Member(one.name, one.data, size=rng.choice([0, 1, 2**32 - 1, len(one.data) + 1])),
        lambda: Member(one.name, one.data, crc=rng.getrandbits(32)),
        lambda: Member(one.name, one.data, method=rng.choice([8, 12, 14, 99])),
        lambda: Member(one.name, one.data, at=rng.choice([0, 1, 2**31, 2**32 - 2])),
        lambda: Member(one.name, trap()),
        lambda: Member(one.name, one.data[: rng.randrange(len(one.data))]),
        lambda: Member(one.name, one.data + b"\0" * rng.randint(1, 9)),
        lambda: Member(one.name, npy(np.zeros((0, rng.randint(0, 9)), np.float32))),
    ]
    found[at] = rng.choice(tricks)()
    if rng.random() < 0.2:
        rng.shuffle(found)
    zipped(found, folder / BAD, wide=rng.random() < 0.2)
    return Attack(reader(rng, kind, BAD))


def weights(rng: Random, folder: Path) -> Attack:
    """A file of PyTorch's weights, its header, or a vocabulary for it, changed."""
    data = (folder / "weights.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    if rng.random() < 0.4:
        data = changed(rng, data)
    else:
        facts = json.loads(data[8 : 8 + size])
        for _ in range(rng.choice([1, 1, 3])):
            _disturb(rng, facts)
        head = json.dumps(facts).encode()
        data = struct.pack("<Q", len(head)) + head + data[8 + size :]
    (folder / "bad.safetensors").write_bytes(data)
    args = ["import", "bad.safetensors", "--name", "x"]
    if rng.random() < 0.5:
        words: Any = rng.choice([[*"abc"], {"a": 0, "b": 1}, {"a": -1}, ["", "a", "a"], [1], "abc", None, {"a": 1e9}])
        text = rng.choice([json.dumps(words), "{", "", "\ufeff[]", "[" * 100_000, '"\\ud800"'])
        (folder / "words.json").write_text(text, "utf-8")
        args += ["--vocabulary", "words.json"]
    return Attack(args)


def _remove(path: Path) -> None:
    import shutil

    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
