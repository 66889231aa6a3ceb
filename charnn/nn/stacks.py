"""Stacks of layers, from the options of a network."""

from collections.abc import Callable
from dataclasses import replace

from ..choices import CELLS
from ..config import ModelConfig
from .layers.base import Layer
from .layers.recurrent import Recurrent
from .layers.stack import Stack

PLAIN = "tanh"  # what plain layers between cells without a choice of activation compute: values as theirs, in +-1
MakeCell = Callable[[ModelConfig, tuple[int, ...], int], Layer]  # from sizes of inputs, of which the last are one-hot


def make_cell(c: ModelConfig, inputs: tuple[int, ...], symbols: int) -> Recurrent:
    """A layer of the cells chosen."""
    recurrent: type[Recurrent] = CELLS[c.cell].load()
    return recurrent.make(inputs, c.hidden, symbols, **c.cell_options)


def make_calm_cell(c: ModelConfig, inputs: tuple[int, ...], symbols: int) -> Recurrent:
    """The same with one-hot rows that start within +-1: what reads a sequence once learns from smaller ones sooner."""
    cell = make_cell(c, inputs, symbols)
    return cell if cell.spread == 1 else replace(cell, spread=1.0)  # type: ignore[type-var]


def make_bidirectional(c: ModelConfig, inputs: tuple[int, ...], symbols: int) -> Layer:
    """Two layers of half of the units each, one of which reads from the end."""
    from .layers.bidirectional import Bidirectional

    half = replace(c, hidden=-(-c.hidden // 2))
    return Bidirectional(make_calm_cell(half, inputs, symbols), make_calm_cell(half, inputs, symbols))


def make_stack(
    c: ModelConfig, inputs: tuple[int, ...], symbols: int, prefix: str = "", cell: MakeCell = make_cell
) -> Stack:
    """The layers of a network that reads arrays of the sizes `inputs`, of which the last are one-hot `symbols`."""
    found: list[Layer] = []
    for i in range((c.layers - 1) * c.feedforward_depth + 1):
        first = i == 0 or c.skip
        below = (*(found[-1].output_sizes if i else ()), *(inputs if first else ()))
        read = symbols if first else 0
        if i % c.feedforward_depth:
            from .layers.dense import Dense  # what few networks have, others do not wait for

            found.append(Dense(below, c.hidden, c.activation or PLAIN, read))
        else:
            found.append(cell(c, below, read).at_depth(i // c.feedforward_depth))
    return Stack(tuple(found), c.skip, c.dropout or 0.0, c.residual, prefix, c.dropout_kind == "locked")
