"""Tokenised files: a corpus as a .npz that says what it is, read back as it is needed."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from . import npz
from .corpus import Corpus, scan, symbols
from .errors import CheckpointError
from .stored import Stored
from .text import Source, Watch
from .vocabulary import from_json

FORMAT = "charnn tokens"
VERSION = 1


def write(
    path: str | Path,
    sources: Sequence[Source],
    sequence: str = "auto",
    invalid: str = "error",
    watch: Watch = iter,
) -> None:
    """Tokenise texts of any size into a file, in bounded memory: some pieces of 1 MB, and the counts (20 MB in all)."""
    found = scan(sources, invalid, watch)
    vocabulary = found.vocabulary(sequence)
    size, silent = found.layout(vocabulary)
    header = {
        "format": FORMAT,
        "version": VERSION,
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
    header, ids = npz.json_value(path, arrays.get("header")), arrays.get("ids")
    try:
        if header["format"] != FORMAT or ids is None:
            raise CheckpointError(f"{path} is not a tokenised text: {header['format']!s:.40}")
        if header["version"] > VERSION:
            raise CheckpointError(f"{path} needs a newer charnn: its format is version {header['version']}")
        vocabulary = from_json(path, header["vocabulary"])
        silent, name = tuple(header["silent"]), str(Path(path).absolute())
        if not isinstance(ids, Stored) or ids.dtype != vocabulary.dtype:
            raise CheckpointError(f"{path} is corrupt: its ids are not those of its vocabulary")
        corpus = Corpus(ids, vocabulary, silent, (name,), header["sha256"], header["invalid"])
        if max(int(piece.max()) for piece in corpus.pieces()) >= vocabulary.size:
            raise CheckpointError(f"{path} is corrupt: its ids are not those of its vocabulary")
        return corpus
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is corrupt: {error!r}") from None
