"""The course of the learning rate, and of the run: functions of the share of the run that is done."""

from math import cos, pi

from .config import TrainConfig


def progress(config: TrainConfig, *, steps: int, epochs: float, seconds: float) -> float:
    """The share of the run that is done, 0 to 1: of whichever budget is spent first. 0 without a budget."""
    spent = [
        done / budget
        for done, budget in ((steps, config.steps), (epochs, config.epochs), (seconds / 60, config.minutes))
        if budget
    ]
    return min(1.0, max(spent, default=0.0))


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
