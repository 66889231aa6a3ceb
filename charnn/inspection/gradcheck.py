"""The derived gradient beside finite differences, in float64, weight by weight, on a text."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.batch import Batch
from ..nn.functions import ignore_overflow
from ..nn.layers.base import Array, State
from ..nn.model import PassContext
from ..nn.network import Network
from ..nn.parameters import Parameters
from ..nn.workspace import Workspace
from .probes import copies_of, in_float64, precise, side_by_side

if TYPE_CHECKING:
    from ..nn.task_model import TaskModel  # a model of text starts without the networks of other tasks

WINDOW_STEPS = 12  # of the window
BATCH_ROWS = 3
CONTEXT_SYMBOLS = 16  # characters read before it, for a state to start from
STEP_SIZES = 1e-4, 1e-5, 1e-6  # of a weight, tried until the difference is close
CLOSE_ENOUGH = 1e-7  # a relative error that no smaller move will better
TOLERANCE = 1e-4  # a relative error that is a fault of the gradient
MIN_GRADIENT = 1e-5  # of the loss: gradients smaller than this drown in the rounding of differences


@dataclass(frozen=True)
class CheckedGradient:
    """Of an array's weights: how many were compared, how many left out at kinks, and the largest relative error."""

    array: str
    weights: int
    kinks: int
    error: float

    @property
    def good(self) -> bool:
        """Whether something was compared, and nothing was wrong; of nothing the error is nan."""
        return self.error <= TOLERANCE


@dataclass(frozen=True)
class Case:
    """A window, whose rows forget their state within it, or do not."""

    network: Network
    batch: Batch
    state: State
    ws: Workspace

    @property
    def weights(self) -> Parameters:
        """The weights that are moved."""
        return self.network.weights

    @property
    def fixed(self) -> Collection[str]:
        """Arrays that training leaves as they are."""
        return self.network.model.fixed

    def gradient(self) -> Parameters:
        """As training derives it; dropout is off."""
        g = self.network.weights.like()
        self.ws.reset()
        self.network.model.gradient(self.network.weights, g, self.batch, self.state, PassContext(self.ws))
        return g

    def loss(self) -> float:
        """What training makes small: summed surprisal in nats, or squared error."""
        self.ws.reset()
        return self.network.model.objective(self.network.weights, self.batch, self.state, self.ws)


@dataclass(frozen=True)
class WholeCase:
    """A batch of whole sequences, of a network of any task but text, with its weights in float64."""

    model: "TaskModel"
    weights: Parameters
    batch: Any
    ws: Workspace
    fixed: Collection[str] = ()

    def gradient(self) -> Parameters:
        """As training derives it; dropout is off."""
        return self._learn()[0]

    def loss(self) -> float:
        """Summed surprisal in nats."""
        return self._learn()[1]

    def _learn(self) -> tuple[Parameters, float]:
        g = self.weights.like()
        self.ws.reset()
        found = self.model.gradient(self.weights, g, self.batch, (), PassContext(self.ws))
        return g, found.nats


def whole_case(model: "TaskModel", weights: Parameters, batch: Any) -> WholeCase:
    """A batch, beside the weights in float64."""
    return WholeCase(model, in_float64(weights), batch, Workspace())


@ignore_overflow()  # the errors of a network beyond all bounds say so
def cases(network: Network, ids: Array, rng: np.random.Generator) -> tuple[Case, Case]:
    """A window of up to 12 steps and 3 rows of a text (N,), from a state that was read: without and with resets.

    Which of its rows forget their state, each once, before which step, is drawn.
    """
    steps = min(WINDOW_STEPS, len(ids))
    context = min(CONTEXT_SYMBOLS, len(ids) - steps)
    network, ws = precise(network), Workspace()
    whole = Batch(*side_by_side(ids, context + steps, BATCH_ROWS))
    state, batch = network.zero_state(whole.x.shape[1]), whole.at(slice(context, None))
    if context:
        state = copies_of(network.model.after(network.weights, whole.at(slice(0, context)), state, PassContext(ws)))
    keep = np.ones((*batch.x.shape, 1))
    keep[rng.integers(min(1, steps - 1), steps, keep.shape[1]), np.arange(keep.shape[1])] = 0
    return Case(network, batch, state, ws), Case(network, batch._replace(keep=keep), state, ws)


