"""Texts that a run was trained on, recognised among those to score: their scores are no measure of other texts."""

import warnings
from collections.abc import Sequence
from pathlib import Path

from ..data.corpus import Corpus
from ..data.vocabulary import CR
from ..errors import CharnnWarning, expect
from ..io.text import Source, file_sources
from ..runs.corpus import held_out, is_own, read_as
from ..runs.run import Run
from .readers import Text, TextLike

SAYS_LITTLE = "its score says little of other texts"


def recognised(run: Run, what: TextLike, rows: bool = False) -> tuple[TextLike, Corpus | None]:
    """What to score, and the run's corpus if that is what was given: then its held-out part is scored.

    For `rows` all of a text is. Warns of texts that the run was trained on.
    """
    sources = _files(what)
    if not sources or not is_own(run, sources):
        warn_of_training_files(run, sources)
        return what, None
    corpus, names = read_as(run, *sources), ", ".join(source.name for source in sources)
    if rows:
        warn_that_all_is_scored(names, f"{len(held_out(run, corpus)):,} symbols")
        return what, corpus
    note_held_out_part(names)
    return corpus, corpus


def warn_after_reading(run: Run, texts: Sequence[Text]) -> None:
    """Warn of texts that were read once, to their end, if these are what the run was trained on.

    Warn of texts whose lines end in another way too: that costs bits at each of them.
    """
    known = CR in run.vocabulary.known
    for text in texts:
        if text.seen and "\n" in text.seen.ends and ("\r" in text.seen.ends) != known:
            ends, change = ("LF", "sed 's/$/\\r/'") if known else ("CR LF", "tr -d '\\r'")
            _warn(f"lines of {text.name} end by {ends}, unlike those that the model knows: `{change}` changes that")
        if text.once and text.seen and text.seen.sha.hexdigest() == run.origin.sha256:
            warn_of_training_text(text.name)


def _files(what: TextLike) -> list[Source]:
    """The files in what is given, if there is nothing else. Raises `UsageError` for what is none of `TextLike`."""
    if what is None or isinstance(what, str | Corpus):
        return []
    expect("the text", what, str, Path, Source, Corpus, list, tuple)
    files = [what] if isinstance(what, Path | Source) else what
    return [] if any(isinstance(one, Text) for one in files) else file_sources(files)


def _warn(message: str) -> None:
    warnings.warn(f"note: {message}", CharnnWarning, stacklevel=4)


def warn_of_training_files(run: Run, sources: Sequence[Source]) -> None:
    """Warn of files that the run was trained on among others."""
    for source in sources:
        if (source.path in run.origin.names and not source.in_memory) or (len(sources) > 1 and is_own(run, [source])):
            _warn(f"{source.name} is among the files that the model was trained on: {SAYS_LITTLE}")


def warn_that_all_is_scored(names: str, held_out: str) -> None:
    """Say that all of a text is scored, and how much of it was held out."""
    _warn(f"{names} is the corpus of this model, which was trained on all but the last {held_out}")


def warn_of_training_text(name: str) -> None:
    """Warn of a text that the run was trained on, and of which all is scored."""
    _warn(f"{name} is the corpus of this model: {SAYS_LITTLE}; `charnn eval` scores the part held out")


def note_held_out_part(names: str) -> None:
    """Say that a part of a text is scored."""
    _warn(f"{names} is the corpus of this model: the part held out is scored")
