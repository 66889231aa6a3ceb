"""Runs that answer lines: sort them, rewrite them, fill their gaps; and errors found in texts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

from .. import options
from ..errors import expect
from ..runs import folder
from ..tasks.answers import each
from ..tasks.classifying import Classifier, Labelled
from ..tasks.filling import Doubt, Filler, Proofreader
from ..tasks.translating import Translation, Translator
from ..verbs import ClassifyConfig, FillConfig, ProofConfig, TranslateConfig
from .loading import RunLike, opened, processes


@overload
def classify(run: RunLike, what: str, config: ClassifyConfig | None = None, **changes: Any) -> Labelled: ...
@overload
def classify(
    run: RunLike, what: Sequence[str], config: ClassifyConfig | None = None, **changes: Any
) -> list[Labelled]: ...
def classify(
    run: RunLike,
    what: str | Sequence[str],
    config: ClassifyConfig | None = None,
    *,
    workers: int | None = 1,
    **changes: Any,
) -> Labelled | list[Labelled]:
    """The label of a text, or those of several; `changes` are options, the fields of `ClassifyConfig`.

    >>> classify("names", "Tanaka").label  # doctest: +SKIP
    'Japanese'
    """
    found = each(classifier(run, config, workers=workers, **changes), what)
    return found[0] if isinstance(what, str) else found


@overload
def translate(run: RunLike, what: str, config: TranslateConfig | None = None, **changes: Any) -> str: ...
@overload
def translate(
    run: RunLike, what: Sequence[str], config: TranslateConfig | None = None, **changes: Any
) -> list[str]: ...
def translate(
    run: RunLike,
    what: str | Sequence[str],
    config: TranslateConfig | None = None,
    *,
    workers: int | None = 1,
    **changes: Any,
) -> str | list[str]:
    """What a text becomes, or several; `changes` are options, the fields of `TranslateConfig`.

    >>> translate("dates", "september 27, 1994", beam=5)  # doctest: +SKIP
    '1994-09-27'
    """
    found = translations(run, what, config, workers=workers, **changes)
    best = [some[0].text if some else "" for some in found]
    return best[0] if isinstance(what, str) else best


def translations(
    run: RunLike,
    what: str | Sequence[str],
    config: TranslateConfig | None = None,
    *,
    workers: int | None = 1,
    **changes: Any,
) -> list[list[Translation]]:
    """The `nbest` targets of a text, or of each of several, that a beam finds, the best first, with their bits."""
    return each(translator(run, config, workers=workers, **changes), what)


@overload
def fill(run: RunLike, what: str, config: FillConfig | None = None, **changes: Any) -> str: ...
@overload
def fill(run: RunLike, what: Sequence[str], config: FillConfig | None = None, **changes: Any) -> list[str]: ...
def fill(run: RunLike, what: str | Sequence[str], config: FillConfig | None = None, **changes: Any) -> str | list[str]:
    """A line with its gaps filled, or several; `changes` are options, the fields of `FillConfig`.

    >>> fill("shakespeare", "to b_ or n_t to be")  # doctest: +SKIP
    'to be or not to be'
    """
    found: list[str] = each(filler(run, config, **changes), what)
    return found[0] if isinstance(what, str) else found


def proof(
    run: RunLike | None,
    what: str,
    config: ProofConfig | None = None,
    *,
    workers: int | None = 1,
    runs: str | Path = folder.RUNS,
    **changes: Any,
) -> list[Doubt]:
    """Characters of a text in whose place another one is likelier; `changes` are options, the fields of `ProofConfig`.

    >>> proof("shakespeare", Path("letter.txt").read_text("utf-8"), gain=8)  # doctest: +SKIP
    """
    expect("the text", what, str)
    return [*proofreader(run, config, workers=workers, runs=runs, **changes).doubts(what)]


def proofreader(
    run: RunLike | None,
    config: ProofConfig | None = None,
    *,
    workers: int | None = 1,
    runs: str | Path = folder.RUNS,
    **changes: Any,
) -> Proofreader:
    """What `proof` asks: a run, the newest below `runs` for None, ready to look for errors by `workers` processes."""
    config = options.made(ProofConfig, config, changes)
    return Proofreader(opened(run, "proof", runs), config, processes(workers))


def filler(
    run: RunLike | None, config: FillConfig | None = None, *, runs: str | Path = folder.RUNS, **changes: Any
) -> Filler:
    """What `fill` asks: a run, the newest below `runs` for None, ready to fill gaps."""
    return Filler(opened(run, "fill", runs), options.made(FillConfig, config, changes))


def classifier(
    run: RunLike | None,
    config: ClassifyConfig | None = None,
    *,
    workers: int | None = 1,
    runs: str | Path = folder.RUNS,
    **changes: Any,
) -> Classifier:
    """What `classify` asks: a run, the newest below `runs` for None, ready to sort lines by `workers` processes."""
    config = options.made(ClassifyConfig, config, changes)
    return Classifier(opened(run, "classify", runs), config, processes(workers))


def translator(
    run: RunLike | None,
    config: TranslateConfig | None = None,
    *,
    workers: int | None = 1,
    runs: str | Path = folder.RUNS,
    **changes: Any,
) -> Translator:
    """What `translate` asks: a run, the newest below `runs` for None, ready to write by `workers` processes."""
    config = options.made(TranslateConfig, config, changes)
    return Translator(opened(run, "translate", runs), config, processes(workers))
