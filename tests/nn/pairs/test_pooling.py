"""One vector for a sequence: its values, its gradient, and padding."""

from typing import Any

import numpy as np
import pytest

from charnn.choices import POOLING
from charnn.nn.pairs.pooling import pool
from charnn.nn.workspace import Workspace

S, B, H = 6, 3, 4
LENGTHS = np.array([6, 1, 3])
MASK = np.arange(S)[:, None] < LENGTHS
REVERSE = (False, True)
KINDS = POOLING.metadata["choices"]
kinds = pytest.mark.parametrize("kind", KINDS)


def states() -> tuple[Any, ...]:
    return tuple(np.random.default_rng(1).normal(size=(2, S, B, H)))


def test_values_are_those_of_each_row_alone() -> None:
    h = states()
    found = {kind: pool(kind, h, REVERSE, MASK, Workspace()).z for kind in KINDS}
    for b, length in enumerate(LENGTHS):
        np.testing.assert_array_equal(found["last"][0][b], h[0][length - 1, b])
        np.testing.assert_array_equal(found["last"][1][b], h[1][0, b])
        for i in (0, 1):
            np.testing.assert_allclose(found["mean"][i][b], h[i][:length, b].mean(axis=0))
            np.testing.assert_array_equal(found["max"][i][b], h[i][:length, b].max(axis=0))


@kinds
def test_the_gradient_is_the_slope_and_is_added(kind: str) -> None:
    h, rng = states(), np.random.default_rng(2)
    dz = tuple(rng.normal(size=(B, H)) for _ in h)
    dh = tuple(np.ones_like(part) for part in h)
    pool(kind, h, REVERSE, MASK, Workspace()).add(dz, dh)
    for part, d in zip(h, dh, strict=True):
        for at in np.ndindex(part.shape):
            value, ends = part[at], []
            for step in (1e-6, -1e-6):
                part[at] = value + step
                z = pool(kind, h, REVERSE, MASK, Workspace()).z
                ends.append(sum(float((a * b).sum()) for a, b in zip(z, dz, strict=True)))
            part[at] = value
            assert d[at] - 1 == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-8)


@kinds
def test_padding_is_not_read(kind: str) -> None:
    h = states()
    other = tuple(np.where(MASK[..., None], part, 1e6) for part in h)
    for a, b in zip(*(pool(kind, one, REVERSE, MASK, Workspace()).z for one in (h, other)), strict=True):
        np.testing.assert_array_equal(a, b)
