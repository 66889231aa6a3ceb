"""Each cell in torch, in three ways: torch.nn's module, a step that torch differentiates, and a step in place.

A cell is a row of `CELLS`. Letters as in charnn's layers; a state is a tuple, its first array h.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .work import Work

torch: Any = import_module("torch")
F: Any = torch.nn.functional

State = tuple[Any, ...]
StepKernel = tuple[Any, Callable[[Any], None]]
ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


def elman(work: Work, W: Any, c: Any) -> Callable[..., State]:
    """The state at t from a[t] = b + x[t] U and the state at t-1."""
    f = ACTIVATIONS[work.activation]
    return lambda a, h: (f(torch.addmm(a, h, W)),)


def lstm(work: Work, W: Any, c: Any) -> Callable[..., State]:
    """As `elman`: i, f and o, side by side, take one sigmoid."""
    H = work.hidden

    def step(a: Any, h: Any, c: Any) -> State:
        gates, g = torch.addmm(a, h, W).split([3 * H, H], 1)
        i, f, o = torch.sigmoid(gates).chunk(3, 1)
        c = torch.addcmul(f * c, i, torch.tanh(g))
        return o * torch.tanh(c), c

    return step


def gru(work: Work, W: Any, c: Any) -> Callable[..., State]:
    """As `elman`: one product, to which c is added in the columns of n."""
    H, c = work.hidden, F.pad(c, (2 * work.hidden, 0))

    def step(a: Any, h: Any) -> State:
        again, m = torch.addmm(c, h, W).split([2 * H, H], 1)
        a, x = a.split([2 * H, H], 1)
        r, z = torch.sigmoid(a + again).chunk(2, 1)
        n = torch.tanh(torch.addcmul(x, r, m))
        return (torch.addcmul(n, z, h - n),)

    return step


def elman_unit(work: Work, rows: tuple[int, ...], again: Any, b: Any, c: Any) -> StepKernel:
    """h (rows, H), and what sets it from x[t] U; `again` is h[t-1] W, and b is None where x[t] U holds it."""
    h, f, add = torch.zeros(*rows, work.hidden), getattr(torch, f"{work.activation}_"), torch.add

    def step(below: Any) -> None:
        add(again, below, out=h)
        if b is not None:
            h.add_(b)
        f(h)

    return h, step


def lstm_unit(work: Work, rows: tuple[int, ...], again: Any, b: Any, c: Any) -> StepKernel:
    """As `elman_unit`."""
    H, add, tanh = work.hidden, torch.add, torch.tanh
    h, c, a = (torch.zeros(*rows, width) for width in (H, H, 4 * H))
    gates, (i, f, o, g) = a[..., : 3 * H], a.split(H, -1)

    def step(below: Any) -> None:
        add(again, below, out=a)
        if b is not None:
            a.add_(b)
        gates.sigmoid_()
        g.tanh_()
        c.mul_(f).addcmul_(i, g)
        tanh(c, out=h)
        h.mul_(o)

    return h, step


def gru_unit(work: Work, rows: tuple[int, ...], again: Any, b: Any, c: Any) -> StepKernel:
    """As `elman_unit`, with the columns of n apart from those of r and z in all that it is given."""
    H, add, addcmul, lerp = work.hidden, torch.add, torch.addcmul, torch.lerp
    h, m, n, a = (torch.zeros(*rows, width) for width in (H, H, H, 2 * H))
    r, z = a.split(H, -1)
    again_rz, again_n = again

    def step(below: Any) -> None:
        below_rz, below_n = below
        add(again_rz, below_rz, out=a)
        if b is not None:
            a.add_(b[0])
        a.sigmoid_()
        add(again_n, c, out=m)
        addcmul(below_n, r, m, out=n)
        if b is not None:
            n.add_(b[1])
        n.tanh_()
        lerp(n, h, z, out=h)

    return h, step


@dataclass(frozen=True)
class Cell:
    """A cell: torch.nn's module of some sizes, where our gates are in its arrays, and the two steps written out."""

    module: Callable[..., Any]
    step: Callable[[Work, Any, Any], Callable[..., State]]
    unit: Callable[[Work, tuple[int, ...], Any, Any, Any], StepKernel]
    gates: tuple[int, ...]
    second: tuple[int, ...] = ()  # gates whose second bias is our c; the others' stays 0
    parts: Callable[[int, Any], Any] = lambda H, a: a  # a (., gates H), as the unit takes it


CELLS = {
    "elman": Cell(lambda work, *sizes: torch.nn.RNN(*sizes, nonlinearity=work.activation), elman, elman_unit, (0,)),
    "lstm": Cell(lambda work, *sizes: torch.nn.LSTM(*sizes), lstm, lstm_unit, (0, 1, 3, 2)),  # theirs are i, f, g, o
    "gru": Cell(
        lambda work, *sizes: torch.nn.GRU(*sizes),
        gru,
        gru_unit,
        (0, 1, 2),
        second=(2,),
        parts=lambda H, a: (a[..., : 2 * H], a[..., 2 * H :]),
    ),
}
