"""charnn inspect attention"""

import click

from .. import options, streams
from ..shell.help import Command


@click.command("attention", cls=Command)
@click.argument("source")
@click.option("--target", metavar="TEXT", help="The target that is written; the likeliest one by default.")
@options.model
@options.runs
@click.option("--svg", "as_svg", is_flag=True, help="A picture.")
@click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object.")
def command(source: str, target: str | None, model: str | None, runs: str, as_svg: bool, as_json: bool) -> None:
    """Show where a model of --task translate looks in SOURCE while it writes each character of its target.

    A row for each character of the target, a column for each of the source; a cell is the share of attention, and each
    row sums to 1. In a pipe TSV, on a terminal shades.

    \b
    charnn inspect attention "september 27, 1994"
    charnn inspect attention --svg Haus > attention.svg
    """
    if as_svg:
        streams.refuse_picture("inspect attention --svg", as_json)
    from ... import api
    from ...api.loading import opened

    found = api.attention(opened(model, "inspect attention", runs), source, target)
    if as_svg:
        streams.write(found.svg())
    elif as_json:
        weights = [[round(share, 6) for share in row] for row in found.weights.tolist()]
        streams.write_json({"source": list(found.source), "target": list(found.target), "weights": weights})
    elif streams.is_terminal():
        from ...terminal import charts

        charts.attention(found)
    else:
        streams.write_row("", *found.source)
        for unit, row in zip(found.target, found.weights.tolist(), strict=True):
            streams.write_row(unit, *(f"{share:.4f}" for share in row))
