"""Tokenised files: a corpus as a .npz that says what it is, read back as it is needed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from ..errors import CheckpointError
from ..io import npz
from ..io.header import check_version, json_array, typed
from ..io.lazy import LazyArray
from ..io.text import POLICIES, Source, Watch
from ..version import __version__
from .corpus import Corpus, scan, symbols
from .vocabulary import EOS, MIN_SYMBOLS, Vocabulary, from_json

FORMAT = "charnn tokens"
PAIRS = "charnn pairs"  # the format of tokenised pairs
VERSION = 1


def write(
    path: str | Path,
    sources: Sequence[Source],
    sequence: str = "auto",
    invalid: str = "error",
    watch: Watch = iter,
    characters: str = "",
) -> None:
    """Tokenise texts of any size into a file, in bounded memory: some pieces of 1 MB, and the counts (20 MB in all).

    See `corpus.read`.
    """
    found = scan(sources, invalid, watch)
    vocabulary = found.vocabulary(sequence, characters)
    size, silent = found.layout(vocabulary)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "charnn": __version__,
        "vocabulary": asdict(vocabulary),
        "names": [source.name for source in sources],
        "sha256": found.sha256,
        "invalid": invalid,
        "silent": silent,
    }
    pieces = symbols(sources, found, vocabulary, invalid, watch)
    npz.write(path, {"header": json_array(header), "ids": pieces}, {"ids": ((size,), vocabulary.dtype)})


@dataclass(frozen=True)
class _Header:
    """What a header says beside its format and its vocabulary."""

    charnn: str
    names: list[str]
    sha256: str
    invalid: str
    silent: list[int]


def read(path: str | Path) -> Corpus:
    """The corpus in a tokenised file, whose ids stay in it. Raises `CheckpointError`, and `CharnnError`."""
    reader = npz.Reader(path)
    header = reader.header()
    if header.get("format") != FORMAT:
        of_pairs = ": give its --task" if header.get("format") == PAIRS else ""
        raise CheckpointError(f"{path} is not a tokenised text: {header.get('format')!s:.40}{of_pairs}")
    check_version(path, header, VERSION)
    try:
        found = _Header(**typed(_Header, {spec.name: header[spec.name] for spec in fields(_Header)}))
        vocabulary = from_json(path, header.get("vocabulary"))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is corrupt: {error!r}") from None
    if found.invalid not in POLICIES or len(found.sha256) != 64:
        raise CheckpointError(f"{path} is corrupt: it is of no text")
    ids = _ids(reader, vocabulary)
    _check(path, ids, vocabulary, np.array(found.silent, np.int64))
    name = str(Path(path).absolute())
    return Corpus(ids, vocabulary, tuple(found.silent), (name,), found.sha256, found.invalid)


def _ids(reader: npz.Reader, vocabulary: Vocabulary) -> LazyArray:
    """The ids, unless there is anything else."""
    arrays = {name: array for name, array in reader.arrays.items() if name != "header"}
    if arrays.keys() == {"ids"} and arrays["ids"].dtype == vocabulary.dtype and len(arrays["ids"].shape) == 1:
        return reader.lazy("ids")
    there = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items()) or "nothing"
    raise CheckpointError(
        f"{reader.file.path} is corrupt: it should hold ids {vocabulary.dtype} (N,), and holds {there}"
    )


def _check(path: str | Path, ids: LazyArray, vocabulary: Vocabulary, silent: np.ndarray) -> None:
    """One pass over all ids: of the vocabulary, EOS at the places in `silent`, the bytes those of the checksum."""
    if len(ids) < MIN_SYMBOLS:
        raise CheckpointError(f"{path} is corrupt: it has {len(ids)} ids, where at least {MIN_SYMBOLS} are needed")
    start, largest, ends = 0, 0, 0
    rising = not (np.diff(silent) <= 0).any()
    for piece in ids.checked():
        largest = max(largest, int(piece.max()))
        here = silent[slice(*np.searchsorted(silent, [start, start + len(piece)]))] - start if rising else silent[:0]
        ends += int(np.count_nonzero(piece[here] == EOS))
        start += len(piece)
    if largest >= vocabulary.size:
        raise CheckpointError(f"{path} is corrupt: its ids are not those of its vocabulary")
    if ends != len(silent):
        raise CheckpointError(f"{path} is corrupt: ends of sequences where its text has none")
