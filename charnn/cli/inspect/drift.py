"""charnn inspect drift"""

import click

from ...verbs import DriftConfig
from .. import options
from ..shell.help import Command
from . import showing
from .showing import Asked


@click.command("drift", cls=Command)
@showing.asked(
    "A picture of the bits by step.",
    options.numbers(DriftConfig, "steps"),
)
def command(asked: Asked, steps: int) -> None:
    """Show how a model goes astray without teacher forcing.

    From up to 64 places of TEXT the model goes on twice: taught, where it reads the text, and free, where it reads the
    likeliest character of its own scores. A row for each step: the distance of the two states, as a share of the
    taught one's size; the bits of the text's next character by the taught and by the free network; and the share of
    the characters written that are those of the text.
    """
    showing.show("drift", asked, steps=steps)
