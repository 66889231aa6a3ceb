"""Gradients of networks that read pairs or gaps, beside slopes of their losses."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from charnn.nn.parameters import Parameters

EPS = 1e-6


def weights(network: Any) -> Parameters:
    """Initial weights with noise added, so that none is zero."""
    p: Parameters = network.initial(np.random.default_rng(1), np.float64)
    for name, value in p.items():
        p[name] = value + 0.4 * np.random.default_rng(len(name)).normal(size=value.shape)
    return p


def assert_slopes(g: Parameters, p: Parameters, loss: Callable[[], float]) -> None:
    """The gradient `g` of a loss that reads `p` equals central differences at 12 elements of each array."""
    rng = np.random.default_rng(3)
    for name, weight in p.items():
        assert np.abs(g[name]).max() > 1e-4, name
        for _ in range(12):
            at = tuple(int(rng.integers(n)) for n in weight.shape)
            value, ends = weight[at], []
            for step in (EPS, -EPS):
                weight[at] = value + step
                ends.append(loss())
            weight[at] = value
            assert g[name][at] == pytest.approx((ends[0] - ends[1]) / (2 * EPS), abs=2e-7), name
