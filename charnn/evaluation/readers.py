"""What is read to be scored, learnt from or looked at: a text, files, or the held-out part of a corpus."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data import tokenized
from ..data.corpus import Corpus
from ..errors import InputError
from ..io.lazy import Ids, pieces
from ..io.text import Source, decode, file_source
from ..runs.corpus import held_out
from ..runs.run import Run


@dataclass(frozen=True)
class Text:
    """A text that can be read once: its name, and its symbols in pieces, (N,) ids each."""

    name: str
    pieces: Iterable[Ids]
    at_hand: bool = False  # whether all of it is one piece, which several processes can read
    held_out: bool = False  # whether it is what the run's corpus was not trained on

    @property
    def ids(self) -> Ids:
        """All of it, (N,)."""
        parts = list(self.pieces)
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.uint8), *map(np.asarray, parts)])


FileLike = str | Path | Source | Text  # a str is the file's name
TextLike = str | Path | Source | Corpus | Sequence[FileLike] | None  # here a str is the text itself


def texts(run: Run, what: TextLike, unknown: str = "error", invalid: str = "error") -> list[Text]:
    """Texts in the symbols of a run: a str itself, a `Path` or names of files, or the held-out part of a corpus.

    None is the held-out part of the run's own corpus; texts among the files stay as they are. `unknown` says what to
    do with characters that the run does not know (error, skip), `invalid` with bytes that are not UTF-8 (error, keep,
    replace). Raises `InputError` for both, and for a corpus with another vocabulary; `UsageError` where the run's own
    corpus is gone.
    """
    if isinstance(what, str):
        return [Text("the text", [run.vocabulary.ids(what, "the text", unknown)], at_hand=True)]
    if what is None or isinstance(what, Corpus):
        if what and what.vocabulary != run.vocabulary:
            raise InputError(f"{what.names[0]} was read with another vocabulary than the model's: give the text itself")
        own = what is None or what.sha256 == run.origin.sha256
        return [Text("held-out part", [held_out(run, what)], at_hand=True, held_out=own)]
    files = [what] if isinstance(what, Path | Source) else what
    return [one if isinstance(one, Text) else _file(run, file_source(one), unknown, invalid) for one in files]


def _file(run: Run, file: Source, unknown: str, invalid: str) -> Text:
    """A text, or a tokenised file with the run's own vocabulary."""
    name = "standard input" if file.name == "-" else file.name
    if not file.name.endswith(".npz"):
        return Text(name, run.vocabulary.encode(decode(file.pieces(), file.name, invalid), file.name, unknown))
    corpus = tokenized.read(file.name)
    if corpus.vocabulary != run.vocabulary:
        raise InputError(f"{name} was tokenised with another vocabulary than the model's: give the text itself")
    return Text(name, corpus.pieces())


def names(texts: Sequence[Text]) -> str:
    """The names of some texts, for messages."""
    return ", ".join(text.name for text in texts)


def cut(stream: Iterable[Ids], size: int) -> Iterator[np.ndarray]:
    """The pieces of a stream in pieces of at most so many symbols."""
    return (piece for ids in stream for piece in pieces(ids, size))
