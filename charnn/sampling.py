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
    p = np.exp(log_softmax(o / config.temp))
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
    past_end: bool = False,
) -> Iterator[int]:
    """Ids of one sample as they are drawn, EOS the last of them if it ends so; at most `config.length`.

    Starts as training does, from EOS and the zero state, then reads the `prime`, (N,) ids. With `past_end` EOS is a
    symbol like any other, as in training that carries the state on.
    """
    symbol, state, ws = np.array([EOS]), model.zero_state(1, weights.flat.dtype), Workspace()
    o, state = _prime(model, weights, prime, symbol, state)
    for _ in range(config.length):
        symbol = draw(probabilities(o, config), rng.random(1))
        yield int(symbol[0])
        if symbol[0] == EOS and not past_end:
            return
        ws.reset()
        o, after = model.step(weights, symbol, state, ws)
        state = tuple(s.copy() for s in after)


def generate(
    model: Model, weights: Parameters, config: SampleConfig, rng: np.random.Generator, prime: np.ndarray
) -> list[Sample]:
    """`config.count` samples, drawn side by side as one batch; those that ended leave it."""
    n, ws = config.count, Workspace()
    o, state = _prime(model, weights, prime, np.full(n, EOS), model.zero_state(n, weights.flat.dtype))
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
        going, symbols = going[stay], symbols[stay]
        ws.reset()
        o, after = model.step(weights, symbols, tuple(s[stay] for s in state), ws)
        state = tuple(s.copy() for s in after)
    return [Sample(np.array(ids, np.int64), end) for ids, end in zip(texts, ended, strict=True)]


def _prime(
    model: Model, weights: Parameters, prime: np.ndarray, start: np.ndarray, state: State
) -> tuple[np.ndarray, State]:
    """Scores after reading the start symbol and the prime in every row, and the state."""
    ws = Workspace()
    o, state = model.step(weights, start, state, ws)
    for symbol in prime:
        ws.reset()
        o, after = model.step(weights, np.full(len(start), symbol), tuple(s.copy() for s in state), ws)
        state = after
    return o.copy(), tuple(s.copy() for s in state)
