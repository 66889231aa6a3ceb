"""Truncated BPTT with teacher forcing: windows in, updates out.

Gradients stop at a window's edge, the state does not. For each window: the gradient of its mean loss, clipped by its
global norm, one update of the weights.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from . import optimizers, schedules
from .errors import DivergenceError
from .parallel import Solo, Team
from .run import Run
from .stored import Symbols
from .windows import EOS, Lanes
from .workspace import Workspace

NOISE = 1  # sets dropout's random numbers apart from those drawn for the weights and for samples
HOPELESS = 8  # setbacks in a row after which training gives up
QUIET = partial(np.errstate, over="ignore", invalid="ignore")  # what overflows is seen in the loss, and seen to
EXPLODED = 10.0  # times the loss of knowing nothing, log V


@dataclass(frozen=True)
class Update:
    """The weights were updated from a window: `nats` is its summed loss before the update."""

    step: int
    nats: float
    count: int
    rate: float
    norm: float


@dataclass(frozen=True)
class Setback:
    """After step `failed` the loss was not finite, or exploded: the run is back at `step`, at half the rate."""

    failed: int
    step: int
    rate: float
    tries: int


class Trainer:
    """Updates a run, window by window, with a team that shares each batch's rows."""

    def __init__(self, run: Run, ids: Symbols, team: Team | None = None, clock: Callable[[], float] = time.monotonic):
        self.run = run
        self.lanes = Lanes(ids, run.config.batch, run.config.window)
        self.team = team or Solo()
        self.clock, self.last = clock, clock()
        self.rule = optimizers.make(run.config)
        edges = np.linspace(0, run.config.batch, self.team.size + 1).round().astype(int).tolist()
        self.shares = [Share(run, i, slice(*edges[i : i + 2])) for i in range(self.team.size)]
        self.good = Snapshot(run)
        self.tries = 0

    @property
    def progress(self) -> float:
        """The share of the run that is done, 0 to 1."""
        run = self.run
        epochs = run.epoch + run.cursor / len(self.lanes)
        return schedules.progress(run.config, steps=run.step, epochs=epochs, seconds=run.seconds)

    def mark(self) -> None:
        """The run is well: a later setback returns here."""
        self.good.take(self.run)
        self.tries = 0

    def update(self) -> Update | Setback:
        """Read the next window and update the weights. Raises `DivergenceError` after several setbacks in a row."""
        run, config = self.run, self.run.config
        self._tick()
        if run.cursor == 0:  # an epoch starts from nothing
            for s in run.state:
                s.fill(0)
        x, y = self.lanes[run.cursor]
        nats, norm = self._gradient(x, y)
        if not (math.isfinite(norm) and self.sane(nats / y.size)):
            return self.set_back()
        rate = run.scale * schedules.rate(config, self.progress)
        clip = min(1.0, config.clip / norm) if config.clip and norm else 1.0
        run.step += 1
        g, scale, decay = self.shares[0].g, clip / self.size, config.weight_decay
        with QUIET():
            optimizers.apply(self.rule, run.weights, g, run.moments, rate=rate, decay=decay, scale=scale, t=run.step)
        run.cursor = (run.cursor + 1) % len(self.lanes)
        run.epoch += run.cursor == 0
        run.nats += nats
        run.count += y.size
        return Update(run.step, nats, y.size, rate, norm)

    @property
    def size(self) -> int:
        """Symbols of a whole window. Gradients are divided by it even in an epoch's last, smaller windows, so that
        each character counts alike."""
        return self.run.config.batch * self.run.config.window

    def _gradient(self, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        """The summed loss of a window in nats, and the norm of its gradient / size, left in the first share."""
        nats = sum(self.team.map(lambda share: share.gradient(x, y), self.shares))
        g = self.shares[0].g
        with QUIET():
            for share in self.shares[1:]:
                g.flat += share.g.flat
            return nats, optimizers.norm(g) / self.size

    def _tick(self) -> None:
        """Count all the time that passes, where there is a budget of it: validations and saving too."""
        now = self.clock()
        if self.run.config.minutes:
            self.run.seconds += now - self.last
        self.last = now

    def sane(self, loss: float) -> bool:
        """Whether a loss, in nats per character, is one to go on with; NaN is not."""
        return loss <= EXPLODED * math.log(self.run.model.symbols)

    def set_back(self) -> Setback:
        """Return to the last good state, at half the rate. Raises `DivergenceError` after several times in a row."""
        failed, scale = self.run.step, self.run.scale
        self.good.restore(self.run)
        self.run.scale = scale / 2
        self.run.setbacks += 1
        self.tries += 1
        if self.tries > HOPELESS:
            raise DivergenceError(
                f"training diverged after step {failed}, {self.tries} times in a row, at last at a rate of "
                f"{scale * self.run.config.rate:g}: try a lower --rate, a lower --clip or another --activation"
            )
        return Setback(failed, self.run.step, self.run.scale * self.run.config.rate, self.tries)


class Share:
    """One worker's rows of every batch, with a gradient and a workspace of its own."""

    def __init__(self, run: Run, number: int, rows: slice):
        self.run, self.number, self.rows = run, number, rows
        self.g, self.ws = run.weights.like(), Workspace()

    def gradient(self, x: np.ndarray, y: np.ndarray) -> float:
        """Set g to the gradient of these rows' summed loss, carry their state on, and return the loss in nats.

        Dropout's noise is drawn anew from (seed, step, worker), so that resuming needs no generator's state.
        """
        run, rows = self.run, slice(self.rows.start, min(self.rows.stop, x.shape[1]))
        self.g.flat.fill(0)
        if rows.start >= rows.stop:
            return 0.0
        x, y = x[:, rows], y[:, rows]
        self.ws.reset()
        keep = (x != EOS)[..., None].astype(run.weights.flat.dtype) if run.reset else None
        rng = (
            np.random.default_rng((run.config.seed, NOISE, run.step, self.number)) if run.model.config.dropout else None
        )
        before = tuple(s[rows] for s in run.state)
        with QUIET():
            nats, after = run.model.gradient(run.weights, self.g, x, y, before, self.ws, keep, rng)
        for s, new in zip(before, after, strict=True):
            s[...] = new
        return nats


class Snapshot:
    """A copy of all that training changes in a run."""

    def __init__(self, run: Run):
        self.vectors = [v.copy() for v in self._vectors(run)]
        self.take(run)

    def take(self, run: Run) -> None:
        for copy, v in zip(self.vectors, self._vectors(run), strict=True):
            copy[...] = v
        self.rest = {name: getattr(run, name) for name in ("step", "epoch", "cursor", "nats", "count")}

    def restore(self, run: Run) -> None:
        for copy, v in zip(self.vectors, self._vectors(run), strict=True):
            v[...] = copy
        for name, value in self.rest.items():
            setattr(run, name, value)

    @staticmethod
    def _vectors(run: Run) -> Iterator[np.ndarray]:
        yield run.weights.flat
        yield from (moment.flat for moment in run.moments)
        yield from run.state
