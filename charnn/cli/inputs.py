"""What commands read that use a model: texts that are named or piped in, or the held-out part of its corpus."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..io.text import Source
from . import streams

if TYPE_CHECKING:
    from ..api import Run, Text


def opened(
    verb: str, model: str | None, runs: str, names: Sequence[str], unknown: str, invalid: str
) -> tuple["Run", list["Text"]]:
    """A run to be used as the command `verb` does, and the texts to read, which a note tells of.

    The texts are those named, or standard input if it is a file or a pipe, or the held-out part of the run's corpus.
    """
    from .. import api
    from ..api.loading import opened as load
    from ..terminal import console

    run = load(model, verb, runs)
    found = api.texts(run, given(names), unknown, invalid)
    console.note(f"{run.path} on {', '.join(text.name for text in found)}")
    return run, found


def given(names: Sequence[str]) -> list[Source] | None:
    """Texts by name, or standard input if it is a file or a pipe; None stands for the held-out part."""
    return streams.streamed(names or ("-",)) if names or streams.is_piped() else None


def named(given: Sequence[Source] | None) -> str:
    """What texts are called in a note."""
    if given is None:
        return "held-out part"
    return ", ".join(source.shown for source in given)
