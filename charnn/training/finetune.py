"""A run that starts from a trained network: what it may change, what it starts as, and what it has forgotten."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..config import ModelConfig
from ..data.corpus import Corpus
from ..data.read import read
from ..data.vocabulary import Vocabulary
from ..errors import CharnnError, InputError, UsageError
from ..nn.layers.base import Array
from ..options import flag, own
from ..runs.run import Run, Start
from ..tasks import base as tasks
from .plan import Plan
from .transfer import extended, places

FREE = "dropout", "dropout_kind"  # options of a network that change no weights: another text may need others


def decided(start: Run, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a trained network decides, by name: its shape, its sequences, and symbols for all it knows.

    Raises `UsageError` for changes that make another network.
    """
    task, sequence = start.task.task, start.vocabulary.sequence
    if task != "text" or changes.get("task", task) != task:
        other = task if task != "text" else changes["task"]
        raise UsageError(f"--from starts from texts, and goes on with them, not with --task {other}: leave --from out")
    network = start.model.config
    for name, value in own(ModelConfig, changes).items():
        if name not in FREE and value != (was := getattr(network, name)):
            raise UsageError(f"the network to start from has {flag(name)} {was}, not {value}: leave {flag(name)} out")
    if changes.get("sequence", "auto") not in ("auto", sequence):
        raise UsageError(
            f"the network to start from was trained with --sequence {sequence}, not {changes['sequence']}: leave "
            "--sequence out, or train a new network"
        )
    shape = {name: value for name, value in vars(network).items() if name not in FREE}
    return {**shape, "sequence": sequence, "characters": start.vocabulary.text + changes.get("characters", "")}


def check_corpus(start: Run, corpus: Corpus) -> None:
    """Raise `UsageError` or `InputError` for a corpus that a network cannot go on with."""
    known, found, name = start.vocabulary, corpus.vocabulary, corpus.names[0]
    if known.newline != found.newline:
        raise InputError(
            f"{name} has lines that end with {found.newline!r}, and the network to start from knows {known.newline!r}: "
            "convert them"
        )
    if (places(found, known) < 0).any():
        raise UsageError(
            f"{name} has no symbols for all that the network to start from knows: read it with `characters`"
        )


def begin(run: Run, start: Run, plan: Plan, score: bool = True) -> None:
    """Give a new run the weights of a trained one. With `score` the losses before training are noted.

    Raises `UsageError` where more layers are frozen than there are.
    """
    layers = len(run.model.hidden.layers)
    if run.config.freeze > layers:
        raise UsageError(f"--freeze is {run.config.freeze}, and the network has {layers} layers: give {layers} at most")
    run.weights.flat[:] = extended(start.network, start.vocabulary, run.model, run.vocabulary, plan.train).flat
    if run.iterate:
        run.iterate.flat[:] = run.weights.flat
    run.start = Start(
        str(start.path or ""),
        tuple(sorted(set(run.vocabulary.text) - set(start.vocabulary.text))),
        _bits(run, plan.valid) if score else 0.0,
        start.origin,
        start.config.valid_share,
        _kept(start) if score else None,
    )


def forgotten(run: Run) -> tuple[float, float] | None:
    """Bits per character on the held-out part of the corpus that the network to start from was trained on: before, and
    now. None where that corpus is not found, or was none."""
    if run.start is None or run.start.kept is None:
        return None
    try:
        part = _read(run.start, run.vocabulary)
    except CharnnError:
        return None
    return run.start.kept, _bits(run, part)


def learning(run: Run) -> Array | None:
    """1 for weights that training may change and 0 for those that are frozen, side by side; None where none are.

    Of frozen layers the rows of U for new characters are learnt.
    """
    if not run.config.freeze or run.start is None:
        return None
    mask = run.weights.like()
    mask.flat[:] = 1
    new = run.vocabulary.ids("".join(run.start.new))
    for i, layer in enumerate(run.model.hidden.layers[: run.config.freeze]):
        for array in mask.at(f"hidden/{i}").values():
            array[...] = 0
        end = mask[f"hidden/{i}/U"].shape[0]
        for block, size in enumerate(reversed(layer.inputs)):
            if size == run.model.symbols and block < _seen(run):
                mask[f"hidden/{i}/U"][end - size :][new] = 1
            end -= size
    return mask.flat


def _seen(run: Run) -> int:
    """How many of a layer's last inputs are symbols."""
    return 2 if run.model.config.feedback == "output" else 1


def _kept(start: Run) -> float | None:
    """The loss of the network to start from on what was held out of its corpus; None where that is not found."""
    task = tasks.make(start.task)
    try:
        corpus = task.reread(start)
    except CharnnError:
        return None
    return _bits(start, task.split(corpus, start.config)[1])


def _read(start: Start, vocabulary: Vocabulary) -> Any:
    """The held-out part of the corpus that a network was trained on before, in a later vocabulary."""
    origin = start.origin
    corpus = read(*origin.names, sequence=vocabulary.sequence, invalid=origin.invalid, characters=vocabulary.text)
    if corpus.sha256 != origin.sha256 or corpus.vocabulary != vocabulary:
        raise InputError(f"the corpus {corpus.names[0]} has changed")
    return corpus.split(start.valid_share)[1]


def _bits(run: Run, part: Any) -> float:
    """The loss of a held-out part in bits, as validations have it."""
    with np.errstate(over="ignore", invalid="ignore"):
        return tasks.make(run.task).validate(run, part, run.config.workers or 1).loss / math.log(2)
