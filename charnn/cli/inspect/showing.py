"""What commands that inspect a text have in common: what they are asked, and the form of what they find."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .. import inputs, options, streams
from ..shell.types import File

if TYPE_CHECKING:
    from ...runs.run import Run

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


def asked(picture: str | None, *own: Decorator, json: str = "All of it as a JSON object.") -> Decorator:
    """The options of `Asked`, which a command takes as one value, with the help of --svg (`picture`) and of --json.

    A command without a picture has no --svg. The options of the command's `own` stand after those of the model.
    """
    text = click.argument("text", required=False, type=File())
    svg = [click.option("--svg", is_flag=True, help=picture)] if picture else []
    objects = click.option("--json", "as_json", is_flag=True, help=json)
    around: tuple[Decorator, ...] = (text, options.model, options.runs, *own, *svg, objects)
    around += options.unknown, options.invalid

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def command(**params: Any) -> Any:
            params.setdefault("svg", False)
            return function(Asked(*(params.pop(name) for name in Asked._fields)), **params)

        taken: Callable[..., Any] = command
        for option in reversed(around):
            taken = option(taken)
        return taken

    return decorate


def read(verb: str, asked: Asked) -> tuple["Run", Any]:
    """The model, and the text or None that stands for the model's own, to read in the order of the command."""
    from ...api.loading import opened

    return opened(asked.model, verb, asked.runs), inputs.given([asked.text] if asked.text else [])


def texts(verb: str, asked: Asked) -> tuple["Run", Any]:
    """The model, and the text in its symbols."""
    names = [asked.text] if asked.text else []
    return inputs.opened(verb, asked.model, asked.runs, names, asked.unknown, asked.invalid)


def show(name: str, asked: Asked, **how: Any) -> None:
    """Write what the function `name` of the library finds in a text, as `inspect name` was asked to."""
    verb = f"inspect {name}"
    if asked.svg:
        streams.refuse_picture(f"{verb} --svg", asked.as_json)
    from ... import api

    run, given = texts(verb, asked)
    write(getattr(api, name)(run, given, **how), run.path, asked.svg, asked.as_json)


def write(found: Any, path: object, svg: bool, as_json: bool) -> None:
    """A picture, a JSON object with the model's file, or the rows of a table."""
    if svg:
        streams.write(found.svg())
    elif as_json:
        streams.write_json({"file": str(path), **found.plain()})
    else:
        for row in found.table():
            streams.write_row(*row)
