"""How far a written target is from the right one: edits of characters and of words."""

from collections.abc import Sequence

import numpy as np


def edits(a: Sequence[object], b: Sequence[object]) -> int:
    """The fewest insertions, deletions and substitutions that make b of a (Levenshtein, 1966).

    d[i, j] = min(d[i-1, j] + 1, d[i, j-1] + 1, d[i-1, j-1] + (a_i != b_j)),   a row i at a time
    """
    number: dict[object, int] = {}
    x, y = (np.array([number.setdefault(one, len(number)) for one in side], int) for side in (a, b))
    j = np.arange(len(y) + 1)
    d = j.copy()
    for i, one in enumerate(x, 1):
        new = np.minimum(d[1:] + 1, d[:-1] + (y != one))
        d = np.minimum.accumulate(np.concatenate([[i], new]) - j) + j  # what comes from the left costs 1 a step
    return int(d[-1])
