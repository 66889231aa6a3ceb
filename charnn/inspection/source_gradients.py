"""How far gradients reach into a source: through an encoder, its pooling and attention."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..data.pair_batches import Padded
from ..errors import UsageError
from ..nn.functions import ignore_overflow
from ..nn.layers.base import Array
from ..nn.pairs.encoder import Encoder
from ..nn.parameters import Parameters
from ..nn.task_model import encoder
from ..nn.workspace import Workspace
from ..runs.run import Run
from .gradients import LagNorm, lag_norm

MAX_SYMBOLS = 4096  # of all sources together
ABOUT = "k counts from the end of a source; layer 0 reads forwards, and layer 1 backwards where there is one"


@ignore_overflow()  # norms beyond all bounds say so
def gradients_by_distance(run: Run, batch: Any, lags: int) -> list[LagNorm]:
    """Norms |dL/da[t]| at distances 0 ... `lags` of t from the end of a source, by direction, over a batch's sources.

    L is the loss of a pair, and a[t] = x[t] U is what a source's symbol adds to the first layer. Each place of the
    sources gets a row of U of its own, so that dL/dU is dL/da[t] row by row. Raises `UsageError` for a network without
    an encoder.
    """
    old = getattr(run.model.network, "reader", None)
    if not isinstance(old, Encoder):
        raise UsageError(f"{run.path or run.name} has no encoder that gradients could reach")
    ids, inside = batch.source
    places = np.arange(ids.size).reshape(ids.shape)
    network = replace(run.model.network, reader=encoder(run.model.config, run.task, ids.size))
    p = Parameters(network.shapes(), np.float64)
    apart = {name: run.weights[name] for name in p if p[name].shape != run.weights[name].shape}
    for name in p:
        if name in apart:
            below = len(p[name]) - ids.size
            p[name] = np.concatenate([apart[name][:below], apart[name][below:][ids.reshape(-1)]])
        else:
            p[name] = run.weights[name]
    g = p.like()
    network.gradient(p, g, batch._replace(source=Padded(places, inside)), Workspace(), None)
    first = [name for name in apart if name.startswith("reader/0/")]
    norms = [np.linalg.norm(g[name][-ids.size :], axis=1).reshape(ids.shape) for name in first]
    return [norm for layer, each in enumerate(norms) for norm in _by_distance(layer, each, inside, lags)]


def _by_distance(layer: int, norms: Array, inside: Array, lags: int) -> list[LagNorm]:
    lengths = inside.sum(axis=0)
    found = []
    for lag in range(min(lags, int(lengths.max()) - 1) + 1):
        there = np.flatnonzero(lengths > lag)
        each = norms[lengths[there] - 1 - lag, there]
        before = norms[lengths[there] - max(0, lag), there] if lag else each
        found.append(lag_norm(layer, lag, each, before))
    return found
