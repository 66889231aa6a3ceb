"""A run that learns from a text before it is used, as dynamic evaluation does."""

import math
from dataclasses import dataclass, replace

import numpy as np

from ..config import EvalConfig
from ..errors import InputError
from ..evaluation.dynamic import StreamLearner, adapted
from ..evaluation.readers import Text, names
from ..evaluation.score import evaluate
from ..io.lazy import WatchSymbols, pieces
from ..runs.run import Run

ADAPTED_AT_ONCE = 1 << 12  # symbols between two looks at a bar


@dataclass(frozen=True)
class Adaptation:
    """A run with the weights that it learnt from a text, and bits per character of that text.

    `before` is by the weights as they were, `learning` by the changing ones, each symbol scored before it was learnt.
    """

    run: Run
    text: str
    symbols: int
    before: float
    learning: float

    def __str__(self) -> str:
        return (
            f"adapted to {self.text}, {self.symbols:,} symbols: {self.before:.4f} bits/char without, "
            f"{self.learning:.4f} with, each symbol scored before it was learnt"
        )


def adapt(run: Run, texts: list[Text], config: EvalConfig, watch: WatchSymbols = iter) -> Adaptation:
    """A copy of the run that has read texts, once, and learnt from them. It holds only weights: it cannot be resumed.

    Raises `InputError` for texts without a symbol.
    """
    ids = np.concatenate([np.empty(0, run.vocabulary.dtype), *(np.asarray(text.ids) for text in texts)])
    if not ids.size:
        raise InputError(f"{names(texts)} is empty: there is nothing to adapt to")
    learner = StreamLearner(run.network, segment=config.segment, rate=config.dynamic_rate)
    before = evaluate(run.network, ids).bits
    learning = adapted(learner, watch(pieces(ids, ADAPTED_AT_ONCE))) / math.log(2)
    learnt = replace(run, weights=learner.network.weights, moments=(), state=(), iterate=None)
    return Adaptation(learnt, names(texts), len(ids), before, learning)
