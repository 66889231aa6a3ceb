"""charnn sample"""

from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from ..config import EvalConfig, SampleConfig
from ..conflicts import check
from . import options, streams
from .shell import groups
from .shell.help import GroupedCommand
from .shell.types import Number

if TYPE_CHECKING:
    from ..api import TextSample

GROUPS = groups.RUN, groups.START, groups.DRAWING, groups.OUTPUT
FLUSH_SECONDS = 0.02  # seconds after which text that was drawn is shown


@click.command("sample", cls=GroupedCommand, groups=GROUPS)
@options.model
@options.runs
@options.config_options(SampleConfig)
@options.grouped(groups.DRAWING, "--greedy", is_flag=True, help="The likeliest character always: --temp 0.")
@options.grouped(
    groups.START,
    "--prime",
    default="",
    metavar="TEXT",
    help="Text to go on from; - reads it from standard input, less one line end at its end.",
)
@options.grouped(
    groups.START,
    "--contexts",
    metavar="FILE",
    help="Contexts to write for, each a line; - for standard input.",
)
@options.grouped(
    groups.RUN,
    "--adapt",
    metavar="FILE",
    help="Before writing, learn from this text, once, as `charnn eval --dynamic` does; - for standard input. The "
    "model's file stays as it is.",
)
@options.grouped(
    groups.RUN,
    "--adapt-rate",
    type=Number(float),
    default=EvalConfig.dynamic_rate,
    show_default=True,
    metavar="R",
    help="Learning rate of --adapt.",
)
@options.grouped(groups.RUN, "--keep", metavar="NAME", help="Keep what --adapt learnt as a run of this name.")
@options.grouped(
    groups.OUTPUT, "--separator", metavar="TEXT", help="What follows each sample, instead of its line end."
)
@options.grouped(groups.OUTPUT, "-0", "--null", is_flag=True, help="Follow each sample with NUL, for xargs -0.")
@options.grouped(groups.OUTPUT, "--json", "as_json", is_flag=True, help="A JSON object a sample, on a line of its own.")
@options.grouped(
    groups.OUTPUT,
    "--novelty",
    is_flag=True,
    help="Before each sample, where its text stands already: train, valid, or new; and how much of all was copied.",
)
@click.pass_context
def command(ctx: click.Context, /, model: str | None, runs: str, **params: Any) -> None:
    """Let a model write: each character it draws is the next it reads, until the sequence ends or --length is reached.

    \b
    charnn sample --temp 0.8
    charnn sample -n 20 --novelty       20 lines, and which of them are not new
    echo "To be" | charnn sample --prime - --length 500 --past-end
    charnn sample --adapt letter.txt    after learning from that text, once
    charnn sample --context Japanese -n 10
    """
    config = options.config({**params, **({"temp": 0.0} if params["greedy"] else {})}, SampleConfig)
    check({**params, "json": params["as_json"]}, options.given(ctx))
    from .. import api
    from ..api.loading import opened
    from ..terminal import console

    run = opened(model, "sample", runs)
    if params["adapt"] is not None:
        texts, rate = streams.streamed([params["adapt"]]), params["adapt_rate"]
        found = api.adapt(run, texts, rate=rate, unknown=config.unknown, watch=console.reading)
        run = found.run
        console.note(str(found))
    if params["keep"]:
        console.note(f"kept in {api.save(run, params['keep'], runs)}/")
    prime = streams.read_text("the prime", run.origin.invalid) if params["prime"] == "-" else params["prime"]
    contexts = None if params["contexts"] is None else streams.read_lines(params["contexts"])
    sampler = api.sampler(run, prime, config, contexts=contexts, workers=None)
    end = "\0" if params["null"] else params["separator"]
    end = run.vocabulary.end or "\n" if end is None else end
    if config.count == 1 and contexts is None and not params["as_json"] and not params["novelty"]:
        _flow(sampler.prime, sampler.stream())
        streams.write(end)
    else:
        _write_samples(sampler, end, params["as_json"], params["novelty"])


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


def _write_samples(sampler: Any, end: str, as_json: bool, novelty: bool) -> None:
    """Write each sample as it is drawn; with novelty at last how much of all was copied."""
    from ..terminal.novelty import Tally

    tally = Tally()
    for sample in sampler.samples(novelty=novelty):
        tally.add(sample)
        if as_json:
            streams.write_json(_facts(sample), flush=True)
        else:
            found = f"{sample.novelty.found}\t" if sample.novelty else ""
            streams.write(f"{found}{sample.text}{end}", flush=True)
    if novelty:
        tally.show()


def _facts(sample: "TextSample") -> dict[str, Any]:
    facts: dict[str, Any] = {"text": sample.text, "ended": sample.ended}
    if sample.novelty:
        shared = sample.novelty.overlap
        facts |= {"found": sample.novelty.found, "copied": round(shared.share, 4), "longest": shared.longest}
    return facts
