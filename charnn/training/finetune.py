"""A run that starts from a trained network: what it may change, what it starts as, and what it has forgotten."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..choices import CELLS, TASKS
from ..config import TaskConfig
from ..conflicts import OF_TEXT
from ..data.units import PairVocabulary
from ..data.vocabulary import Vocabulary
from ..errors import CharnnError, InputError, UsageError
from ..io.text import file_source
from ..nn.layers.base import Array
from ..options import flag, own
from ..runs.run import Run, Start
from ..tasks import base as tasks
from . import reuse
from .plan import Plan
from .transfer import extended

# Options that change no weights: another text may need others
FREE = "dropout", "dropout_kind", "columns", "valid_file", "autoencode", "symbol_dropout"


def decided(start: Run, changes: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a trained network decides, by name: its shape, its sequences, and symbols for all it knows.

    `values` are `changes` and defaults. Raises `UsageError` for changes that make another network.
    """
    task = values.get("task", start.task.task)
    if TASKS[task].reads_vectors:
        raise UsageError(f"--task {task} learns numbers, and starts from no trained network: leave --from out")
    if start.task.task not in ("text", task):
        raise UsageError(
            f"the network to start from was trained with --task {start.task.task}, not {task}: leave --from out, or "
            "name a run of --task text"
        )
    if same := task == start.task.task:
        shape = {**vars(start.model.config), **vars(start.task)}
    else:
        shape = _shape(start, task, values)
    for name, value in changes.items():
        if name in shape and name not in FREE and value != (was := shape[name]):
            raise UsageError(f"the network to start from has {flag(name)} {was}, not {value}: leave {flag(name)} out")
    decided = {name: value for name, value in shape.items() if name not in FREE}
    return {**decided, **(_reading(start, changes) if same and isinstance(start.vocabulary, Vocabulary) else {})}


def _shape(start: Run, task: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a task's network whose layers a text model's fit. Raises `UsageError` where none do."""
    config = start.model.config
    if config.ending != "eos" or config.feedback != "none" or CELLS[config.cell].reads_output:
        raise UsageError(
            f"--task {task} starts from a text model of --ending eos that does not read what it put out: name another"
        )
    halves = reuse.bidirectional(TaskConfig(**own(TaskConfig, values)))
    shape = {**vars(config), "hidden": config.hidden * (2 if halves else 1)}
    return {name: value for name, value in shape.items() if name not in OF_TEXT}


def _reading(start: Run, changes: Mapping[str, Any]) -> dict[str, Any]:
    """How a text is read: as that of the run to start from. Raises `UsageError` for other sequences."""
    sequence = start.vocabulary.sequence
    if changes.get("sequence", "auto") not in ("auto", sequence):
        raise UsageError(
            f"the network to start from was trained with --sequence {sequence}, not {changes['sequence']}: leave "
            "--sequence out, or train a new network"
        )
    return {"sequence": sequence, "characters": start.vocabulary.text + changes.get("characters", "")}


def check_corpus(start: Run, corpus: Any) -> None:
    """Raise `UsageError` or `InputError` for a corpus that a network of the same task cannot go on with."""
    known, found, name = start.vocabulary, corpus.vocabulary, corpus.names[0]
    if isinstance(known, PairVocabulary):
        missing = {*known.units, *known.labels} - {*found.units, *found.labels}
    else:
        missing = set(known.text) - set(found.text)
        if known.newline != found.newline:
            raise InputError(
                f"{name} has lines that end with {found.newline!r}, and the network to start from knows "
                f"{known.newline!r}: convert them"
            )
    if missing:
        raise UsageError(
            f"{name} has no symbols for all that the network to start from knows: name the text itself, or read it "
            "with `characters`"
        )


def begin(run: Run, start: Run, plan: Plan, score: bool = True) -> None:
    """Give a new run the weights of a trained one. With `score` the losses before training are noted.

    Raises `UsageError` where more layers are frozen than there are.
    """
    layers = len(start.model.hidden.layers) if start.task.task == "text" else start.model.config.layers
    if run.config.freeze > layers:
        raise UsageError(f"--freeze is {run.config.freeze}, and the network has {layers} layers: give {layers} at most")
    same = run.task.task == start.task.task
    if run.task.task == "text":
        run.weights.flat[:] = extended(start.network, start.vocabulary, run.model, run.vocabulary, plan.train).flat
    elif same:
        reuse.start_from_task(run, start)
    else:
        reuse.start_from_text(run, start)
    if run.iterate:
        run.iterate.flat[:] = run.weights.flat
    known = {*reuse.symbols(start)}
    run.start = Start(
        str(start.path or ""),
        tuple(one for one in reuse.symbols(run) if one is not None and one not in known),
        _bits(run, plan.valid) if score else 0.0,
        start.origin,
        start.task,
        start.config.valid_share,
        start.config.seed,
        _kept(start) if score and same else None,
        start.config.shuffle,
    )


def forgotten(run: Run) -> tuple[float, float] | None:
    """The loss in bits on the held-out part of the corpus that the network to start from was trained on: before, and
    now. None where that corpus is not found, or was none, or was of another task."""
    if run.start is None or run.start.kept is None:
        return None
    try:
        part = _read(run.start, run)
    except CharnnError:
        return None
    return run.start.kept, _bits(run, part)


def learning(run: Run) -> Array | None:
    """1 for weights that training may change and 0 for those that are frozen, side by side; None where none are.

    Of frozen layers the rows of U for new characters are learnt.
    """
    if not run.config.freeze or run.start is None:
        return None
    if run.task.task != "text":
        return reuse.learning(run)
    mask = run.weights.like()
    mask.flat[:] = 1
    new = run.vocabulary.ids("".join(run.start.new))
    for i, layer in enumerate(run.model.hidden.layers[: run.config.freeze]):
        for array in mask.at(f"hidden/{i}").values():
            array[...] = 0
        U = mask[f"hidden/{i}/U"]
        blocks = 2 if run.model.config.feedback == "output" else 1  # of the last rows, which symbols read
        for block in range(1, blocks + 1 if layer.symbols else 1):
            U[len(U) - block * run.model.symbols :][new] = 1
    return mask.flat


def _kept(start: Run) -> float | None:
    """The loss of the network to start from on what was held out of its corpus; None where that is not found."""
    task = tasks.make(start.task)
    try:
        corpus = task.reread(start)
    except CharnnError:
        return None
    return _bits(start, task.split(corpus, start.config)[1])


def _read(start: Start, run: Run) -> Any:
    """The held-out part of the corpus that a network was trained on before, in a later vocabulary."""
    origin, vocabulary, task = start.origin, run.vocabulary, tasks.make(start.task)
    if isinstance(vocabulary, PairVocabulary):
        reading: dict[str, Any] = {"known": vocabulary}
    else:
        reading = {"sequence": vocabulary.sequence, "characters": vocabulary.text}
    corpus = task.read([file_source(name) for name in origin.names], invalid=origin.invalid, **reading)
    if corpus.sha256 != origin.sha256 or corpus.vocabulary != vocabulary:
        raise InputError(f"the corpus {corpus.names[0]} has changed")
    held_out: dict[str, Any] = {"valid_share": start.valid_share, "seed": start.seed, "shuffle": start.shuffle}
    return task.split(corpus, replace(run.config, **held_out))[1]


def _bits(run: Run, part: Any) -> float:
    """The loss of a held-out part in bits, as validations have it."""
    with np.errstate(over="ignore", invalid="ignore"):
        return tasks.make(run.task).validate(run, part, run.config.workers or 1).loss / math.log(2)
