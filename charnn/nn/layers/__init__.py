"""Layers, one a file: pairs of functions over a window of time. A file is imported when its layer is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .layer import Array, Arrays, Backward, Cell, Layer, State, Unit

if TYPE_CHECKING:
    from .dense import Dense
    from .dropout import Dropout
    from .elman import Elman, simple_recurrent
    from .feedback import Feedback, Taught
    from .gru import GRU
    from .jordan import Jordan
    from .linear import Linear
    from .lstm import LSTM
    from .normed import NormedLSTM, make_lstm
    from .stack import Stack
    from .trace import Trace
    from .transition import Transition

_HOMES = {
    "dense": ("Dense",),
    "dropout": ("Dropout",),
    "elman": ("Elman", "simple_recurrent"),
    "feedback": ("Feedback", "Taught"),
    "gru": ("GRU",),
    "jordan": ("Jordan",),
    "linear": ("Linear",),
    "lstm": ("LSTM",),
    "normed": ("NormedLSTM", "make_lstm"),
    "stack": ("Stack",),
    "trace": ("Trace",),
    "transition": ("Transition",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "GRU",
    "LSTM",
    "Array",
    "Arrays",
    "Backward",
    "Cell",
    "Dense",
    "Dropout",
    "Elman",
    "Feedback",
    "Jordan",
    "Layer",
    "Linear",
    "NormedLSTM",
    "Stack",
    "State",
    "Taught",
    "Trace",
    "Transition",
    "Unit",
    "make_lstm",
    "simple_recurrent",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
