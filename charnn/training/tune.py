"""Which products a run needs, and the tilings of them that are the fastest on this machine."""

from collections.abc import Collection

import numpy as np

from ..config import TEXT, TrainConfig
from ..evaluation.score import SCORING_ROWS, read_zeros
from ..nn.model import PassContext
from ..nn.network import Network
from ..nn.tiling import Tilings
from ..nn.tuning import SECONDS_PER_MULTIPLICATION, tuned
from ..runs.run import Run

PASSES = 3  # through the network for an update: forward, and back for two gradients
PROBED_STEPS = 2  # of a window: with one, no product is made more than once


def tune(run: Run, rows: Collection[int], size: float, symbols: int) -> Tilings:
    """Tilings for updates by workers of so many `rows`, and for validations, measured where the run is long enough.
    Those of other tasks, whose batches have many shapes, go by rule.

    An update learns from `size` symbols on average, an epoch from so many `symbols`.
    """
    if run.task != TEXT:
        return run.tilings
    config = run.config
    workers = config.workers or 1
    lanes = SCORING_ROWS if run.reset else -(-SCORING_ROWS // workers)

    def probe(network: Network) -> None:
        for count in sorted(rows):
            learn_zeros(network, count, 1 if config.scheme == "one-step" else min(PROBED_STEPS, config.window))
        read_zeros(network, lanes)

    work = expected_multiplications(config, run.weights.count, size, symbols) / workers
    return tuned(run.network, work, probe).tilings


def expected_multiplications(config: TrainConfig, parameters: int, size: float, symbols: int) -> float:
    """About how many multiply-adds a run takes; a run without an end has no end of them."""
    limits = [
        config.steps and config.steps * size * PASSES * parameters,
        config.epochs and config.epochs * symbols * PASSES * parameters,
        config.minutes and config.minutes * 60 * (config.workers or 1) / SECONDS_PER_MULTIPLICATION,
    ]
    return min((limit for limit in limits if limit), default=float("inf"))


def learn_zeros(network: Network, rows: int, steps: int) -> None:
    """The products of an update, with what they find thrown away."""
    x, g, context = np.zeros((steps, rows), np.int64), network.weights.like(), PassContext(network.workspace())
    network.model.gradient(network.weights, g, network.batch(x, x), network.zero_state(rows), context)
