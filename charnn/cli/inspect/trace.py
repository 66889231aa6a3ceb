"""charnn inspect trace"""

import click

from .. import options, streams
from ..shell.help import Command
from . import showing


@click.command("trace", cls=Command)
@click.argument("text")
@options.model
@options.runs
@click.option("--svg", is_flag=True, help="A picture of the unrolled network.")
@click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object.")
@options.unknown
def command(text: str, model: str | None, runs: str, svg: bool, as_json: bool, unknown: str) -> None:
    """Show every number of a pass over a short TEXT, forwards and back.

    TEXT is the text itself, 32 characters or less. The model is a small --cell elman, of 16 units a layer or less.

    For each step t: a[t], h[t], o[t], y[t] and the loss L[t] in nats; then do[t], dh[t] and da[t], the gradients of the
    sum of all L. A name such as 0/h has its layer before. At the end the gradient of each array of weights. On a
    terminal blocks of numbers; in a pipe TSV with a row for each number, the weights among them.

    \b
    charnn train names.txt --cell elman --hidden 3 --layers 1
    charnn inspect trace "cat"
    """
    if svg:
        streams.refuse_picture("inspect trace --svg", as_json)
    from ... import api
    from ...api.loading import opened

    run = opened(model, "inspect trace", runs)
    found = api.trace(run, text, unknown=unknown)
    if streams.is_terminal() and not as_json:
        from ...terminal import tables

        streams.write(found.blocks(tables.screen().width))
    else:
        showing.write(found, run.path, svg, as_json)
