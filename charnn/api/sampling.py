"""Runs that write."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import options
from ..config import EvalConfig, SampleConfig
from ..errors import CharnnWarning, expect, listed
from ..io.lazy import WatchSymbols
from ..tasks import base as tasks
from .loading import RunLike, opened, processes

if TYPE_CHECKING:
    from ..evaluation.readers import TextLike
    from ..sampling.adapt import Adaptation
    from ..sampling.text import TextSample


def stream(
    run: RunLike, prime: str = "", config: SampleConfig | None = None, *, workers: int | None = 1, **changes: Any
) -> Iterator[str]:
    """Characters of one sample as they are drawn, the prime not among them; `changes` are `SampleConfig`'s fields.

    The end of the sequence is not a character of it; with `past_end` it is one like any other. A second of the
    `workers` (None for all cores) helps where a network is large.

    >>> for character in stream("names", "An", temp=0.8): print(character, end="")  # doctest: +SKIP
    """
    found: Iterator[str] = sampler(run, prime, config, workers=workers, **changes).stream()
    return found


def samples(
    run: RunLike,
    prime: str = "",
    config: SampleConfig | None = None,
    *,
    novelty: bool = False,
    contexts: Sequence[str] | None = None,
    workers: int | None = 1,
    **changes: Any,
) -> Iterator[TextSample]:
    """Samples as they are drawn, the prime before each; `changes` are options, the fields of `SampleConfig`.

    With `novelty` each has what stands in the run's corpus already. `workers` processes draw (None for all cores).
    By a model of contexts there are `count` samples for `context`, or for each of several `contexts`.
    """
    found: Iterator[TextSample] = sampler(run, prime, config, contexts=contexts, workers=workers, **changes).samples(
        novelty=novelty
    )
    return found


def generate(
    run: RunLike,
    count: int = 1,
    prime: str = "",
    config: SampleConfig | None = None,
    *,
    workers: int | None = 1,
    **changes: Any,
) -> list[str]:
    """The texts of `count` samples, the prime before each, without their ends. See `samples`.

    >>> generate("names", 20, temp=0.8)  # doctest: +SKIP
    """
    return [sample.text for sample in samples(run, prime, config, workers=workers, **changes, count=count)]


def sampler(
    run: RunLike,
    prime: str = "",
    config: SampleConfig | None = None,
    *,
    contexts: Sequence[str] | None = None,
    workers: int | None = 1,
    **changes: Any,
) -> Any:
    """What `stream` and `samples` ask: a run that has a prime to go on from, ready to write.

    By a model of contexts it writes `count` samples for `context`, or for each of several `contexts`.
    """
    config, run = options.made(SampleConfig, config, changes), opened(run, "sample")
    expect("the prime", prime, str)
    contexts = None if contexts is None else listed("contexts", contexts, str, type(None))
    if not run.step and run.moments:  # those of a file without moments may be imported
        warnings.warn("this run was never trained: iterate over its session, or use fit", CharnnWarning, stacklevel=3)
    return tasks.make(run.task).sampler(run, prime, config, contexts, processes(workers))


def next_characters(
    run: RunLike, prime: str = "", config: SampleConfig | None = None, **changes: Any
) -> dict[str, float]:
    """The probability of every character that may come after a prime, the likeliest first; they sum to 1.

    The key "" is the end of the sequence. Temperature, `top_k` and `top_p` of `SampleConfig` change the distribution as
    they change sampling. Raises `UsageError` for a run with `ending` length, whose characters depend on a length.

    >>> next_characters("names", "Ann", top_k=3)  # doctest: +SKIP
    {'': 0.5, 'a': 0.4, 'e': 0.1}
    """
    from ..sampling.next import next_symbols

    run, config = opened(run, "next"), options.made(SampleConfig, config, changes)
    p = next_symbols(run.network, run.vocabulary.ids(prime, "the prime", config.unknown), config)
    keys = ["", *map(chr, run.vocabulary.characters)]
    return {keys[symbol]: float(p[symbol]) for symbol in np.argsort(-p, kind="stable").tolist() if p[symbol]}


def adapt(
    run: RunLike,
    what: TextLike,
    *,
    rate: float = EvalConfig.dynamic_rate,
    unknown: str = "error",
    watch: WatchSymbols = iter,
) -> Adaptation:
    """Let a copy of a run learn from a text, once, as dynamic evaluation does: `.run` is what it made of it.

    >>> generate(adapt("names", Path("letter.txt")).run)  # doctest: +SKIP
    """
    from ..evaluation.readers import texts
    from ..sampling import adapt as adapting

    run = opened(run, "sample --adapt")
    options.check_value("adapt_rate", rate, options.bounds(EvalConfig, "dynamic_rate"))
    config = EvalConfig(dynamic=True, dynamic_rate=rate, unknown=unknown, invalid=run.origin.invalid)
    return adapting.adapt(run, texts(run, what, unknown, run.origin.invalid), config, watch)
