"""Training schemes: which windows an update learns from, and how far back its gradients go.

A new scheme is a class here and a row in `choices.SCHEMES`, whose options are keyword arguments of the class.
"""

from dataclasses import replace
from itertools import pairwise
from math import ceil, log
from typing import Protocol

import numpy as np

from ..choices import SCHEMES
from ..config import TrainConfig
from ..data.batches import SequenceBatches, StreamBatches, Window, ends, sequence_stats
from ..draws import Draw
from .bptt import OneStepSpan, Span, WholeLayout, WholeSpan

RARE = 1e-9  # share of spans that are longer than memory is reckoned for


class Scheme(Protocol):
    """What the updates of a run learn from; `len` is that of an epoch, in what `Span.done` counts."""

    @property
    def size(self) -> float:
        """Symbols of an update, on average. Gradients are divided by it, so that each symbol counts alike."""

    @property
    def edges(self) -> int:
        """States that an update keeps, at most."""

    def __len__(self) -> int: ...

    def span(self, cursor: int, step: int) -> Span | WholeSpan:
        """What the next update learns from."""


class Truncated:
    """Truncated BPTT in the form (k1, k2) of Williams and Peng (1990): an update every k1 steps, gradients k2 back.

    An update learns from k1 = `stride` steps. The k2 - k1 steps before them are read again (k2 = `window`; fewer at an
    epoch's start), from the state before them, under the present weights. With k1 = k2 nothing is read twice.
    """

    edges = 2

    def __init__(self, config: TrainConfig, lanes: StreamBatches, reset: bool, stride: int | None):
        stride = stride or config.window
        self.again, self.lanes = config.window - stride, replace(lanes, window=stride)
        self.size = config.batch * stride

    def __len__(self) -> int:
        return len(self.lanes)

    def __str__(self) -> str:
        return f"every {self.lanes.window} characters, by gradients through {self.again + self.lanes.window}"

    def span(self, cursor: int, step: int) -> Span:
        learnt = self.lanes.at(cursor)
        if not self.again:
            return Span(self.lanes, (learnt,), 1)
        stop = learnt.start + learnt.steps
        next = self._start(cursor + 1) if cursor + 1 < len(self) else stop
        rows = {learnt.start} if learnt.rows < self.lanes.batch else set()  # those that end before it do not go back
        cuts = sorted({self._start(cursor), next, stop} | rows)
        windows = tuple(
            Window(a, b - a, self._rows(a), min(max(0, learnt.start - a), b - a)) for a, b in pairwise(cuts)
        )
        return Span(self.lanes, windows, cuts.index(next))

    def _start(self, cursor: int) -> int:
        return max(0, self.lanes.at(cursor).start - self.again)

    def _rows(self, start: int) -> int:
        return self.lanes.batch if start < self.lanes.length else self.lanes.extra


class OneStep:
    """One-step truncation: an update every `window` steps, each of whose gradients goes one step back (Elman, 1990)."""

    def __init__(self, config: TrainConfig, lanes: StreamBatches, reset: bool):
        self.lanes, self.size, self.edges = lanes, config.batch * config.window, config.window

    def __len__(self) -> int:
        return len(self.lanes)

    def __str__(self) -> str:
        return f"every {self.lanes.window} characters, by gradients through one"

    def span(self, cursor: int, step: int) -> Span:
        return OneStepSpan(self.lanes, (self.lanes.at(cursor),))


class Lane:
    """Full BPTT where the state is carried over the ends of sequences: one update an epoch, from all of every lane."""

    def __init__(self, config: TrainConfig, lanes: StreamBatches, reset: bool):
        self.lanes, self.size, self.edges = lanes, len(lanes.ids), len(lanes)

    def __len__(self) -> int:
        return 1

    def __str__(self) -> str:
        return f"every epoch, by gradients through all of it, {self.lanes.window} characters in memory at a time"

    def span(self, cursor: int, step: int) -> Span:
        windows = tuple(self.lanes.at(i) for i in range(len(self.lanes)))
        return Span(self.lanes, windows, len(windows))


