"""Layers, one a file: pairs of functions over a window of time."""

from .dense import Dense
from .dropout import Dropout
from .elman import Elman
from .feedback import Feedback, Taught
from .gru import GRU
from .jordan import Jordan
from .layer import Array, Arrays, Backward, Cell, Layer, State, Unit
from .linear import Linear
from .lstm import LSTM
from .stack import Stack
from .trace import Trace
from .transition import Transition, simple_recurrent

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
    "Stack",
    "State",
    "Taught",
    "Trace",
    "Transition",
    "Unit",
    "simple_recurrent",
]
