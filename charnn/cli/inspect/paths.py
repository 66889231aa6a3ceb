"""charnn inspect paths"""

import click

from ...conflicts import check
from .. import inputs, options, streams
from ..shell.help import Command
from ..shell.types import File, Number
from . import showing


@click.command("paths", cls=Command)
@click.argument("text", required=False, type=File())
@options.model
@options.runs
@click.option("--steps", type=Number(int, 1, 200), default=16, show_default=True, help="Steps that are unfolded.")
@click.option("--svg", is_flag=True, help="A picture: a row for each j, a column for each k.")
@click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object.")
@options.unknown
@options.invalid
def command(
    text: str | None,
    model: str | None,
    runs: str,
    steps: int,
    svg: bool,
    as_json: bool,
    unknown: str,
    invalid: str,
) -> None:
    """Show the gradient of a recurrent weight path by path.

    The network is unfolded over the first steps of TEXT. The loss L[j] of step j reaches W by every step k up to j, and
    dL/dW is the sum of all these paths. A row for each: the array, j, k, and the norm of dL[j]/dW at step k.
    """
    check({"svg": svg, "json": as_json})
    if svg:
        streams.refuse_picture("inspect paths --svg", as_json)
    from ... import api

    run, texts = inputs.opened("inspect paths", model, runs, [text] if text else [], unknown, invalid)
    showing.write(api.paths(run, texts, steps), run.path, svg, as_json)
