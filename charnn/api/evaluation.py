"""Texts scored by runs."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from .. import options
from ..config import EvalConfig
from ..data.corpus import Corpus
from ..data.pairs import PairList, Pairs
from ..errors import UsageError, expect, listed
from ..evaluation import readers, score
from ..evaluation.characters import CharacterScores
from ..evaluation.novelty import CorpusIndex
from ..evaluation.overlap import Overlap
from ..evaluation.readers import Text, TextLike
from ..evaluation.rows import LineScore
from ..io.lazy import WatchSymbols
from ..runs import folder
from ..runs.corpus import assert_same_corpus
from ..tasks import base as tasks
from .loading import RunLike, assert_of_text, opened, processes


def texts(
    run: RunLike, what: TextLike, unknown: str = "error", invalid: str = "error", whole: bool = False
) -> list[Text]:
    """Texts in the symbols of a run: a str itself, a `Path` or names of files, or the held-out part of a corpus.

    None is the held-out part of the run's own corpus; texts among the files stay as they are. `unknown` says what to
    do with characters that the run does not know (error, skip, mark). `invalid` says what to do with bytes that are not
    UTF-8 (error, keep, replace). With `whole` a last sequence without an end gets one, as in a corpus.

    Raises `InputError` for both, and for a corpus with another vocabulary; `UsageError` where the run's own corpus is
    gone, for another `unknown` or `invalid`, and for a run that reads no text.
    """
    run = opened(run)
    assert_of_text(run, "texts")
    return readers.texts(run, what, unknown, invalid, whole)


def evaluate(
    run: RunLike,
    what: TextLike | Pairs | PairList = None,
    config: EvalConfig | None = None,
    *,
    workers: int | None = 1,
    watch: WatchSymbols = iter,
    **changes: Any,
) -> Any:
    """The score of a text (see above), as the fields of `EvalConfig` say; of an empty one, whose count is 0, it is nan.

    A `Score` for a model of a text, a `LabelScore` or a `TargetScore` for one of pairs: `figures` are all by name.

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
    """The score of each line of a text. `changes` are options, the fields of `EvalConfig`.

    Raises `UsageError` for a run of pairs or of values: `evaluator(run, what, by="line").table()` has their rows.
    """
    found = evaluator(run, what, config, by="line", **changes)
    assert_of_text(found.run, "line_scores")
    return [*chain.from_iterable(found.lines())]


def character_scores(
    run: RunLike, what: TextLike = None, config: EvalConfig | None = None, **changes: Any
) -> CharacterScores:
    """The score of each character of a text; a notebook shows the text in shades.

    `changes` are options, the fields of `EvalConfig`.
    """
    return CharacterScores([*chain.from_iterable(evaluator(run, what, config, by="char", **changes).characters())])


def evaluator(
    run: RunLike | None,
    what: TextLike | Pairs | PairList = None,
    config: EvalConfig | None = None,
    *,
    workers: int | None = 1,
    watch: WatchSymbols = iter,
    runs: str | Path = folder.RUNS,
    **changes: Any,
) -> Any:
    """What `evaluate` asks: a run, the newest below `runs` for None, with the texts to score.

    For a model of a text its `lines` and `characters` come as they are read, from a text of any length.
    """
    config = options.made(EvalConfig, config, changes)
    run = opened(run, "eval", runs)
    return tasks.make(run.task).evaluator(run, what, config, processes(workers), watch)


def surprisal(run: RunLike, what: str) -> np.ndarray:
    """Surprisal of each character of a text in nats, (N,)."""
    expect("the text", what, str)
    run = opened(run, "eval --by char")
    pieces = score.surprisal(run.network, run.vocabulary.encode([what]))
    return np.concatenate([np.empty(0), *(nats for nats, _ in pieces)])


def overlaps(run: RunLike, texts: Sequence[str | np.ndarray], corpus: Corpus | None = None) -> list[Overlap]:
    """What of each text, or its ids (N,), stands word for word in the part of its corpus that a run was trained on.

    `corpus` is the run's, where that is at hand. Raises `UsageError` where it is not at its place.
    """
    run = opened(run, "eval --novelty")
    texts = listed("texts", texts, str, np.ndarray)
    expect("the corpus", corpus, Corpus, type(None))
    if corpus:
        assert_same_corpus(corpus, run)
    return CorpusIndex(run, corpus).overlaps(texts)
