"""Layers, one a file: pairs of functions over a window of time. A file is imported when its layer is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .base import Array, Arrays, Backward, Cell, Layer, State, StepKernel

if TYPE_CHECKING:
    from .bidirectional import Bidirectional
    from .deep_transition import DeepTransition
    from .dense import Dense
    from .dropout import Dropout
    from .elman import Elman, simple_recurrent
    from .feedback import Feedback, TeacherForced
    from .gru import GRU
    from .jordan import Jordan
    from .layernorm_lstm import LayerNormLSTM, make_lstm
    from .linear import Linear
    from .lstm import LSTM
    from .stack import Stack
    from .trace import Trace

_HOMES = {
    "bidirectional": ("Bidirectional",),
    "dense": ("Dense",),
    "dropout": ("Dropout",),
    "elman": ("Elman", "simple_recurrent"),
    "feedback": ("Feedback", "TeacherForced"),
    "gru": ("GRU",),
    "jordan": ("Jordan",),
    "linear": ("Linear",),
    "lstm": ("LSTM",),
    "layernorm_lstm": ("LayerNormLSTM", "make_lstm"),
    "stack": ("Stack",),
    "trace": ("Trace",),
    "deep_transition": ("DeepTransition",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "GRU",
    "LSTM",
    "Array",
    "Arrays",
    "Backward",
    "Bidirectional",
    "Cell",
    "DeepTransition",
    "Dense",
    "Dropout",
    "Elman",
    "Feedback",
    "Jordan",
    "Layer",
    "LayerNormLSTM",
    "Linear",
    "Stack",
    "State",
    "StepKernel",
    "TeacherForced",
    "Trace",
    "make_lstm",
    "simple_recurrent",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
