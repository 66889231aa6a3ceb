"""The start of a text, for what looks at all of its symbols at once."""

import warnings
from collections.abc import Sequence

import numpy as np

from ..errors import CharnnWarning, InputError
from ..evaluation.readers import Text, names
from ..io.text import nothing_in

MAX_INSPECTED = 1 << 20  # symbols


def excerpt(texts: Sequence[Text]) -> np.ndarray:
    """The first symbols of texts, (N,). Warns where they have more; raises `InputError` where they have none."""
    parts, length = [], 0
    for piece in (piece for text in texts for piece in text.pieces):
        parts.append(np.asarray(piece[: MAX_INSPECTED - length]))
        length += len(piece)
        if length > MAX_INSPECTED:
            told = f"of {names(texts)} only the first {MAX_INSPECTED:,} characters are looked at"
            warnings.warn(told, CharnnWarning, stacklevel=3)
            break
    if not length:
        raise InputError(nothing_in(names(texts)))
    return np.concatenate(parts)


def first(texts: Sequence[Text]) -> np.ndarray:
    """The first piece of texts, (N,). Raises `InputError` where they have none."""
    pieces = (np.asarray(piece) for text in texts for piece in text.pieces)
    if (found := next(pieces, None)) is None:
        raise InputError(nothing_in(names(texts)))
    return found


def assert_long_enough(ids: np.ndarray, steps: int, least: int) -> None:
    """Raise `InputError` for a text (N,) that is shorter than the `least` that so many steps need."""
    if len(ids) < least:
        raise InputError(f"{steps} steps need more than {len(ids):,} characters: give a longer text, or fewer --steps")
