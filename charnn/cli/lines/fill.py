"""charnn fill"""

from io import BytesIO
from typing import TYPE_CHECKING, Any

import click

from ...errors import InputError
from ...io.text import Source, encode
from ...verbs import FillConfig
from .. import options, streams
from ..shell.help import Command
from .answering import json_error, write_answers

if TYPE_CHECKING:
    from ...tasks.answers import Answered


@click.command("fill", cls=Command)
@click.argument("line", nargs=-1)
@options.model
@options.runs
@options.config_options(FillConfig)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def command(line: tuple[str, ...], model: str | None, runs: str, as_json: bool, **params: Any) -> None:
    """Fill gaps in lines: a line for each line.

    LINE is a line itself, or several; without it lines of standard input. A model of --task fill sees both sides of a
    gap. A model of --task text keeps the likeliest beginnings, and what follows a gap says which was right. Lines are
    written before more input is waited for.

    \b
    charnn fill 'The qu_ck br__n fox'
    charnn fill --gap ? < damaged.txt
    """
    config = options.config(params, FillConfig)
    from ... import api

    filler = api.filler(model, config, runs=runs)
    given = [Source("the line", lambda: BytesIO(encode("\n".join(line))))] if line else streams.streamed(("-",))

    def row(one: "Answered") -> str:
        if as_json:
            return streams.json_line({"line": one.line.number, "text": one.line.text, "filled": one.answer})
        return f"{one.answer}\n"

    def without(one: "Answered") -> str:
        if as_json:
            return json_error(one)
        return "\n" if isinstance(one.line.text, InputError) else f"{one.line.text}\n"

    write_answers(filler, given, config.invalid, row, without)
