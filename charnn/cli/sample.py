"""charnn sample"""

from collections.abc import Iterator
from time import monotonic
from typing import Any

import click

from ..config import SampleConfig
from . import options, readers, streams

FLUSH_SECONDS = 0.02  # seconds after which text that was drawn is shown
SHOWN_OVERLAP = 60  # characters of the longest run that stands in the training text


@click.command("sample")
@options.model
@options.root
@options.config_options(SampleConfig)
@click.option("--greedy", is_flag=True, help="The likeliest character always: --temp 0.")
@click.option(
    "--prime",
    default="",
    metavar="TEXT",
    help="Text to go on from; - reads it from standard input, less one line end at its end.",
)
@click.option(
    "--adapt",
    metavar="FILE",
    help="Before writing, learn from this text, once, as `charnn eval --dynamic` does; - for standard input. The "
    "model's file stays as it is.",
)
@click.option("--adapt-rate", type=float, metavar="R", help="How fast it learns it (default: 0.0005).")
@click.option("--keep", metavar="NAME", help="Keep what --adapt learnt as a run of this name.")
@click.option("--stop", metavar="TEXT", help="End where this text appears, and leave it out.")
@click.option("--past-end", is_flag=True, help="Go on past the end of a sequence, up to --length.")
@click.option("--separator", metavar="TEXT", help="What follows each sample, instead of its line end.")
@click.option("-0", "--null", is_flag=True, help="Follow each sample with NUL, for xargs -0.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a sample, on a line of its own.")
@options.unknown
@click.option(
    "--novelty",
    is_flag=True,
    help="Before each sample, where its text stands already: train, valid, or new; and how much of all was copied.",
)
def command(
    model: str | None,
    root: str,
    greedy: bool,
    prime: str,
    adapt: str | None,
    adapt_rate: float | None,
    keep: str | None,
    stop: str | None,
    past_end: bool,
    separator: str | None,
    null: bool,
    as_json: bool,
    novelty: bool,
    unknown: str,
    **params: Any,
) -> None:
    """Let a model write: each character it draws is the next it reads, until the sequence ends or --length is reached.

    \b
    charnn sample --temp 0.8
    charnn sample -n 20 --novelty              20 names, say, and which of them were in the training text
    echo "To be" | charnn sample --prime - --length 500 --past-end
    charnn sample --adapt letter.txt           after learning from that text, once
    """
    config: SampleConfig = options.pick({**params, **({"temp": 0.0} if greedy else {})}, SampleConfig)
    if past_end and config.count > 1:
        raise click.UsageError("--past-end writes one long sample: leave -n at 1")
    if prime == "-" and adapt == "-":
        raise click.UsageError("--prime - and --adapt - both read standard input: give one of them a text, or a file")
    readers.check_option("--adapt-rate", adapt_rate, "--adapt", adapt is not None)
    if keep and adapt is None:
        raise click.UsageError("--keep needs --adapt: there is nothing that was learnt")
    if null + as_json + (separator is not None) > 1:
        raise click.UsageError("--null, --separator and --json say differently what follows a sample: give one of them")
    import numpy as np

    from ..runs import checkpoint, folder
    from ..terminal import console

    np.seterr(over="ignore", invalid="ignore")  # a network may be beyond all bounds, and still write
    run = checkpoint.load(folder.find(model, root))
    if adapt is not None:
        readers.adapt(run, adapt, adapt_rate, unknown)
    if keep:
        kept = folder.Folder.create(root, keep)
        kept.save_weights(run)
        console.note(f"kept in {kept.path}/")
    ids = run.vocabulary.ids(_read_prime(run) if prime == "-" else prime, "the prime", unknown)
    prime = run.vocabulary.decode(ids)
    end = "\0" if null else separator if separator is not None else run.vocabulary.end or "\n"
    if config.count == 1 and not as_json and not novelty:
        drawn = _drawn(run, config, ids, past_end)
        _flow(prime, until(stop, run.vocabulary.texts(symbol for symbol in drawn if symbol or past_end)))
        streams.write(end)
        return
    known = Known(run) if novelty else None
    for batch in _samples(run, config, ids, past_end):
        samples: list[dict[str, Any]] = []
        for text, ended in batch:
            cut = "".join(until(stop, iter(text)))
            samples.append({"text": prime + cut, "ended": ended and cut == text})
        if known:
            known.tell(samples)
        for facts in samples:
            row = "\t".join([*([facts["found"]] if known else []), facts["text"]])
            if as_json:
                streams.write_json(facts, flush=True)
            else:
                streams.write(row + end, flush=True)
    if known:
        known.sum_up()


