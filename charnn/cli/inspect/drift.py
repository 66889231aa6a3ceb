"""charnn inspect drift"""

import click

from ...conflicts import check
from .. import inputs, options, streams
from ..shell.help import Command
from ..shell.types import File, Number
from . import showing


@click.command("drift", cls=Command)
@click.argument("text", required=False, type=File())
@options.model
@options.runs
@click.option("--steps", type=Number(int, 1, 1000), default=30, show_default=True, help="How far both go on.")
@click.option("--svg", is_flag=True, help="A picture of the bits by step.")
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
    """Show how a model goes astray without teacher forcing.

    From up to 64 places of TEXT the model goes on twice: taught, where it reads the text, and free, where it reads the
    likeliest character of its own scores. A row for each step: the distance of the two states, as a share of the
    taught one's size; the bits of the text's next character by the taught and by the free network; and the share of
    the characters written that are those of the text.
    """
    check({"svg": svg, "json": as_json})
    if svg:
        streams.refuse_picture("inspect drift --svg", as_json)
    from ... import api

    run, texts = inputs.opened("inspect drift", model, runs, [text] if text else [], unknown, invalid)
    showing.write(api.drift(run, texts, steps), run.path, svg, as_json)