def check(network: Network, ids: Array, samples: int, rng: np.random.Generator) -> Iterator[CheckedGradient]:
    """`check_cases` in a text (N,), without and with resets of the state."""
    return check_cases(cases(network, ids, rng), samples, rng)


def check_cases(cases: Sequence[Case | WholeCase], samples: int, rng: np.random.Generator) -> Iterator[CheckedGradient]:
    """The derived gradient beside central differences, for so many weights of every array, in each case.

    Half of them are drawn from all, half from those that have a gradient, if there are as many. The relative error of a
    gradient a beside a difference d is

        |a - d| / max(|a|, |d|, 1e-5 L)

    with L the window's loss, or 1 if the loss is less. Gradients below 1e-5 L drown in rounding.

    Moves of 1e-4, 1e-5 and 1e-6 are tried, and the closest counts. Where that is not close, those from one side are
    tried too: a kink of relu on the other side does no harm there. Where the two sides then differ from one another,
    the weight lies at a kink, has no derivative, and is left out.
    """
    with ignore_overflow():
        known = [(case, case.gradient(), case.loss()) for case in cases]
    for name in cases[0].weights:
        if name in cases[0].fixed:
            continue
        with ignore_overflow():
            chosen = _choose(sum(np.abs(g[name].reshape(-1)) for _, g, _ in known), samples, rng)
            errors = [
                _error(case.loss, here, case.weights[name].reshape(-1), i, float(g[name].reshape(-1)[i]))
                for case, g, here in known
                for i in chosen
            ]
        there = [error for error in errors if error is not None]
        yield CheckedGradient(name, len(there), len(errors) - len(there), max(there, default=math.nan))


def _choose(size: Array, samples: int, rng: np.random.Generator) -> list[int]:
    """Weights to look at, by their gradients' sizes (N,)."""
    chosen = rng.choice(len(size), min(len(size), -(-samples // 2)), replace=False)
    for pool in (np.flatnonzero(size), np.arange(len(size))):
        left = np.setdiff1d(pool, chosen)
        more = rng.choice(left, min(len(left), samples - len(chosen)), replace=False)
        chosen = np.concatenate([chosen, more])
    return [int(i) for i in np.sort(chosen)]


def _error(loss: Callable[[], float], here: float, w: Array, i: int, a: float) -> float | None:
    """The relative error of a gradient a of w[i]; None at a kink. A loss that is no number has an infinite one."""
    at, floor = float(w[i]), MIN_GRADIENT * max(1.0, here)

    def moved(by: float) -> float:
        w[i] = at + by
        found = loss()
        w[i] = at
        return found

    def apart(a: float, d: float) -> float:
        error = abs(a - d) / max(abs(a), abs(d), floor)
        return error if error >= 0 else math.inf  # nan

    best, sides = math.inf, (0.0, 0.0)
    for move in STEP_SIZES:
        up, down = moved(move), moved(-move)
        width = (at + move) - (at - move)  # 0 where the weight is so large that it does not move
        best = min(best, apart(a, (up - down) / width) if width else math.inf)
        if best <= CLOSE_ENOUGH:
            return best
        if best > TOLERANCE:  # from one side, as exact: (4 L(w + m) - 3 L(w) - L(w + 2 m)) / 2 m
            right = (4 * up - 3 * here - moved(2 * move)) / (2 * move)
            left = (3 * here - 4 * down + moved(-2 * move)) / (2 * move)
            best, sides = min(best, apart(a, right), apart(a, left)), (left, right)
    return None if best > TOLERANCE and math.inf > apart(*sides) > TOLERANCE else best
