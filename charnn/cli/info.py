"""charnn info"""

import json
from typing import Any

import click

from ..errors import UsageError
from ..terminal.plain import decoded, visible
from . import options, streams
from .shell.help import Command
from .shell.types import RunName

BLOCKS = "▁▂▃▄▅▆▇█"
BARS = 60  # of a row of numbers, at most


@click.command("info", cls=Command)
@click.argument("names", metavar="[RUN]...", nargs=-1, type=RunName())
@options.model
@options.runs
@click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object, one for each run.")
def command(names: tuple[str, ...], model: str | None, runs: str, as_json: bool) -> None:
    """Say what a model is, or several of them side by side.

    Configuration, vocabulary, parameters, history, spectral radius of each W, corpus and split. Of several runs a
    terminal shows the options that differ; a pipe gets all of them, a row for each, a column for each run.

    \b
    charnn info
    charnn info small large
    """
    if names and model is not None:
        raise UsageError("-m names a run, and so does the argument: leave out one of them")
    from .. import api
    from ..tasks.base import make

    found, unit = [], ""
    for name in names or (model,):
        run = api.load(name, runs)
        found.append({"file": str(run.path), **api.describe(run)})
        unit = f"/{make(run.task).unit}"
    if as_json:
        for facts in found:
            streams.write_json(facts)
    elif len(found) > 1:
        _compare(found)
    elif streams.is_terminal():
        from ..terminal import about

        about.show(run, found[0], plain(found[0]["held out"], 40, unit))
    else:
        for name, value in found[0].items():
            streams.write(f"{visible(name)}\t{visible(plain(value, unit=unit))}\n")


def _compare(found: list[dict[str, Any]]) -> None:
    """Facts of several runs side by side."""
    terminal = streams.is_terminal()
    each = [flat({name: value for name, value in facts.items() if name != "arrays" or not terminal}) for facts in found]
    names = list(dict.fromkeys(name for facts in each for name in facts))
    rows = [(name, *(plain(facts.get(name, ""), BARS // len(found)) for facts in each)) for name in names]
    if not terminal:
        for row in rows:
            streams.write(f"{'	'.join(map(visible, row))}\n")
        return
    from ..terminal import tables

    tables.compare([row for row in rows if len(set(row[1:])) > 1])


def flat(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts with those of a dictionary in its place, one by one."""
    found: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, dict):
            found |= {one if one not in facts and one not in found else f"{name} {one}": v for one, v in value.items()}
        else:
            found[name] = value
    return found


def plain(value: Any, bars: int = BARS, unit: str = "") -> str:
    """A value on one line; a row of numbers, which are bits per unit, as a sparkline."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(item)}" for name, item in value.items())
    if isinstance(value, list) and value and all(isinstance(item, float) for item in value):
        return f"{sparkline(value, bars)} {value[0]:.3f} ... {value[-1]:.3f} bits{unit}"
    if isinstance(value, list):
        return (
            "x".join(map(str, value)) if all(isinstance(item, int) for item in value) else ", ".join(map(plain, value))
        )
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        value = decoded(value)
        return value if value.isprintable() else visible(json.dumps(value, ensure_ascii=False))
    return str(value)


def sparkline(values: list[float], width: int) -> str:
    """Numbers as bars, lowest to highest; at most `width` of them, evenly picked."""
    picked = [values[i * len(values) // width] for i in range(width)] if len(values) > width else values
    low, high = min(picked), max(picked)
    return "".join(BLOCKS[round((v - low) / (high - low or 1) * (len(BLOCKS) - 1))] for v in picked)
