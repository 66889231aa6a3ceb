"""charnn inspect paths"""

import click

from ..shell.help import Command
from ..shell.types import Number
from . import showing
from .showing import Asked


@click.command("paths", cls=Command)
@showing.asked(
    "A picture: a row for each j, a column for each k.",
    click.option("--steps", type=Number(int, 1, 200), default=16, show_default=True, help="Steps that are unfolded."),
)
def command(asked: Asked, steps: int) -> None:
    """Show the gradient of a recurrent weight path by path.

    The network is unfolded over the first steps of TEXT. The loss L[j] of step j reaches W by every step k up to j, and
    dL/dW is the sum of all these paths. A row for each: the array, j, k, and the norm of dL[j]/dW at step k.
    """
    showing.show("paths", asked, steps=steps)
