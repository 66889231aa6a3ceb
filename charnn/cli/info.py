"""charnn info"""

import json
import math
from typing import Any

import click

from . import options, streams
from .program import printable

BLOCKS = "▁▂▃▄▅▆▇█"


@click.command("info")
@options.model
@options.root
@click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object.")
def command(model: str | None, root: str, as_json: bool) -> None:
    """Say what a model is.

    Configuration, vocabulary, parameters, history, spectral radius of each W, corpus and split.
    """
    from ..runs import checkpoint, folder

    path = folder.find(model, root)
    facts = describe(checkpoint.load(path))
    if as_json:
        streams.write_json({"file": str(path), **facts})
        return
    streams.write(f"file\t{path}\n")
    for name, value in facts.items():
        streams.write(f"{name}\t{plain(value)}\n")


def describe(run: Any) -> dict[str, Any]:
    """All that a checkpoint says, and what follows from its weights."""
    from dataclasses import asdict

    from ..inspection.probes import radius, spectra

    valid = [record["valid"] for record in run.history]
    radii = {name: round(radius(found), 4) for name, found in spectra(run.network).items()}
    best = {"bits/char": round(run.best / math.log(2), 4), "step": run.best_step} if run.best is not None else None
    return {
        "model": {name: value for name, value in asdict(run.model.config).items() if value is not None},
        "parameters": run.weights.count,
        "arrays": {name: list(shape) for name, shape in run.model.shapes().items()},
        **({"spectral radius": radii} if radii else {}),
        "vocabulary": "".join(chr(c) for c in run.vocabulary.characters),
        "symbols": run.vocabulary.size,
        "sequence": run.vocabulary.sequence,
        "state": "reset" if run.reset else "continuous" if run.config.state == "continuous" else "carry",
        "corpus": list(run.origin.names),
        "sha256": run.origin.sha256,
        "split": {"symbols": run.origin.symbols, "held out": run.config.valid},
        "training": {name: value for name, value in asdict(run.config).items() if value is not None},
        "step": run.step,
        "epoch": run.epoch,
        "best": best,
        "baselines": run.origin.baselines,
        "held out": valid,
    }


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