def _flow(first: str, pieces: Iterator[str]) -> None:
    """Write text as it comes, a few characters at a time where they come fast."""
    streams.write(first, flush=True)
    held, shown = [], 0.0
    for piece in pieces:
        held.append(piece)
        if (now := monotonic()) - shown > FLUSH_SECONDS:
            streams.write("".join(held), flush=True)
            held, shown = [], now
    streams.write("".join(held))


def _read_prime(run: Any) -> str:
    """Standard input, less one line end at its end."""
    from ..io.text import decode

    return "".join(decode(streams.buffered().pieces(), "the prime", run.origin.invalid)).removesuffix("\n")


def _drawn(run: Any, config: Any, prime: Any, past_end: bool) -> Iterator[int]:
    """Ids of one sample as they come."""
    import numpy as np

    from ..machine import cores
    from ..sampling.sampler import stream

    rng = np.random.default_rng(config.seed)
    return stream(run.network, config, rng, prime, past_end=past_end, workers=cores())


def _samples(run: Any, config: Any, prime: Any, past_end: bool) -> Iterator[list[tuple[str, bool]]]:
    """Batches of samples without the prime, and whether each ended by itself."""
    from ..machine import cores
    from ..sampling.sampler import batches

    if past_end:
        yield [("".join(run.vocabulary.texts(_drawn(run, config, prime, past_end))), False)]
        return
    for batch in batches(run.network, config, prime, workers=cores()):
        yield [(run.vocabulary.decode(sample.ids), sample.ended) for sample in batch]


def until(stop: str | None, pieces: Iterator[str]) -> Iterator[str]:
    """The characters up to a stop text; those that may be its beginning are held back until it is clear."""
    if not stop:
        yield from pieces
        return
    held = ""
    for piece in pieces:
        held += piece
        if (at := held.find(stop)) >= 0:
            yield held[:at]
            return
        keep = next((n for n in range(min(len(stop) - 1, len(held)), 0, -1) if stop.startswith(held[-n:])), 0)
        yield held[: len(held) - keep]
        held = held[len(held) - keep :]
    yield held


class Known:
    """What of samples is not new: whether one stands in the model's corpus word for word, and how much of it does."""

    def __init__(self, run: Any):
        import numpy as np

        from ..data.vocabulary import EOS
        from ..runs import corpus

        self.run, self.corpus = run, corpus.own_corpus(run, readers.UNKNOWN)
        self.start = np.array([EOS], run.vocabulary.dtype)
        parts = zip(("train", "valid"), self.corpus.split(run.config.valid), strict=True)
        self.parts = {name: np.concatenate([self.start, part]).tobytes() for name, part in parts}
        self.grams, self.there, self.longest, self.run_of = 0, 0, 0, ""

    def tell(self, samples: list[dict[str, Any]]) -> None:
        """Add to each sample where it was `found`, the share of its 8-grams that were `copied`, and its longest run."""
        from .. import api

        for facts, copied in zip(samples, api.copied(self.run, [s["text"] for s in samples], self.corpus), strict=True):
            text, ended, longest = facts["text"], facts["ended"], copied.longest
            facts |= {"found": self._find(text, ended), "copied": round(copied.share, 4), "longest": longest}
            self.grams, self.there = self.grams + copied.grams.size, self.there + int(copied.grams.sum())
            if longest > self.longest:
                self.longest, self.run_of = longest, text[copied.at : copied.at + longest]

    def sum_up(self) -> None:
        from ..terminal import console
        from .eval import escape

        share = f"{self.there / self.grams:.1%} of the 8-grams stand in the training text, " if self.grams else ""
        where = (
            f", {escape(self.run_of[:SHOWN_OVERLAP])!r}{'...' if self.longest > SHOWN_OVERLAP else ''}"
            if self.longest
            else ""
        )
        console.note(f"{share}the longest run that does is of {self.longest:,} characters{where}")

    def _find(self, text: str, ended: bool) -> str:
        """train, valid or new."""
        import numpy as np

        from .. import api

        ids = np.concatenate([self.start, api.encode(self.run, text), self.start if ended else self.start[:0]])
        for name, whole in self.parts.items():
            at = whole.find(ids.tobytes())
            while at >= 0 and at % ids.itemsize:
                at = whole.find(ids.tobytes(), at + 1)
            if at >= 0:
                return name
        return "new"
