"""charnn translate"""

from typing import TYPE_CHECKING, Any

import click

from ...verbs import TranslateConfig
from .. import options, streams
from ..shell.help import Command
from ..shell.types import File
from .answering import json_error, tsv, write_answers

if TYPE_CHECKING:
    from ...tasks.answers import Answered


@click.command("translate", cls=Command)
@click.argument("text", nargs=-1, type=File())
@options.model
@options.runs
@options.config_options(TranslateConfig)
@click.option("--scores", is_flag=True, help="Before each target what it costs in bits, and a TAB.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line, with the costs of targets in bits.")
def command(text: tuple[str, ...], model: str | None, runs: str, scores: bool, as_json: bool, **params: Any) -> None:
    """Rewrite lines by a model of --task translate: a line for each line.

    TEXT is one or more files, or -; without it standard input. With --nbest N there are N lines for each, as number of
    the line, and target. Lines are written before more input is waited for. A line without an answer is empty, a note
    says why, and the exit code is 3 at last.

    \b
    charnn translate < words.txt
    echo "september 27, 1994" | charnn translate -m dates
    charnn translate --beam 5 --nbest 3 --scores words.txt
    """
    config = options.config(params, TranslateConfig)
    from ... import api

    translator = api.translator(model, config, workers=None, runs=runs)

    def rows(one: "Answered") -> str:
        found = one.answer
        if config.nbest == 1 and not scores:
            return f"{found[0].text}\n" if found else "\n"
        number = [str(one.line.number)] if config.nbest > 1 else []
        return "".join(tsv(*number, *([f"{t.bits:.2f}"] if scores else []), t.text) for t in found)

    def row_json(one: "Answered") -> str:
        found = [{"text": t.text, "bits": round(t.bits, 4), "ended": t.ended} for t in one.answer]
        return streams.json_line({"line": one.line.number, "source": one.line.text, "targets": found})

    def without(one: "Answered") -> str:
        return f"{one.line.number}\t\n" if config.nbest > 1 else "\t\n" if scores else "\n"

    given = streams.streamed(text or ("-",))
    write_answers(translator, given, config.invalid, *((row_json, json_error) if as_json else (rows, without)))
