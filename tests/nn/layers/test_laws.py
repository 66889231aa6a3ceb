"""Laws that every layer keeps, in float64: one table of layers, each held to every law, with and without resets.

A new cell is one row of `LAYERS`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig
from charnn.data.batch import Batch
from charnn.errors import UsageError
from charnn.nn import matmul, replay
from charnn.nn import model as model_module
from charnn.nn.context.convolution import Convolution
from charnn.nn.context.transformer import Transformer
from charnn.nn.layers import trace
from charnn.nn.layers.base import is_causal
from charnn.nn.layers.bidirectional import Bidirectional
from charnn.nn.layers.deep_transition import DeepTransition
from charnn.nn.layers.dense import Dense
from charnn.nn.layers.dropout import Dropout
from charnn.nn.layers.elman import Elman
from charnn.nn.layers.feedback import Feedback, TeacherForced
from charnn.nn.layers.gru import GRU
from charnn.nn.layers.jordan import Jordan
from charnn.nn.layers.layernorm_lstm import LayerNormLSTM
from charnn.nn.layers.linear import Linear
from charnn.nn.layers.lstm import LSTM
from charnn.nn.layers.stack import Stack
from charnn.nn.layers.trace import Trace
from charnn.nn.model import Model, PassContext
from charnn.nn.parameters import Parameters
from charnn.nn.tiling import Tiling
from charnn.nn.workspace import Workspace
from tests.helpers.snapshots import raises
from tests.helpers.tiles import cut

T, B, H, V = 5, 4, 6, 7  # H is used where widths must agree
WIDTH = 3  # of an input of floats
EPS = 1e-6  # of finite differences
PRECISION = 1e-7

FLOATS, IDS = "floats", "ids"


@pytest.fixture(params=["whole", "in tiles"], autouse=True)
def tiles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every law, also for products cut into blocks of two rows and tiles of two columns."""
    if request.param == "in tiles":
        cut(monkeypatch)
        monkeypatch.setattr(trace, "STEPS_PER_PRODUCT", 2)
    return str(request.param)


@dataclass(frozen=True)
class Row:
    layer: Any
    inputs: tuple[tuple[str, int], ...]  # the kind and size of each array in x
    noise: bool = False  # whether dropout is on


def stack(
    count: int,
    *,
    skip: bool = False,
    dropout: float = 0.0,
    activation: str = "tanh",
    ids: bool = True,
    residual: bool = False,
    locked: bool = False,
) -> Row:
    """Elman layers on symbols, or on vectors."""
    below = V if ids else WIDTH
    symbols = V if ids else 0
    layers = [Elman((below,), H, activation, symbols)]
    for _ in range(1, count):
        layers.append(Elman((H, below) if skip else (H,), H, activation, symbols if skip else 0))
    made = Stack(tuple(layers), skip, dropout, residual, locked=locked)
    return Row(made, ((IDS if ids else FLOATS, below),), noise=dropout > 0)


@dataclass(frozen=True)
class SideBySide:
    """A layer of several outputs: those of its parts, which read the same input."""

    parts: tuple[Any, ...]

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return tuple(n for part in self.parts for n in part.state_sizes)

    @property
    def output_sizes(self) -> tuple[int, ...]:
        return tuple(n for part in self.parts for n in part.output_sizes)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {f"{i}/{name}": s for i, part in enumerate(self.parts) for name, s in part.shapes().items()}

    def initial(self, rng: np.random.Generator) -> dict[str, Any]:
        return {f"{i}/{name}": a for i, part in enumerate(self.parts) for name, a in part.initial(rng).items()}

    def forward(self, p: Any, x: Any, state: Any, ws: Workspace, keep: Any = None, rng: Any = None) -> Any:
        states, ys, backs, after = iter(state), [], [], ()
        for i, part in enumerate(self.parts):
            own = tuple(next(states) for _ in part.state_sizes)
            y, own, back = part.forward(p.at(str(i)), x, own, ws, keep, rng)
            ys, backs, after = [*ys, *y], [*backs, back], (*after, *own)

        def backward(dy: Any, dstate: Any, g: Any) -> Any:
            dys, dstates, before = iter(dy), iter(dstate), ()
            dx: list[Any] = [0.0 if part.dtype.kind == "f" else None for part in x]
            for i, (part, back) in enumerate(zip(self.parts, backs, strict=True)):
                above = tuple(next(dys) for _ in part.output_sizes)
                own = tuple(next(dstates) for _ in part.state_sizes)
                more, own = back(above, own, g.at(str(i)))
                dx, before = [d if d is None else d + m for d, m in zip(dx, more, strict=True)], (*before, *own)
            return tuple(dx), before

        return tuple(ys), after, backward


def twofold(skip: bool = False, residual: bool = False, dropout: float = 0.0, locked: bool = False) -> Row:
    """Layers of two outputs each, on symbols, above one another."""
    below = ((V,), *(((H, H, V) if skip else (H, H)),) * 2)
    symbols = (V, *((V if skip else 0),) * 2)
    pairs = [SideBySide((Elman(b, H, "tanh", n), GRU(b, H, n))) for b, n in zip(below, symbols, strict=True)]
    return Row(Stack(tuple(pairs), skip, dropout, residual, locked=locked), ((IDS, V),), noise=dropout > 0)


def fed(teacher: float, *cells: Any, dropout: float = 0.0, beside: bool = True) -> Row:
    """Layers below a readout whose output they read, with skip connections where there are several."""
    inner = Stack(cells, len(cells) > 1, dropout, "hidden/")
    return Row(Feedback(inner, Linear((H,) * len(cells), V, "V", "c"), teacher, beside), ((IDS, V),), dropout > 0)


