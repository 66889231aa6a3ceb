"""charnn proof"""

from typing import Any

import click

from ...io.text import decode
from ...verbs import ProofConfig
from .. import options, streams
from ..shell.help import Command
from ..shell.types import File


@click.command("proof", cls=Command)
@click.argument("text", nargs=-1, type=File())
@options.model
@options.runs
@options.config_options(ProofConfig)
def command(text: tuple[str, ...], model: str | None, runs: str, **params: Any) -> None:
    """Find characters that others are likelier for, given both sides, by a model of --task fill.

    TEXT is one or more files, or -; without it standard input, which is read to its end first. A row for each: line,
    column, the character found, the likelier one, and by how many bits. With several files, the name of the file comes
    first.

    \b
    charnn proof letter.txt
    charnn proof --gain 10 < letter.txt | sort -t '\t' -k5 -rn | head
    """
    config = options.config(params, ProofConfig)
    from ... import api

    proofreader = api.proofreader(model, config, workers=None, runs=runs)
    for source in streams.streamed(text or ("-",)):
        whole = "".join(decode(source.pieces(), source.name, config.invalid))
        for one in proofreader.doubts(whole):
            name = [source.name] if len(text) > 1 else []
            streams.write_row(*name, str(one.line), str(one.column), one.found, one.likelier, f"{one.bits:.2f}")
        streams.flush()
