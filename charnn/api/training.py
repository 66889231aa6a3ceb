"""Texts to corpora, and corpora to runs."""

from pathlib import Path
from typing import Any

from .. import options
from ..config import ModelConfig, TrainConfig
from ..data import tokenized
from ..data.corpus import Corpus
from ..data.read import read
from ..io import text
from ..io.text import Watch
from ..runs import folder
from ..training import session
from ..training.session import Session


def tokenize(
    out: str | Path,
    *paths: str | Path,
    sequence: str = "auto",
    invalid: str = "error",
    watch: Watch = iter,
    characters: str = "",
) -> Corpus:
    """Write texts of any size to a tokenised file in bounded memory, and return it as a corpus.

    Symbols are reserved for `characters`, whether the texts have them or not.
    """
    tokenized.write(out, [text.file_source(path) for path in paths], sequence, invalid, watch, characters)
    return tokenized.read(out)


def train(
    source: Corpus | str | Path, *, out: str | Path | None = folder.RUNS, name: str | None = None, **changes: Any
) -> Session:
    """A new run on a corpus. Iterate over it to train; `.run` holds the network.

    `changes` are options, the fields of `ModelConfig` and `TrainConfig`. The run is kept below `out`; nowhere if None.
    BLAS uses what threads it likes; set OPENBLAS_NUM_THREADS=1 before NumPy is imported to give them to `workers`.

    >>> session = train("names.txt", hidden=128, epochs=10)  # doctest: +SKIP
    >>> for event in session: print(event)  # doctest: +SKIP
    """
    data = source if isinstance(source, Corpus) else read(source)
    model, config = options.make(changes, ModelConfig, TrainConfig)
    return session.begin(data, model, config, out, name)