def jordan(count: int, decay: float, *, skip: bool = False) -> Row:
    layers = [Jordan((V,), H, "tanh", V, decay)]
    for _ in range(1, count):
        layers.append(Jordan((H, V) if skip else (H,), H, "sigmoid", V if skip else 0, decay))
    return Row(Stack(tuple(layers), skip), ((IDS, V),))


def bidirectional(*cells: Any, ids: bool = True) -> Row:
    return Row(Bidirectional(*cells), ((IDS, V) if ids else (FLOATS, WIDTH),))


LAYERS = {
    "linear of floats": Row(Linear((WIDTH,), H), ((FLOATS, WIDTH),)),
    "linear of symbols": Row(Linear((V,), H, symbols=V), ((IDS, V),)),
    "linear of both": Row(Linear((WIDTH, V), H, symbols=V), ((FLOATS, WIDTH), (IDS, V))),
    "linear of two": Row(Linear((WIDTH, H), V, "V", "c"), ((FLOATS, WIDTH), (FLOATS, H))),
    "tanh of floats": Row(Elman((WIDTH,), H, "tanh"), ((FLOATS, WIDTH),)),
    "tanh of symbols": Row(Elman((V,), H, "tanh", V), ((IDS, V),)),
    "tanh of both": Row(Elman((WIDTH, V), H, "tanh", V), ((FLOATS, WIDTH), (IDS, V))),
    "relu of floats": Row(Elman((WIDTH,), H, "relu"), ((FLOATS, WIDTH),)),
    "relu of symbols": Row(Elman((V,), H, "relu", V), ((IDS, V),)),
    "sigmoid of floats": Row(Elman((WIDTH,), H, "sigmoid"), ((FLOATS, WIDTH),)),
    "sigmoid of symbols": Row(Elman((V,), H, "sigmoid", V), ((IDS, V),)),
    "identity of both": Row(Elman((WIDTH, V), H, "linear", V), ((FLOATS, WIDTH), (IDS, V))),
    "dense identity": Row(Dense((WIDTH,), H, "linear"), ((FLOATS, WIDTH),)),
    "lstm of floats": Row(LSTM((WIDTH,), H), ((FLOATS, WIDTH),)),
    "lstm of symbols": Row(LSTM((V,), H, V), ((IDS, V),)),
    "lstm of both": Row(LSTM((WIDTH, V), H, V), ((FLOATS, WIDTH), (IDS, V))),
    "normed lstm of floats": Row(LayerNormLSTM((WIDTH,), H), ((FLOATS, WIDTH),)),
    "normed lstm of both": Row(LayerNormLSTM((WIDTH, V), H, V), ((FLOATS, WIDTH), (IDS, V))),
    "gru of floats": Row(GRU((WIDTH,), H), ((FLOATS, WIDTH),)),
    "gru of symbols": Row(GRU((V,), H, V), ((IDS, V),)),
    "gru of both": Row(GRU((WIDTH, V), H, V), ((FLOATS, WIDTH), (IDS, V))),
    "dense of floats": Row(Dense((WIDTH,), H, "tanh"), ((FLOATS, WIDTH),)),
    "dense of both": Row(Dense((WIDTH, V), H, "relu", V), ((FLOATS, WIDTH), (IDS, V))),
    "diagonal of floats": Row(DeepTransition((WIDTH,), H, "relu", 0, "diagonal"), ((FLOATS, WIDTH),)),
    "diagonal of symbols": Row(DeepTransition((V,), H, "tanh", V, "diagonal"), ((IDS, V),)),
    "recurrent depth 3 of symbols": Row(DeepTransition((V,), H, "sigmoid", V, "full", 1, 3), ((IDS, V),)),
    "delay 3 of both": Row(DeepTransition((WIDTH, V), H, "relu", V, "full", 3), ((FLOATS, WIDTH), (IDS, V))),
    "delay beyond the window": Row(DeepTransition((V,), H, "tanh", V, "full", T + 2), ((IDS, V),)),
    "diagonal, delay 2, depth 2": Row(DeepTransition((V,), H, "tanh", V, "diagonal", 2, 2), ((IDS, V),)),
    "delay 2 to the first of 2": Row(DeepTransition((V,), H, "tanh", V, "full", 2, 2, "first"), ((IDS, V),)),
    "delay 3 alone": Row(DeepTransition((WIDTH,), H, "tanh", 0, "full", 3, 1, "last", True), ((FLOATS, WIDTH),)),
    "delay 2 alone, diagonal": Row(DeepTransition((V,), H, "tanh", V, "diagonal", 2, 1, "last", True), ((IDS, V),)),
    "delay 4, depth 3": Row(DeepTransition((WIDTH,), H, "tanh", 0, "full", 4, 3), ((FLOATS, WIDTH),)),
    "convolution of symbols": Row(Convolution((V,), H, "tanh", V, 3), ((IDS, V),)),
    "convolution of both, wider than the window": Row(
        Convolution((WIDTH, V), H, "sigmoid", V, T + 3), ((FLOATS, WIDTH), (IDS, V))
    ),
    "dilated convolution": Row(Convolution((V,), H, "tanh", V, 3, 2), ((IDS, V),)),
    "2 of convolution, skip": Row(
        Stack((Convolution((V,), H, "tanh", V, 2), Convolution((H, V), H, "linear", V, 4)), True), ((IDS, V),)
    ),
    "transformer of symbols": Row(Transformer((V,), H, V, 2, 3), ((IDS, V),)),
    "transformer of both, beyond the window": Row(Transformer((WIDTH, V), H, V, 3, T + 4), ((FLOATS, WIDTH), (IDS, V))),
    "2 of transformer": Row(Stack((Transformer((V,), H, V, 1, 2), Transformer((H,), H, 0, 6, 4))), ((IDS, V),)),
    "transformer and gru, skip, dropout": Row(
        Stack((Transformer((V,), H, V, 2, 3), GRU((H, V), H, V)), True, 0.4), ((IDS, V),), noise=True
    ),
    "trace of symbols": Row(Trace((V,), H, symbols=V, decay=0.9), ((IDS, V),)),
    "trace of floats": Row(Trace((V,), H, symbols=V, decay=0.5), ((FLOATS, V),)),
    "trace of both": Row(Trace((WIDTH, V), H, symbols=V, decay=0.5), ((FLOATS, WIDTH), (IDS, V))),
    "trace of floats and floats": Row(Trace((WIDTH, V), H, symbols=V, decay=0.9), ((FLOATS, WIDTH), (FLOATS, V))),
    "jordan, decay 0": Row(Jordan((V,), H, "tanh", V, 0.0), ((IDS, V),)),
    "jordan, decay 0.9": Row(Jordan((V,), H, "tanh", V, 0.9), ((IDS, V),)),
    "jordan of floats": Row(Jordan((V,), H, "relu", V, 0.5), ((FLOATS, V),)),
    "jordan of both": Row(Jordan((WIDTH, V), H, "sigmoid", V, 0.5), ((FLOATS, WIDTH), (IDS, V))),
    "jordan above others": Row(Jordan((WIDTH,), H, "tanh", 0, 0.5), ((FLOATS, WIDTH),)),
    "2 of jordan": jordan(2, 0.9),
    "3 of jordan, skip": jordan(3, 0.5, skip=True),
    "2 of jordan, skip, decay 0": jordan(2, 0.0, skip=True),
    "feedback, taught": Row(TeacherForced(Stack((Elman((V, V), H, "tanh", V),))), ((IDS, V),)),
    "feedback, half taught": fed(0.5, Elman((V, V), H, "tanh", V)),
    "feedback, free": fed(0.0, LSTM((V, V), H, V), LSTM((H, V, V), H, V)),
    "feedback, dropout": fed(0.8, Elman((V, V), H, "tanh", V), GRU((H, V, V), H, V), dropout=0.4),
    "jordan, half taught": fed(0.5, Jordan((V,), H, "tanh", V, 0.5), beside=False),
    "2 of jordan, free": fed(0.0, Jordan((V,), H, "tanh", V), Jordan((H, V), H, "tanh", V, 0.5), beside=False),
    "stack of 2": stack(2),
    "stack of lstm, gru and tanh": Row(Stack((LSTM((V,), H, V), GRU((H,), H), Elman((H,), H))), ((IDS, V),)),
    "stack of 3": stack(3, activation="relu"),
    "stack of 2, skip": stack(2, skip=True),
    "stack of 3, skip": stack(3, skip=True, activation="sigmoid"),
    "stack of 2 on floats": stack(2, ids=False),
    "stack of 3 on floats, skip": stack(3, skip=True, ids=False),
    "stack of 3, residual": stack(3, residual=True),
    "stack of 3 on floats, residual, skip": stack(3, residual=True, skip=True, ids=False),
    "stack of diagonal, dense and lstm, residual": Row(
        Stack((DeepTransition((V,), H, "tanh", V, "diagonal", 2), Dense((H,), H), LSTM((H,), H)), residual=True),
        ((IDS, V),),
    ),
    "bidirectional lstm and gru of symbols": bidirectional(LSTM((V,), H, V), GRU((V,), H, V)),
    "bidirectional of floats": bidirectional(Elman((WIDTH,), H, "tanh"), Elman((WIDTH,), H, "relu"), ids=False),
    "bidirectional stacks, skip": bidirectional(stack(2, skip=True).layer, stack(2, skip=True).layer),
    "bidirectional, delay 2 and jordan": bidirectional(
        DeepTransition((V,), H, "tanh", V, "full", 2), Jordan((V,), H, "tanh", V, 0.5)
    ),
    "bidirectional below lstm": Row(
        Stack((bidirectional(Elman((V,), H, "tanh", V), GRU((V,), 4, V)).layer, LSTM((H, 4), H))), ((IDS, V),)
    ),
    "stack of bidirectional, skip, dropout": Row(
        Stack(
            (
                bidirectional(Elman((V,), H, "tanh", V), GRU((V,), H, V)).layer,
                bidirectional(Elman((H, H, V), H, "tanh", V), LSTM((H, H, V), H, V)).layer,
            ),
            True,
            0.4,
        ),
        ((IDS, V),),
        noise=True,
    ),
    "two outputs": Row(SideBySide((Elman((V,), H, "tanh", V), LSTM((V,), 4, V))), ((IDS, V),)),
    "stack of two outputs": twofold(),
    "stack of two outputs, skip": twofold(skip=True),
    "stack of two outputs, residual": twofold(residual=True),
    "stack of two outputs, skip, residual, dropout": twofold(skip=True, residual=True, dropout=0.4),
    "stack of two outputs, locked dropout": twofold(dropout=0.4, locked=True),
    "stack of two outputs below one": Row(
        Stack((SideBySide((Elman((V,), H, "tanh", V), Dense((V,), 4, "tanh", V))), LSTM((H, 4), H))), ((IDS, V),)
    ),
    "feedback, two outputs": Row(
        Feedback(
            Stack((SideBySide((Elman((V, V), H, "tanh", V), GRU((V, V), 4, V))),)), Linear((H, 4), V, "V", "c"), 0.5
        ),
        ((IDS, V),),
    ),
    "dropout": Row(Dropout(0.5), ((FLOATS, H),), noise=True),
    "dropout, locked": Row(Dropout(0.5, locked=True), ((FLOATS, H),), noise=True),
    "stack of 2, dropout": stack(2, dropout=0.4, ids=False),
    "stack of 3, skip, dropout": stack(3, skip=True, dropout=0.4, ids=False),
    "stack of 3, residual, dropout": stack(3, residual=True, dropout=0.4, ids=False),
    "stack of 3, skip, locked dropout": stack(3, skip=True, dropout=0.4, ids=False, locked=True),
}

