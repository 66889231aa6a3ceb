"""Networks made of named layers: the names, shapes and first values of all their weights."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from ..layers.base import Layer
from ..parameters import Parameters
from ..workspace import DType


class Composite:
    """A network of named layers; the weights of layer `name` are `name/...`."""

    @property
    def parts(self) -> Mapping[str, Layer]:
        """The layers by name."""
        raise NotImplementedError

    @property
    def stacks(self) -> Mapping[str, Any]:
        """The stacks that read symbols in their order, by the names of their weights."""
        raise NotImplementedError

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every array of weights."""
        return {f"{at}/{name}": shape for at, layer in self.parts.items() for name, shape in layer.shapes().items()}

    @property
    def parameters(self) -> int:
        """How many numbers the weights are."""
        return sum(prod(shape) for shape in self.shapes().values())

    def initial(self, rng: np.random.Generator, dtype: DType = np.float32) -> Parameters:
        """Weights to start from; each layer's docstring says how they are drawn."""
        p = Parameters(self.shapes(), dtype)
        for at, layer in self.parts.items():
            for name, value in layer.initial(rng).items():
                p[f"{at}/{name}"] = value
        return p
