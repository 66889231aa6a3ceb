"""Hidden Markov models beside sums over all paths of states, and where the best one is known."""

import math
from itertools import pairwise, product

import numpy as np
import pytest

from charnn.inspection import hmm
from charnn.inspection.hmm import HMM

N, V, T, B = 3, 4, 5, 2


def model(seed: int = 0, states: int = N) -> HMM:
    rng = np.random.default_rng(seed)
    return HMM(
        rng.dirichlet(np.ones(states)), rng.dirichlet(np.ones(states), states), rng.dirichlet(np.ones(V), states)
    )


def paths(found: HMM, x: np.ndarray) -> dict[tuple[int, ...], float]:
    """P of every path of states together with a stream (T,)."""
    together = {}
    for path in product(range(len(found.start)), repeat=len(x)):
        moves = math.prod(found.moves[a, b] for a, b in pairwise(path))
        together[path] = (
            found.start[path[0]] * moves * math.prod(found.symbols[s, v] for s, v in zip(path, x, strict=True))
        )
    return together


@pytest.mark.parametrize("seed", range(3))
def test_the_probability_is_the_sum_over_all_paths(seed: int) -> None:
    found, x = model(seed), np.random.default_rng(seed).integers(0, V, T + 1)
    whole = [sum(paths(found, x[: t + 1]).values()) for t in range(len(x))]
    wanted = [-math.log(after / before) for before, after in pairwise(whole)]
    assert found.nats(x[1:], x[:1]) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_expected_counts_are_those_of_all_paths(seed: int) -> None:
    found, x = model(seed), np.random.default_rng(seed).integers(0, V, (T, B))
    starts, moves, symbols, nats = np.zeros(N), np.zeros((N, N)), np.zeros((N, V)), 0.0
    for row in x.T:
        together = paths(found, row)
        total = sum(together.values())
        nats -= math.log(total)
        for path, p in together.items():
            starts[path[0]] += p / total
            for a, b in pairwise(path):
                moves[a, b] += p / total
            for s, v in zip(path, row, strict=True):
                symbols[s, v] += p / total
    counts = found.expected(x)
    for mine, wanted in zip(counts, (starts, moves, symbols, nats), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-10)


def test_each_round_makes_the_text_likelier() -> None:
    x = np.random.default_rng(0).integers(0, V, (40, 5))
    found, nats = model(1), []
    for _ in range(30):
        found, before = hmm.improve(found, x, prior=0.0)
        nats.append(before)
    assert all(after <= before + 1e-9 for before, after in pairwise(nats)) and nats[-1] < nats[0] - 1
    for rows in (found.start[None], found.moves, found.symbols):
        assert rows.sum(axis=1) == pytest.approx(1)


def test_long_texts_neither_vanish_nor_overflow() -> None:
    found = model(2)
    ids = np.random.default_rng(0).integers(0, V, 20_000)
    nats = found.nats(ids, np.zeros(1, int))
    assert np.isfinite(nats).all() and 0.5 < nats.mean() < 5


def test_a_model_is_found_again_from_what_it_writes() -> None:
    """Two states that alternate, of which one writes 0 or 1 and the other one 2 or 3: 1 bit a symbol."""
    rng = np.random.default_rng(0)
    ids = 2 * (np.arange(6000) % 2) + rng.integers(0, 2, 6000)
    *_, found = hmm.fit(ids, V, 2, 40)
    assert found.nats(ids[:1000], ids[-1:]).mean() / math.log(2) == pytest.approx(1, abs=0.02)
    assert len(list(hmm.fit(ids[:7], V, 2, 3))) == 3  # a text shorter than the streams
