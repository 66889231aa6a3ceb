"""The corpus that a run was trained on, found again, and its held-out part."""

import os
import stat
from collections.abc import Iterable, Iterator

from ..data.corpus import Corpus
from ..data.pairs import Pairs
from ..data.read import read
from ..data.series import Series
from ..errors import InputError, UsageError
from ..io.lazy import Ids
from ..io.text import Source, Watch, file_source
from .run import Run

PUT_BACK = "put it there"
MAX_BYTES_PER_SYMBOL = 4  # of UTF-8


def own_corpus(run: Run, instead: str = "name the text to use") -> Corpus:
    """The corpus that a run was trained on. Raises `UsageError` where it is gone, which says what to do `instead`, and
    `InputError` where it changed."""
    names, most = run.origin.names, MAX_BYTES_PER_SYMBOL * run.origin.symbols
    if missing := [name for name in names if not readable(name)]:
        raise UsageError(f"the corpus of this model is not at {missing[0]}: {instead}")

    def bounded(pieces: Iterable[bytes]) -> Iterator[bytes]:
        left = most
        for piece in pieces:
            if (left := left - len(piece)) < 0:
                raise InputError(f"the corpus {names[0]} is longer than the one that the model was trained on")
            yield piece

    data = read_as(run, *names, watch=bounded)
    assert_same_corpus(data, run)
    return data


def read_as(run: Run, *names: str | Source, watch: Watch = iter) -> Corpus:
    """Texts as a run's corpus is read: the same sequences, and a symbol for every character of its vocabulary."""
    vocabulary = run.vocabulary
    more = {"sequence": vocabulary.sequence, "invalid": run.origin.invalid, "characters": vocabulary.text}
    return read(*names, watch=watch, **more)


def readable(name: str) -> bool:
    """Whether a model's word is enough to read this file: not for what a kernel makes up, which may have no end."""
    real = os.path.realpath(name)
    try:
        found = os.stat(real)
    except (OSError, ValueError):
        return False
    return (
        name != "-" and stat.S_ISREG(found.st_mode) and found.st_size > 0 and not real.startswith(("/proc/", "/sys/"))
    )


def own_sources(run: Run) -> list[Source]:
    """The files that a run was trained on. Raises `UsageError` where one is gone."""
    if missing := [name for name in run.origin.names if not readable(name)]:
        raise UsageError(f"the corpus of this model is not at {missing[0]}: name the file to use")
    return [file_source(name) for name in run.origin.names]


def held_out(run: Run, data: Corpus | None = None) -> Ids:
    """The part of a run's corpus that it was not trained on, (N,) ids."""
    return (data or own_corpus(run)).split(run.config.valid_share)[1]


def assert_same_corpus(corpus: Corpus | Pairs | Series, run: Run) -> None:
    """Raise `InputError` unless this is the corpus that the run was trained on."""
    if corpus.sha256 != run.origin.sha256 or corpus.vocabulary != run.vocabulary:
        raise InputError(
            f"the corpus {corpus.names[0]} differs from the one that the model was trained on "
            f"(sha256 {corpus.sha256[:12]}, was {run.origin.sha256[:12]}): train a new run on it"
        )
