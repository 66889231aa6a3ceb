"""Teacher forcing made visible: a network that reads the right symbols beside one that reads what it wrote itself."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any

import numpy as np

from ..errors import UsageError
from ..nn.functions import surprisal
from ..nn.layers.base import Array, State
from ..nn.network import Network
from ..pictures import charts
from ..pictures.charts import Line
from .excerpt import assert_long_enough
from .probes import copies_of, side_by_side

PLACES = 64  # of a text from which both go on, read side by side
CONTEXT = 64  # symbols that both are taught before


@dataclass(frozen=True)
class DriftStep:
    """So many steps after both networks were in the same state.

    `distance` is |free - taught| / |taught| of their states. `taught` and `free` are the bits of the right next symbol.
    `right` is the share of the free network's symbols that are those of the text.
    """

    step: int
    distance: float
    taught: float
    free: float
    right: float


@dataclass(frozen=True)
class Drift:
    """How far a network goes astray, step by step."""

    steps: Sequence[DriftStep]

    def table(self) -> Iterator[tuple[str, ...]]:
        """A row for each step, the names of its columns first."""
        yield tuple(spec.name for spec in fields(DriftStep))
        for one in self.steps:
            number, *values = astuple(one)
            yield str(number), *(f"{value:.4f}" for value in values)

    def plain(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {"steps": [asdict(one) for one in self.steps]}

    def svg(self) -> str:
        """Bits of the right next symbol by step, taught and free."""
        taught = Line("taught", [(one.step, one.taught) for one in self.steps], 0)
        free = Line("free", [(one.step, one.free) for one in self.steps], 1)
        title = "Surprisal of the text, by a network that reads it and by one that reads what it wrote"
        return charts.lines(title, "steps since both were in the same state", "bits/char", [taught, free])

    def _repr_svg_(self) -> str:
        return self.svg()


def drift(network: Network, ids: Array, steps: int) -> Drift:
    """So many steps from places spread over a text (N,), each after up to 64 symbols that were read.

    The free network reads the likeliest symbol of its scores. Raises `InputError` where the text is too short,
    and `UsageError` for a network without such scores.
    """
    if network.model.config.ending == "length":
        raise UsageError("--ending length reads a length first: going astray is shown of --ending eos or node")
    assert_long_enough(ids, steps, steps + 2)
    context = min(CONTEXT, len(ids) - steps - 1)
    x, y = side_by_side(ids, context + steps + 1, PLACES)
    taught, o = network.zero_state(x.shape[1]), np.empty(0)
    for symbols in x[: context + 1]:
        o, taught = _step(network, symbols, taught)
    free, scores, found = taught, o, []
    for t in range(context + 1, len(x)):
        written = scores.argmax(axis=1)
        o, taught = _step(network, x[t], taught)
        scores, free = _step(network, written, free)
        known, guessed = (float(surprisal(a.copy(), y[t])[0].mean() / np.log(2)) for a in (o, scores))
        right = float((written == x[t]).mean())
        found.append(DriftStep(t - context, _distance(free, taught), known, guessed, right))
    return Drift(found)


def _step(network: Network, symbols: Array, state: State) -> tuple[Array, State]:
    """Scores as those of one softmax (B, V), and the state after."""
    o, after = network.step(symbols, state, network.workspace(back=False))
    return network.model.ending.joint_scores(o.astype(np.float64)), copies_of(after)


def _distance(free: State, taught: State) -> float:
    """|free - taught| / |taught| over all rows."""
    apart = sum(float(np.square(a - b, dtype=np.float64).sum()) for a, b in zip(free, taught, strict=True))
    size = sum(float(np.square(b, dtype=np.float64).sum()) for b in taught)
    return float(np.sqrt(apart / size)) if size else 0.0
