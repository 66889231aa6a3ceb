"""A run on a terminal: what it is, in words, what matters first."""

from collections.abc import Mapping
from typing import Any

from ..choices import TASKS
from ..io.text import short_path
from ..options import as_typed
from ..runs.run import Run
from ..tasks.base import describe_network, make, plural
from . import tables
from .plain import visible

DIGITS = 16  # of the sha256


def rows(run: Run, facts: Mapping[str, Any], course: str) -> list[tuple[str, str]]:
    """Names and words: of a run, what `describe` says of it, and the course of its held-out loss."""
    task = make(run.task)
    counted = f"{run.origin.symbols:,} {'symbol' if task.unit == 'char' else task.unit}s"
    found = [
        ("run", str(facts["file"])),
        ("task", run.task.task),
        ("text", f"{', '.join(map(short_path, run.origin.names))} ({counted}, {run.origin.sha256[:DIGITS]})"),
        ("network", f"{describe_network(run)}: {run.model.parameters:,} parameters"),
    ]
    if run.best is not None:
        found += [("best", task.result(run)), ("held out", course)]
    if compared := task.compared(run, True):
        found.append(("counting", compared))
    found.append(("trained", f"{run.step:,} updates, {plural(run.epoch, 'whole epoch')}"))
    options = [
        word
        for config in (run.task, run.model.config, run.config)
        for word in as_typed(config, TASKS[run.task.task].defaults)
    ]
    found.append(("options", " ".join(options) or "all at their defaults"))
    for name, value in {**run.vocabulary.facts, "state": facts["state"]}.items():
        words = f"{value:,}" if isinstance(value, int) else ", ".join(value) if isinstance(value, list) else str(value)
        found.append((name, visible(words)))
    return found


def show(run: Run, facts: Mapping[str, Any], course: str) -> None:
    """All of it, and a table of the recurrent weights' spectral radii."""
    tables.facts(rows(run, facts, course))
    if radii := facts.get("spectral radius"):
        tables.pairs(("weights", "spectral radius"), [(name, f"{value:.4f}") for name, value in radii.items()])
