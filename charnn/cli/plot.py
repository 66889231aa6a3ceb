"""charnn plot"""

import click

from . import options, streams
from .shell.help import Command
from .shell.types import RunName


@click.command("plot", cls=Command)
@click.argument("names", metavar="[RUN]...", nargs=-1, type=RunName())
@options.runs
@options.choice(
    "--by", ("updates", "epochs", "minutes"), "What the loss is drawn by; minutes: of runs that count them."
)
def command(names: tuple[str, ...], runs: str, by: str) -> None:
    """Draw the loss of one or several runs as SVG, on standard output; the newest run by default.

    The loss on the held-out part, in bits per character, label, symbol or value, a line for each run; the n-gram
    model's is dashed. Of a single run the loss on the training part is drawn too. Runs whose losses are in different
    measures are refused.

    \b
    charnn plot > loss.svg
    charnn plot small large --by minutes > loss.svg
    """
    from ..runs import curves, folder, plot

    streams.refuse_picture("plot")
    found = [plot.read(folder.find(one, runs, "last")) for one in names or (None,)]
    streams.write(curves.loss(found, by))
