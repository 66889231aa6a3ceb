"""One vector's products, whose columns two processes share: what a long stream of samples waits for.

The weights of a large network come from beyond a core's own cache for each symbol anew; two cores fetch them faster
(tests/benchmarks/peers.py, one stream). A helper does its half as long as that pays: where others want the processor
too, each product would wait until it has it back. So both ways are timed again and again.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..nn.workspace import ALIGN, Workspace
from ..parallel.processes import STRIDE, dismiss_workers, fork_worker, shared_memory, wait_until_reached

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

MIN_BYTES_FOR_HELPER = 1 << 20  # bytes of matrices that are read at each step
STEPS_PER_DECISION = 16  # steps from one decision to the next
AVERAGED_BLOCKS = 16  # blocks, about, that a mean is taken of
WARMUP_BLOCKS = 8  # blocks after which it is: by then the system has found a core for the helper
MAX_SLOWDOWN = 20  # times as long as alone, of a block or less: there is none
REST, MOST = 0.02, 10.0  # seconds alone before the helper is called; where it did not pay, at most, and with it
COUNTERS = 3  # of all products of a step
DUE, DONE, CALLED = 0, STRIDE, 2 * STRIDE  # those: of products to do, and done, and whether a helper does its half
Crew = list[tuple[int, "Connection"]]


class SplitMatVec:
    """`out` = h W, (N,), of one array h (K,) whose numbers change: one half of the columns, then the other, or at once.

    In halves in any case, so that the bits are the same. `turns` are the counters of all products of a step. What is
    shared with a helper any other fork sees too: it must not go on with the same stream.
    """

    def __init__(self, h: np.ndarray, W: np.ndarray, turns: memoryview):
        line = ALIGN // h.itemsize
        cut = W.shape[1] // 2 // line * line
        self.h, self.seen = h, shared_memory(h.nbytes).view(h.dtype)  # what the helper sees of h
        self.out = shared_memory(W.shape[1] * h.itemsize).view(h.dtype)
        left, right = (Workspace().empty(part.shape, W.dtype) for part in (W[:, :cut], W[:, cut:]))
        left[...], right[...] = W[:, :cut], W[:, cut:]
        self.first, self.second = partial(h.dot, left, self.out[:cut]), partial(h.dot, right, self.out[cut:])
        self.helped = partial(self.seen.dot, right, self.out[cut:])
        self.turns, self.look = turns, lambda: None

    def __call__(self) -> None:
        turns = self.turns
        if not turns[CALLED]:
            self.first()
            self.second()
            return
        self.seen[...] = self.h
        turns[DUE] += 1
        self.first()
        try:
            wait_until_reached(turns, DONE, turns[DUE], self.look)
        except EOFError:  # the helper is gone
            turns[CALLED] = 0
            self.second()


class Helper:
    """This process and a helper, who do the same products, in the same order, step after step.

    `step` is every step that has them. The helper comes after some time, and ends with this object.
    """

    def __init__(self, products: Sequence[SplitMatVec]):
        self.products, self.turns, self.crew = products, products[0].turns, Crew()
        for product in products:
            product.look = partial(present, self.crew)
        self.end = weakref.finalize(self, dismiss_workers, self.crew)
        self.steps, self.taken, self.rest = 0, 0.0, REST
        self.mean = [0.0, 0.0]  # seconds that a block takes, alone and helped
        self._begin(False)

    def step(self, work: Callable[[Any], object], x: Any) -> None:
        """work(x), timed."""
        start = time.perf_counter()
        work(x)
        self.taken += time.perf_counter() - start
        self.steps += 1
        if self.steps == STEPS_PER_DECISION or (self.helped and self.taken > MAX_SLOWDOWN * self.mean[0]):
            self._look()
            self.steps, self.taken = 0, 0.0

    def _begin(self, helped: bool) -> None:
        """Alone, or helped, from here on."""
        self.helped, self.blocks, self.since = helped, 0, 0.0
        self.turns[CALLED] = helped

    def _look(self) -> None:
        """See how long a block took, and call the helper, or do without."""
        if self.helped and not self.turns[CALLED]:  # it is gone
            self._begin(False)
            self.rest = MOST
            return
        self.blocks, self.since = self.blocks + 1, self.since + self.taken
        settled = self.blocks - WARMUP_BLOCKS
        if settled > 0:
            self.mean[self.helped] += (self.taken - self.mean[self.helped]) / min(settled, AVERAGED_BLOCKS)
        if not self.helped:
            if settled >= AVERAGED_BLOCKS and self.since > self.rest:
                self._call()
        elif (self.mean[1] if settled > 0 else self.taken / MAX_SLOWDOWN) > self.mean[0] or self.since > MOST:
            gained = self.blocks * self.mean[0] - self.since
            self.rest = REST if gained > 0 else min(4 * self.rest, MOST)
            self._begin(False)

    def _call(self) -> None:
        self._begin(True)
        try:
            if not self.crew:
                self.turns[DUE] = self.turns[DONE] = 0
                self.crew.append(fork_worker(partial(serve, self.products, os.getpid()), ()))
            self.crew[0][1].send(None)
        except OSError:  # there can be no more processes, or it is gone
            self._begin(False)
            self.rest = MOST
            dismiss_workers(self.crew)


def present(crew: Crew) -> None:
    """Raise EOFError unless the helper is there."""
    if crew[0][1].poll():  # it never says a word
        dismiss_workers(crew)
        raise EOFError


class HelperDismissed(Exception):
    """The helper is to wait until it is called again."""


def serve(products: Sequence[SplitMatVec], parent: int, pipe: Connection) -> None:
    """The helper's life: wait to be called, then do its halves until it is no longer wanted."""
    turns = products[0].turns

    def look() -> None:
        if os.getppid() != parent:
            raise EOFError
        if not turns[CALLED]:
            raise HelperDismissed

    while True:
        pipe.recv()
        try:
            while True:
                done = turns[DONE]
                wait_until_reached(turns, DUE, done + 1, look)
                products[done % len(products)].helped()
                turns[DONE] = done + 1
        except HelperDismissed:
            pass
