"""Which cut of each product is the fastest on the machine at hand: measured for some milliseconds, and remembered.

Other cuts may give other last bits. So a cut that was measured once is kept: in the run, and in a file of the
user's cache, by the machine and the shape. Without that file training goes on, and cuts are measured anew.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..io.remembered import Remembered, machine_key
from .matmul import LONG, Product, multiply
from .network import Network
from .tiling import MANY, Shape, Tiling, Tilings, by_rule, candidates
from .workspace import Workspace

SECONDS_OF_ALL = 0.3  # of measuring, about, for a run
SECONDS_OF_ONE = 0.015  # of that for a shape, about
FINAL_SECONDS = 0.01  # for the turns of those that may be the fastest
SHARE = 0.02  # of a run's time that measuring may take
SECONDS_PER_MULTIPLICATION = 2e-11  # a guess, for that time
TURN = 60e-6  # seconds of calls, at least, in a turn of a candidate
LOOKS = 2  # turns of all candidates
TURNS = 12  # turns of those that may be the fastest, at most
HOPELESS = 1.25  # times the fastest, after the turns of all: it cannot be
MARGIN = 1.03  # by which tiles must be faster than the product as it is
COPIES = 4  # of W that are timed: the first ones find memory that nobody has touched
STEPS = 32  # a copy of W serves at least so many, and its time is shared among them
INPUTS = 4  # x in turns, so that none is in the innermost cache because it was there a moment ago
PRODUCTS = Remembered("products.json", "charnn products 1")
Clock = Callable[[], float]
_measured: dict[Shape, Tiling] = {}  # in this process


class Trial:
    """A product cut in one way: the fewest seconds that its copies of W took, and that it took itself."""

    def __init__(self, shape: Shape, tiling: Tiling, arrays: tuple[np.ndarray, np.ndarray, np.ndarray], clock: Clock):
        self.tiling, self.clock, self.copying, self.product = tiling, clock, float("inf"), float("inf")
        self.calls: list[Callable[[], object]]
        ws, (x, W, y) = Workspace(tilings=Tilings({shape: tiling})), arrays
        if shape.rows == MANY:  # copies are a part of it
            self.calls = [partial(multiply, one, W, y, ws, shape.transposed) for one in x]
            self.copying = 0.0
        else:
            for _ in range(COPIES):
                ws.reset()
                start = clock()
                made = Product(W, shape.rows, ws, shape.transposed)
                self.copying = min(self.copying, clock() - start)
            self.calls = [partial(made.times, left, made.W, made.right(y)) for left in made.left(x)]
        self.turn(0)

    @property
    def cost(self) -> float:
        """Seconds that a product takes in a window, with a margin for those that are cut."""
        margin = MARGIN if self.tiling.tile or self.tiling.block else 1.0
        return margin * (self.product + self.copying / STEPS)

    def turn(self, seconds: float = TURN) -> None:
        """Time products for so many seconds, about, at least one; not the first, which finds W in no cache."""
        count = max(1, round(seconds / max(self.product, 1e-9)))
        calls = (self.calls * -(-count // len(self.calls)))[:count]
        calls[0]()
        start = self.clock()
        for call in calls:
            call()
        self.product = min(self.product, (self.clock() - start) / count)


def measure(shape: Shape, clock: Clock = time.thread_time) -> Tiling:
    """The fastest of the tilings of a shape: candidates take turns, since the speed of a machine changes."""
    ways = list(candidates(shape))
    if len(ways) == 1:
        return ways[0]
    given = arrays(shape)
    trials = [Trial(shape, tiling, given, clock) for tiling in ways]
    for trial in trials * LOOKS:
        trial.turn()
    limit = HOPELESS * min(trial.cost for trial in trials)
    trials, start = [trial for trial in trials if trial.cost <= limit], clock()
    for _ in range(TURNS):
        for trial in trials:
            trial.turn()
        if clock() - start > FINAL_SECONDS:
            break
    return min(trials, key=lambda trial: trial.cost).tiling


def arrays(shape: Shape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, W and y of some products, of numbers like those of a network."""
    ws, rng = Workspace(), np.random.default_rng(0)
    rows, depth, columns, transposed = shape
    W = ws.empty((columns, depth) if transposed else (depth, columns), np.float32)
    x = ws.empty((INPUTS, rows or LONG, depth), np.float32)
    for array in (x, W):
        array[...] = rng.uniform(-1, 1, array.shape)
    return x, W, ws.empty((rows or LONG, columns), np.float32)


def tuned(network: Network, multiplications: float, probe: Callable[[Network], object]) -> Network:
    """The network with the fastest tiling of each product that `probe` asks of it, where so much work earns that.

    What the network has tilings for already keeps them. Whether they are measured depends on nothing but the amount
    of work, so that the same command has the same tilings each time.
    """
    seconds = SHARE * SECONDS_PER_MULTIPLICATION * multiplications
    if seconds < SECONDS_OF_ONE:
        return network
    wanted = Wanted(network.tilings)
    probe(replace(network, tilings=wanted))
    if seconds < min(SECONDS_OF_ALL, SECONDS_OF_ONE * len(wanted.asked)):
        return network
    return replace(network, tilings=Tilings({**network.tilings, **choose(wanted.asked)}))


class Wanted(Tilings):
    """Tilings that note the shapes that they have none for."""

    def __init__(self, known: Tilings):
        super().__init__(known)
        self.asked: list[Shape] = []

    def __missing__(self, shape: Shape) -> Tiling:
        if shape not in self.asked:
            self.asked.append(shape)
        return by_rule(shape)


def choose(shapes: Sequence[Shape], clock: Clock = time.thread_time) -> Tilings:
    """The tiling of each shape on this machine: remembered, or measured now and remembered from now on."""
    remembered = {**_measured, **_recall()}
    missing, start = [shape for shape in shapes if shape not in remembered], clock()
    for shape in missing:
        late = clock() - start > SECONDS_OF_ALL
        remembered[shape] = by_rule(shape) if late else measure(shape, clock)
    if missing:
        remembered |= _remember(Tilings({shape: remembered[shape] for shape in missing}))
    _measured.update(remembered)
    return Tilings({shape: remembered[shape] for shape in shapes})


def _recall() -> Tilings:
    """What is remembered of this machine; nothing where the file cannot be read, or is damaged."""
    return _of_this_machine(PRODUCTS.read())


def _of_this_machine(known: dict[str, Any]) -> Tilings:
    """The tilings in the file's content; none where they are damaged."""
    try:
        return Tilings.load(known.get(machine_key(), {}))
    except ValueError:
        return Tilings()


def _remember(new: Tilings) -> Tilings:
    """Write it down, where that is possible; what other processes have written meanwhile is kept, and returned."""
    theirs = _of_this_machine(known := PRODUCTS.read())
    merged = Tilings({**theirs, **{s: t for s, t in new.items() if s not in theirs}})
    PRODUCTS.write(known, merged.dump())
    return theirs
