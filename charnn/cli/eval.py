"""charnn eval"""

from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click

from ..config import EvalConfig
from ..conflicts import check
from ..errors import InputError
from . import inputs, options, streams

if TYPE_CHECKING:
    from ..api import Evaluator

PICTURED = {"svg": 5_000, "html": 200_000}  # characters of a picture, at most


@click.command("eval")
@click.argument("text", nargs=-1)
@options.model
@options.runs
@options.config_options(EvalConfig)
@click.option("--svg", "picture", flag_value="svg", help="With --by char: the shaded text as a picture.")
@click.option("--html", "picture", flag_value="html", help="With --by char: the shaded text as a web page.")
@click.option("--json", "as_json", is_flag=True, help="The score as a JSON object.")
def command(
    text: tuple[str, ...], model: str | None, runs: str, picture: str | None, as_json: bool, **params: Any
) -> None:
    """Say how well a model predicts texts that it reads character by character, the end of each sequence among them.

    TEXT is one or more files, or -; without it standard input if that is a file or a pipe, else the part of its corpus
    that the model was not trained on. Rows of --by line: bits/char, bits, number and text of the line; of --by char:
    bits, line, column, character. On a terminal --by char shades the text: the redder, the less expected.

    \b
    charnn eval
    charnn eval --by line < log | sort -rn | head      the oddest lines of a log
    charnn eval --by char letter.txt
    charnn eval --dynamic novel.txt                    the model goes on learning as it reads
    """
    config = options.config(params, EvalConfig)
    check({"by": config.by, "json": as_json, "picture": picture})
    if picture:
        streams.refuse_picture(f"eval --by char --{picture}")
    from .. import api
    from ..terminal import console

    about = f", approximately: each piece read from {config.burn_in} characters before it" if config.burn_in else ""
    run, texts = inputs.opened("eval", model, runs, text, config.unknown, config.invalid, about)
    found = api.evaluator(run, texts, config, workers=None, watch=console.reading)
    if found.mixture:
        console.note(str(found.mixture))
    if picture:
        _write_picture(found, picture)
    else:
        {None: _write_score, "line": _write_lines, "char": _write_characters}[config.by](found, as_json)


def _write_picture(evaluator: "Evaluator", picture: str) -> None:
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


def _write_lines(evaluator: "Evaluator", _: bool) -> None:
    for rows in evaluator.lines():
        for row in rows:
            streams.write_row(f"{row.bits_per_char:.4f}", f"{row.bits:.2f}", str(row.line), row.text)
        streams.flush()


def _write_characters(evaluator: "Evaluator", _: bool) -> None:
    from ..terminal import console

    for rows in evaluator.characters():
        if streams.is_terminal():
            console.shaded((row.character, row.bits) for row in rows)
            continue
        for row in rows:
            streams.write_row(f"{row.bits:.4f}", str(row.line), str(row.column), row.character)
        streams.flush()


def _write_score(evaluator: "Evaluator", as_json: bool) -> None:
    from ..terminal import console

    score, baselines = evaluator.score(), evaluator.run.origin.baselines
    if not score.count:
        raise InputError(f"{evaluator.names} is empty: there is nothing to score")
    if as_json:
        known = baselines if evaluator.held_out else {"uniform": baselines["uniform"]}
        streams.write_json({**score.figures, "baselines": known})
        return
    for name, value in score.figures.items():
        streams.write_row(name.replace("_per_", "/"), f"{value:,}" if isinstance(value, int) else f"{value:.4f}")
    console.score(score, baselines, evaluator.held_out)
