"""Small LSTMs and GRUs whose weights are all other than zero."""

from typing import Any

import numpy as np

from charnn.config import ModelConfig
from charnn.nn.model import Model
from charnn.nn.parameters import Parameters

T, B, H, V = 12, 5, 16, 9


def network(
    cell: str, layers: int = 1, skip: bool = False, dtype: Any = np.float32, **more: Any
) -> tuple[Model, Parameters]:
    """With weights that leave nothing at zero."""
    model, rng = Model(ModelConfig(cell, H, layers, None, skip, 0.0, **more), V), np.random.default_rng(layers)
    p = model.initial(rng, dtype)
    for name in p:
        p[name] = p[name] + 0.2 * rng.normal(size=p[name].shape)
    return model, p


def states(model: Model, rows: int, dtype: Any) -> tuple[Any, ...]:
    rng = np.random.default_rng(4)
    return tuple(rng.normal(size=(rows, n)).astype(dtype) for n in model.state_sizes)
