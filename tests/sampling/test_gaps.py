"""Gaps filled: against all fillings there are, and by what each kind of network sees."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig
from charnn.nn.functions import log_softmax
from charnn.nn.layers.bidirectional import Bidirectional
from charnn.nn.layers.lstm import LSTM
from charnn.nn.layers.stack import Stack
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.nn.pairs.gaps import GapNetwork
from charnn.nn.workspace import Workspace
from charnn.sampling import gaps as gaps_module
from charnn.sampling.gaps import fill_from_both, fill_from_left, runs

V, H = 5, 6


def marked(*places: int, size: int = 9) -> Any:
    found = np.zeros(size, bool)
    found[list(places)] = True
    return found


def text(seed: int, size: int = 9) -> Any:
    return np.random.default_rng(seed).integers(1, V, size)


def left_to_right(ending: str = "eos") -> Network:
    model = Model(ModelConfig("gru", H, 1, skip=False, dropout=0.0, ending=ending), V)
    p = model.initial(np.random.default_rng(0), np.float64)
    for name, value in p.items():
        p[name] = value + np.random.default_rng(len(name)).normal(size=value.shape)
    return Network(model, p, True)


def nats(network: Network, ids: Any) -> float:
    x = np.concatenate([[0], ids[:-1]])[:, None]
    return float(network.score(x, ids[:, None], network.zero_state(1), Workspace())[0].sum())


@pytest.mark.parametrize("ending", ["eos", "node"])
@pytest.mark.parametrize("places", [(3,), (0, 8), (2, 3), (4, 5, 6)])
def test_a_wide_beam_finds_the_likeliest_text_of_all(places: Any, ending: str) -> None:
    network, gaps, ids = left_to_right(ending), marked(*places), text(1)
    tried = {}
    for filling in product(range(1, V), repeat=len(places)):
        other = ids.copy()
        other[gaps] = filling
        tried[filling] = nats(network, other)
    found = fill_from_left(network, np.where(gaps, 0, ids), gaps, 200)
    assert tuple(found[gaps].tolist()) == min(tried, key=lambda filling: tried[filling])
    np.testing.assert_array_equal(found[~gaps], ids[~gaps])


def test_gaps_far_apart_are_filled_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    network, ids, gaps = left_to_right(), text(2, 60), marked(5, 40, size=60)
    whole = fill_from_left(network, ids, gaps)
    monkeypatch.setattr(gaps_module, "AHEAD", 3)
    found = fill_from_left(network, ids, gaps)
    assert len(found) == 60 and (found[~gaps] == ids[~gaps]).all()
    for ahead, some in ((60, whole), (3, found)):
        best = min(range(1, V), key=lambda y: nats(network, np.concatenate([ids[:5], [y], ids[6 : 6 + ahead - 1]])))
        assert some[5] == best


def from_both() -> tuple[GapNetwork, Any]:
    both = Bidirectional(*(Stack((LSTM((V + 1,), H, V + 1),)) for _ in range(2)))
    network = GapNetwork(both, V)
    p = network.initial(np.random.default_rng(0), np.float64)
    for name, value in p.items():
        p[name] = value + np.random.default_rng(len(name)).normal(size=value.shape)
    return network, p


def test_a_gap_gets_what_is_likeliest_between_its_neighbours_and_never_an_end() -> None:
    network, p = from_both()
    for seed in range(5):
        ids, gaps = text(seed), marked(2, 6)
        hidden = np.where(gaps, V, ids)
        o = network.scores(p, hidden[:, None], None, Workspace())[:, 0]
        o[:, 0] = -np.inf
        np.testing.assert_array_equal(fill_from_both(network, p, ids, gaps), np.where(gaps, o.argmax(axis=1), ids))


def test_of_gaps_beside_each_other_the_most_certain_comes_first() -> None:
    network, p = from_both()
    ids, gaps = text(3), marked(4, 5)
    o = network.scores(p, np.where(gaps, V, ids)[:, None], None, Workspace())[:, 0].copy()
    o[:, 0] = -np.inf
    first = 4 if log_softmax(o)[4].max() > log_softmax(o)[5].max() else 5
    expected = ids.copy()
    expected[first] = o[first].argmax()
    expected = fill_from_both(network, p, expected, gaps & (np.arange(9) != first))
    np.testing.assert_array_equal(fill_from_both(network, p, ids, gaps), expected)


def test_runs_are_neighbours() -> None:
    assert [*runs(np.array([1, 1, 0, 1, 0, 0, 1], bool))] == [slice(0, 2), slice(3, 4), slice(6, 7)]
    assert [*runs(np.zeros(3, bool))] == [] and [*runs(np.ones(3, bool))] == [slice(0, 3)]