layers = pytest.mark.parametrize("row", LAYERS.values(), ids=LAYERS.keys())
resets = pytest.mark.parametrize("reset", [False, True], ids=["carried", "with resets"])


class Poisoned(Workspace):
    """Uninitialised memory that shows wherever it is read."""

    def empty(self, shape, dtype):  # type: ignore[no-untyped-def]
        array = super().empty(shape, dtype)
        array.view(np.uint8).fill(0xFF)  # nan, True
        return array


class SameNoise:
    """An rng that silences the same units in every step and row, so that steps and rows can be told apart."""

    def bytes(self, count: int) -> bytes:
        assert count % H == 0
        return (np.arange(count) % H % 2 * 255).astype(np.uint8).tobytes()


@dataclass(frozen=True)
class Case:
    """A layer with weights, inputs and a state, and the gradients that come down to it."""

    layer: Any
    p: Parameters
    x: tuple[Any, ...]
    state: tuple[Any, ...]
    keep: Any
    dy: tuple[Any, ...]
    dstate: tuple[Any, ...]
    rng: Callable[[], Any]

    def forward(self) -> tuple[Any, Any, Any]:
        return self.layer.forward(self.p, self.x, self.state, Poisoned(), self.keep, self.rng())

    def loss(self) -> float:
        """A function of all that the layer puts out, whose gradients are dy and dstate."""
        y, after, _ = self.forward()
        return sum(float((a * b).sum()) for a, b in zip((*self.dy, *self.dstate), (*y, *after), strict=True))

    def run(self) -> tuple[Any, Any, Any, Any, Parameters]:
        """y, the state after, dx, the state's gradient, g."""
        y, after, backward = self.forward()
        y, after = copies(y), copies(after)
        g = self.p.like()
        dx, before = backward(copies(self.dy), copies(self.dstate), g)
        return y, after, dx, before, g

    def cut(self, steps: slice, rows: Any = slice(None), **more: Any) -> "Case":
        """Some steps and rows of it."""
        take = {name: tuple(a[steps][:, rows] for a in getattr(self, name)) for name in ("x", "dy")}
        take |= {name: tuple(a[rows] for a in getattr(self, name)) for name in ("state", "dstate")}
        return replace(self, **{**take, "keep": None if self.keep is None else self.keep[steps][:, rows], **more})


