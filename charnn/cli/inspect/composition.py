"""charnn inspect composition"""

import click

from ...conflicts import check
from .. import inputs, options, streams
from ..shell.help import Command
from ..shell.types import File, Number
from . import showing


@click.command("composition", cls=Command)
@click.argument("text", required=False, type=File())
@options.model
@options.runs
@click.option("--steps", type=Number(int, 1, 200), default=16, show_default=True, help="Steps that are composed.")
@click.option("--seed", type=Number(int, 0), default=0, show_default=True, help="Draws the direction.")
@click.option("--svg", is_flag=True, help="A picture: a line for each number of steps.")
@click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object.")
@options.unknown
@options.invalid
def command(
    text: str | None,
    model: str | None,
    runs: str,
    steps: int,
    seed: int,
    svg: bool,
    as_json: bool,
    unknown: str,
    invalid: str,
) -> None:
    """Show what many steps make of a line of first states: one nonlinear function composed with itself.

    First states x d lie on a line through the space of states, d being a random direction, x from -3 to 3. The model
    reads the first characters of TEXT from all of them. A row for each x: the projection s[t] . d / |d| of the state
    after 1, 2, 4 ... steps. In a linear model each column is a straight line.
    """
    check({"svg": svg, "json": as_json})
    if svg:
        streams.refuse_picture("inspect composition --svg", as_json)
    from ... import api

    run, texts = inputs.opened("inspect composition", model, runs, [text] if text else [], unknown, invalid)
    showing.write(api.composition(run, texts, steps, seed=seed), run.path, svg, as_json)
