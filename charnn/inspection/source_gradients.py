"""How far gradients reach into a source, through what reads it, or to both sides of a gap."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..data.pair_batches import Padded
from ..data.vocabulary import EOS
from ..errors import InputError, UsageError
from ..evaluation.gap_score import begins
from ..nn.functions import ignore_overflow
from ..nn.layers.base import Array
from ..nn.layers.bidirectional import Bidirectional
from ..nn.pairs.encoder import Encoder
from ..nn.pairs.gaps import GapBatch
from ..nn.pairs.primed import Primed
from ..nn.parameters import Parameters
from ..nn.stacks import make_calm_cell, make_stack
from ..nn.task_model import encoder
from ..nn.workspace import Workspace
from ..runs.run import Run
from .gradients import POSITIONS, LagNorm, lag_norm

MAX_SYMBOLS = 4096  # of all sources together
ABOUT = "k counts from the end of a source; layer 0 reads forwards, and layer 1 backwards where there is one"
ABOUT_GAPS = "k counts from the neighbour of a symbol on; layer 0 reads those before it, and layer 1 those after it"


@ignore_overflow()  # norms beyond all bounds say so
def gradients_by_distance(run: Run, batch: Any, lags: int) -> list[LagNorm]:
    """Norms |dL/da[t]| at distances 0 ... `lags` of t from the end of a source, by direction, over a batch's sources.

    L is the loss of a pair, and a[t] = x[t] U is what a source's symbol adds to the first layer. Raises `UsageError`
    for a network that reads labels.
    """
    network, V = run.model.network, run.vocabulary.size
    ids, inside = batch.source
    old = getattr(network, "reader", network)
    if isinstance(old, Encoder):
        apart = replace(network, reader=encoder(run.model.config, run.task, V + ids.size))
    elif isinstance(old, Primed):
        apart = replace(network, stack=make_stack(run.model.config, (V + ids.size,), V + ids.size, cell=make_calm_cell))
    else:
        raise UsageError(f"{run.path or run.name} reads labels, and no source that gradients could reach into")
    norms = _by_place(run, apart, batch, V)
    inside = inside if isinstance(old, Encoder) else inside & (ids != EOS)  # without an encoder EOS begins the target
    return [norm for layer, each in enumerate(norms) for norm in _by_distance(layer, each, inside, lags)]


@ignore_overflow()
def gradients_around_gaps(run: Run, ids: Array, lags: int) -> list[LagNorm]:
    """Norms |dL/da[t]| of the loss of one symbol by those 1 + `lags` and fewer before it (layer 0) and after it (1).

    Over up to 64 places evenly spread over a text of ids (N,). Raises `InputError` where the text is too short.
    """
    reach = lags + 1
    if len(ids) < 2 * reach + 1:
        raise InputError(f"{lags} lags need more than {len(ids):,} characters: give a longer text, or a smaller --lags")
    starts = np.unique(np.linspace(0, len(ids) - 2 * reach - 1, POSITIONS).astype(int))
    x = ids[starts + np.arange(2 * reach + 1)[:, None]].astype(np.intp)  # (T, B)
    there = np.zeros(x.shape, bool)
    there[reach] = True
    batch = GapBatch(Padded(x, np.ones_like(there)), Padded(x, there), begins(x, run.reset, np.dtype(np.float64)))
    V = run.vocabulary.size + 1  # with the one that hides others
    stacks = (make_stack(run.model.config, (V + x.size,), V + x.size, cell=make_calm_cell) for _ in range(2))
    before, after = _by_place(run, replace(run.model.network, both=Bidirectional(*stacks)), batch, V)
    found = []
    for layer, each in enumerate((before[:reach][::-1], after[reach + 1 :])):
        found += [lag_norm(layer, lag, norms, each[max(0, lag - 1)]) for lag, norms in enumerate(each)]
    return found


def _by_place(run: Run, apart: Any, batch: Any, symbols: int) -> list[Array]:
    """Norms |dL/da[t]| at each place of a batch's sources (S, B), of each first layer that reads them.

    `apart` is the network with a row of U for each place, after those for `symbols`: dL/dU of that row is dL/da[t].
    """
    ids = batch.source.ids
    p, first = Parameters(apart.shapes(), np.float64), []
    for name, w in run.weights.items():
        longer = p[name].shape != w.shape
        p[name] = np.concatenate([w, w[len(w) - symbols :][ids.reshape(-1)]]) if longer else w
        first += [name] if longer and "/0/" in name else []
    places = symbols + np.arange(ids.size).reshape(ids.shape)
    g = p.like()
    apart.gradient(p, g, batch._replace(source=Padded(places, batch.source.inside)), Workspace(), None)
    return [np.linalg.norm(g[name][-ids.size :], axis=1).reshape(ids.shape) for name in first]


def _by_distance(layer: int, norms: Array, inside: Array, lags: int) -> list[LagNorm]:
    lengths = inside.sum(axis=0)
    found = []
    for lag in range(min(lags, int(lengths.max()) - 1) + 1):
        there = np.flatnonzero(lengths > lag)
        each = norms[lengths[there] - 1 - lag, there]
        before = norms[lengths[there] - max(0, lag), there] if lag else each
        found.append(lag_norm(layer, lag, each, before))
    return found
