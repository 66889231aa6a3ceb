"""charnn classify"""

from typing import TYPE_CHECKING, Any

import click

from ...errors import InputError
from ...verbs import ClassifyConfig
from .. import options, streams
from ..shell.help import Command
from ..shell.types import File
from .answering import json_error, tsv, write_answers

if TYPE_CHECKING:
    from ...tasks.answers import Answered


@click.command("classify", cls=Command)
@click.argument("text", nargs=-1, type=File())
@options.model
@options.runs
@options.config_options(ClassifyConfig)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def command(text: tuple[str, ...], model: str | None, runs: str, as_json: bool, **params: Any) -> None:
    """Sort lines by a model of --task classify: a row label<TAB>probability<TAB>line for each line.

    TEXT is one or more files, or -; without it standard input. With --top K a row has K labels with their
    probabilities. Rows are written before more input is waited for. A line without an answer has empty cells, a note
    says why, and the exit code is 3 at last.

    \b
    charnn classify < lines.txt
    charnn classify --top 3 names.txt
    tail -f app.log | charnn classify --threshold 0.9 --else unsure
    """
    config = options.config(params, ClassifyConfig)
    from ... import api

    classifier = api.classifier(model, config, workers=None, runs=runs)
    empty = tsv(*[""] * (2 * config.top), "").removesuffix("\n")

    def row(one: "Answered") -> str:
        found = one.answer
        if config.top == 1:
            return tsv(found.label, f"{found.probability:.4f}", str(one.line.text))
        cells = [cell for label, p in found.likeliest.items() for cell in (label, f"{p:.4f}")]
        return tsv(*cells, *[""] * (2 * config.top - len(cells)), str(one.line.text))

    def row_json(one: "Answered") -> str:
        found = one.answer
        facts = {"label": found.label, "probability": round(found.probability, 6)}
        more = {"likeliest": {label: round(p, 6) for label, p in found.likeliest.items()}} if config.top > 1 else {}
        return streams.json_line({"line": one.line.number, "text": one.line.text, **facts, **more})

    def without(one: "Answered") -> str:
        shown = "" if isinstance(one.line.text, InputError) else streams.cell(one.line.text)
        return f"{empty}{shown}\n"

    given = streams.streamed(text or ("-",))
    write_answers(classifier, given, config.invalid, *((row_json, json_error) if as_json else (row, without)))
