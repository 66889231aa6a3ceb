"""Texts scored by runs."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from .. import options
from ..config import EvalConfig
from ..data.corpus import Corpus
from ..errors import UsageError
from ..evaluation import score
from ..evaluation.characters import CharacterScores
from ..evaluation.evaluator import Evaluator
from ..evaluation.novelty import CorpusIndex
from ..evaluation.overlap import Overlap
from ..evaluation.readers import TextLike
from ..evaluation.rows import LineScore
from ..evaluation.score import Score
from ..io.lazy import WatchSymbols
from ..machine import cores
from .loading import RunLike, opened


def evaluate(
    run: RunLike,
    what: TextLike = None,
    config: EvalConfig | None = None,
    *,
    workers: int | None = 1,
    watch: WatchSymbols = iter,
    **changes: Any,
) -> Score:
    """The score of a text (see above), as the fields of `EvalConfig` say; of an empty one, whose count is 0, it is nan.

    `workers` processes (None for all cores) score where sequences do not depend on each other. `watch` passes on the
    symbols that are read slowly, to show progress.

    >>> evaluate("names", dynamic=True, mix="ngram").bits  # doctest: +SKIP
    """
    found = evaluator(run, what, config, workers=workers, watch=watch, **changes)
    if found.config.by:
        raise UsageError("evaluate gives one score: leave --by out, or call line_scores or character_scores for rows")
    return found.score()


def line_scores(
    run: RunLike, what: TextLike = None, config: EvalConfig | None = None, **changes: Any
) -> list[LineScore]:
    """The score of each line of a text. `changes` are options, the fields of `EvalConfig`."""
    return [*chain.from_iterable(evaluator(run, what, config, by="line", **changes).lines())]


def character_scores(
    run: RunLike, what: TextLike = None, config: EvalConfig | None = None, **changes: Any
) -> CharacterScores:
    """The score of each character of a text; a notebook shows the text in shades.

    `changes` are options, the fields of `EvalConfig`.
    """
    return CharacterScores([*chain.from_iterable(evaluator(run, what, config, by="char", **changes).characters())])


def evaluator(
    run: RunLike,
    what: TextLike = None,
    config: EvalConfig | None = None,
    *,
    workers: int | None = 1,
    watch: WatchSymbols = iter,
    **changes: Any,
) -> Evaluator:
    """What `evaluate` asks: a run with the texts to score, ready to score them, their lines or their characters.

    Its `lines` and `characters` come as they are read, from a text of any length.
    """
    config = options.change(config or EvalConfig(), changes)
    return Evaluator(opened(run, "eval"), what, config, workers=workers or cores(), watch=watch)


def surprisal(run: RunLike, what: str) -> np.ndarray:
    """Surprisal of each character of a text in nats, (N,)."""
    run = opened(run, "eval")
    pieces = score.surprisal(run.network, run.vocabulary.encode([what]))
    return np.concatenate([np.empty(0), *(nats for nats, _ in pieces)])


def overlaps(run: RunLike, texts: Sequence[str | np.ndarray], corpus: Corpus | None = None) -> list[Overlap]:
    """What of each text, or its ids (N,), stands word for word in the part of its corpus that a run was trained on.

    `corpus` is the run's, where that is at hand. Raises `UsageError` where it is not at its place.
    """
    return CorpusIndex(opened(run, "eval"), corpus).overlaps(texts)
