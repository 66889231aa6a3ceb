"""charnn inspect composition"""

import click

from ...verbs import CompositionConfig
from .. import options
from ..shell.help import Command
from . import showing
from .showing import Asked


@click.command("composition", cls=Command)
@showing.asked(
    "A picture: a line for each number of steps.",
    options.numbers(CompositionConfig, "steps", "seed"),
)
def command(asked: Asked, steps: int, seed: int) -> None:
    """Show what many steps make of a line of first states: one nonlinear function composed with itself.

    First states x d lie on a line through the space of states, d being a random direction, x from -3 to 3. The model
    reads the first characters of TEXT from all of them. A row for each x: the projection s[t] . d / |d| of the state
    after 1, 2, 4 ... steps. In a linear model each column is a straight line.
    """
    showing.show("composition", asked, steps=steps, seed=seed)
