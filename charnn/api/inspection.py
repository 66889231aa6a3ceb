"""What goes on inside of a run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import expect
from ..evaluation.readers import TextLike, texts
from ..inspection import attention as attending
from ..inspection import describe as describing
from ..inspection import drift as drifting
from ..inspection import extraction, probes
from ..inspection import gradcheck as checking
from ..inspection import markov as comparing
from ..inspection.attention import Attention
from ..inspection.automaton import Automaton
from ..inspection.drift import Drift
from ..inspection.excerpt import excerpt, first
from ..inspection.gradcheck import CheckedGradient
from ..inspection.markov import Compared
from ..inspection.results import Gradients, Units
from ..inspection.unfolded import composition as composing
from ..inspection.unfolded import paths as unfolding
from ..inspection.unfolded import trace as tracing
from ..inspection.unfolded.composition import Composition
from ..inspection.unfolded.paths import Paths
from ..inspection.unfolded.trace import Trace
from ..inspection.units import UnitReader
from ..runs import folder
from ..tasks import base as tasks
from ..verbs import (
    AutomatonConfig,
    CompositionConfig,
    DriftConfig,
    GradcheckConfig,
    GradientsConfig,
    InspectConfig,
    MarkovConfig,
    PathsConfig,
    UnitsConfig,
)
from .loading import RunLike, opened


def describe(run: RunLike) -> dict[str, Any]:
    """Configuration, parameters, spectral radii, vocabulary, corpus, split, progress and validations, as JSON has them.

    Validations are in bits per character, or whatever else the task counts, as is the best of them.
    """
    return describing.describe(opened(run))


def gradients(
    run: RunLike, what: TextLike = None, lags: int = 50, *, unknown: str = "error", invalid: str = "error"
) -> Gradients:
    """How far gradients reach back in a text, up to so many characters; of a long text its start is looked at.

    Of a model of pairs, how far the loss of a target reaches into its source, by the distance from the source's end.
    A notebook shows the norms by lag. Raises `InputError` where the text is shorter than the lags.
    """
    GradientsConfig(unknown, invalid, lags)
    run = opened(run, "inspect gradients")
    return tasks.make(run.task).gradients(run, what, lags, unknown, invalid)


def units(
    run: RunLike, what: TextLike = None, gates: bool = False, *, unknown: str = "error", invalid: str = "error"
) -> Units:
    """Activations of every layer's units, or of its gates, after each character of a text; of a long text its start.

    Of a model of pairs, those of its encoder while it reads the first source.

    A notebook shows them in shades. Raises `UsageError` for gates of a network without any.
    """
    UnitsConfig(unknown, invalid, gates=gates)
    run = opened(run, "inspect units")
    task = tasks.make(run.task)
    reader = task.activations(run, gates)
    given = task.readings(run, what, unknown, invalid)
    ids = excerpt(given) if reader.at_once else first(given)
    found = reader.read(ids)
    most = 1.0 if reader.bounded else max(float(np.abs(h).max(initial=0)) for h in found) or 1.0
    names = (f"layer {block.name}" for block in reader.blocks)
    return Units([*run.vocabulary.texts(ids.tolist())], dict(zip(names, found, strict=True)), most)


def unit_reader(
    run: RunLike,
    what: TextLike = None,
    *,
    layer: int | None = None,
    units: slice = slice(None),
    gates: bool = False,
    unknown: str = "error",
    invalid: str = "error",
) -> UnitReader:
    """What `units` shows, of some layers' units, row by row as a text of any length is read."""
    UnitsConfig(unknown, invalid, layer, gates)
    expect("units", units, slice)
    run = opened(run, "inspect units")
    task = tasks.make(run.task)
    return UnitReader(run, task.readings(run, what, unknown, invalid), task.activations(run, gates), layer, units)


def attention(run: RunLike, source: str, target: str | None = None) -> Attention:
    """Where a run of the task translate looks in a source while it writes; by default the likeliest target.

    A notebook shows it in shades. Raises `UsageError` for a network without attention.
    """
    return attending.attention(opened(run, "inspect attention"), source, target)


def gradcheck(
    run: RunLike,
    what: Any = None,
    *,
    samples: int = 20,
    seed: int = 0,
    unknown: str = "error",
    invalid: str = "error",
) -> Iterator[CheckedGradient]:
    """Compare the derived gradient with finite differences, in float64, in so many weights of each array.

    A window of the text is read, without and with resets of the state, or some pairs; dropout is off. The seed chooses
    the weights.

    >>> all(array.good for array in gradcheck("names"))  # doctest: +SKIP
    """
    GradcheckConfig(unknown, invalid, samples, seed)
    run, rng = opened(run, "inspect gradcheck"), np.random.default_rng(seed)
    cases = tasks.make(run.task).cases(run, what, rng, unknown, invalid)
    return checking.check_cases(cases, samples, rng)


