"""A hidden Markov model of a stream of symbols, fitted by the algorithm of Baum and Welch (Baum et al., 1970).

    P(x[1] ... x[T]) = sum over states s of prod_t P(s[t] | s[t-1]) P(x[t] | s[t]),   P(s[1]) = start

Its hidden state is one of N, where that of a recurrent network is a vector: the state variable that a graphical model
introduces in place of many edges. All is computed by the scaled forward and backward recursions (Rabiner, 1989):

    alpha[t] = (alpha[t-1] A) * E[x[t]] / c[t],   beta[t-1] = A (E[x[t]] * beta[t]) / c[t],   log P = sum_t log c[t]

Letters: T steps of B streams side by side, N states, V symbols.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

Array = np.ndarray
STREAMS = 128  # that a text is cut into, to be read side by side
PRIOR = 0.1  # is added to every expected count of a symbol in a state, so that none is impossible


class Expected(NamedTuple):
    """Expected counts of what a text's states did, and log P of the text in nats."""

    starts: Array  # (N,)
    moves: Array  # (N, N)
    symbols: Array  # (N, V)
    nats: float


@dataclass(frozen=True, eq=False)
class HMM:
    """start (N,), moves A (N, N) from each state to each, and symbols E (N, V) of each state; rows sum to 1."""

    start: Array
    moves: Array
    symbols: Array

    def nats(self, ids: Array, before: Array) -> Array:
        """-log P(x[t] | x[1] ... x[t-1]) of each symbol of a stream (N,), which follows the symbols `before`."""
        stream = np.concatenate([before, ids])[:, None]
        _, scale = self._forward(stream)
        found: Array = -np.log(scale[len(before) :, 0])
        return found

    def expected(self, x: Array) -> Expected:
        """What the states of streams x (T, B) did, in expectation: the E step."""
        alpha, scale = self._forward(x)
        emitted, beta = self.symbols.T, np.ones_like(alpha[0])
        moves, symbols = np.zeros_like(self.moves), np.zeros_like(emitted)
        for t in range(len(x) - 1, -1, -1):
            np.add.at(symbols, x[t], alpha[t] * beta)
            back = emitted[x[t]] * beta / scale[t][:, None]
            if t:
                moves += alpha[t - 1].T @ back
            else:
                starts = (self.start * back).sum(axis=0)
            beta = back @ self.moves.T
        return Expected(starts, moves * self.moves, symbols.T, -float(np.log(scale).sum()))

    def _forward(self, x: Array) -> tuple[Array, Array]:
        """alpha (T, B, N), whose rows sum to 1, and c (T, B)."""
        emitted, (T, B) = self.symbols.T, x.shape
        alpha, scale = np.empty((T, B, len(self.start))), np.empty((T, B))
        now = np.broadcast_to(self.start, alpha[0].shape)
        for t in range(T):
            now = (now if t == 0 else now @ self.moves) * emitted[x[t]]
            scale[t] = now.sum(axis=1)
            now = np.divide(now, scale[t][:, None], out=alpha[t])
        return alpha, scale


def begin(states: int, symbols: int, shares: Array, rng: np.random.Generator) -> HMM:
    """A model to start from: moves at random, and symbols of each state near their shares (V,) of the text."""
    moves, emitted = rng.dirichlet(np.ones(states), states), shares * rng.gamma(1, size=(states, symbols))
    return HMM(np.full(states, 1 / states), moves, emitted / emitted.sum(axis=1, keepdims=True))


def improve(model: HMM, x: Array, prior: float = PRIOR) -> tuple[HMM, float]:
    """A round of Baum and Welch on streams x (T, B): a model with a larger P, and the nats of the one before."""
    found = model.expected(x)
    symbols = found.symbols + prior
    moves = found.moves + prior
    return HMM(
        found.starts / found.starts.sum(),
        moves / moves.sum(axis=1, keepdims=True),
        symbols / symbols.sum(axis=1, keepdims=True),
    ), found.nats


def fit(ids: Array, symbols: int, states: int, rounds: int, seed: int = 0) -> Iterator[HMM]:
    """Models of a text (N,), each better than the one before, `rounds` of them."""
    steps = max(1, len(ids) // STREAMS)
    x = ids[: steps * (len(ids) // steps)].reshape(-1, steps).T
    shares = (np.bincount(ids, minlength=symbols) + PRIOR) / (len(ids) + PRIOR * symbols)
    model = begin(states, symbols, shares, np.random.default_rng(seed))
    for _ in range(rounds):
        model, _ = improve(model, x)
        yield model
