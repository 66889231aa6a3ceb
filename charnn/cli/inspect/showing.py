"""What an inspection found, in the form that was asked for."""

from typing import Any

from .. import streams


def write(found: Any, path: object, svg: bool, as_json: bool) -> None:
    """A picture, a JSON object with the model's file, or the rows of a table."""
    if svg:
        streams.write(found.svg())
    elif as_json:
        streams.write_json({"file": str(path), **found.plain()})
    else:
        for row in found.table():
            streams.write_row(*row)
