"""The course of the learning rate, of teacher forcing and of the run: functions of the share that is done."""

from math import cos, pi

from ..config import ModelConfig, TrainConfig

LEAD = 0.01


def progress(config: TrainConfig, *, steps: int, epochs: float, seconds: float) -> float:
    """The share of the run that is done, 0 to 1: of whichever budget is spent first. 0 without a budget.

    The clock counts beside other budgets only once it is ahead of them by `LEAD`: a run that ends by its passes or
    steps then is the same each time, whatever the clock says.
    """
    budgets = [(done, budget) for done, budget in ((steps, config.steps), (epochs, config.epochs)) if budget]
    counted = max((done / budget for done, budget in budgets), default=0.0)
    clock = seconds / 60 / config.minutes if config.minutes else 0.0
    ahead = clock > counted + (LEAD if budgets else 0.0)
    return min(1.0, clock if ahead else counted)


def rate(config: TrainConfig, progress: float) -> float:
    """The learning rate r when a share q of the run is done.

    constant, plateau: r. exponential: r floor^q. cosine: r (floor + (1 - floor) (1 + cos(pi q)) / 2), after a rise
    from 0 in the first `warmup` of the run (Loshchilov and Hutter, 2017). plateau is halved as validation tells.
    """
    if config.schedule == "exponential":
        return config.rate * config.floor**progress
    if config.schedule == "cosine":
        rise = min(1.0, (progress + 1e-3) / config.warmup) if config.warmup else 1.0
        return config.rate * rise * (config.floor + (1 - config.floor) * (1 + cos(pi * progress)) / 2)
    return config.rate


def teacher(config: ModelConfig, progress: float) -> float:
    """The share of teacher forcing when a share of the run is done: from the first to the last, along a line."""
    first, last = config.shares
    return first + (last - first) * progress
