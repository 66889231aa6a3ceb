"""Streams of symbols, and networks that learn while they read one."""

from typing import Any

import numpy as np

from charnn.config import ModelConfig
from charnn.evaluation.dynamic import StreamLearner
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.nn.parameters import Parameters

V = 7


def lines(lengths: list[int], seed: int = 0) -> np.ndarray:
    """A stream of sequences with so many symbols before their EOS."""
    rng = np.random.default_rng(seed)
    parts = [np.append(rng.integers(1, V, length), 0) for length in lengths]
    return np.concatenate([np.zeros(0, int), *parts]).astype(np.uint8)


def many(count: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(0, 9, count).tolist()


IDS = lines(many(60))
CONFIG = ModelConfig("elman", 10, 2, "tanh", True, 0.5)
CONFIGS = {
    "elman": CONFIG,
    "lstm": ModelConfig("lstm", 6, 1, None, False, 0.0),
    "jordan": ModelConfig("jordan", 8, 2, "tanh", True, 0.0, decay=0.5),
    "free": ModelConfig("elman", 8, 1, "tanh", True, 0.0, feedback="output", teacher_forcing="0.5"),
    "node": ModelConfig("elman", 10, 1, "tanh", True, 0.0, ending="node"),
    "length": ModelConfig("elman", 10, 1, "tanh", True, 0.0, ending="length"),
}


def network(config: ModelConfig = CONFIG) -> tuple[Model, Parameters]:
    model = Model(config, V)
    return model, model.initial(np.random.default_rng(0), np.float64)


def learner(config: ModelConfig = CONFIG, reset: bool = False, **options: Any) -> StreamLearner:
    return StreamLearner(Network(*network(config), reset), **{"segment": 16, "rate": 0.02, **options})
