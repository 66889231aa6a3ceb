"""The corpus that a run was trained on, found again, and its held-out part."""

import hashlib
import math
import os
import shlex
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.corpus import Corpus
from ..data.read import read
from ..data.vocabulary import Vocabulary
from ..errors import CharnnError, InputError, UsageError
from ..io import npz
from ..io.lazy import Ids
from ..io.text import LIST, Source, Watch, decode, encode, file_source
from .run import Run

if TYPE_CHECKING:
    from ..data.pairs import Pairs
    from ..data.series import Series

PUT_BACK = "put it there"
NAME_TEXT = "name the text to use"
MAX_BYTES_PER_SYMBOL = 4  # of UTF-8
NEAR = 4  # folders above a run's file where its corpus is looked for


def own_corpus(run: Run, instead: str = NAME_TEXT) -> Corpus:
    """The corpus that a run was trained on, where it was, or moved together with the run.

    Raises `UsageError` where it is gone, which says what to do `instead`, and `InputError` where it changed.
    """
    return _read_own(run, places(run, instead))


def places(run: Run, instead: str = "name the file to use") -> Sequence[str]:
    """Where the files of a run's corpus are: at their place, or beside the run, if they are the same byte for byte.

    Beside is in the folder of the run's file, or in one of the three above. Raises `UsageError` as `own_corpus` does.
    """
    if LIST in run.origin.names:
        raise UsageError("the corpus of this model was given as a list of pairs: give that, or a file of their lines")
    missing = [name for name in run.origin.names if not readable(name)]
    if not missing:
        return run.origin.names
    above = [*run.path.absolute().parents][:NEAR] if run.path else []
    for parts in range(1, NEAR + 1):  # of each name, the last ones: folders may have moved along
        for place in above:
            names = [str(place.joinpath(*Path(name).parts[-parts:])) for name in run.origin.names]
            with suppress(CharnnError):
                if is_own(run, [*map(file_source, names)]):
                    return names
    raise UsageError(f"the corpus of this model is not at {missing[0]}: {instead}")


def is_own(run: Run, sources: Sequence[Source]) -> bool:
    """Whether some files are the corpus of a run, byte for byte, under whatever names. They are read if they may be."""
    if not all(source.in_memory or readable(source.name) for source in sources):
        return False
    if any(source.name.endswith(".npz") for source in sources):  # tokenised, and alone
        return len(sources) == 1 and npz.Reader(sources[0].name).header().get("sha256") == run.origin.sha256
    counted = isinstance(run.vocabulary, Vocabulary)  # the symbols of a text, unlike those of pairs and of series
    most = MAX_BYTES_PER_SYMBOL * run.origin.symbols if counted else math.inf
    sha = hashlib.sha256()
    for source in sources:
        for piece in source.pieces():
            sha.update(piece)
            if (most := most - len(piece)) < 0:
                return False
    return sha.hexdigest() == run.origin.sha256


def _read_own(run: Run, names: Sequence[str]) -> Corpus:
    most = MAX_BYTES_PER_SYMBOL * run.origin.symbols

    def bounded(pieces: Iterable[bytes]) -> Iterator[bytes]:
        left = most
        for piece in pieces:
            if (left := left - len(piece)) < 0:
                raise InputError(_longer(run, names))
            yield piece

    data = read_as(run, *names, watch=bounded)
    if data.sha256 != run.origin.sha256 and len(data.ids) > run.origin.symbols:
        raise InputError(_longer(run, names))
    assert_same_corpus(data, run)
    return data


def _longer(run: Run, names: Sequence[str]) -> str:
    """What to do about a corpus that is longer than it was."""
    told = f"the corpus {names[0]} is longer than the one that the model was trained on"
    size = _old_size(run, file_source(names[0])) if len(names) == 1 else None
    if size is None:
        return f"{told}: train a new run on it"
    first = f"head -c {size} {shlex.quote(names[0])} > old.txt"
    return f"{told}, and begins with it: train a new run on it, or get the old one back by `{first}` and name that"


def _old_size(run: Run, source: Source) -> int | None:
    """The bytes from the start of a text that are the corpus of a run; None where they are not."""
    sha, left, size = hashlib.sha256(), run.origin.symbols, 0
    for text in decode(source.pieces(), source.name, run.origin.invalid):
        for count in (left - 1, left) if len(text) >= left - 1 else ():  # the last sequence was closed, or not
            end, last = sha.copy(), encode(text[:count])
            end.update(last)
            if end.hexdigest() == run.origin.sha256:
                return size + len(last)
        data = encode(text)
        sha.update(data)
        left, size = left - len(text), size + len(data)
        if left <= 0:
            break
    return None


def read_as(run: Run, *names: str | Source, watch: Watch = iter) -> Corpus:
    """Texts as a run's corpus is read: the same sequences, and a symbol for every character of its vocabulary."""
    vocabulary = run.vocabulary
    more = {"sequence": vocabulary.sequence, "invalid": run.origin.invalid, "characters": vocabulary.text}
    return read(*names, watch=watch, **more)


def readable(name: str) -> bool:
    """Whether a model's word is enough to read this file: not for what a kernel makes up, which may have no end."""
    try:
        real = os.path.realpath(name)
        found = os.stat(real)
    except (OSError, ValueError):
        return False
    return (
        name != "-" and stat.S_ISREG(found.st_mode) and found.st_size > 0 and not real.startswith(("/proc/", "/sys/"))
    )


def own_sources(run: Run) -> list[Source]:
    """The files of a run's corpus, to be read as they are. Raises `UsageError` where one is gone."""
    return [file_source(name) for name in places(run)]


def parts(run: Run, data: Corpus | None = None, instead: str = NAME_TEXT) -> tuple[Ids, Ids]:
    """The training part and the held-out part, (N,) ids each, of a run's corpus, or of one at hand.

    Raises what `own_corpus` does.
    """
    return (data or own_corpus(run, instead)).split(run.config.valid_share, run.config.order)


def held_out(run: Run, data: Corpus | None = None) -> Ids:
    """The part of a run's corpus that it was not trained on, (N,) ids."""
    return parts(run, data)[1]


def assert_same_corpus(corpus: "Corpus | Pairs | Series", run: Run) -> None:
    """Raise `InputError` unless this is the corpus that the run was trained on."""
    if corpus.sha256 != run.origin.sha256 or corpus.vocabulary != run.vocabulary:
        raise InputError(
            f"the corpus {corpus.names[0]} differs from the one that the model was trained on "
            f"(sha256 {corpus.sha256[:12]}, was {run.origin.sha256[:12]}): train a new run on it"
        )
