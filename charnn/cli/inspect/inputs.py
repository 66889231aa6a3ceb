"""What `charnn inspect` looks at: a model and a text."""

from collections.abc import Iterable
from typing import Any

from .. import streams
from ..readers import symbols


def opened(model: str | None, root: str, text: str | None, unknown: str, invalid: str) -> tuple[Any, Any, Any, str]:
    """A run and its file, the pieces of the text to read, and what that is."""
    from ...runs import checkpoint, corpus, folder
    from ...terminal import console

    path = folder.find(model, root)
    run = checkpoint.load(path)
    if text is None and not streams.is_piped():
        pieces, what = iter([corpus.held_out(run)]), "held-out part"
    else:
        (source,) = streams.streamed((text or "-",))
        pieces, what = symbols(run, source, unknown, invalid), "standard input" if source.name == "-" else source.name
    console.note(f"{path} on {what}")
    return path, run, pieces, what


def take(pieces: Iterable[Any], what: str) -> Any:
    """The start of a text, (N,) ids. Raises `InputError` where there is nothing."""
    import numpy as np

    from ...errors import InputError
    from ...inspection.probes import MAX_INSPECTED
    from ...terminal import console

    parts, length = [], 0
    for piece in pieces:
        parts.append(np.asarray(piece[: MAX_INSPECTED - length]))
        length += len(piece)
        if length > MAX_INSPECTED:
            console.note(f"of {what} only the first {MAX_INSPECTED:,} characters are looked at")
            break
    if not length:
        raise InputError(f"{what} is empty: there is nothing to read")
    return np.concatenate(parts)
