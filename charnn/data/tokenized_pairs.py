"""Tokenised files of pairs: a .npz whose ids are read as they are needed."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError, UsageError
from ..io import npz
from ..io.lazy import pieces
from ..io.text import POLICIES, Source, Watch
from ..version import __version__
from .pairs import PairFormat, Pairs, Ragged, encoded, scan
from .units import from_json, is_label

FORMAT = "charnn pairs"
VERSION = 1
SIDES = "source", "target"


def write(
    path: str | Path,
    sources: Sequence[Source],
    format: PairFormat,
    invalid: str = "error",
    watch: Watch = iter,
    **reserved: Any,
) -> None:
    """Tokenise pairs into a file, in bounded memory but for 16 bytes a pair. `reserved`: see `pairs.read`."""
    found = scan(sources, format, invalid, watch)
    vocabulary = found.vocabulary(format, **reserved)
    lengths: tuple[list[Any], list[Any]] = ([], [])
    for sides in encoded(sources, format, vocabulary, invalid, watch):
        for kept, (_, some) in zip(lengths, sides, strict=True):
            kept.append(some)
    every = [np.concatenate([np.empty(0, np.uint32), *some]).astype(np.uint32) for some in lengths]
    header = {
        "format": FORMAT,
        "version": VERSION,
        "charnn": __version__,
        "vocabulary": asdict(vocabulary),
        "pairs": asdict(format),
        "names": [source.name for source in sources],
        "counts": found.counts,
        "sha256": found.sha256,
        "invalid": invalid,
    }
    arrays: dict[str, Any] = {"header": npz.json_array(header)}
    shapes = {}
    for i, side in enumerate(SIDES):
        passes = encoded(sources, format, vocabulary, invalid, watch)  # one for each side, since a file holds one first
        arrays |= {f"{side}/lengths": every[i], f"{side}/ids": map(partial(_ids, i), passes)}
        shapes[f"{side}/ids"] = ((int(every[i].sum()),), vocabulary.dtype)
    npz.write(path, arrays, shapes)


def _ids(side: int, pairs: tuple[tuple[np.ndarray, np.ndarray], ...]) -> np.ndarray:
    return pairs[side][0]


def read(path: str | Path) -> Pairs:
    """The pairs in a tokenised file, whose ids stay in it. Raises `CheckpointError`."""
    arrays = npz.read(path, lazy=[f"{side}/ids" for side in SIDES])
    header = npz.json_value(path, arrays.pop("header", None))
    try:
        if header["format"] != FORMAT:
            raise CheckpointError(f"{path} has no tokenised pairs: it is {header['format']!s:.40}")
        if header["version"] > VERSION:
            raise CheckpointError(f"{path} needs charnn >= {header.get('charnn')!s:.20}: a newer one wrote it")
        vocabulary = from_json(path, header["vocabulary"])
        format, counts = PairFormat(**header["pairs"]), tuple(header["counts"])
        if arrays.keys() != {f"{side}/{part}" for side in SIDES for part in ("ids", "lengths")}:
            raise CheckpointError(f"{path} is corrupt: it holds {', '.join(sorted(arrays))}")
        source, target = (_side(path, arrays, side, vocabulary.dtype, sum(counts)) for side in SIDES)
        format.parse()
        if (format.source, format.target) != (vocabulary.source, vocabulary.target):
            raise CheckpointError(f"{path} is corrupt: its vocabulary is of other sides")
        for side, kind in zip((source, target), (format.source, format.target), strict=True):
            most = len(vocabulary.labels) if is_label(kind) else vocabulary.unknown
            if any(int(piece.max(initial=0)) > most for piece in pieces(side.ids)):
                raise CheckpointError(f"{path} is corrupt: its ids are not those of its vocabulary")
        if not isinstance(header["sha256"], str) or header["invalid"] not in POLICIES:
            raise CheckpointError(f"{path} is corrupt: it is of no text")
        name = str(Path(path).absolute())
        return Pairs(source, target, vocabulary, (name,), (sum(counts),), header["sha256"], format, header["invalid"])
    except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
        raise CheckpointError(f"{path} is corrupt: {error!r}") from None


def _side(path: str | Path, arrays: dict[str, Any], side: str, dtype: np.dtype, count: int) -> Ragged:
    ids, lengths = arrays[f"{side}/ids"], arrays[f"{side}/lengths"]
    edges = np.concatenate([[0], lengths]).astype(np.int64).cumsum()
    if lengths.dtype != np.uint32 or ids.dtype != dtype or len(lengths) != count or edges[-1] != len(ids):
        raise CheckpointError(f"{path} is corrupt: its {side}s are not {count} sequences of {dtype}")
    return Ragged(ids, edges)
