"""charnn next"""

import math
from typing import Any

import click

from ..terminal.plain import visible
from ..verbs import SampleConfig
from . import options, streams
from .shell.help import Command
from .shell.types import Number

SHOWN = 15  # characters on a terminal
END = "(end)"  # of the sequence, on a terminal


@click.command("next", cls=Command)
@click.argument("text", default="")
@options.model
@options.runs
@click.option("-n", "--count", type=Number(int, 1), metavar="N", help="Only the N likeliest; 15 on a terminal.")
@options.config_options(SampleConfig, only=("temp", "top_k", "top_p", "unknown"))
@click.option("--json", "as_json", is_flag=True, help="A JSON object: the text, the entropy, and all characters.")
def command(text: str, model: str | None, runs: str, count: int | None, as_json: bool, **params: Any) -> None:
    """Say which characters may come next after a TEXT, and how probable each is; - reads TEXT from standard input.

    A row for each character, the likeliest first: probability, bits, character. The character is empty for the end of
    the sequence. On a terminal bars. Without TEXT: how a sequence begins.

    \b
    charnn next "The pre"
    charnn next "The pre" | head -3
    charnn next --json "The pre" | jq .entropy
    """
    from .. import api
    from ..api.loading import opened

    run = opened(model, "next", runs)
    prime = streams.read_text("the text", run.origin.invalid) if text == "-" else text
    config = SampleConfig(**params)
    p = api.next_characters(run, prime, config)
    entropy = sum(-q * math.log2(q) for q in p.values())
    terminal = streams.is_terminal() and not as_json
    rows = [(c, q, 0.0 - math.log2(q)) for c, q in p.items()][: count or (SHOWN if terminal else None)]
    if as_json:
        found = [{"character": c, "probability": q, "bits": bits} for c, q, bits in rows]
        streams.write_json({"text": prime, "entropy": entropy, "next": found})
    elif terminal:
        from ..terminal import tables

        tables.bars([(visible(streams.cell(c)) if c else END, q, bits) for c, q, bits in rows])
        rest = f"{len(p) - len(rows):,} more; " if len(p) > len(rows) else ""
        tables.line(f"{rest}entropy {entropy:.3f} bits")
    else:
        for c, q, bits in rows:
            streams.write_row(f"{q:.6f}", f"{bits:.4f}", c)
