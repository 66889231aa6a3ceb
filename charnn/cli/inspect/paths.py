"""charnn inspect paths"""

import click

from ...verbs import PathsConfig
from .. import options
from ..shell.help import Command
from . import showing
from .showing import Asked


@click.command("paths", cls=Command)
@showing.asked(
    "A picture: a row for each j, a column for each k.",
    options.numbers(PathsConfig, "steps"),
)
def command(asked: Asked, steps: int) -> None:
    """Show the gradient of a recurrent weight path by path.

    The network is unfolded over the first steps of TEXT. The loss L[j] of step j reaches W by every step k up to j, and
    dL/dW is the sum of all these paths. A row for each: the array, j, k, and the norm of dL[j]/dW at step k.
    """
    showing.show("paths", asked, steps=steps)
