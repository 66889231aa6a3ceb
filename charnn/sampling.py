"""Free-running generation: the network's own output is its next input."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .config import SampleConfig
from .layers import State
from .model import Model
from .numerics import log_softmax
from .parameters import Parameters
from .windows import EOS
from .workspace import Workspace


@dataclass(frozen=True)
class Sample:
    """Ids of a sample, the prime before and EOS after not among them, and whether it ended by EOS."""

    ids: np.ndarray
    ended: bool


def probabilities(o: np.ndarray, config: SampleConfig) -> np.ndarray:
    """Scores o (B, V) to the probabilities that symbols are drawn with.

    p = softmax(o / temperature), all but the k likeliest set to 0, then all but the likeliest that reach a share of
    top_p (Holtzman et al., 2020), then scaled to sum 1. Temperature 0: the likeliest has probability 1.
    """
    o = o.astype(np.float64)
    if config.temp == 0:
        return (np.arange(o.shape[1]) == o.argmax(axis=1)[:, None]).astype(np.float64)
    with np.errstate(over="ignore"):  # below the largest score, which is 0, there may be minus infinity
        p = np.exp(log_softmax((o - o.max(axis=1, keepdims=True)) / config.temp))
    if config.top_k or config.top_p < 1:
        order = np.argsort(-p, axis=1, kind="stable")
        ranked = np.take_along_axis(p, order, axis=1)
        if config.top_k:
            ranked[:, config.top_k :] = 0
        before = ranked.cumsum(axis=1) - ranked  # probability of those likelier
        ranked[before >= config.top_p * ranked.sum(axis=1, keepdims=True)] = 0
        np.put_along_axis(p, order, ranked, axis=1)
        p /= p.sum(axis=1, keepdims=True)
    return p


def draw(p: np.ndarray, u: np.ndarray) -> np.ndarray:
    """One symbol a row, by inverting the distribution function. p (B, V), u (B,) uniform in [0, 1). Returns (B,)."""
    cdf = p.cumsum(axis=1)
    return (cdf <= u[:, None] * cdf[:, -1:]).sum(axis=1)


def stream(
    model: Model,
    weights: Parameters,
    config: SampleConfig,
    rng: np.random.Generator,
    prime: np.ndarray,
    *,
    reset: bool,
    past_end: bool = False,
) -> Iterator[int]:
    """Ids of one sample as they are drawn, EOS the last of them if it ends so; at most `config.length`.

    Starts as training does, from EOS and the zero state, then reads the `prime`, (N,) ids. With `past_end` EOS is a
    symbol like any other. Where training `reset` the state at EOS, so does this.
    """
    ws = Workspace()
    o, state = _prime(model, weights, prime, 1, ws, reset)
    for _ in range(config.length):
        symbol = draw(probabilities(o, config), rng.random(1))
        yield int(symbol[0])
        if symbol[0] == EOS and not past_end:
            return
        o, state = _step(model, weights, symbol, state, ws, reset)


def generate(
    model: Model, weights: Parameters, config: SampleConfig, rng: np.random.Generator, prime: np.ndarray, *, reset: bool
) -> list[Sample]:
    """`config.count` samples, drawn side by side as one batch; those that ended leave it."""
    n, ws = config.count, Workspace()
    o, state = _prime(model, weights, prime, n, ws, reset)
    going, ended = np.arange(n), [False] * n
    texts: list[list[int]] = [[] for _ in range(n)]
    for _ in range(config.length):
        if not len(going):
            break
        symbols = draw(probabilities(o, config), rng.random(len(going)))
        for row, symbol in zip(going.tolist(), symbols.tolist(), strict=True):
            if symbol == EOS:
                ended[row] = True
            else:
                texts[row].append(symbol)
        stay = symbols != EOS
        going = going[stay]
        o, state = _step(model, weights, symbols[stay], tuple(s[stay] for s in state), ws, reset)
    return [Sample(np.array(ids, np.int64), end) for ids, end in zip(texts, ended, strict=True)]


def _prime(
    model: Model, weights: Parameters, prime: np.ndarray, rows: int, ws: Workspace, reset: bool
) -> tuple[np.ndarray, State]:
    """Scores after reading EOS and the prime in every row, and the state."""
    o, state = np.empty((rows, 0)), model.zero_state(rows, weights.flat.dtype)
    for symbol in (EOS, *prime.tolist()):
        o, state = _step(model, weights, np.full(rows, symbol), state, ws, reset)
    return o, state


def _step(
    model: Model, weights: Parameters, symbols: np.ndarray, state: State, ws: Workspace, reset: bool
) -> tuple[np.ndarray, State]:
    """Scores of what follows the symbols, until the next step, and the state; one `reset` at EOS, as in training."""
    if reset:
        state = tuple(s * (symbols != EOS)[:, None] for s in state)
    ws.reset()
    o, after = model.step(weights, symbols, state, ws)
    return o, tuple(s.copy() for s in after)
