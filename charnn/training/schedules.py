"""The course of the learning rate, of teacher forcing and of the run: functions of the share that is done."""

from dataclasses import dataclass
from math import cos, pi
from typing import Protocol

from ..choices import SCHEDULES
from ..config import ModelConfig, TrainConfig

LEAD = 0.01


def progress(config: TrainConfig, *, steps: int, epochs: float, seconds: float) -> float:
    """The share of the run that is done, 0 to 1: of whichever budget is spent first. 0 without a budget.

    The clock counts beside other budgets only once it is ahead of them by `LEAD`. So a run that ends by its passes or
    steps is the same each time.
    """
    budgets = [(done, budget) for done, budget in ((steps, config.steps), (epochs, config.epochs)) if budget]
    counted = max((done / budget for done, budget in budgets), default=0.0)
    clock = seconds / 60 / config.minutes if config.minutes else 0.0
    ahead = clock > counted + (LEAD if budgets else 0.0)
    return min(1.0, clock if ahead else counted)


def spent(config: TrainConfig, *, steps: int, epochs: float, seconds: float) -> str:
    """The name of the budget that is spent the most: steps, epochs or minutes."""
    done = {"steps": steps, "epochs": epochs, "minutes": seconds / 60}
    limits = {name: limit for name in done if (limit := getattr(config, name))}
    return max(limits, key=lambda name: done[name] / limits[name])


class Schedule(Protocol):
    """The course of the learning rate: a row of `choices.SCHEDULES`, whose options are fields."""

    halve_after: int = 0  # validations in a row without a better one, after which the rate is halved; 0 for never

    def rate(self, r: float, q: float) -> float:
        """The learning rate when a share q of the run is done, r being the one that is asked for."""


@dataclass(frozen=True)
class Constant(Schedule):
    """r"""

    def rate(self, r: float, q: float) -> float:
        return r


@dataclass(frozen=True)
class Plateau(Constant):
    """r, halved after each 2 validations in a row that are no better."""

    halve_after = 2


@dataclass(frozen=True)
class Exponential(Schedule):
    """r f^q, with f the `final_rate`"""

    final_rate: float

    def rate(self, r: float, q: float) -> float:
        return r * self.final_rate**q


@dataclass(frozen=True)
class Cosine(Schedule):
    """r (f + (1 - f) (1 + cos(pi q)) / 2), after a rise from 0 in the first `warmup` of the run; f is the `final_rate`.

    (Loshchilov and Hutter, 2017)
    """

    warmup: float
    final_rate: float

    def rate(self, r: float, q: float) -> float:
        rise = min(1.0, (q + 1e-3) / self.warmup) if self.warmup else 1.0
        return r * rise * (self.final_rate + (1 - self.final_rate) * (1 + cos(pi * q)) / 2)


def make(config: TrainConfig) -> Schedule:
    """The schedule that `config.schedule` names."""
    schedule: Schedule = SCHEDULES[config.schedule].load()(**config.options_of("schedule"))
    return schedule


def teacher(config: ModelConfig, progress: float) -> float:
    """The share of teacher forcing when a share of the run is done: from the first to the last, along a line."""
    first, last = config.shares
    return first + (last - first) * progress
