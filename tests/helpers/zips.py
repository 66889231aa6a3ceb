"""Files of arrays, made as anybody would, and byte by byte."""

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from charnn.io import npz
from charnn.io.header import json_array

ARRAYS: dict[str, np.ndarray] = {
    "header": json_array({"some": "words"}),
    "weights/0/W": np.arange(12, dtype=np.float32).reshape(3, 4),
    "ids": np.arange(40, dtype=np.uint16),
}


def equal(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> bool:
    return found.keys() == wanted.keys() and all(
        found[name].dtype == a.dtype and found[name].shape == a.shape and np.array_equal(found[name], a)
        for name, a in wanted.items()
    )


def archive(members: dict[str, bytes], **options: Any) -> bytes:
    """A zip of these members, made as anybody would."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return file.getvalue()


def npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def raw(header: str, data: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    """A .npy with any header."""
    text = header.encode()
    return b"\x93NUMPY" + struct.pack("<BBH", version, 0, len(text) if length is None else length) + text + data


def saved(folder: Path, data: bytes) -> Path:
    path = folder / "some.npz"
    path.write_bytes(data)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def whole(folder: Path) -> bytes:
    path = folder / "whole.npz"
    npz.write(path, ARRAYS)
    return path.read_bytes()
