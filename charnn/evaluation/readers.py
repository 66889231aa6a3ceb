"""What is read to be scored, learnt from or looked at: a text, files, or the held-out part of a corpus."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from ..config import EvalConfig
from ..data import tokenized
from ..data.corpus import Corpus
from ..data.vocabulary import CODES, EOS, Vocabulary
from ..errors import InputError, expect
from ..io.lazy import Ids, pieces
from ..io.text import POLICIES, Source, assert_some, decode, file_source
from ..options import check_value
from ..runs.corpus import held_out
from ..runs.run import Run


@dataclass(frozen=True, eq=False)
class Text:
    """A text that can be read once: its name, and its symbols in pieces, (N,) ids each."""

    name: str
    pieces: Iterable[Ids]
    at_hand: bool = False  # whether all of it is one piece, which several processes can read
    held_out: bool = False  # whether it is what the run's corpus was not trained on
    seen: "Seen | None" = None  # of a file: what was read of it so far
    once: bool = False  # whether it is standard input

    @property
    def ids(self) -> Ids:
        """All of it, (N,)."""
        parts = list(self.pieces)
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.uint8), *map(np.asarray, parts)])


class Seen:
    """What was read of a file so far: the digest of its bytes, and its end."""

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary, self.sha, self.tail = vocabulary, hashlib.sha256(), ""
        self.ends: set[str] = set()  # kinds of line ends

    def bytes(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on bytes."""
        for piece in pieces:
            self.sha.update(piece)
            yield piece

    def characters(self, pieces: Iterable[str]) -> Iterator[str]:
        """Pass on characters."""
        for piece in pieces:
            self.ends.update(end for end in ("\r", "\n") if end in piece)
            self.tail = (self.tail + piece)[-3:]
            yield piece

    def end(self) -> Iterator[np.ndarray]:
        """The EOS that a last sequence without an end lacks; nothing for an empty file."""
        if self.tail and self.vocabulary.ends_open(self.tail):
            yield np.array([EOS], self.vocabulary.dtype)


FileLike = str | Path | Source | Text  # a str is the file's name
TextLike = str | Path | Source | Corpus | Sequence[FileLike] | None  # here a str is the text itself


def texts(run: Run, what: TextLike, unknown: str = "error", invalid: str = "error", whole: bool = False) -> list[Text]:
    """See `api.texts`."""
    check_value("unknown", unknown, {"choices": ("error", "skip", "mark")})
    check_value("invalid", invalid, {"choices": POLICIES})
    if isinstance(what, str):
        return [Text("the text", [run.vocabulary.ids(what, "the text", unknown)], at_hand=True)]
    if what is None or isinstance(what, Corpus):
        if what and what.vocabulary != run.vocabulary:
            raise InputError(f"{what.names[0]} was read with another vocabulary than the model's: give the text itself")
        own = what is None or what.sha256 == run.origin.sha256
        return [Text("held-out part", [held_out(run, what)], at_hand=True, held_out=own)]
    expect("the text", what, Path, Source, list, tuple)
    files = [what] if isinstance(what, Path | Source) else what
    assert_some(files)
    return [one if isinstance(one, Text) else _file(run, file_source(one), unknown, invalid, whole) for one in files]


def _file(run: Run, file: Source, unknown: str, invalid: str, whole: bool) -> Text:
    """A text, or a tokenised file with the run's own vocabulary."""
    name = file.shown
    if not file.name.endswith(".npz"):
        seen = Seen(run.vocabulary)
        read = seen.characters(decode(seen.bytes(file.pieces()), file.name, invalid))
        ids = run.vocabulary.encode(read, file.name, unknown)
        return Text(name, chain(ids, seen.end()) if whole else ids, seen=seen, once=file.name == "-")
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


def policies(config: EvalConfig, what: TextLike) -> tuple[str, str]:
    """What becomes of unknown characters, and of invalid bytes: rows and streams go on, whatever comes."""
    stream = isinstance(what, list | tuple) and any(isinstance(one, Source) and one.name == "-" for one in what)
    goes_on = bool(config.by) or stream or (isinstance(what, Source) and what.name == "-")
    return config.unknown or ("cost" if goes_on else "error"), config.invalid or ("keep" if goes_on else "error")


def cost(vocabulary: Vocabulary) -> float:
    """Nats of a character outside the vocabulary: all others of Unicode are as likely."""
    return math.log(CODES - len(vocabulary.known))
