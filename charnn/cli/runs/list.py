"""charnn list"""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import click

from ...terminal.plain import visible
from .. import options, streams
from ..shell.help import Command

if TYPE_CHECKING:
    from ...api import RunSummary


@click.command("list", cls=Command)
@options.runs
@click.option("--json", "as_json", is_flag=True, help="A JSON object for each run, on a line of its own.")
def command(runs: str, as_json: bool) -> None:
    """List all runs, the newest first.

    On a terminal a table. In a pipe a row of TSV for each run: name, task, texts, bits, unit, accuracy, parameters,
    steps, seconds since 1970 when it was last written, and bytes on disk. Bits and accuracy are those of the best
    validation.

    \b
    charnn list
    charnn list | sort -t "$(printf '\\t')" -nk 4    the best run first
    """
    from ...errors import CharnnError
    from ...runs.listing import summaries
    from ...terminal import console

    found = []
    for one in summaries(runs):
        if isinstance(one, CharnnError):
            console.note(f"left out: {one}")
        else:
            found.append(one)
    if not found:
        console.note(f"there are no runs in {runs}/: `charnn train CORPUS` makes one")
    elif as_json:
        for one in found:
            streams.write_json({**asdict(one), "texts": list(one.texts)})
    elif streams.is_terminal():
        from ...terminal import pager, tables

        with pager.paged():
            tables.runs([replace(one, name=visible(one.name), texts=tuple(map(visible, one.texts))) for one in found])
    else:
        for one in found:
            streams.write_row(*_cells(one))


def _cells(one: "RunSummary") -> list[str]:
    """A run as a row of TSV; a cell is empty where there is nothing to say."""
    bits, accuracy = ("" if value is None else f"{value:.4f}" for value in (one.bits, one.accuracy))
    texts = ", ".join(one.texts)
    sizes = (one.parameters, one.steps, round(one.modified), one.bytes)
    return [one.name, one.task, texts, bits, one.unit, accuracy, *map(str, sizes)]
