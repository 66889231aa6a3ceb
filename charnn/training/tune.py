"""What is measured for a run on this machine: the tilings of its products, and how many workers share a batch."""

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..config import TEXT, TrainConfig
from ..evaluation.score import SCORING_ROWS, read_zeros
from ..io.remembered import Remembered, machine_key
from ..machine import cores
from ..nn.functions import ignore_overflow
from ..nn.model import PassContext
from ..nn.network import Network
from ..nn.tiling import Tilings
from ..nn.tuning import SECONDS_OF_ALL, SECONDS_PER_MULTIPLICATION, SHARE, Clock, tuned
from ..options import as_typed
from ..parallel.launcher import launched
from ..parallel.processes import can_fork, startable
from ..runs.run import Run

PASSES = 3  # through the network for an update: forward, and back for two gradients
PROBED_STEPS = 2  # of a window: with one, no product is made more than once
TURNS = 2, 4, 20  # of the gradients that are compared: where it is clear, at least, at most; the first counts for none
SECONDS_TOGETHER = 50e-6  # that an update takes longer for each of several workers: orders, barriers, waiting
NEARLY = 1.2  # times the fewest seconds: fewer workers take less of the machine, and wait less where it is busy
CLEARLY = 1.1, 1.4  # times the fewest seconds: a number that both limits choose is clear
WORKERS = Remembered("workers.json", "charnn workers 1")


def tune(run: Run, parts: Iterable[slice], layout: Any, size: float, symbols: int) -> Tilings:
    """Tilings for updates by workers of these `parts` of a batch's rows, measured where the run is long enough.

    For texts validations count too. Other tasks read the first batch of a `layout`, whose rows are those of most
    batches; products of the others go by rule. An update learns from `size` symbols on average, an epoch from so many
    `symbols`.
    """
    config = run.config
    workers = config.workers or 1
    rows = {part.stop - part.start: part for part in parts}
    lanes = SCORING_ROWS if run.reset else -(-SCORING_ROWS // workers)

    def probe_text(network: Network) -> None:
        for count in sorted(rows):
            learn_zeros(network, count, 1 if config.scheme == "one-step" else min(PROBED_STEPS, config.window))
        read_zeros(network, lanes)

    def probe_task(network: Network) -> None:
        for count in sorted(rows):
            learn_batches(network, layout.read(0, 0, rows[count]))

    work = expected_multiplications(config, run.weights.count, size, symbols) / workers
    return tuned(run.network, work, probe_text if run.task == TEXT else probe_task).tilings


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


def learn_batches(network: Network, batches: Iterable[Any]) -> None:
    """The same of batches of a task, without noise."""
    g, context = network.weights.like(), PassContext(network.workspace())
    for batch in batches:
        network.model.gradient(network.weights, g, batch, (), context)
        context.ws.reset()


def choose_workers(
    network: Network, config: TrainConfig, multiplications: float, clock: Clock = time.thread_time
) -> int:
    """How many workers share a batch in a run with so many multiplications: measured, or remembered, or as decided.

    n workers take for a gradient of B rows about

        t(n) = t(1) of B / n rows + SECONDS_TOGETHER n,   without the last term for n = 1

    in processor time, which other programs hardly change. The fewest workers are chosen that are nearly the fastest. A
    choice that cannot be remembered is not used: two runs of one seed have the same number.
    """
    decided, counts = config.workers or 1, _counts(config)
    rows = {n: -(-config.batch // n) for n in counts}
    each = PASSES * config.window * network.weights.count * SECONDS_PER_MULTIPLICATION
    seconds = SHARE * SECONDS_PER_MULTIPLICATION * multiplications / decided
    if len(counts) < 2 or seconds < max(SECONDS_OF_ALL, TURNS[1] * each * sum(rows.values())):
        return decided
    name = _work(network, config)
    if (known := _remembered()).get(name) not in counts:
        found = _fewest(_seconds(network, config.window, rows, clock))
        there = WORKERS.read()
        if not WORKERS.write(there, {**_remembered(there), name: found}):
            return decided
        known = {name: found}
    return known[name] if known[name] == decided else startable(known[name])


def _counts(config: TrainConfig) -> list[int]:
    """Numbers of workers to choose among; one where the number is given, or was not compared with others."""
    most = min(cores(), config.batch)
    if launched() > 1 or not can_fork() or config.scheme != "truncated" or config.stride:
        return [1]
    return [*(1 << i for i in range(most.bit_length()) if 1 << i < most), most]


def _seconds(network: Network, steps: int, rows: dict[int, int], clock: Clock) -> dict[int, float]:
    """t(n) for each number of workers; they take turns."""
    gradients = {n: _Gradient(network, steps, count) for n, count in rows.items()}
    seconds, begun = dict.fromkeys(rows, float("inf")), clock()
    clear, least, most = TURNS
    for turn in range(most):
        if turn >= (clear if _is_clear(seconds) else least) and clock() - begun > SECONDS_OF_ALL:
            break
        for n, gradient in gradients.items():
            start = clock()
            gradient()
            if turn:
                seconds[n] = min(seconds[n], clock() - start)
    return {n: t + SECONDS_TOGETHER * n * (n > 1) for n, t in seconds.items()}


class _Gradient:
    """The gradient of a window of random text with so many rows, which is thrown away."""

    def __init__(self, network: Network, steps: int, rows: int):
        rng, shape = np.random.default_rng(0), (steps, rows)
        x, y = (rng.integers(0, network.model.symbols, shape, np.int64) for _ in range(2))
        self.network, self.batch, self.state = network, network.batch(x, y), network.zero_state(rows)
        self.g = network.weights.like()
        self.context = PassContext(network.workspace(), rng if network.model.noisy else None)

    def __call__(self) -> None:
        self.context.ws.reset()
        with ignore_overflow():
            self.network.model.gradient(self.network.weights, self.g, self.batch, self.state, self.context)


def _fewest(seconds: dict[int, float], nearly: float = NEARLY) -> int:
    """The least number that takes nearly the fewest seconds."""
    limit = nearly * min(seconds.values())
    return min(n for n, t in seconds.items() if t <= limit)


def _is_clear(seconds: dict[int, float]) -> bool:
    """Whether the choice stays the same where the seconds are somewhat wrong."""
    return len({_fewest(seconds, nearly) for nearly in CLEARLY}) == 1


def _work(network: Network, config: TrainConfig) -> str:
    """All that the number depends on beside the machine, in words."""
    sizes = f"{network.model.symbols} symbols, {config.batch} x {config.window}, {cores()} cores"
    return " ".join([sizes, *as_typed(network.model.config)])


def _remembered(known: dict[str, Any] | None = None) -> dict[str, int]:
    """The numbers that this machine has measured, by their work; none where they are damaged."""
    found = (WORKERS.read() if known is None else known).get(machine_key(), {})
    right = isinstance(found, dict) and all(type(n) is int and 1 <= n <= 1024 for n in found.values())
    return found if right else {}
