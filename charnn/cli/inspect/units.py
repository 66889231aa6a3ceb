"""charnn inspect units"""

from itertools import chain, islice
from typing import TYPE_CHECKING

import click

from ...errors import InputError
from ...io.text import nothing_in
from ...terminal.plain import visible
from .. import streams
from ..shell.help import Command
from ..shell.types import Number
from . import showing

if TYPE_CHECKING:
    from ...api import UnitReader

PICTURED = 100  # characters of a picture
SHOWN = 200  # characters on a terminal, unless others are asked for


def some(ctx: click.Context, param: click.Parameter, value: str | None) -> slice:
    """Units from A up to B, which is not among them: A:B, A:, :B; or A alone."""
    if value is None:
        return slice(None)
    first, colon, last = value.partition(":")
    if not all(part.isdecimal() and len(part) < 10 for part in (first, last) if part) or value in ("", ":"):
        raise click.BadParameter(f"is {value!r}: give a range A:B, as in 0:40, or one unit")
    start = int(first or 0)
    return slice(start, int(last) if last else None if colon else start + 1)


@click.command("units", cls=Command)
@showing.asked(
    "A picture of the first 100 characters.",
    click.option("--layer", type=Number(int, 0), metavar="N", help="This layer alone, 0 being the lowest."),
    click.option("--units", callback=some, metavar="A:B", help="These units of each layer, as in 0:40."),
    click.option("--gates", is_flag=True, help="The gates of lstm or gru by their names, instead of the activations."),
    click.option(
        *("-n", "--count"),
        type=Number(int, 1),
        default=SHOWN,
        show_default=True,
        help="Maximum of characters on a terminal.",
    ),
    json="A JSON object for each character.",
)
def command(asked: showing.Asked, layer: int | None, units: slice, gates: bool, count: int) -> None:
    """Show what every unit does while the model reads a text.

    A row for each character: its position, the character, and the activations h of all units after it was read, layer
    by layer. In a pipe TSV, with columns named layer/unit. On a terminal shaded cells, red for positive and blue for
    negative, the brighter the larger; as many units as there is room for.

    For a model of pairs TEXT has a source on each line, and the units are those that read the source. For a model of
    --task fill they are those of both directions, the forward layers first; 256 characters are read at a time.
    """
    if asked.svg:
        streams.refuse_picture("inspect units --svg", asked.as_json)
    from ... import api
    from ...terminal import console

    run, given = showing.read("inspect units", asked)
    odd = {"unknown": asked.unknown, "invalid": asked.invalid}
    reader = api.unit_reader(run, given, layer=layer, units=units, gates=gates, **odd)
    console.note(f"{run.path} on {reader.names}")
    if asked.svg:
        there = _write_picture(reader)
    elif asked.as_json:
        there = _write_json(reader)
    elif streams.is_terminal():
        there = _write_shades(reader, count)
    else:
        there = _write_rows(reader)
    if not there:
        raise InputError(nothing_in(reader.names))


def _write_rows(reader: "UnitReader") -> bool:
    """Rows of numbers below the names of the units; whether there were any."""
    headed = False
    for rows in reader.rows():
        if not headed:
            streams.write_row("position", "character", *reader.units)
        headed = True
        for row in rows:
            streams.write_row(str(row.position), row.character, *(f"{h:.4f}" for layer in row.layers for h in layer))
        streams.flush()
    return headed


def _write_picture(reader: "UnitReader") -> bool:
    """A picture of the first characters; whether there were any."""
    found = reader.head(PICTURED)
    if found.characters:
        streams.write(found.svg())
    return bool(found.characters)


def _write_json(reader: "UnitReader") -> bool:
    """A JSON object a line; whether there were any."""
    there = False
    for rows in reader.rows():
        for row in rows:
            layers = zip(reader.chosen, row.layers, strict=True)
            values = {name: [round(h, 6) for h in found] for name, found in layers}
            streams.write_json({"position": row.position, "character": row.character, "layers": values})
        streams.flush()
        there = True
    return there


def _write_shades(reader: "UnitReader", count: int) -> bool:
    """Shaded cells of some characters, as many units as fit, below their numbers; whether there were any."""
    from ...terminal import charts, console, pager

    most = max(map(len, reader.chosen.values()))
    shades = charts.Shades(len(reader.chosen), most, reader.bounded)
    if shades.units < most:
        shown = ", ".join(f"{i}/{units.start} to {i}/{units[: shades.units][-1]}" for i, units in reader.chosen.items())
        console.note(f"there is room for the units {shown}; --layer and --units A:B choose others")
    rows, there = chain.from_iterable(reader.rows()), 0
    console.note(shades.key)
    with pager.paged():
        for row in islice(rows, count):
            there += 1
            if there == 1:
                shades.head([units[: shades.units] for units in reader.chosen.values()])
            cells = [layer[: shades.units] for layer in row.layers]
            shades.row(row.position, visible(streams.cell(row.character)), cells)
    if there == count and next(rows, None):
        console.note(f"these are the first {count:,} characters; --count N shows more, and a pipe gets all")
    return there > 0
