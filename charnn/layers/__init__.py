"""Layers, one a file: pairs of functions over a window of time."""

from .dropout import Dropout
from .elman import Elman
from .layer import Array, Arrays, Backward, Layer, State
from .linear import Linear
from .stack import Stack

__all__ = ["Array", "Arrays", "Backward", "Dropout", "Elman", "Layer", "Linear", "Stack", "State"]
