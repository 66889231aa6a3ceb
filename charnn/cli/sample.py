"""charnn sample"""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ..config import EvalConfig, SampleConfig
from ..conflicts import check
from . import options, streams
from .shell import groups
from .shell.help import Command
from .shell.types import File, Number
from .writing import interactive
from .writing.output import Output

if TYPE_CHECKING:
    from ..api import Run

GROUPS = groups.RUN, groups.START, groups.DRAWING, groups.OUTPUT


@click.command("sample", cls=Command, groups=GROUPS)
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
    "--primes",
    type=File(),
    metavar="FILE",
    help="Texts to go on from, each a line; - for standard input. The seed of each is one more than that before.",
)
@options.grouped(
    groups.START,
    "-i",
    "--interactive",
    is_flag=True,
    help="Go on from each line that is typed, until Ctrl-D. Ctrl-C ends a continuation.",
)
@options.grouped(
    groups.START,
    "--contexts",
    type=File(),
    metavar="FILE",
    help="Contexts to write for, each a line; - for standard input.",
)
@options.grouped(
    groups.RUN,
    "--adapt",
    type=File(),
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
    charnn sample --match "[A-Z][a-z]{3,8}" -n 5
    charnn sample --beam 20 --length 80 --prime "The "
    charnn sample -i                    type a beginning, read on, again
    charnn sample --context Japanese -n 10
    """
    config = options.config({**params, **({"temp": 0.0} if params["greedy"] else {})}, SampleConfig)
    check({**params, "json": params["as_json"]}, options.given(ctx))
    from ..api.loading import opened

    run = opened(model, "sample", runs)
    if model is None and sys.stderr is not None and sys.stderr.isatty():
        from ..terminal import console  # and rich with it, which takes longer than a short sample

        console.note(f"{run.path}, the newest model (-m RUN chooses another; `charnn list` shows all)")
    if params["adapt"] is not None:
        run = _adapted(run, config, params)
    if params["keep"]:
        _keep(run, params["keep"], runs)
    end = "\0" if params["null"] else params["separator"]
    output = Output(run.vocabulary.end or "\n" if end is None else end, params["as_json"], params["novelty"])
    _write(run, config, params, output)


def _adapted(run: "Run", config: SampleConfig, params: dict[str, Any]) -> "Run":
    """The run, once it has learnt from the text of --adapt."""
    from .. import api
    from ..terminal import console

    texts, rate = streams.streamed([params["adapt"]]), params["adapt_rate"]
    found = api.adapt(run, texts, rate=rate, unknown=config.unknown, watch=console.reading)
    console.note(str(found))
    return found.run


def _keep(run: "Run", name: str, runs: str) -> None:
    from .. import api
    from ..terminal import console

    console.note(f"kept in {api.save(run, name, runs)}/")


def _write(run: "Run", config: SampleConfig, params: dict[str, Any], output: Output) -> None:
    """Samples after one prime, after each of several, or after what is typed; or for contexts."""
    from ..api.sampling import sampler

    if params["interactive"]:
        return interactive.answer(lambda prime: sampler(run, prime, config, workers=None), output)
    if params["primes"] is not None:
        for number, prime in enumerate(streams.read_lines(params["primes"])):
            seed = None if config.seed is None else config.seed + number
            output.write(sampler(run, prime, replace(config, seed=seed), workers=None))
        return None
    prime = streams.read_text("the prime", run.origin.invalid) if params["prime"] == "-" else params["prime"]
    contexts = None if params["contexts"] is None else streams.read_lines(params["contexts"])
    made = sampler(run, prime, config, contexts=contexts, workers=None)
    return output.write(made) if contexts is None else output.write_samples(made)
