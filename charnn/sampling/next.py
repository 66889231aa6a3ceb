"""The distribution of the character that comes next."""

import numpy as np

from ..config import SampleConfig
from ..data.vocabulary import EOS
from ..io.lazy import pieces
from ..nn.functions import ignore_overflow
from ..nn.layers.base import State
from ..nn.network import Network
from ..nn.workspace import Workspace
from .sampler import probabilities

READ_AT_ONCE = 1 << 10  # symbols of a prime read at a time


@ignore_overflow()  # a network may be beyond all bounds, and still write
def read_prime(network: Network, prime: np.ndarray) -> tuple[np.ndarray, State]:
    """Scores of what follows EOS and a prime, (N,) ids, as one softmax, (1, V); and the state after them.

    Raises `UsageError` for a network that gives no distribution over symbols at each step.
    """
    state, ws = network.zero_state(1), Workspace(back=False)
    for x in pieces(np.append(EOS, prime).astype(np.intp), READ_AT_ONCE):
        ws.reset()
        o, after = network.scores(x[:, None], state, ws)
        state = tuple(s.copy() for s in after)
    return network.model.ending.joint_scores(o[-1].copy()), state


@ignore_overflow()  # a network may be beyond all bounds, and still write
def next_symbols(network: Network, prime: np.ndarray, config: SampleConfig) -> np.ndarray:
    """The probability of each symbol, (V,), after EOS and a prime, (N,) ids, as sampling draws it.

    p = softmax(o / temperature), restricted by top_k and top_p: see `sampler.probabilities`.
    """
    found: np.ndarray = probabilities(read_prime(network, prime)[0], config)[0]
    return found
