"""Forward and backward pass of a small network over a short text, with every number.

Forward, from the first step to the last:

    a[t] = b + h[t-1] W + x[t] U
    h[t] = f(a[t])
    o[t] = c + h[t] V
    y[t] = softmax(o[t])
    L[t] = -log y[t][next]

Backward, from the last step to the first:

    do[t] = dL[t]/do[t]
    dh[t] = do[t] V^T + da[t+1] W^T
    da[t] = dh[t] f'(a[t])
    dW    = sum_t h[t-1]^T da[t]
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, repeat
from typing import Any

import numpy as np

from ...data.batches import shifted
from ...errors import InputError, UsageError
from ...nn.functions import ACTIVATIONS, softmax
from ...nn.layers.base import Array, Arrays, Backward, Forward, Keep, Rng, State
from ...nn.layers.elman import Elman
from ...nn.layers.linear import rows
from ...nn.network import Network
from ...nn.parameters import Parameters, Views
from ...nn.workspace import Workspace
from ...pictures.shades import END
from ...pictures.unrolled import Step, unrolled
from ..probes import Probe, copies_of, precise, with_probes

MAX_UNITS, MAX_STEPS = 16, 32  # of what is traced: more numbers are not read
CELL = 8  # columns of a number, and of the name of a row


class EquationProbe(Probe):
    """A probe of an Elman layer that also keeps a[t], the sum before the activation."""

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        (a,), _, _ = replace(self.layer, activation="linear").forward(p, x, state, ws, keep, rng)  # type: ignore[type-var]
        self.a = a[0, 0].copy()
        return super().forward(p, x, state, ws, keep, rng)


@dataclass(frozen=True, eq=False)
class Trace:
    """Every number of a pass over T steps.

    `values` and `gradients` have (T, n) by names such as 0/h (layer 0) and o; L is in nats. `weights` are the model's,
    and `dweights` the gradient of sum_t L[t], by the same names.
    """

    read: Sequence[str]
    following: Sequence[str]
    symbols: Sequence[str]
    values: Mapping[str, Array]
    gradients: Mapping[str, Array]
    weights: Mapping[str, Array]
    dweights: Mapping[str, Array]

    def table(self) -> Iterator[tuple[str, ...]]:
        """A row for each number, the names of its columns first; steps count from 1, and weights have none."""
        yield "step", "array", "unit", "value"
        for name, a in {**self.values, **self.gradients}.items():
            units = (
                self.symbols if a.shape[1] == len(self.symbols) and name in SCORES else [*map(str, range(a.shape[1]))]
            )
            for t, row in enumerate(a.tolist(), 1):
                yield from ((str(t), name, unit, f"{value:.6g}") for unit, value in zip(units, row, strict=True))
        for name, a in {**self.weights, **{f"d {name}": a for name, a in self.dweights.items()}}.items():
            for at, value in np.ndenumerate(a):
                yield "", name, ",".join(map(str, at)), f"{value:.6g}"

    def plain(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        arrays = ("values", "gradients", "weights", "dweights")
        found = {kind: {name: a.tolist() for name, a in getattr(self, kind).items()} for kind in arrays}
        return {"read": [*self.read], "following": [*self.following], "symbols": [*self.symbols], **found}

    def __str__(self) -> str:
        return self.blocks()

    def blocks(self, columns: int | None = None) -> str:
        """A block for each step, and one for each array of weights, without rows of symbols that are not read.

        Rows longer than `columns` are broken, and the symbols stand above each piece of a row of symbols.
        """
        head = [*map(_named, self.symbols)]
        most = max(1, (columns - CELL - 1) // CELL) if columns else len(head) + MAX_UNITS
        lines = [] if len(head) > most else [_line("symbols", head)]
        for t, (read, following) in enumerate(zip(self.read, self.following, strict=True)):
            lines += ["", f"step {t + 1}: reads {_named(read)}, to predict {_named(following)}"]
            rows = [(name, a[t]) for name, a in {**self.values, **self.gradients}.items()]
            for scores, some in groupby(rows, lambda row: row[0] in SCORES):
                lines += _pieces([*some], most, head if scores else [])
        for name, a in self.dweights.items():
            by_symbol = name == "0/U"
            named = zip(head if by_symbol else repeat(""), np.atleast_2d(a), strict=False)
            shown = [(label, row) for label, row in named if row.any() or not by_symbol]
            lines += ["", f"dL/d {name}", *_pieces(shown, most, head if name.startswith("readout/") else [])]
        return "\n".join(lines).lstrip("\n") + "\n"

    def svg(self) -> str:
        """The unrolled graph: h[t] of each layer, and dh[t] below each."""
        layers = sum(name.endswith("/h") for name in self.values)
        steps = [
            Step(
                _named(read),
                f"y[{_named(following)}] = {np.exp(-self.values['L'][t, 0]):.3f}",
                f"L[{t + 1}] = {self.values['L'][t, 0]:.3f}",
                [self.values[f"{i}/h"][t].tolist() for i in range(layers)],
                [float(np.linalg.norm(self.gradients[f"{i}/dh"][t])) for i in range(layers)],
            )
            for t, (read, following) in enumerate(zip(self.read, self.following, strict=True))
        ]
        return unrolled("h[t] of each layer, and |dL/dh[t]|, over the unrolled network", steps)

    def _repr_svg_(self) -> str:
        return self.svg()


SCORES = "o", "y", "do"  # arrays with a number for each symbol


def _named(symbol: str) -> str:
    return {"\n": END, " ": "␣", "": "end"}.get(symbol, symbol)


def _line(name: str, cells: Iterable[str]) -> str:
    return f"{name:>{CELL}} {''.join(f'{cell:>{CELL}}' for cell in cells)}"


def _pieces(rows: Sequence[tuple[str, Array]], most: int, head: Sequence[str]) -> Iterator[str]:
    """Rows of numbers by their names, broken after so many numbers; then `head` stands above each piece."""
    size = max((len(row) for _, row in rows), default=0)
    for start in range(0, size, most):
        piece = slice(start, start + most)
        if size > most and head:
            yield _line("symbols", head[piece])
        yield from (_line(name, (f"{number:.4f}" for number in row[piece].tolist())) for name, row in rows)


def trace(network: Network, ids: Array, characters: Sequence[str], symbols: Sequence[str]) -> Trace:
    """A pass over a text (N,), whose characters are these, from the zero state on, in float64.

    Raises `InputError` for a text that is too long, and `UsageError` for a network with other equations or more units.
    """
    _assert_small(network, ids)
    tracer = _Tracer(precise(network), *shifted(ids, np.arange(len(ids))[:, None]))
    tracer.forward()
    tracer.backward()
    weights, g = tracer.network.weights, tracer.g
    return Trace(
        ["start", *characters][: len(ids)],
        characters,
        symbols,
        {name: np.array(found) for name, found in tracer.values.items()},
        {name: np.array(found[::-1]) for name, found in tracer.gradients.items()},
        *({name.removeprefix("hidden/"): a for name, a in arrays.items()} for arrays in (weights, g)),
    )


def _assert_small(network: Network, ids: Array) -> None:
    config, layers = network.model.config, network.model.hidden.layers
    if config.feedback != "none" or config.ending == "length" or not all(type(one) is Elman for one in layers):
        told = "a trace shows the equations of a plain --cell elman"
        raise UsageError(f"{told}, and this model has other ones: train one with --cell elman --hidden 3")
    if config.hidden > MAX_UNITS:
        raise UsageError(f"this model has {config.hidden} units a layer: train one with --hidden {MAX_UNITS} or less")
    if len(ids) > MAX_STEPS:
        raise InputError(f"the text has {len(ids):,} characters: give {MAX_STEPS} or less")


class _Tracer:
    """The steps one by one, forwards and back; gradients come in reverse order."""

    def __init__(self, network: Network, x: Array, y: Array):
        self.network, self.x, self.y, self.ws = network, x, y, Workspace()
        self.below, self.probes = with_probes(network.model, EquationProbe)
        self.g: Parameters = network.weights.like()
        self.values: dict[str, list[Array]] = {}
        self.gradients: dict[str, list[Array]] = {}
        self._backwards: list[tuple[Backward, Backward, list[Array]]] = []
        self._do: list[Array] = []

    def forward(self) -> None:
        state, keep = self.network.zero_state(1), self.network.keep(self.x)
        for t in range(len(self.x)):
            at = slice(t, t + 1)
            h, state, back = self.below.forward(
                self.network.weights, (self.x[at],), state, self.ws, None if keep is None else keep[at]
            )
            own = [probe.y[0, 0].copy() for probe in self.probes]
            for i, probe in enumerate(self.probes):
                self._add(self.values, f"{i}/a", probe.a)
                self._add(self.values, f"{i}/h", own[i])
            out, back_out = self._readout(h, t)
            self._do.append(out)
            self._backwards.append((back, back_out, own))

    def _readout(self, h: Arrays, t: int) -> tuple[Array, Backward]:
        """do[t] (1, 1, V), and the way back from it."""
        model = self.network.model
        (o,), _, back = model.readout.forward(self.network.weights.at("readout"), h, (), self.ws)
        self._add(self.values, "o", o[0, 0].copy())
        self._add(self.values, "y", softmax(model.ending.joint_scores(o.copy()))[0, 0])
        nats = model.ending.loss(rows(o), rows(self.y[t : t + 1]))  # o becomes dL/do
        self._add(self.values, "L", nats)
        return o, back

    def backward(self) -> None:
        dstate = tuple(np.zeros_like(s) for s in self.network.zero_state(1))
        for (back, back_out, own), do in zip(self._backwards[::-1], self._do[::-1], strict=True):
            self._add(self.gradients, "do", do[0, 0].copy())
            dy = back_out((do,), (), self.g.at("readout"))[0]
            later = copies_of(dstate)  # da[t+1] W^T
            dstate = copies_of(back(dy, dstate, self.g)[1])
            for i, (probe, h, more) in enumerate(zip(self.probes, own, later, strict=True)):
                dh = probe.dy[0, 0] + more[0]
                da = dh.copy()
                ACTIVATIONS[probe.layer.activation](h).backward(h, da)
                self._add(self.gradients, f"{i}/dh", dh)
                self._add(self.gradients, f"{i}/da", da)

    def _add(self, arrays: dict[str, list[Array]], name: str, found: Array) -> None:
        arrays.setdefault(name, []).append(found)
