"""Truncated BPTT with teacher forcing: windows in, updates out.

Gradients stop at a window's edge, the state does not. For each window: the gradient of its mean loss, clipped by its
global norm, one update of the weights.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from . import optimizers, schedules
from .errors import DivergenceError
from .numerics import quiet
from .parallel import Member, Solo, Team, rows_of
from .run import Run
from .stored import Symbols
from .windows import EOS, Lanes
from .workspace import Workspace

NOISE = 1  # sets dropout's random numbers apart from those drawn for the weights and for samples
HOPELESS = 8  # setbacks in a row after which training gives up
Totals = tuple[float, ...]
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
        self.run, self.team = run, team or Solo()
        self.lanes = Lanes(run.model.ending.stream(ids), run.config.batch, run.config.window)
        self.clock, self.last = clock, clock()
        self.rule = optimizers.make(run.config)
        run.move(self.team.allocate)
        self.shares = {n: Share(run, self.lanes, n, self.team.size) for n in self.team.numbers}
        self.team.start(self._work)
        self.good = Snapshot(run)
        self.tries = 0
        self.asked = self.stopped = False  # whether this program is to end, and whether all ranks know

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
        run, window = self.run, self.run.cursor
        rate = run.scale * schedules.rate(run.config, self.progress)
        nats, count, seconds, asked, norm = self.team.run(window, run.step, rate, self._tick(), self.asked)
        run.seconds += seconds
        self.stopped = asked > 0
        if not self._sane(nats, count, norm):
            return self.set_back()
        run.step += 1
        run.cursor = (run.cursor + 1) % len(self.lanes)
        run.epoch += run.cursor == 0
        run.nats += nats
        run.count += int(count)
        return Update(run.step, nats, int(count), rate, norm)

    def _work(self, member: Member, window: int, step: int, rate: float, seconds: float, asked: bool) -> Totals:
        """What each worker does of an update: the gradient of its rows, and the update of its part of the weights.

        Returns the window's summed loss in nats, its count, what rank 0 and any rank said, and the gradient's norm.
        """
        run, config, share = self.run, self.run.config, self.shares[member.number]
        with quiet():
            nats, count = share.gradient(window, step)
            share.g.tail[:4] = nats, count, 0 if member.number else seconds, asked
            total = member.sum([other.g.block for other in self.shares.values()])
            g, totals = total[: share.g.flat.size], total[share.g.flat.size :][:4].tolist()
            norm = optimizers.norm(g) / self.size
            member.wait()
            if self._sane(totals[0], totals[1], norm):
                clip = min(1.0, config.clip / norm) if config.clip and norm else 1.0
                part = member.part(g.size)
                vectors = run.weights.flat[part], g[part], [moment.flat[part] for moment in run.moments]
                decay, scale = config.weight_decay, clip / self.size
                optimizers.apply(self.rule, *vectors, rate=rate, decay=decay, scale=scale, t=step + 1)
            member.wait()
        return (*totals, norm)

    def _sane(self, nats: float, count: float, norm: float) -> bool:
        return math.isfinite(norm) and self.sane(nats / max(1, count))

    @property
    def size(self) -> int:
        """Symbols of a whole window. Gradients are divided by it even in an epoch's last, smaller windows, so that
        each character counts alike."""
        return self.run.config.batch * self.run.config.window

    def _tick(self) -> float:
        """Seconds since the last time, validations and saving too; 0 where there is no budget of them."""
        now = self.clock()
        passed, self.last = now - self.last, now
        return passed if self.run.config.minutes else 0.0

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

    def __init__(self, run: Run, lanes: Lanes, number: int, size: int):
        self.run, self.lanes, self.number = run, lanes, number
        self.rows = rows_of(lanes.batch, number, size)
        self.g, self.ws = run.weights.like(), Workspace()

    def gradient(self, window: int, step: int) -> tuple[float, int]:
        """Set g to the gradient of these rows' summed loss, carry their state on; return that loss in nats, and its
        count.

        Dropout's noise is drawn anew from (seed, step, worker), so that resuming needs no generator's state.
        """
        run = self.run
        self.g.block.fill(0)
        x, y = self.lanes.read(window, self.rows)
        if not y.size:
            return 0.0, 0
        state = tuple(s[self.rows][: y.shape[1]] for s in run.state)
        if window == 0:  # an epoch starts from nothing
            for s in state:
                s.fill(0)
        self.ws.reset()
        keep = (x != EOS)[..., None].astype(run.weights.flat.dtype) if run.reset else None
        rng = np.random.default_rng((run.config.seed, NOISE, step, self.number)) if run.model.config.dropout else None
        nats, after, _ = run.model.gradient(run.weights, self.g, x, y, state, self.ws, keep, rng)
        for s, new in zip(state, after, strict=True):
            s[...] = new
        return nats, run.model.ending.count(y)


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
