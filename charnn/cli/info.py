"""charnn info"""

import json
from typing import Any

import click

from . import options, streams
from .program import printable

BLOCKS = "▁▂▃▄▅▆▇█"


@click.command("info")
@options.model
@options.runs
@click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object.")
def command(model: str | None, runs: str, as_json: bool) -> None:
    """Say what a model is.

    Configuration, vocabulary, parameters, history, spectral radius of each W, corpus and split.
    """
    from .. import api

    run = api.load(model, runs)
    facts = {"file": str(run.path), **api.describe(run)}
    if as_json:
        streams.write_json(facts)
        return
    for name, value in facts.items():
        streams.write(f"{name}\t{plain(value)}\n")


def plain(value: Any) -> str:
    """A value on one line; a row of numbers as a sparkline."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(item)}" for name, item in value.items())
    if isinstance(value, list) and value and all(isinstance(item, float) for item in value):
        return f"{sparkline(value)} {value[0]:.3f} ... {value[-1]:.3f} bits/char"
    if isinstance(value, list):
        return (
            "x".join(map(str, value)) if all(isinstance(item, int) for item in value) else ", ".join(map(plain, value))
        )
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str) and not value.isprintable():
        return printable(json.dumps(value, ensure_ascii=False))
    return str(value)


def sparkline(values: list[float], width: int = 60) -> str:
    """Numbers as bars, lowest to highest; at most `width` of them, evenly picked."""
    picked = [values[i * len(values) // width] for i in range(width)] if len(values) > width else values
    low, high = min(picked), max(picked)
    return "".join(BLOCKS[round((v - low) / (high - low or 1) * (len(BLOCKS) - 1))] for v in picked)
