"""What commands read that use a model: texts that are named or piped in, or the held-out part of its corpus."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
    given = streams.streamed(names or ("-",)) if names or streams.is_piped() else None
    found = api.texts(run, given, unknown, invalid)
    console.note(f"{run.path} on {', '.join(text.name for text in found)}")
    return run, found