def copies(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(a.copy() for a in arrays)


def case(row: Row, reset: bool, seed: int = 1) -> Case:
    rng = np.random.default_rng(seed)
    p = Parameters(row.layer.shapes(), np.float64)
    for name, value in p.items():
        p[name] = rng.normal(size=value.shape) * 0.7
    x = tuple(rng.normal(size=(T, B, n)) if kind == FLOATS else rng.integers(0, n, (T, B)) for kind, n in row.inputs)
    state = tuple(rng.normal(size=(B, n)) for n in row.layer.state_sizes)
    keep = np.ones((T, B, 1))
    keep[0, 1] = keep[2, 0] = keep[2, 1] = keep[T - 1, 3] = 0
    noise: Callable[[], Any] = (lambda: np.random.default_rng(7)) if row.noise else (lambda: None)
    new = Case(row.layer, p, x, state, keep if reset else None, (), (), noise)
    y, after, _ = new.forward()
    return replace(
        new,
        dy=tuple(rng.normal(size=a.shape) for a in y),
        dstate=tuple(rng.normal(size=a.shape) for a in after),
    )


def slope(function: Callable[[], float], array: Any) -> Any:
    """Central finite differences of a function with respect to an array that it reads."""
    found = np.empty_like(array)
    for at in np.ndindex(array.shape):
        value = array[at]
        array[at] = value + EPS
        above = function()
        array[at] = value - EPS
        found[at] = (above - function()) / (2 * EPS)
        array[at] = value
    return found


def assert_gradient(found: Any, expected: Any, what: str) -> None:
    """Equal up to the rounding of finite differences, measured against the whole array; and not all zero."""
    size = np.abs(expected).max()
    assert size > 1e-3, f"{what}: a gradient of zeros tells nothing"
    assert np.abs(found - expected).max() < PRECISION * max(1.0, size), what


def equal(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


def test_tiles_and_blocks_do_occur(tiles: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, original = set[Tiling](), matmul.pieces
    monkeypatch.setattr(matmul, "pieces", lambda W, tiling, *rest: (made.add(tiling), original(W, tiling, *rest))[1])
    for row in LAYERS.values():
        case(row, True).run()
    found = {tiling for tiling in made if tiling.block and tiling.tile}
    assert found >= {Tiling(2, 2, False), Tiling(2, 2, True)} if tiles == "in tiles" else not found


@resets
@layers
def test_gradient(row: Row, reset: bool) -> None:
    """Backward is the slope of forward: over every weight, every input of floats, and the state before."""
    a = case(row, reset)
    _, _, dx, before, g = a.run()
    for name, weight in a.p.items():
        assert_gradient(g[name], slope(a.loss, weight), name)
    for i, part in enumerate(a.x):
        if part.dtype.kind == "f":
            assert_gradient(dx[i], slope(a.loss, part), f"x[{i}]")
        else:
            assert dx[i] is None
    for i, part in enumerate(a.state):
        assert_gradient(before[i], slope(a.loss, part), f"state[{i}]")


@resets
@layers
def test_split(row: Row, reset: bool) -> None:
    """T steps are T windows of one step: outputs, state and gradients. What is not `causal` needs the whole window."""
    a = case(row, reset)
    if not is_causal(row.layer):
        y, part = a.run()[0], a.cut(slice(0, T - 1)).run()[0]
        assert any(abs(whole[: T - 1] - some).max() > 1e-3 for whole, some in zip(y, part, strict=True))
        return
    if row.noise:
        a = replace(a, rng=SameNoise)
    y, after, dx, before, g = a.run()

    state, steps = a.state, []
    for t in range(T):
        step = a.cut(slice(t, t + 1), state=state)
        one, state, backward = step.forward()
        state = copies(state)
        for whole, part in zip(y, one, strict=True):
            equal(part, whole[t : t + 1])
        steps.append((step, backward))
    for whole, part in zip(after, state, strict=True):
        equal(part, whole)

    g1, d = a.p.like(), copies(a.dstate)
    for t, (step, backward) in reversed(list(enumerate(steps))):
        dx1, d = backward(copies(step.dy), copies(d), g1)
        for whole, part in zip(dx, dx1, strict=True):
            if whole is not None:
                equal(part, whole[t : t + 1])
    for whole, part in zip(before, d, strict=True):
        equal(part, whole)
    equal(g1.flat, g.flat)


@resets
@layers
@pytest.mark.parametrize("groups", [[[0], [1], [2], [3]], [[2, 0, 3], [1]], [[3, 2, 1, 0]]], ids=str)
def test_rows(row: Row, reset: bool, groups: list[list[int]]) -> None:
    """Rows of a batch know nothing of one another, whatever their order; gradients of weights are their sum."""
    a = case(row, reset)
    if row.noise:
        a = replace(a, rng=SameNoise)
    y, after, dx, before, g = a.run()
    total = a.p.like()
    for rows in groups:
        y1, after1, dx1, before1, g1 = a.cut(slice(None), rows).run()
        for whole, part in (*zip(y, y1, strict=True), *zip(dx, dx1, strict=True)):
            if whole is not None:
                equal(part, whole[:, rows])
        for whole, part in (*zip(after, after1, strict=True), *zip(before, before1, strict=True)):
            equal(part, whole[rows])
        total.flat += g1.flat
    equal(total.flat, g.flat)


@resets
@layers
def test_sum(row: Row, reset: bool) -> None:
    """Backward adds into g what is there already, twice as much the second time."""
    a = case(row, reset)
    *_, g = a.run()
    _, _, backward = a.forward()
    total = a.p.like()
    for name, value in total.items():
        total[name] = np.random.default_rng(3).normal(size=value.shape)
    start = total.flat.copy()
    backward(copies(a.dy), copies(a.dstate), total)
    equal(total.flat, start + g.flat)
    _, _, backward = a.forward()
    backward(copies(a.dy), copies(a.dstate), total)
    equal(total.flat, start + 2 * g.flat)


@layers
def test_forget(row: Row) -> None:
    """Where keep is 0 a row goes on as from the zero state, and no gradient comes back to what was before."""
    a = case(row, reset=True)
    if row.noise:
        a = replace(a, rng=SameNoise)
    y, after, _, before, _ = a.run()
    fresh = a.cut(slice(2, None), [0, 1], state=tuple(np.zeros((2, n)) for n in row.layer.state_sizes))
    fresh.keep[0] = 1
    y1, after1, _ = fresh.forward()
    for whole, part in zip(y, y1, strict=True):
        equal(part, whole[2:, [0, 1]])
    for whole, part in zip(after, after1, strict=True):
        equal(part, whole[[0, 1]])
    assert all((d[1] == 0).all() for d in before)
    assert not before or any((d[0] != 0).any() for d in before)  # not all, where what is read late is forgotten by then


@resets
@layers
def test_what_is_read_is_not_changed(row: Row, reset: bool) -> None:
    """Forward and backward leave weights, inputs, state and keep as they were."""
    a = case(row, reset)
    kept = [part.copy() for part in (a.p.flat, *a.x, *a.state, *([a.keep] if reset else []))]
    a.run()
    for part, copy in zip((a.p.flat, *a.x, *a.state, *([a.keep] if reset else [])), kept, strict=True):
        np.testing.assert_array_equal(part, copy)


def there_and_back(layer: Any) -> Callable[..., Any]:
    """Forward and backward as the function of a window: y, the state after, dx, the state's gradient."""

    def run(p: Any, g: Any, x: Any, state: Any, keep: Any, dy: Any, dstate: Any, ws: Workspace, rng: Any) -> Any:
        y, after, backward = layer.forward(p, x, state, ws, keep, rng)
        y, after = copies(y), copies(after)
        return y, after, *backward(copies(dy), dstate, g)

    return run


@resets
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_repeated(name: str, reset: bool, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of calls gives the bits that the layer gives, whatever is in its weights, inputs, state and noise."""
    monkeypatch.setattr(replay, "TIMES_SEEN", 1)
    row, ws = LAYERS[name], Workspace()
    cases = [cast(case(row, reset, seed), dtype) for seed in range(5)]
    run, p = there_and_back(row.layer), cases[0].p
    g, expected = p.like(), p.like()
    for seed, a in enumerate(cases):
        p.flat[...] = a.p.flat
        if reset:
            a.keep[...] = np.random.default_rng(seed).random((T, B, 1)) > 0.3

        def noise() -> Any:
            return np.random.default_rng(seed) if row.noise else None  # noqa: B023

        window = replay.Window(run, (p, g), (a.x, a.state, a.keep, a.dy, a.dstate), noise())
        ws.reset()
        found = replay.mapped(np.copy, replay.run(window, ws))
        plain = window._replace(parameters=(p, expected), rng=noise()).run(Workspace())
        assert_identical((found, g.flat), (plain, expected.flat))
    (plan,) = ws.plans.values()
    assert isinstance(plan, replay.Plan)


def cast(a: Case, dtype: Any) -> Case:
    """The same numbers in another type, but for symbols."""

    def to(array: Any) -> Any:
        return array.astype(dtype) if array.dtype.kind == "f" else array

    p = Parameters(a.layer.shapes(), dtype)
    for name, value in a.p.items():
        p[name] = value
    arrays = {name: replay.mapped(to, getattr(a, name)) for name in ("x", "state", "keep", "dy", "dstate")}
    return replace(a, p=p, **arrays)


def assert_identical(found: Any, expected: Any) -> None:
    """The same bits, in tuples of tuples of arrays."""
    if isinstance(found, tuple):
        for one, other in zip(found, expected, strict=True):
            assert_identical(one, other)
    elif found is None:
        assert expected is None
    else:
        np.testing.assert_array_equal(found, expected, strict=True)


@layers
def test_initial_weights_have_their_shapes_and_no_two_arrays_alike(row: Row) -> None:
    initial = row.layer.initial(np.random.default_rng(0))
    assert {name: value.shape for name, value in initial.items()} == row.layer.shapes()
    matrices = [value for value in initial.values() if value.ndim > 1]
    assert all(np.std(value) > 0.05 for value in matrices)
    assert len({value.tobytes() for value in matrices}) == len(matrices)


@layers
def test_a_layer_says_what_sizes_its_outputs_have(row: Row) -> None:
    if not isinstance(row.layer, Dropout):  # it passes on whatever it reads
        assert tuple(a.shape[2] for a in case(row, reset=False).forward()[0]) == row.layer.output_sizes


def test_residual_connections_ask_for_outputs_of_one_size() -> None:
    with raises(UsageError, "--residual"):
        Stack((Elman((V,), H), Elman((H,), 4)), residual=True)
    with raises(UsageError, "--residual"):
        Stack((SideBySide((Elman((V,), H), Elman((V,), H))), Elman((H, H), H)), residual=True)


# The whole network: symbols in, a loss out.


def network(layers: int, *, skip: bool = False, activation: str = "tanh", dropout: float = 0.0) -> Model:
    return Model(ModelConfig("elman", H, layers, activation, skip, dropout), V)


def elman(layers: int = 1, skip: bool = False, dropout: float = 0.0, **more: Any) -> Model:
    return Model(ModelConfig("elman", H, layers, "tanh", skip, dropout, **more), V)


MODELS = {
    "tanh": network(1),
    "relu": network(1, activation="relu"),
    "sigmoid": network(1, activation="sigmoid"),
    "lstm": Model(ModelConfig("lstm", H, 1, None, False, 0.0), V),
    "gru": Model(ModelConfig("gru", H, 1, None, False, 0.0), V),
    "2 layers": network(2),
    "3 layers, skip": network(3, skip=True),
    "2 layers, dropout": network(2, dropout=0.3),
    "2 layers, skip, dropout": network(2, skip=True, dropout=0.3),
    "diagonal, delay 2, depth 2": elman(recurrence="diagonal", delay=2, recurrent_depth=2),
    "2 layers, delay 2, skip": elman(2, True, delay=2),
    "2 layers, plain ones between, residual, skip": elman(2, True, feedforward_depth=3, residual=True),
    "2 layers, residual, dropout": elman(2, dropout=0.3, residual=True, recurrent_depth=2),
    "2 layers of gru, a plain one between": Model(ModelConfig("gru", H, 2, None, dropout=0.0, feedforward_depth=2), V),
    "2 layers of lstm, skip, dropout": Model(ModelConfig("lstm", H, 2, None, True, 0.3), V),
    "2 layers of gru, locked dropout": Model(ModelConfig("gru", H, 2, None, False, 0.3, dropout_kind="locked"), V),
    "2 layers of gru, skip, dropout": Model(ModelConfig("gru", H, 2, None, True, 0.3), V),
    "jordan": Model(ModelConfig("jordan", H, 1, "tanh", False, 0.0), V),
    "jordan, decay 0": Model(ModelConfig("jordan", H, 1, "tanh", False, 0.0, decay=0.0), V),
    "2 layers of jordan": Model(ModelConfig("jordan", H, 2, "tanh", False, 0.0, decay=0.9), V),
    "2 layers of jordan, skip, dropout": Model(ModelConfig("jordan", H, 2, "tanh", True, 0.3, decay=0.5), V),
    "jordan, half taught": Model(ModelConfig("jordan", H, 2, "tanh", True, 0.0, decay=0.5, teacher_forcing="0.5"), V),
    "feedback": Model(ModelConfig("elman", H, 2, "tanh", True, 0.3, feedback="output"), V),
    "feedback, half taught": Model(
        ModelConfig("elman", H, 1, "tanh", False, 0.0, feedback="output", teacher_forcing="0.9:0.5"), V
    ),
    "feedback, free, lstm": Model(
        ModelConfig("lstm", H, 1, None, False, 0.3, feedback="output", teacher_forcing="0"), V
    ),
}
models = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())


def silent(model: Model) -> Model:
    """The model without dropout."""
    return Model(replace(model.config, dropout=0.0, dropout_kind="standard"), V)


@dataclass(frozen=True)
class ModelCase:
    model: Model
    p: Parameters
    x: Any
    y: Any
    state: tuple[Any, ...]
    keep: Any

    @property
    def batch(self) -> Batch:
        return Batch(self.x, self.y, self.keep)

    def gradient(self, g: Parameters | None = None, rng: Any = None) -> tuple[float, Any, Parameters]:
        g = self.p.like() if g is None else g
        noise = rng or (np.random.default_rng(7) if self.model.config.dropout else None)
        nats, _, after, _ = self.model.gradient(self.p, g, self.batch, self.state, PassContext(Poisoned(), noise))
        return nats, after, g

    def cut(self, steps: slice, rows: Any = slice(None), state: Any = None) -> "ModelCase":
        keep = None if self.keep is None else self.keep[steps][:, rows]
        state = tuple(s[rows] for s in self.state) if state is None else state
        return replace(self, x=self.x[steps][:, rows], y=self.y[steps][:, rows], state=state, keep=keep)


def model_case(model: Model, reset: bool) -> ModelCase:
    rng = np.random.default_rng(5)
    p = model.initial(rng, np.float64)
    for name, value in p.items():
        p[name] = value + 0.3 * rng.normal(size=value.shape)
    x, y = rng.integers(0, V, (2, T, B))
    state = tuple(rng.normal(size=(B, n)) for n in model.state_sizes)
    keep = (rng.random((T, B, 1)) > 0.4).astype(float) if reset else None
    return ModelCase(model, p, x, y, state, keep)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several chunks of scores a window, the last one shorter."""
    monkeypatch.setattr(model_module, "CHUNK", 2 * B)


@resets
@models
def test_model_gradient(model: Model, reset: bool) -> None:
    a = model_case(model, reset)
    nats, _, g = a.gradient()
    assert nats > 0
    for name, weight in a.p.items():
        assert_gradient(g[name], slope(lambda: a.gradient()[0], weight), name)


@resets
@models
def test_model_split(model: Model, reset: bool) -> None:
    a = model_case(model, reset)
    noise = SameNoise() if model.config.dropout else None
    nats, after, _ = a.gradient(rng=noise)
    state, total = a.state, 0.0
    for t in range(T):
        part, state, _ = a.cut(slice(t, t + 1), state=state).gradient(rng=noise)
        total += part
    assert total == pytest.approx(nats, rel=1e-12)
    for whole, part in zip(after, state, strict=True):
        equal(part, whole)


@resets
@models
def test_model_rows(model: Model, reset: bool) -> None:
    a = model_case(model, reset)
    noise = SameNoise() if model.config.dropout else None
    nats, after, g = a.gradient(rng=noise)
    total, together = 0.0, a.p.like()
    for rows in ([2, 0], [3], [1]):
        part, state, _ = a.cut(slice(None), rows).gradient(together, noise)
        total += part
        for whole, some in zip(after, state, strict=True):
            equal(some, whole[rows])
    assert total == pytest.approx(nats, rel=1e-12)
    equal(together.flat, g.flat)


@resets
@models
def test_model_repeated(model: Model, reset: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of calls give the bits of the model, for whatever windows of several shapes come one after the other."""
    monkeypatch.setattr(replay, "TIMES_SEEN", 1)
    a, ws, reading = model_case(model, reset), Workspace(), Workspace(back=False)
    g, expected = a.p.like(), a.p.like()
    for number in range(12):
        rng = np.random.default_rng(number)
        x, y = rng.integers(0, V, (2, T, B))[:, : T - number % 2]
        state = tuple(rng.normal(size=(B, n)) for n in model.state_sizes)
        batch = Batch(x, y, (rng.random((*x.shape, 1)) > 0.3).astype(float) if reset else None)
        late = batch._replace(counted=rng.random(x.shape) > 0.4 if number % 4 == 1 else None)
        a.p.flat[...] += 0.1 * rng.normal(size=a.p.flat.size)

        def context(ws: Workspace) -> PassContext:
            return PassContext(ws, np.random.default_rng(number) if model.config.dropout else None)  # noqa: B023

        for own, plain in ((ws, Workspace()), (reading, Workspace(back=False))):
            own.reset()
            if own.back:
                found = model.gradient(a.p, g, late, state, context(own))
                assert_identical(
                    (*found, g.flat), (*model.gradient(a.p, expected, late, state, context(plain)), expected.flat)
                )
            else:
                assert_identical(model.score(a.p, batch, state, own), model.score(a.p, batch, state, plain))
            own.reset()
            after = model.after(a.p, batch, state, context(own))
            assert_identical(after, model.after(a.p, batch, state, context(plain)))
    for own in (ws, reading):
        assert replay.NEVER not in own.plans.values()
        assert any(isinstance(plan, replay.Plan) for plan in own.plans.values())


@resets
@models
def test_model_sum(model: Model, reset: bool) -> None:
    a = model_case(model, reset)
    _, _, g = a.gradient()
    *_, twice = a.gradient(a.gradient()[2])
    equal(twice.flat, 2 * g.flat)
    assert g.flat.any()


@resets
@models
def test_model_chain(model: Model, reset: bool) -> None:
    """A window in two parts, the gradient passed from the later to the earlier, is the whole window."""
    model = silent(model)
    a, rng = model_case(model, reset), np.random.default_rng(6)
    g, parts, after = a.p.like(), a.p.like(), tuple(rng.normal(size=s.shape) for s in a.state)
    whole = model.gradient(a.p, g, a.batch, a.state, PassContext(Poisoned()), copies(after))
    early = a.cut(slice(0, 3))
    middle = copies(model.score(a.p, early.batch, a.state, Poisoned())[2])
    late = a.cut(slice(3, T), state=middle)
    last = model.gradient(a.p, parts, late.batch, late.state, PassContext(Poisoned()), copies(after))
    back = copies(last.dstate)
    first = model.gradient(a.p, parts, early.batch, early.state, PassContext(Poisoned()), back)
    assert first.nats + last.nats == pytest.approx(whole.nats, rel=1e-12)
    equal(parts.flat, g.flat)
    for one, both in zip((*first.dstate, *last.after), (*whole.dstate, *whole.after), strict=True):
        equal(one, both)
    cut = a.p.like()
    model.gradient(a.p, cut, early.batch, early.state, PassContext(Poisoned()))
    model.gradient(a.p, cut, late.batch, late.state, PassContext(Poisoned()), copies(after))
    if model.config.cell == "jordan" and model.config.shares == (1, 1):
        equal(cut.flat, g.flat)  # no step waits for another's weights: nothing is lost by truncation
    else:
        assert abs(cut.flat - g.flat).max() > 1e-3


@resets
@models
def test_steps_before_the_first_that_counts_only_carry_the_gradient(model: Model, reset: bool) -> None:
    """What counts late is the whole window's loss less that of its beginning, and so is its gradient."""
    model = silent(model)
    a = model_case(model, reset)
    late, beginning = a.p.like(), a.p.like()
    counted = np.repeat(np.arange(T)[:, None] >= 3, B, axis=1)
    found = model.gradient(a.p, late, a.batch._replace(counted=counted), a.state, PassContext(Poisoned()))
    early = a.cut(slice(0, 3))
    cut = model.gradient(a.p, beginning, early.batch, early.state, PassContext(Poisoned()))
    nats, _, g = a.gradient()
    assert found.nats == pytest.approx(nats - cut.nats, rel=1e-12) and found.counted == (T - 3) * B
    np.testing.assert_allclose(late.flat, g.flat - beginning.flat, rtol=1e-9, atol=1e-9)
    assert abs(late.flat - g.flat).max() > 1e-3


@resets
@models
def test_chunks_of_scores_do_not_show(model: Model, reset: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    a = model_case(model, reset)
    nats, _, g = a.gradient()
    for chunk in (1, 3, B * T, 10_000):
        monkeypatch.setattr(model_module, "CHUNK", chunk)
        other, _, g1 = a.gradient()
        assert other == pytest.approx(nats, rel=1e-12)
        equal(g1.flat, g.flat)


@resets
@models
def test_score_and_step_are_the_loss_that_is_trained(model: Model, reset: bool) -> None:
    """Without dropout's noise: the three ways through the network say the same."""
    model = silent(model)
    a = model_case(model, reset)
    trained, after, _ = a.gradient()
    nats, hits, scored = model.score(a.p, a.batch, a.state, Poisoned())
    assert nats.shape == hits.shape == a.y.shape
    assert nats.sum() == pytest.approx(trained, rel=1e-12)
    state, kept = a.state, np.ones((T, B, 1)) if a.keep is None else a.keep
    for t in range(T):
        o, state = model.step(a.p, a.x[t], tuple(s * kept[t] for s in state), Poisoned())
        logp = o - np.log(np.exp(o).sum(axis=1, keepdims=True))
        equal(-logp[np.arange(B), a.y[t]], nats[t])
        np.testing.assert_array_equal(o.argmax(axis=1) == a.y[t], hits[t])
    for whole, part, again in zip(after, scored, state, strict=True):
        equal(part, whole)
        equal(again, whole)


def test_dropout_silences_its_share_and_keeps_the_mean() -> None:
    x = np.ones((50, 40, 30))
    for rate in (0.1, 0.25, 0.5, 0.9):
        (y,), _, backward = Dropout(rate).forward({}, (x,), (), Poisoned(), None, np.random.default_rng(0))
        silent = float((y == 0).mean())
        assert silent == pytest.approx(rate, abs=0.006)
        assert y.mean() == pytest.approx(1, rel=0.03)
        assert len(np.unique(y)) == 2
        (dx,), _ = backward((np.ones_like(x),), (), {})
        np.testing.assert_array_equal(dx, y)  # the same units, the same scale
        first = y[0] == 0
        assert not (first == (y[1] == 0)).all()
        assert not (first[0] == first[1]).all()


def test_locked_dropout_silences_the_same_units_at_every_step_of_a_window_and_others_in_the_next() -> None:
    x, rng = np.ones((5, 200, 150)), np.random.default_rng(0)
    for rate in (0.1, 0.5):
        windows = [Dropout(rate, locked=True).forward({}, (x,), (), Poisoned(), None, rng) for _ in range(2)]
        (first, _, backward), (second, *_) = windows
        assert (first[0] == first[0][:1]).all() and (second[0] == second[0][:1]).all()
        for mask in (first[0][0], second[0][0]):
            assert float((mask == 0).mean()) == pytest.approx(rate, abs=0.01)
            assert mask.mean() == pytest.approx(1, rel=0.02)
        both = float(((first[0][0] == 0) & (second[0][0] == 0)).mean())
        rows = float(((first[0][0, :-1] == 0) & (first[0][0, 1:] == 0)).mean())
        assert both == pytest.approx(rate**2, abs=0.01) and rows == pytest.approx(rate**2, abs=0.01)
        (dx,), _ = backward((np.ones_like(x),), (), {})
        np.testing.assert_array_equal(dx, first[0])


@pytest.mark.parametrize("locked", [False, True])
def test_dropout_without_an_rng_changes_nothing(locked: bool) -> None:
    x = np.random.default_rng(0).normal(size=(T, B, H))
    (y,), _, _ = Dropout(0.5, locked).forward({}, (x,), (), Poisoned())
    np.testing.assert_array_equal(y, x)
    (y,), _, _ = Dropout(0.0, locked).forward({}, (x,), (), Poisoned(), None, np.random.default_rng(0))
    np.testing.assert_array_equal(y, x)


def test_dropout_falls_between_layers_and_never_on_the_recurrence() -> None:
    """With every unit silenced on its way up, the lowest layer's state goes on as ever."""

    class Silence:
        def bytes(self, count: int) -> bytes:
            return bytes(count)

    row = stack(2, dropout=0.4)
    a = replace(case(row, reset=False), rng=Silence)
    (y,), after, _ = a.forward()
    (_,), expected, _ = replace(a, rng=lambda: None).forward()
    assert not y.any()
    equal(after[0], expected[0])
    assert not np.allclose(after[1], expected[1])
