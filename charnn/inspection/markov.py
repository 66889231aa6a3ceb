"""A network beside models that see a bounded past, or a state of bounded size: what is it worth to remember more?"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ..errors import UsageError
from ..evaluation.ngram import COUNTED_SYMBOLS, START, bits_by_order, countable
from ..evaluation.score import evaluate
from ..io.lazy import Ids
from ..runs.corpus import parts
from ..runs.run import Run
from . import hmm

HMM_SYMBOLS = 200_000  # of the training part that a hidden Markov model is fitted to
HELD_OUT_SYMBOLS = 200_000  # of the held-out part that all are measured on


@dataclass(frozen=True)
class Compared:
    """A model, and its bits per character on the held-out part of a run's corpus."""

    model: str
    bits: float


def compare(run: Run, orders: int, states: int, rounds: int) -> Iterator[Compared]:
    """Markov models of order 0 to `orders`, a hidden Markov model of so many states (0: none), and the network.

    Markov order tau: values more than tau steps in the past do not matter, P(x[t] | x[t-1] ... x[t-tau]). It is the
    Kneser-Ney model of order tau + 1. Raises what `own_corpus` does, and `UsageError` for a network that reads
    more than the text.
    """
    if run.model.config.ending == "length":
        raise UsageError(
            "--ending length reads lengths before characters, and Markov models do not: give another model"
        )
    train, valid = parts(run)
    return _compared(run, train, valid, orders, states, rounds)


def _compared(run: Run, train: Ids, valid: Ids, orders: int, states: int, rounds: int) -> Iterator[Compared]:
    size, valid = run.vocabulary.size, np.asarray(valid[:HELD_OUT_SYMBOLS])
    counted = np.asarray(train[: countable(COUNTED_SYMBOLS)])
    for order, bits in enumerate(islice(bits_by_order(counted, valid, size), orders + 1)):
        yield Compared(f"markov {order}", bits)
    if states:
        *_, model = hmm.fit(np.asarray(train[:HMM_SYMBOLS]), size, states, rounds)
        yield Compared(f"hmm {states}", float(model.nats(valid, START).mean()) / math.log(2))
    yield Compared("network", evaluate(run.network, valid).bits)
