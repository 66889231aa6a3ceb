"""What commands that inspect a text have in common: what they are asked, and the form of what they find."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import click

from .. import inputs, options, streams
from ..shell.types import File

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Asked(NamedTuple):
    """The text to read and the model that reads it, the form of what is written, and what to do with odd characters."""

    text: str | None
    model: str | None
    runs: str
    svg: bool
    as_json: bool
    unknown: str
    invalid: str


def asked(picture: str, *own: Decorator) -> Decorator:
    """The options of `Asked`, which a command takes as one value; `picture` is the help of --svg.

    The options of the command's `own` stand after those of the model.
    """
    svg = click.option("--svg", is_flag=True, help=picture)
    json = click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object.")
    text = click.argument("text", required=False, type=File())

    around: tuple[Decorator, ...] = (text, options.model, options.runs, *own, svg, json)
    around += options.unknown, options.invalid

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def command(**params: Any) -> Any:
            return function(Asked(*(params.pop(name) for name in Asked._fields)), **params)

        taken: Callable[..., Any] = command
        for option in reversed(around):
            taken = option(taken)
        return taken

    return decorate


def show(name: str, asked: Asked, **how: Any) -> None:
    """Write what the function `name` of the library finds in a text, as `inspect name` was asked to."""
    verb = f"inspect {name}"
    if asked.svg:
        streams.refuse_picture(f"{verb} --svg", asked.as_json)
    from ... import api

    names = [asked.text] if asked.text else []
    run, texts = inputs.opened(verb, asked.model, asked.runs, names, asked.unknown, asked.invalid)
    write(getattr(api, name)(run, texts, **how), run.path, asked.svg, asked.as_json)


def write(found: Any, path: object, svg: bool, as_json: bool) -> None:
    """A picture, a JSON object with the model's file, or the rows of a table."""
    if svg:
        streams.write(found.svg())
    elif as_json:
        streams.write_json({"file": str(path), **found.plain()})
    else:
        for row in found.table():
            streams.write_row(*row)
