"""charnn sample"""

import json
from collections.abc import Iterator
from typing import Any

import click

from ..config import SampleConfig
from . import options, streams

BATCH = 256  # samples drawn side by side


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
@click.option("--stop", metavar="TEXT", help="End where this text appears, and leave it out.")
@click.option("--past-end", is_flag=True, help="Go on past the end of a sequence, up to --length.")
@click.option("--separator", metavar="TEXT", help="What follows each sample, instead of its line end.")
@click.option("-0", "--null", is_flag=True, help="Follow each sample with NUL, for xargs -0.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a sample, on a line of its own.")
@click.option(
    "--novelty", is_flag=True, help="Before each sample, where its text stands already: train, valid, or new."
)
def command(
    model: str | None,
    root: str,
    greedy: bool,
    prime: str,
    stop: str | None,
    past_end: bool,
    separator: str | None,
    null: bool,
    as_json: bool,
    novelty: bool,
    **params: Any,
) -> None:
    """Let a model write: each character it draws is the next it reads, until the sequence ends or --length is reached.

    \b
    charnn sample --temp 0.8
    charnn sample -n 20 --novelty              20 names, say, and which of them were in the training text
    echo -n "To be" | charnn sample --prime - --length 500 --past-end
    """
    if greedy:
        params["temp"] = 0.0
    config: SampleConfig = options.pick(params, SampleConfig)
    if past_end and config.count > 1:
        raise click.UsageError("--past-end writes one long sample: leave -n at 1")
    from .. import api, checkpoint, folders
    from ..text import decode

    run = checkpoint.load(folders.find(model, root))
    if prime == "-":
        prime = "".join(decode(streams.spooled().pieces(), "the prime", run.origin.invalid)).removesuffix("\n")
    end = "\0" if null else separator if separator is not None else run.vocabulary.end or "\n"
    if config.count == 1 and not as_json and not novelty:
        streams.write(prime, flush=True)
        for piece in until(stop, api.stream(run, prime, past_end=past_end, **vars(config))):
            streams.write(piece, flush=True)
        streams.write(end)
        return
    find = finder(run) if novelty else None
    for text, ended in _samples(run, config, prime, past_end):
        cut = "".join(until(stop, iter(text)))
        where = find(prime + cut, ended and cut == text) if find else None
        if as_json:
            record = {"text": prime + cut, "ended": ended and cut == text, **({"found": where} if find else {})}
            streams.write(json.dumps(record) + "\n", flush=True)
        else:
            streams.write((f"{where}\t" if find else "") + prime + cut + end, flush=True)


def _samples(run: Any, config: SampleConfig, prime: str, past_end: bool) -> Iterator[tuple[str, bool]]:
    """Samples without the prime, and whether each ended by itself; batch after batch."""
    from dataclasses import replace

    import numpy as np

    from .. import api, sampling

    rng = np.random.default_rng(config.seed)
    if past_end:
        text = "".join(api.stream(run, prime, past_end=True, **vars(config)))
        yield text, False
        return
    ids = api.encode(run, prime, "the prime")
    for start in range(0, config.count, BATCH):
        batch = replace(config, count=min(BATCH, config.count - start))
        for sample in sampling.generate(run.model, run.weights, batch, rng, ids):
            yield run.vocabulary.decode(sample.ids), sample.ended


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


def finder(run: Any) -> Any:
    """A function that says where a sample stands in the model's corpus, word for word: train, valid or new."""
    import numpy as np

    from .. import api
    from ..windows import EOS

    start = np.array([EOS], run.vocabulary.dtype)
    parts = api.own_corpus(run).split(run.config.valid)
    texts = [np.concatenate([start, part]).tobytes() for part in parts]

    def find(text: str, ended: bool) -> str:
        ids = np.concatenate([start, api.encode(run, text), start if ended else start[:0]])
        for name, whole in zip(("train", "valid"), texts, strict=True):
            at = whole.find(ids.tobytes())
            while at >= 0 and at % ids.itemsize:
                at = whole.find(ids.tobytes(), at + 1)
            if at >= 0:
                return name
        return "new"

    return find
