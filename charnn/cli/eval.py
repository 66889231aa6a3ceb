"""charnn eval"""

from itertools import chain, islice
from typing import Any

import click

from ..config import EvalConfig
from ..conflicts import check
from ..errors import InputError
from ..io.text import nothing_in
from . import inputs, options, streams
from .shell.help import Command
from .shell.types import File

PICTURED = {"svg": 5_000, "html": 200_000}  # characters of a picture, at most


@click.command("eval", cls=Command)
@click.argument("text", nargs=-1, type=File())
@options.model
@options.runs
@options.config_options(EvalConfig)
@click.option("--svg", "picture", flag_value="svg", help="A picture of the text by --by char, or of --by confusion.")
@click.option("--html", "picture", flag_value="html", help="With --by char: the shaded text as a web page.")
@click.option("--confusion", "by", flag_value="confusion", help="The same as --by confusion.")
@click.option("--json", "as_json", is_flag=True, help="The score as a JSON object.")
def command(
    text: tuple[str, ...], model: str | None, runs: str, picture: str | None, as_json: bool, **params: Any
) -> None:
    """Say how well a model predicts texts that it reads character by character, the end of each sequence among them.

    TEXT is one or more files, or -. Without TEXT the command reads standard input if that is a file or a pipe. Else it
    scores the held-out part of the model's corpus, as it does where TEXT is that corpus. Rows of --by line: bits/char,
    bits, number and text of the line; of --by char: bits, line, column, character; of --by file: bits/char, bits,
    characters, unknown ones, name. Of several files rows have the file's name too. On a terminal --by char shades the
    text: the redder, the less expected.

    A model of pairs is scored on lines left<TAB>right. Rows of --by line for labels: 1 if it is right, right label,
    label given, its probability, number and text; for targets: 1 if it is right, bits, number, source, right target
    and the one written. Figures of targets are of those written freely, and of the right ones taught symbol by symbol.

    \b
    charnn eval
    charnn eval --by line < log | sort -rn | head   the oddest lines of a log
    charnn eval --by char letter.txt
    charnn eval --dynamic novel.txt                 learns from what it reads
    charnn eval --by confusion dev.tsv              which label is taken for which
    """
    config = options.config(params, EvalConfig)
    check({"by": config.by, "json": as_json, "picture": picture})
    if picture:
        streams.refuse_picture(f"eval --by {config.by} --{picture}")
    from .. import api
    from ..terminal import console, pager

    found = api.evaluator(model, inputs.given(text), config, workers=None, watch=console.reading, runs=runs)
    console.note(f"{found.run.path} on {found.names}{found.about}")
    if found.mixture:
        console.note(str(found.mixture))
    if picture and config.by == "confusion":
        streams.write(found.svg())
    elif picture:
        _write_picture(found, picture)
    elif not config.by:
        _write_score(found, as_json)
    elif config.by == "char" and streams.is_terminal() and console.has_colours():
        with pager.paged():
            for rows in found.characters():
                console.shaded((row.character, row.bits) for row in rows)
    else:
        with pager.paged():
            for rows in found.table():
                for row in rows:
                    streams.write_row(*row)
                streams.flush()


def _write_picture(evaluator: Any, picture: str) -> None:
    """The shaded text, or its start."""
    from ..api import CharacterScores
    from ..terminal import console

    most = PICTURED[picture]
    rows = [*islice(chain.from_iterable(evaluator.characters()), most)]
    if not rows:
        raise InputError(f"{evaluator.names} is empty: there is nothing to draw")
    if len(rows) == most:
        console.note(f"the picture shows the first {most:,} characters")
    scores = CharacterScores(rows)
    streams.write(scores.svg() if picture == "svg" else scores.html())


def _write_score(evaluator: Any, as_json: bool) -> None:
    from ..tasks.base import make
    from ..terminal import console

    with console.working(f"scoring {evaluator.names}"):
        score, task = evaluator.score(), make(evaluator.run.task)
    if not score.count:
        raise InputError(nothing_in(evaluator.names, "score"))
    if as_json:
        told = {**score.figures, "baselines": task.known(evaluator.run, evaluator.held_out)}
        each = getattr(evaluator, "each", [])
        streams.write_json(told | ({"files": {name: one.figures for name, one in each}} if len(each) > 1 else {}))
        return
    figures = {
        name.replace("_per_", "/"): f"{value:,}" if isinstance(value, int) else f"{value:{task.digits}}"
        for name, value in score.figures.items()
        if not name.startswith("unknown") or value
    }
    compared = task.compared(evaluator.run, evaluator.held_out)
    if streams.is_terminal():
        from ..terminal import tables

        bits = {name: value for name, value in figures.items() if name.startswith("bits")}
        tables.facts([*{**bits, **figures}.items(), *([("to compare", compared)] if compared else [])])
        return
    for row in figures.items():
        streams.write_row(*row)
    if compared:
        console.note(f"to compare: {compared}")