def eigenvalues(run: RunLike) -> dict[str, np.ndarray]:
    """The eigenvalues of every recurrent weight matrix by its name, the largest first; of a cell's gates one by one."""
    return probes.spectra(opened(run, "inspect gradients").network)


def drift(
    run: RunLike, what: TextLike = None, steps: int = 30, *, unknown: str = "error", invalid: str = "error"
) -> Drift:
    """How a network goes astray in so many steps without teacher forcing, from places of a text.

    A notebook shows the bits by step. Raises `InputError` where the text is too short.
    """
    DriftConfig(unknown, invalid, steps)
    run = opened(run, "inspect drift")
    return drifting.drift(run.network, excerpt(texts(run, what, unknown, invalid)), steps)


def paths(
    run: RunLike, what: TextLike = None, steps: int = 16, *, unknown: str = "error", invalid: str = "error"
) -> Paths:
    """The norm of dL[j]/dW at each step k up to j, for so many steps from the start of a text.

    A notebook shows a row for each j. Raises `InputError` where the text is shorter, and `UsageError` for a network
    without recurrent weights.
    """
    PathsConfig(unknown, invalid, steps)
    run = opened(run, "inspect paths")
    ids = excerpt(texts(run, what, unknown, invalid))
    return unfolding.paths(run.network, ids, [*run.vocabulary.texts(ids[:steps].tolist())], steps)


def composition(
    run: RunLike,
    what: TextLike = None,
    steps: int = 16,
    *,
    seed: int = 0,
    unknown: str = "error",
    invalid: str = "error",
) -> Composition:
    """What up to so many steps over the start of a text make of first states that lie on a line.

    The seed draws the line. A notebook shows a line for each number of steps. Raises `InputError` where the text is
    shorter, and `UsageError` for a network without recurrent weights.
    """
    CompositionConfig(unknown, invalid, steps, seed)
    run = opened(run, "inspect composition")
    return composing.composition(run.network, excerpt(texts(run, what, unknown, invalid)), steps, seed)


def trace(run: RunLike, text: str, *, unknown: str = "error") -> Trace:
    """Every number of a small network's pass over a short text, forwards and back.

    `print` shows blocks of numbers, and a notebook the unrolled network. Raises `InputError` for a text of more than 32
    characters. Raises `UsageError` for a network that is no plain Elman network of 16 units a layer or less.

    >>> charnn.trace("names", "cat").gradients["0/dh"]  # doctest: +SKIP
    """
    expect("text", text, str)
    InspectConfig(unknown)
    run = opened(run, "inspect trace")
    ids = excerpt(texts(run, text, unknown))
    symbols = [*run.vocabulary.texts(range(run.model.symbols))]
    return tracing.trace(run.network, ids, [*run.vocabulary.texts(ids.tolist())], symbols)


def automaton(
    run: RunLike,
    what: TextLike = None,
    states: int = 16,
    *,
    end: float = 0.05,
    seed: int = 0,
    unknown: str = "error",
    invalid: str = "error",
) -> Automaton:
    """The finite automaton of a network's states while it reads the start of a text, from so many clusters at most.

    A state accepts where the probability of an end is `end` or more. A notebook shows the graph. Raises `UsageError`
    for a network that carries its state on.

    >>> charnn.automaton("even-zeros").accepts("0110")  # doctest: +SKIP
    True
    """
    AutomatonConfig(unknown, invalid, states, end, seed)
    run = opened(run, "inspect automaton")
    ids = excerpt(texts(run, what, unknown, invalid))
    return extraction.extract(run.network, run.vocabulary, ids, states, end, seed)


def markov(
    run: RunLike | None = None, orders: int = 8, *, states: int = 16, rounds: int = 50, runs: str | Path = folder.RUNS
) -> Iterator[Compared]:
    """Bits per character of Markov models of order 0 to `orders`, of a hidden Markov model, and of the network.

    All are measured on the held-out part of the run's corpus. Raises `UsageError` where the corpus is gone.

    >>> [one.bits for one in charnn.markov("names")]  # doctest: +SKIP
    """
    MarkovConfig(orders, states, rounds)
    return comparing.compare(opened(run, "inspect markov", runs), orders, states, rounds)
