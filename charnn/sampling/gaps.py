"""Gaps in a text, filled: by a network that reads both sides, or by one that reads from left to right, with a beam."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..data.vocabulary import EOS
from ..evaluation.gaps import GapMixture
from ..nn.functions import log_softmax
from ..nn.layers.base import Array
from ..nn.network import Network
from ..nn.pairs.gaps import GapNetwork
from ..nn.parameters import Parameters
from ..nn.workspace import Workspace

BEAM = 20  # beginnings that are kept while gaps are filled from left to right
AHEAD = 32  # symbols after a gap that tell which of its fillings was right
READINGS = 32  # of a text, at most, while its gaps are filled from both sides


def fill_from_both(
    network: GapNetwork,
    p: Parameters,
    ids: Array,
    gaps: Array,
    banned: Sequence[int] = (EOS,),
    mixture: GapMixture | None = None,
) -> Array:
    """The text ids (N,) with the likeliest symbols, but those that are `banned`, where `gaps` (N,) is true.

    Of gaps beside each other the most certain is filled first, and is there for the others to see. Of more than 32,
    several are filled at once, so that the text is read 32 times at most. `mixture` may help the network.
    """
    hidden, text, open_, ws = network.size, ids.astype(np.intp), gaps.copy(), Workspace(back=False)
    at_once = -(-max((run.stop - run.start for run in runs(gaps)), default=0) // READINGS)
    while open_.any():
        text[open_] = hidden
        ws.reset()
        logp = log_softmax(network.scores(p, text[:, None], None, ws)[:, 0].astype(np.float64))
        if mixture:
            logp[open_] = mixture.log_probabilities(logp[open_], text, np.flatnonzero(open_))
        logp[:, banned] = -np.inf
        logp = log_softmax(logp)
        certain = logp.max(axis=1)
        for run in runs(open_):
            for t in (run.start + np.argsort(-certain[run], kind="stable")[:at_once]).tolist():
                text[t], open_[t] = logp[t].argmax(), False
    return text


def fill_from_left(
    network: Network, ids: Array, gaps: Array, width: int = BEAM, banned: Sequence[int] = (EOS,)
) -> Array:
    """The same by a network that reads from left to right, whose beam keeps the likeliest beginnings.

    What follows a gap says which of its fillings was right: the likeliest text up to `AHEAD` symbols further is taken.
    """
    text, ws = ids.astype(np.intp), Workspace(back=False)
    state = network.zero_state(1)
    steps = list[tuple[Array, Array]]()  # since the last settled symbol: the beginnings' parents and last symbols
    scores, last, settled = np.zeros(1), np.array([EOS]), 0
    for t in range(len(text)):
        ws.reset()
        o, after = network.step(last, state, ws)
        logp = log_softmax(network.model.ending.joint_scores(o.astype(np.float64)))
        if gaps[t]:
            logp[:, banned] = -np.inf
            total = (scores[:, None] + logp).reshape(-1)
            best = np.argsort(-total, kind="stable")[:width]
            parents, last = best // logp.shape[1], best % logp.shape[1]
            scores = total[best]
        else:
            parents, last = np.arange(len(scores)), np.full(len(scores), text[t])
            scores = scores + logp[:, text[t]]
        state = tuple(s[parents] for s in after)
        steps.append((parents, last))
        if not gaps[max(0, t + 1 - AHEAD) : t + 1].any():
            best = np.array([int(scores.argmax())])
            text[settled : t + 1] = _traced(steps, int(best[0]))
            state, steps, scores, last = tuple(s[best] for s in state), [], np.zeros(1), last[best]
            settled = t + 1
    text[settled:] = _traced(steps, int(scores.argmax()))
    return text


def _traced(steps: Sequence[tuple[Array, Array]], row: int) -> list[int]:
    """The symbols of a beginning, from its parents and last symbols at each step."""
    found = []
    for parents, last in reversed(steps):
        found.append(int(last[row]))
        row = int(parents[row])
    return found[::-1]


def runs(marked: Array) -> Iterator[slice]:
    """Where neighbours are marked, (N,) of booleans: each run of them."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]])))
    return (slice(int(a), int(b)) for a, b in edges.reshape(-1, 2))
