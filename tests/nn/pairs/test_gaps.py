"""A network that reads from both ends: its gradient, and what each score does not depend on."""

from typing import Any

import numpy as np
import pytest

from charnn.data.pair_batches import Padded
from charnn.nn.layers.bidirectional import Bidirectional
from charnn.nn.layers.gru import GRU
from charnn.nn.layers.lstm import LSTM
from charnn.nn.layers.stack import Stack
from charnn.nn.pairs.gaps import GapBatch, GapNetwork
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from tests.helpers.slopes import assert_slopes, weights

T, B, H, V = 6, 3, 4, 5


def stack() -> Stack:
    return Stack((LSTM((V + 1,), H, V + 1), GRU((H, V + 1), H, V + 1)), skip=True)


NETWORK = GapNetwork(Bidirectional(stack(), stack()), V)
RNG = np.random.default_rng(0)
X = RNG.integers(0, V, (T, B))
COUNTED = RNG.random((T, B)) > 0.3
KEEP = np.ones((T, B, 1))
KEEP[[0, 2, 4], [0, 1, 1]] = 0
resets = pytest.mark.parametrize("keep", [None, KEEP], ids=["one sequence", "several"])


def batch(keep: Any) -> GapBatch:
    return GapBatch(Padded(X, np.ones((T, B), bool)), Padded(X, COUNTED), keep)


def loss(p: Parameters, keep: Any, g: Parameters | None = None) -> float:
    return NETWORK.gradient(p, g or p.like(), batch(keep), Workspace(), None)[0]


@resets
def test_the_gradient_is_the_slope_of_the_loss(keep: Any) -> None:
    p = weights(NETWORK)
    g = p.like()
    assert loss(p, keep, g) > 0
    assert_slopes(g, p, lambda: loss(p, keep))


@resets
def test_a_score_depends_on_all_symbols_of_its_sequence_but_its_own(keep: Any) -> None:
    p = weights(NETWORK)
    o = NETWORK.scores(p, X, keep, Workspace()).copy()
    starts = np.cumsum(np.zeros((T, B)) if keep is None else keep[..., 0] == 0, axis=0)
    for t in range(T):
        for b in range(B):
            other = X.copy()
            other[t, b] = V  # hidden
            found = NETWORK.scores(p, other, keep, Workspace())
            changed = np.abs(found - o).max(axis=-1) > 1e-12
            expected = (starts[:, b] == starts[t, b]) & (np.arange(T) != t)
            np.testing.assert_array_equal(changed[:, b], expected)
            assert not np.delete(changed, b, axis=1).any()


@resets
def test_score_says_what_is_trained(keep: Any) -> None:
    p = weights(NETWORK)
    nats, hits = NETWORK.score(p, batch(keep), Workspace())
    assert nats.sum() == pytest.approx(loss(p, keep), rel=1e-12)
    o = NETWORK.scores(p, X, keep, Workspace())
    np.testing.assert_array_equal(hits, (o.argmax(axis=-1) == X) & COUNTED)
    assert (nats[~COUNTED] == 0).all()
