"""Held-out parts that are unlike the part to train on."""

import numpy as np

from charnn.data.likeness import doubts
from charnn.data.vocabulary import Vocabulary


def test_characters_that_are_never_trained_on_are_named() -> None:
    told = doubts(np.array([1, 2] * 50), np.array([1, 3, 1, 2]), Vocabulary((97, 98, 99), "file"))
    assert told is not None and "'c' U+0063" in told


def test_an_end_that_is_never_trained_on_is_no_character() -> None:
    """A text that is one sequence ends once, in its held-out part."""
    assert doubts(np.array([1, 2] * 50), np.array([1, 2, 1, 2, 0]), Vocabulary((97, 98), "file")) is None
