"""A run in one self-contained .npz: header (JSON), weights/..., iterate/..., moments/<i>/..., state/<i>. No pickle."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..config import TEXT
from ..errors import CharnnError, CheckpointError, UsageError
from ..io import npz
from ..io.header import check_version, json_array
from ..machine import available_memory, environment
from ..version import __version__
from .frame import COUNTERS, understand
from .run import Run

FORMAT = "charnn model"
VERSION = 2  # of tasks other than text; those of text have version 1


def save(path: str | Path, run: Run, *, resumable: bool = True, folder: int | None = None) -> None:
    """Write a run, durably; without what only resuming needs where that is not wanted. Raises `CharnnError`.

    `folder` is the descriptor of the folder that the file is in, if it is held open.
    """
    arrays = {f"weights/{name}": w for name, w in run.weights.items()}
    if resumable:
        for i, moment in enumerate(run.moments):
            arrays |= {f"moments/{i}/{name}": m for name, m in moment.items()}
        arrays |= {f"state/{i}": s for i, s in enumerate(run.state)}
        arrays |= {f"iterate/{name}": w for name, w in (run.iterate or {}).items()}
    header = {
        "format": FORMAT,
        "version": VERSION if run.task != TEXT else 1,
        "charnn": __version__,
        "environment": environment(),
        "model": asdict(run.model.config),
        "train": asdict(run.config),
        "vocabulary": asdict(run.vocabulary),
        "origin": asdict(run.origin),
        **{stored: getattr(run, name) for stored, name in COUNTERS.items()},
        "history": run.history,
        "products": run.tilings.dump(),
    }
    if run.start:
        header["start"] = asdict(run.start)
    if run.task != TEXT:
        header["task"] = asdict(run.task)
    header["digest"] = digest(header, arrays)
    npz.write(path, {"header": json_array(header), **arrays}, folder=folder)


def load(path: str | Path) -> Run:
    """Read a run; one saved as not resumable has no moments and no state. Raises `CheckpointError`, `CharnnError`."""
    reader, header = read_header(path)
    check_version(path, header, VERSION)
    try:
        frame = understand(path, header, reader.arrays)
    except UsageError as error:
        raise CheckpointError(f"{path} is corrupt: {error}") from None
    except (KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise CheckpointError(f"{path} is corrupt: {error!r}") from None
    expected = frame.expected
    _compare(path, expected, reader.arrays)
    need, there = sum(array.extent.size for array in reader.arrays.values()), available_memory()
    if there is not None and need > there:
        raise CharnnError(f"{path} needs {need / 1e9:.1f} GB, and there are {there / 1e9:.1f} GB")
    arrays = {name: reader.read(name) for name in expected}
    if header.pop("digest", None) != digest(header, arrays):
        raise CheckpointError(f"{path} is truncated or corrupt: its digest is not that of its content")
    return frame.run(arrays)


def read_header(path: str | Path) -> tuple[npz.Reader, dict[str, Any]]:
    """The file of a run, held open, and its header, of which only the format is checked. Raises as `load`."""
    reader = npz.Reader(path)
    header = reader.header()
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a charnn model: {header.get('format')!s:.40}")
    return reader, header


def digest(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """sha256 over the header and every array's name, type, shape and bytes."""
    sha = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        sha.update(f"{name} {array.dtype.str} {array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


def _compare(path: str | Path, expected: Mapping[str, tuple[int, ...]], arrays: Mapping[str, npz.Stored]) -> None:
    """The arrays must be those that the configuration asks for: no more, no fewer, with its shapes."""
    for name in sorted(expected.keys() | arrays.keys() - {"header"}):
        there = f"{arrays[name].dtype} {arrays[name].shape}" if name in arrays else "nothing"
        wanted = f"float32 {expected[name]}" if name in expected else "nothing"
        if there != wanted:
            raise CheckpointError(f"{path} is corrupt: {name} should be {wanted}, and is {there}")
