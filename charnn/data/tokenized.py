"""Tokenised files: a corpus as a .npz that says what it is, read back as it is needed."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..errors import CheckpointError
from ..io import npz
from ..io.lazy import LazyArray
from ..io.text import POLICIES, Source, Watch
from ..version import __version__
from .corpus import Corpus, scan, symbols
from .vocabulary import from_json

FORMAT = "charnn tokens"
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
    npz.write(path, {"header": npz.json_array(header), "ids": pieces}, {"ids": ((size,), vocabulary.dtype)})


def read(path: str | Path) -> Corpus:
    """The corpus in a tokenised file, whose ids stay in it. Raises `CheckpointError`."""
    arrays = npz.read(path, lazy=["ids"])
    header = npz.json_value(path, arrays.pop("header", None))
    try:
        if header["format"] != FORMAT:
            raise CheckpointError(f"{path} is not a tokenised text: {header['format']!s:.40}")
        if header["version"] > VERSION:
            raise CheckpointError(f"{path} needs charnn >= {header.get('charnn')!s:.20}: a newer one wrote it")
        vocabulary = from_json(path, header["vocabulary"])
        silent, name = tuple(header["silent"]), str(Path(path).absolute())
        ids = arrays.get("ids")
        if arrays.keys() != {"ids"} or not isinstance(ids, LazyArray) or ids.dtype != vocabulary.dtype:
            there = ", ".join(f"{name} {array.dtype} of {len(array)}" for name, array in arrays.items()) or "nothing"
            raise CheckpointError(f"{path} is corrupt: it should hold ids {vocabulary.dtype} (N,), and holds {there}")
        if not all(type(at) is int and 0 <= at < len(ids) for at in silent):
            raise CheckpointError(f"{path} is corrupt: ends of sequences where its text has none")
        if not isinstance(header["sha256"], str) or header["invalid"] not in POLICIES:
            raise CheckpointError(f"{path} is corrupt: it is of no text")
        corpus = Corpus(ids, vocabulary, silent, (name,), header["sha256"], header["invalid"])
        if max(int(piece.max()) for piece in corpus.pieces()) >= vocabulary.size:
            raise CheckpointError(f"{path} is corrupt: its ids are not those of its vocabulary")
        return corpus
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is corrupt: {error!r}") from None
