"""What a run is: all that its checkpoint says, and what follows from its weights."""

import math
from dataclasses import asdict
from typing import Any

from ..choices import TASKS
from ..config import TEXT
from ..runs.run import Run
from .probes import radius, spectra


def describe(run: Run) -> dict[str, Any]:
    """See `api.describe`."""
    radii = {name: round(radius(found), 4) for name, found in spectra(run.network).items()} if run.task == TEXT else {}
    best = (
        {f"bits/{TASKS[run.task.task].load().unit}": round(run.best / math.log(2), 4), "step": run.best_step}
        if run.best is not None
        else None
    )
    task = {name: value for name, value in asdict(run.task).items() if value is not None}
    return {
        **({"task": task} if run.task != TEXT else {}),
        "model": {name: value for name, value in asdict(run.model.config).items() if value is not None},
        "parameters": run.model.parameters,
        "arrays": {name: list(shape) for name, shape in run.model.shapes().items()},
        **({"spectral radius": radii} if radii else {}),
        **run.vocabulary.facts,
        "state": "reset" if run.reset else "continuous" if run.config.state == "continuous" else "carry",
        "corpus": list(run.origin.names),
        "sha256": run.origin.sha256,
        "split": {"symbols": run.origin.symbols, "held out": run.config.valid_share},
        "training": {name: value for name, value in asdict(run.config).items() if value is not None},
        **({"start": asdict(run.start)} if run.start else {}),
        "step": run.step,
        "epoch": run.epoch,
        "best": best,
        "baselines": run.origin.baselines,
        "held out": [record["valid"] for record in run.history],
    }
