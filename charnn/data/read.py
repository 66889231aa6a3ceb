"""Reading a corpus from texts or from a tokenised file."""

from pathlib import Path

from ..errors import UsageError
from ..io import text
from ..io.text import Source, Watch
from . import corpus, tokenized
from .corpus import Corpus


def read(*paths: str | Path | Source, sequence: str = "auto", invalid: str = "error", watch: Watch = iter) -> Corpus:
    """The corpus in some text files (.gz, .bz2, .xz too), or in one tokenised file (.npz), which stays on the disk.

    `sequence` (line, paragraph, file, auto) says what a sequence is, `invalid` (error, keep, replace) what becomes of
    bytes that are not UTF-8. Raises `UsageError` (no such file), `InputError`, `CheckpointError`.
    """
    sources = [path if isinstance(path, Source) else text.file_source(str(path)) for path in paths]
    if any(source.name.endswith(".npz") for source in sources):
        if len(sources) > 1:
            raise UsageError("a tokenised file stands alone: give one, or texts")
        return tokenized.read(sources[0].name)
    return corpus.read(sources, sequence, invalid, watch)
