"""Where a network looks while it writes: the weights of its attention."""

from dataclasses import dataclass

import numpy as np

from ..data.units import split
from ..errors import InputError, UsageError, expect
from ..nn.workspace import Workspace
from ..pictures import shades
from ..pictures.shades import END
from ..runs.run import Run
from ..sampling.writer import write

MAX_UNITS = 1000  # of a source that is looked at


@dataclass(frozen=True, eq=False)
class Attention:
    """Of each unit of a target (T) the shares of the units of its source (S), both with their ends; rows sum to 1."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: np.ndarray  # (T, S)

    def svg(self) -> str:
        """The shares as shades: a row for each unit of the target, a column for each of the source."""
        axes = "columns: the source", "rows: the target; shades: where it looks, as shares of 1"
        return shades.grid("Attention", axes, (self.target, self.source), self.weights.tolist())

    def _repr_svg_(self) -> str:
        return self.svg()


def attention(run: Run, source: str, target: str | None = None) -> Attention:
    """Where a run looks in a source while it writes a target; by default the likeliest one.

    Raises `UsageError` for a network without attention, and `InputError` for a long source.
    """
    expect("source", source, str)
    expect("target", target, str, type(None))
    if run.task.attention in (None, "none"):
        raise UsageError(f"{run.path or run.name} has no attention: train with --attention near")
    vocabulary, network = run.vocabulary, run.model.network
    ids = vocabulary.encode(source, vocabulary.source)
    if len(ids) > MAX_UNITS:
        raise InputError(f"the source has {len(ids):,} units: give {MAX_UNITS:,} at most")
    if target is None:
        ((best, *_),) = write(run.model, run.weights, [ids])
        written = best.ids
        target = vocabulary.decode(written, vocabulary.target)
    else:
        written = vocabulary.encode(target, vocabulary.target)
    weights = network.attention(run.weights, network.batch([ids], [written], ids.dtype), Workspace(back=False))
    read, wrote = (*split(source, vocabulary.source), END), (*split(target, vocabulary.target), END)
    return Attention(read, wrote, weights[0].copy())
