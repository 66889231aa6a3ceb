"""Backpropagation through time with teacher forcing: windows in, updates out.

A scheme says which windows an update learns from, and how far back gradients go. By default gradients stop at a
window's edge, and the state does not. For each update: the gradient of the mean loss, clipped by its global norm.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..draws import Draw
from ..errors import DivergenceError
from ..nn import optimizers
from ..nn.functions import ignore_overflow
from ..nn.network import Network
from ..nn.optimizers import StepSize
from ..parallel.team import SingleWorker, Worker, WorkerGroup, rows_of_worker
from ..runs.run import Run
from . import schedules
from .bptt import Replica
from .finetune import learning
from .plan import Plan
from .tune import tune

MAX_ROLLBACKS = 8  # rollbacks in a row after which training gives up
Totals = tuple[float, ...]
DIVERGED_RATIO = 10.0  # times the loss of knowing nothing: training has failed


@dataclass(frozen=True)
class Update:
    """The weights were updated: `nats` is the summed loss of `count` characters before that."""

    step: int
    nats: float
    count: int
    rate: float
    norm: float


@dataclass(frozen=True)
class Rollback:
    """After step `failed` the loss was not finite, or exploded: the run is back at `step`, at half the rate."""

    failed: int
    step: int
    rate: float
    in_a_row: int  # rollbacks since the run was last well


class Order(NamedTuple):
    """An update to make, as all workers are told of it."""

    cursor: int
    step: int
    rate: float
    teacher: float  # the share of teacher forcing
    seconds: float  # since the update before
    asked: bool  # whether this program is to end


class Trainer:
    """Updates a run, step by step, with a group that shares each batch's rows."""

    def __init__(
        self, run: Run, plan: Plan, group: WorkerGroup | None = None, clock: Callable[[], float] = time.monotonic
    ):
        self.run, self.group, self.scheme = run, group or SingleWorker(), plan.scheme
        self.clock, self.last = clock, clock()
        self.rule, self.schedule = optimizers.make(run.config), schedules.make(run.config)
        run.move(self.group.allocate)
        parts = {n: rows_of_worker(run.config.batch, n, self.group.size) for n in range(self.group.size)}
        self._tune([*parts.values()], plan)
        self.replicas = {
            n: Replica(run.network, parts[n], run.weights.like(), ws=run.network.workspace())
            for n in self.group.numbers
        }
        self.learning = learning(run)
        self.group.start(self._work)
        self.good = Snapshot(run)
        self.in_a_row = 0
        self.asked = self.stopped = False  # whether this program is to end, and whether all ranks know

    def _tune(self, parts: Sequence[slice], plan: Plan) -> None:
        """Choose how products are cut, before workers are forked, who then know it; under MPI rank 0 says how."""
        found = None
        if self.group.rank == 0:
            found = tune(self.run, parts, plan.batches, self.scheme.size, plan.task.count_laid_out(plan.batches))
        self.run.tilings = self.group.broadcast(found)

    @property
    def progress(self) -> float:
        """The share of the run that is done, 0 to 1."""
        return schedules.progress(self.run.config, steps=self.run.step, epochs=self.epochs, seconds=self.run.seconds)

    @property
    def epochs(self) -> float:
        """Passes over the training part."""
        return self.run.epoch + self.run.cursor / len(self.scheme)

    def take_snapshot(self) -> None:
        """The run is well: a later rollback returns here."""
        self.good.take(self.run)
        self.in_a_row = 0

    def update(self) -> Update | Rollback:
        """Read the next windows and update the weights. Raises `DivergenceError` after several rollbacks in a row."""
        run, cursor = self.run, self.run.cursor
        done = self.scheme.span(cursor, run.step).done
        progress = self.progress
        rate = run.rate_factor * self.schedule.rate(run.config.rate, progress)
        teacher = schedules.teacher(run.model.config, progress)
        order = Order(cursor, run.step, rate, teacher, self._tick(), self.asked)
        nats, count, seconds, asked, norm = self.group.run(order)
        run.seconds += seconds
        self.stopped = asked > 0
        if not self._sane(nats, count, norm):
            return self.roll_back()
        run.step += 1
        run.cursor = (cursor + done) % len(self.scheme)
        run.epoch += run.cursor == 0
        run.nats += nats
        run.count += int(count)
        return Update(run.step, nats, int(count), rate, norm)

    def _work(self, worker: Worker, order: Order) -> Totals:
        """What each worker does of an update: the gradient of its rows, and the update of its part of the weights.

        Returns the summed loss in nats, its count, the seconds that rank 0 measured, how many ranks asked to stop, and
        the gradient's norm.
        """
        run, config, own = self.run, self.run.config, self.replicas[worker.number].g
        with ignore_overflow():
            nats, count = self._gradient(worker.number, order)
            own.tail[:4] = nats, count, 0 if worker.number else order.seconds, order.asked
            total = worker.all_reduce([replica.g.block for replica in self.replicas.values()])
            g, totals = total[: own.flat.size], total[own.flat.size :][:4].tolist()
            norm = optimizers.norm(g) / self.scheme.size
            worker.barrier()
            if self._sane(totals[0], totals[1], norm):
                clip = min(1.0, config.clip / norm) if config.clip and norm else 1.0
                part = worker.part(g.size)
                vectors = run.changing.flat[part], g[part], [moment.flat[part] for moment in run.moments]
                t, scale = order.step + 1, clip / self.scheme.size
                optimizers.apply(self.rule, *vectors, StepSize(order.rate, t, config.weight_decay, scale))
                if run.iterate:
                    optimizers.follow(run.weights.flat[part], run.iterate.flat[part], share=config.average, t=t)
            worker.barrier()
        return (*totals, norm)

    def _gradient(self, number: int, order: Order) -> tuple[float, int]:
        """Set a worker's g to the gradient of its rows' summed loss, and carry their state on.

        Returns that loss in nats, and its count.

        Dropout's noise is drawn anew from (seed, step, worker, window), so that resuming needs no generator's state.
        """
        run, replica = self.run, self.replicas[number]
        replica.g.block.fill(0)
        state = tuple(s[replica.rows] for s in run.state)
        if order.cursor == 0 and run.config.state != "continuous":  # an epoch starts from nothing
            for s in state:
                s.fill(0)
        replica.network = Network(run.model.taught(order.teacher), run.changing, run.reset)
        if run.model.noisy:
            key = (run.config.seed, Draw.DROPOUT, order.step, number)
            replica.noise = lambda window: np.random.default_rng(
                np.random.SeedSequence(key, spawn_key=(window,) if window else ())
            )
        found = self.scheme.span(order.cursor, order.step).gradient(replica, state)
        if self.learning is not None:
            replica.g.flat *= self.learning
        return found

    def _sane(self, nats: float, count: float, norm: float) -> bool:
        return math.isfinite(norm) and self.sane(nats / max(1, count))

    def _tick(self) -> float:
        """Seconds since the last time, validations and saving too; 0 where there is no budget of them."""
        now = self.clock()
        passed, self.last = now - self.last, now
        return passed if self.run.config.minutes else 0.0

    def sane(self, loss: float, trivial: float = 0.0) -> bool:
        """Whether a loss, in nats per character, is one to go on with; NaN is not.

        `trivial` is the loss of knowing nothing, where that is more than log V.
        """
        return loss <= DIVERGED_RATIO * max(trivial, math.log(self.run.model.symbols))

    def roll_back(self) -> Rollback:
        """Return to the last good state, at half the rate. Raises `DivergenceError` after several times in a row."""
        failed, factor = self.run.step, self.run.rate_factor
        self.good.restore(self.run)
        self.run.rate_factor = factor / 2
        self.run.rollbacks += 1
        self.in_a_row += 1
        if self.in_a_row > MAX_ROLLBACKS:
            scaled = "a lower --init-scale, " if self.run.model.config.init_scale > 1 else ""
            raise DivergenceError(
                f"training diverged after step {failed}, {self.in_a_row} times in a row, at last at a rate of "
                f"{factor * self.run.config.rate:g}: try {scaled}a lower --rate, a lower --clip or another --activation"
            )
        return Rollback(failed, self.run.step, self.run.rate_factor * self.run.config.rate, self.in_a_row)


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
        if run.iterate:
            yield run.iterate.flat
        yield from (moment.flat for moment in run.moments)
        yield from run.state
