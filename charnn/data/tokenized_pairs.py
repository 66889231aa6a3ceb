"""Tokenised files of pairs: a .npz whose ids are read as they are needed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError, UsageError
from ..io import npz
from ..io.header import check_version, json_array, typed
from ..io.lazy import LazyArray
from ..io.text import POLICIES, Source, Watch
from ..version import __version__
from .pairs import MIN_PAIRS, PairFormat, Pairs, Ragged, assert_enough, encoded, scan
from .tokenized import PAIRS as FORMAT
from .units import PairVocabulary, from_json, is_label

VERSION = 1
SIDES, PARTS = ("source", "target"), ("ids", "lengths")


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
    assert_enough(sources, sum(found.counts))
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
    arrays: dict[str, Any] = {"header": json_array(header)}
    shapes = {}
    for i, side in enumerate(SIDES):
        passes = encoded(sources, format, vocabulary, invalid, watch)  # one for each side, since a file holds one first
        arrays |= {f"{side}/lengths": every[i], f"{side}/ids": map(partial(_ids, i), passes)}
        shapes[f"{side}/ids"] = ((int(every[i].sum()),), vocabulary.dtype)
    npz.write(path, arrays, shapes)


def _ids(side: int, pairs: tuple[tuple[np.ndarray, np.ndarray], ...]) -> np.ndarray:
    return pairs[side][0]


@dataclass(frozen=True)
class _Header:
    """What a header says beside its format, its vocabulary and how lines are read."""

    charnn: str
    counts: list[int]
    sha256: str
    invalid: str


def read(path: str | Path) -> Pairs:
    """The pairs in a tokenised file, whose ids stay in it. Raises `CheckpointError`."""
    reader = npz.Reader(path)
    header = reader.header()
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{path} has no tokenised pairs: it is {header.get('format')!s:.40}")
    check_version(path, header, VERSION)
    try:
        found = _Header(**typed(_Header, {spec.name: header[spec.name] for spec in fields(_Header)}))
        vocabulary = from_json(path, header["vocabulary"])
        format = PairFormat(**typed(PairFormat, header["pairs"]))
        format.parse()
    except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
        raise CheckpointError(f"{path} is corrupt: {error!r}") from None
    if (format.source, format.target) != (vocabulary.source, vocabulary.target):
        raise CheckpointError(f"{path} is corrupt: its vocabulary is of other sides")
    if len(found.sha256) != 64 or found.invalid not in POLICIES or min(found.counts, default=-1) < 0:
        raise CheckpointError(f"{path} is corrupt: it is of no text")
    if (there := reader.arrays.keys() - {"header"}) != {f"{side}/{part}" for side in SIDES for part in PARTS}:
        raise CheckpointError(f"{path} is corrupt: it holds {', '.join(sorted(there)) or 'nothing'}")
    count, name = sum(found.counts), str(Path(path).absolute())
    if count < MIN_PAIRS:
        raise CheckpointError(f"{path} is corrupt: it has {count} pairs, where at least {MIN_PAIRS} are needed")
    source, target = (
        _side(reader, side, vocabulary, kind, count)
        for side, kind in zip(SIDES, (format.source, format.target), strict=True)
    )
    return Pairs(source, target, vocabulary, (name,), (count,), found.sha256, format, found.invalid)


def _side(reader: npz.Reader, side: str, vocabulary: PairVocabulary, kind: str, count: int) -> Ragged:
    """One side of all pairs, of which every number is checked. Its ids stay in the file."""
    path, (ids, lengths) = reader.file.path, (reader.arrays[f"{side}/{part}"] for part in PARTS)
    wanted = (vocabulary.dtype, 1), (np.dtype(np.uint32), 1)
    if tuple((array.dtype, len(array.shape)) for array in (ids, lengths)) != wanted or lengths.shape != (count,):
        raise CheckpointError(f"{path} is corrupt: its {side}s are not {count} sequences of {vocabulary.dtype}")
    edges = np.concatenate([[0], reader.read(f"{side}/lengths")]).astype(np.int64).cumsum()
    if ids.shape != (edges[-1],):
        raise CheckpointError(f"{path} is corrupt: its {side}s are not {count} sequences of {vocabulary.dtype}")
    found: LazyArray = reader.lazy(f"{side}/ids")
    most = len(vocabulary.labels) if is_label(kind) else vocabulary.unknown
    if max((int(piece.max()) for piece in found.checked()), default=0) > most:
        raise CheckpointError(f"{path} is corrupt: its ids are not those of its vocabulary")
    return Ragged(found, edges)