class Whole:
    """Full BPTT where the state is forgotten at the end of a sequence: `batch` whole sequences an update.

    An epoch is as long as the text: the cursor is the symbol that the next sequence starts with.
    """

    def __init__(self, config: TrainConfig, lanes: StreamBatches, reset: bool):
        self.ids, self.batch, self.window = lanes.ids, config.batch, config.window
        count, longest = sequence_stats(lanes.ids)
        self.size = len(lanes.ids) / max(1.0, count / config.batch)
        self.edges = -(-longest // config.window)

    def __len__(self) -> int:
        return len(self.ids)

    def __str__(self) -> str:
        return (
            f"every {self.batch} whole sequences, about {self.size:,.0f} characters, by gradients through all of each, "
            f"{self.window} characters in memory at a time"
        )

    def span(self, cursor: int, step: int) -> Span:
        edges = ends(self.ids, cursor, self.batch, size=2 * ceil(self.size))
        rows = SequenceBatches.between(self.ids, edges)
        return Span(rows, rows.windows(self.window), done=int(edges[-1]) - cursor)


class Wholes:
    """Full BPTT of a layout that has whole sequences in each batch: an update for each of its batches.

    Each update is known by its step, since every epoch has as many of them.
    """

    edges = 0

    def __init__(self, layout: WholeLayout):
        self.layout, self.size = layout, layout.size

    def __len__(self) -> int:
        return len(self.layout)

    def __str__(self) -> str:
        return f"after each batch, of about {self.size:,.0f} losses"

    def span(self, cursor: int, step: int) -> WholeSpan:
        return WholeSpan(self.layout, step // len(self), cursor)


def full(config: TrainConfig, lanes: StreamBatches | WholeLayout, reset: bool) -> Scheme:
    """Full BPTT: gradients reach the beginning of a sequence, however long."""
    if not isinstance(lanes, StreamBatches):
        return Wholes(lanes)
    return (Whole if reset else Lane)(config, lanes, reset)


class Unbiased:
    """Unbiased truncated BPTT (Tallec and Ollivier, 2017): cuts at random, and weights that make up for them.

    At a window's edge gradients are cut with probability c, the `cut_probability`; those that are not go back times
    1 / (1 - c). Their expectation is that of full BPTT. An update learns from the windows up to a cut, or to the
    epoch's end: 1 / c on average. The gradient is divided by 1 / c; to divide by their number would bias it.
    """

    def __init__(self, config: TrainConfig, lanes: StreamBatches, reset: bool, cut_probability: float):
        c = cut_probability
        self.lanes, self.seed, self.c = lanes, config.seed, c
        self.factor = 1 / (1 - c) if c < 1 else 0.0
        self.size = config.batch * config.window / c
        self.edges = min(len(lanes), ceil(log(RARE) / log(1 - c)) if c < 1 else 1)

    def __len__(self) -> int:
        return len(self.lanes)

    def __str__(self) -> str:
        return (
            f"after each {self.lanes.window} characters with probability {self.c:g}, where gradients are cut; "
            f"those that are not are multiplied by {self.factor:g}"
        )

    def span(self, cursor: int, step: int) -> Span:
        drawn = int(np.random.default_rng((self.seed, Draw.CUT, step)).geometric(self.c))
        return self.through(cursor, min(drawn, len(self) - cursor))

    def through(self, cursor: int, count: int) -> Span:
        """So many windows, with a cut after the last of them."""
        windows = tuple(self.lanes.at(i) for i in range(cursor, cursor + count))
        return Span(self.lanes, windows, count, count, self.factor)


def make(config: TrainConfig, lanes: StreamBatches | WholeLayout, reset: bool) -> Scheme:
    """The scheme of a run; `reset` says whether its state is forgotten at the end of a sequence."""
    scheme: Scheme = SCHEMES[config.scheme].load()(config, lanes, reset, **config.options_of("scheme"))
    return scheme
