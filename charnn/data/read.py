"""Reading a corpus from texts or from a tokenised file."""

from collections.abc import Sequence
from pathlib import Path

from ..config import ReadConfig
from ..errors import UsageError
from ..io import text
from ..io.text import Source, Watch
from . import corpus, tokenized
from .corpus import Corpus
from .vocabulary import describe


def read(
    *paths: str | Path | Source | Sequence[str | Path | Source],
    sequence: str = "auto",
    invalid: str = "error",
    watch: Watch = iter,
    characters: str = "",
) -> Corpus:
    """The corpus in some text files (.gz, .bz2, .xz too), or in one tokenised file (.npz), which stays on the disk.

    `sequence` (line, paragraph, file, auto) says what a sequence is, `invalid` (error, keep, replace) what becomes of
    bytes that are not UTF-8. Symbols are reserved for `characters` too.

    Raises `UsageError` (no such file, or a tokenised file without a symbol for one of the characters), `InputError`,
    `CheckpointError`.
    """
    ReadConfig(sequence=sequence, invalid=invalid, characters=characters)
    sources = text.file_sources(paths)
    if any(source.name.endswith(".npz") for source in sources):
        if len(sources) > 1:
            raise UsageError("a tokenised file stands alone: give one, or texts")
        found = tokenized.read(sources[0].name)
        if missing := sorted(set(map(ord, characters)) - found.vocabulary.known):
            raise UsageError(
                f"{sources[0].name} was tokenised without {describe(chr(missing[0]))}: give the text, or tokenise it "
                "with --characters"
            )
        return found
    return corpus.read(sources, sequence, invalid, watch, characters)
