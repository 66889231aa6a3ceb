"""How `charnn eval` reads, and `charnn sample` adapts: with a network that learns, or beside an n-gram model."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click

from . import streams

Scorer = Callable[[Iterable[Any]], Iterator[tuple[Any, Any]]]  # pieces of a stream -> nats and hits of each symbol

SYMBOLS_PER_LOOK = 1 << 12  # symbols between two looks at a bar
UNKNOWN = "put it there, or leave out --novelty"  # where the training text is not
MAX_FITTING_SYMBOLS = 1 << 17  # symbols of the held-out part that tell the weight for another text


def reader(run: Any, dynamic: bool, rate: float | None, segment: int | None) -> Any:
    """A network at the start of a stream, which learns from it, or not."""
    from ..evaluation.dynamic import DYNAMIC_RATE, SEGMENT, StreamLearner, StreamReader

    if not dynamic:
        return StreamReader(run.network)
    return StreamLearner(run.network, segment=segment or SEGMENT, rate=rate or DYNAMIC_RATE)


def check(burn: int | None, dynamic: bool, rate: float | None, segment: int | None, mix: str | None) -> None:
    """Raise `click.UsageError` for options that do not go together."""
    check_option("--dynamic-rate", rate, "--dynamic", dynamic)
    check_option("--segment", segment, "--dynamic", dynamic, 1 << 16)
    for name, given in (("--dynamic", dynamic), ("--mix", mix)):
        if given and burn:
            raise click.UsageError(f"{name} reads a text from its start to its end: leave --burn out")


def check_option(name: str, value: float | None, of: str, given: bool, most: int = 1) -> None:
    """The same for an option of another one. NaN is there too: click's limits let it pass."""
    if value is not None and not given:
        raise click.UsageError(f"{name} is of {of}, which is not given: add it, or leave {name} out")
    if value is not None and not 0 < value <= most:
        raise click.UsageError(f"{name} is {value}: give a number above 0, and at most {most}")


def learning(make: Callable[[], Any]) -> Scorer:
    """Each stream read by a network as it was trained, which learns from it."""
    from ..evaluation.dynamic import stream_surprisal

    return lambda stream: stream_surprisal(make(), stream)


def recording(pieces: Iterable[Any], into: list[Any]) -> Iterator[Any]:
    """The pieces as they are; and a note of them."""
    import numpy as np

    for ids in pieces:
        into.append(np.asarray(ids))
        yield ids


def copied(run: Any, pieces: list[Any]) -> dict[str, float]:
    """What of a text stands word for word in the training text: the share of its 8-grams, and its longest run."""
    import numpy as np

    from .. import api
    from ..runs import corpus

    (facts,) = api.copied(run, [np.concatenate(pieces)], corpus.own_corpus(run, UNKNOWN))
    return {"copied_8grams": facts.share, "longest_copied": facts.longest}


def symbols(run: Any, source: Any, unknown: str, invalid: str) -> Iterator[Any]:
    """The symbols of a text, or of a tokenised file with the model's own vocabulary."""
    from ..data import tokenized
    from ..errors import InputError
    from ..io.text import decode

    if not source.name.endswith(".npz"):
        return run.vocabulary.encode(decode(source.pieces(), source.name, invalid), source.name, unknown)
    corpus = tokenized.read(source.name)
    if corpus.vocabulary != run.vocabulary:
        raise InputError(f"{source.name} was tokenised with another vocabulary than the model's: give the text itself")
    return corpus.pieces()


def adapt(run: Any, name: str, rate: float | None, unknown: str) -> None:
    """Let a network learn from a text: the weights of `run` are then what it made of them. Says what it gained."""
    import math

    import numpy as np

    from ..errors import InputError
    from ..evaluation.dynamic import adapted
    from ..evaluation.score import evaluate
    from ..io import lazy
    from ..terminal import console

    what = "standard input" if name == "-" else name
    (source,) = streams.streamed((name,))
    found = list(symbols(run, source, unknown, run.origin.invalid))
    if not (ids := np.concatenate([np.empty(0, run.vocabulary.dtype), *map(np.asarray, found)])).size:
        raise InputError(f"{what} is empty: there is nothing to adapt to")
    learner = reader(run, True, rate, None)
    before = evaluate(run.network, ids).bits
    while_learning = adapted(learner, console.reading(lazy.pieces(ids, SYMBOLS_PER_LOOK))) / math.log(2)
    run.weights = learner.network.weights
    console.note(
        f"adapted to {what}, {len(ids):,} symbols: {before:.4f} bits/char without, {while_learning:.4f} with, "
        "each symbol scored before it was learnt"
    )


class Mixing:
    """Each stream read by a network and by the n-gram model of its baseline, counted on its training part.

    The weight is fitted on the held-out part; where that is what is scored, each half has the other's.
    """

    def __init__(self, run: Any, make: Callable[[], Any], own: bool):
        from ..evaluation import mixture
        from ..evaluation.mixture import Mixture
        from ..io import lazy
        from ..terminal import console

        grams, held_out = mixture.counted(run)
        fitting, middle = Mixture(make(), grams), len(held_out) // 2 if own else 0

        def fit(ids: Any) -> float:
            return fitting.fit(console.reading(lazy.pieces(ids, SYMBOLS_PER_LOOK)))

        if own:
            second, first = fit(held_out[:middle]), fit(held_out[middle:])
            self.told = {"weight_first_half": first, "weight_second_half": second}
            said = f"weight {first:.2f}, and {second:.2f} in the second half, each fitted on the other"
        else:
            first = second = fit(held_out[:MAX_FITTING_SYMBOLS])
            self.told = {"weight": first}
            said = f"weight {first:.2f}, fitted on the held-out part"
        self.make: Callable[[], Any] = lambda: Mixture(make(), grams, (first, second, 1.0, 0.0))
        self.middle, self.nats, self.count = middle, [0.0, 0.0], 0
        console.note(f"the network mixed with the {grams.order}-gram of its training part: the network's {said}")

    def __call__(self, stream: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        at = 0
        for nats, hits in self.make().surprisal(stream):
            cut = min(max(0, self.middle - at), nats.shape[1])
            at += nats.shape[1]
            self.count += nats.shape[1]
            self.nats = [total + float(part.sum()) for total, part in zip(self.nats, nats[2:], strict=True)]
            nats[0, cut:], hits[0, cut:] = nats[1, cut:], hits[1, cut:]
            yield nats[0], hits[0]

    @property
    def figures(self) -> dict[str, float]:
        """The weights, and bits per character of the network and of the n-gram model alone."""
        import math

        network, grams = (nats / max(1, self.count) / math.log(2) for nats in self.nats)
        return {**self.told, "network_bits_per_char": network, "ngram_bits_per_char": grams}
