"""An automaton read from a network: the values of its state in clusters, and the moves from cluster to cluster.

The idea is that of Giles et al. (1992) and Omlin and Giles (1996). A network that recognises a regular language keeps
its state near a few points. Each symbol takes all states near one point to states near another one.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from ..data.vocabulary import EOS, Vocabulary
from ..errors import UsageError
from ..nn.functions import softmax
from ..nn.layers.base import Array
from ..nn.network import Network
from ..nn.workspace import Workspace
from .automaton import Automaton
from .probes import copies_of

MAX_SYMBOLS = 4000  # of a text that are read
STARTS, ROUNDS = 5, 100  # of k-means for each number of clusters
GOOD_AGREEMENT = 0.999  # of a number of clusters with which no larger one is tried


def extract(network: Network, vocabulary: Vocabulary, ids: Array, most: int, end: float, seed: int = 0) -> Automaton:
    """The minimal automaton of the network's states while it reads the first symbols of a text (N,).

    States are put into 1, 2, ... `most` clusters by k-means, until moves and ends depend on clusters and symbols alone
    (or nearly so); each takes the majority of its moves. A state accepts where the probability of an end is `end` or
    more on average. Raises `UsageError` where that probability is not known, and where sequences do not end.
    """
    if network.model.config.ending == "length":
        raise UsageError("--ending length knows ends from a first symbol: an automaton needs --ending eos or node")
    if not network.reset:
        raise UsageError("this model carries its state on from one sequence to the next: train it with --state reset")
    ids = ids[:MAX_SYMBOLS]
    states, ends = read(network, ids)
    rng, best = np.random.default_rng(seed), None
    for count in range(1, 1 + min(most, len(np.unique(states, axis=0)))):
        found = from_clusters(clusters(states, count, rng), ends, np.append(EOS, ids), end)
        if best is None or found.agreement > best.agreement:
            best = found
        if best.agreement >= GOOD_AGREEMENT:
            break
    assert best is not None
    shown = dict(enumerate(vocabulary.texts(range(vocabulary.size))))
    named = {(state, shown[int(symbol)]): after for (state, symbol), after in best.transitions.items()}
    return Automaton(named, best.ends, best.accepting, best.agreement).minimal()


def read(network: Network, ids: Array) -> tuple[Array, Array]:
    """The state after EOS and after each symbol of a text (N,), (N + 1, D), and the probability of an end there."""
    state, ws, states, ends = network.zero_state(1), Workspace(back=False), list[Array](), list[float]()
    for symbol in np.append(EOS, ids):
        ws.reset()
        o, after = network.step(np.array([symbol]), state, ws)
        state = copies_of(after)
        states.append(np.concatenate([part[0] for part in state]))
        ends.append(float(softmax(network.model.ending.joint_scores(o.astype(np.float64)))[0, EOS]))
    return np.array(states, np.float64), np.array(ends)


def clusters(points: Array, count: int, rng: np.random.Generator) -> Array:
    """The cluster of each of some points (N, D), (N,), by k-means from several starts (Lloyd, 1982)."""
    found, least = np.zeros(len(points), int), np.inf
    for _ in range(STARTS):
        centres = _first_centres(points, count, rng)
        for _ in range(ROUNDS):
            near = _distances(points, centres).argmin(axis=1)
            means = np.array(
                [points[near == k].mean(axis=0) if (near == k).any() else centres[k] for k in range(count)]
            )
            if np.allclose(means, centres, atol=1e-9):
                break
            centres = means
        distances = _distances(points, centres)
        if distances.min(axis=1).sum() < least:
            found, least = distances.argmin(axis=1), distances.min(axis=1).sum()
    return found


def _first_centres(points: Array, count: int, rng: np.random.Generator) -> Array:
    """Points far from each other: each drawn by its squared distance from those before (k-means++)."""
    centres = points[rng.integers(len(points), size=1)]
    for _ in range(count - 1):
        away = _distances(points, centres).min(axis=1)
        chosen = rng.choice(len(points), p=away / away.sum()) if away.sum() else rng.integers(len(points))
        centres = np.concatenate([centres, points[chosen : chosen + 1]])
    return centres


def _distances(points: Array, centres: Array) -> Array:
    """Squared distances, (N, K)."""
    squares = np.square(points).sum(axis=1)[:, None] - 2 * points @ centres.T + np.square(centres).sum(axis=1)
    return np.maximum(squares, 0)


def from_clusters(near: Array, ends: Array, read: Array, end: float) -> Automaton:
    """An automaton whose states are the clusters (N + 1,) after each symbol read, numbered from the start's on.

    Its symbols are ids as text. EOS leads back to the start, and is no move.
    """
    order = {int(cluster): i for i, cluster in enumerate(dict.fromkeys(near.tolist()))}
    states = np.array([order[cluster] for cluster in near.tolist()])
    moves: dict[tuple[int, str], Counter[int]] = {}
    for state, symbol, after in _moves(states, read):
        moves.setdefault((state, str(symbol)), Counter())[after] += 1
    transitions = {key: counted.most_common(1)[0][0] for key, counted in moves.items()}
    means = [float(ends[states == state].mean()) for state in range(len(order))]
    accepting = [mean >= end for mean in means]
    right = [transitions[state, str(symbol)] == after for state, symbol, after in _moves(states, read)]
    same = [accepting[state] == (here >= end) for state, here in zip(states.tolist(), ends.tolist(), strict=True)]
    return Automaton(transitions, means, accepting, sum(right + same) / len(right + same))


def _moves(states: Array, read: Array) -> Iterator[tuple[int, int, int]]:
    """The state before each symbol but EOS, the symbol, and the state after it."""
    found = zip(states[:-1].tolist(), read[1:].tolist(), states[1:].tolist(), strict=True)
    return ((state, symbol, after) for state, symbol, after in found if symbol != EOS)
