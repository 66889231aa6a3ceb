"""Networks to export: every cell and what stands around it, with weights that are not at their start."""

from typing import Any

import numpy as np

from charnn.config import ModelConfig, TrainConfig
from charnn.data.vocabulary import Vocabulary
from charnn.nn.model import Model
from charnn.runs.run import CorpusInfo, Run

CHARACTERS = " abcdeé'xyz…"
BASELINES = {"uniform": 3.7, "unigram": 3.3, "bigram": 2.6, "ngram": 2.0, "order": 4, "counted": 900}
SHA256 = "0123456789abcdef" * 4
NETWORKS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "lstm, one layer": {"layers": 1},
    "lstm, no skip": {"skip": False},
    "lstm, residual": {"skip": False, "residual": True, "layers": 3},
    "lstm, normalised": {"norm": "layer"},
    "lstm, feedback": {"feedback": "output"},
    "lstm, as wide as the vocabulary": {"hidden": 13},
    "lstm, node": {"ending": "node"},
    "gru": {"cell": "gru"},
    "gru, no skip, node": {"cell": "gru", "skip": False, "ending": "node"},
    "elman, relu": {"cell": "elman"},
    "elman, tanh, no skip": {"cell": "elman", "activation": "tanh", "skip": False},
    "elman, linear": {"cell": "elman", "activation": "linear", "init_scale": 0.5},
    "elman, no biases": {"cell": "elman", "bias": False},
    "elman, sigmoid": {"cell": "elman", "activation": "sigmoid"},
    "elman, plain layers": {"cell": "elman", "activation": "tanh", "feedforward_depth": 2},
    "elman, deep": {"cell": "elman", "activation": "tanh", "recurrent_depth": 2, "delay": 3},
    "elman, deep, delay to the first": {"cell": "elman", "recurrent_depth": 2, "delay": 2, "delay_to": "first"},
    "elman, delay only": {"cell": "elman", "delay": 2, "delay_only": True},
    "elman, diagonal": {"cell": "elman", "recurrence": "diagonal", "residual": True},
    "elman, half taught": {"cell": "elman", "feedback": "output", "teacher_forcing": "0.4"},
    "jordan": {"cell": "jordan", "layers": 1},
    "jordan, no decay": {"cell": "jordan", "decay": 0.0, "layers": 1},
    "conv": {"cell": "conv"},
    "conv, dilated": {"cell": "conv", "width": 3, "dilation": 3},
    "conv, wide, no skip": {"cell": "conv", "skip": False, "width": 7, "activation": "tanh"},
    "transformer": {"cell": "transformer", "lookback": 5},
    "transformer, no skip": {"cell": "transformer", "skip": False, "heads": 2, "lookback": 3, "residual": True},
    "jordan, half taught": {"cell": "jordan", "teacher_forcing": "0.5"},
}
IN_TORCH = [name for name in list(NETWORKS)[:12] if name != "lstm, normalised"]


def network(name: str, sequence: str = "line", **more: Any) -> Run:
    """A run of such a network, of 20 units a layer."""
    vocabulary = Vocabulary(tuple(sorted(map(ord, CHARACTERS))), sequence)
    model = Model(ModelConfig(**{"hidden": 20, "dropout": 0.0, **NETWORKS.get(name, {}), **more}), vocabulary.size)
    rng = np.random.default_rng(len(name))
    weights = model.initial(rng)
    for one in weights:
        weights[one] = weights[one] + 0.05 * rng.normal(size=weights[one].shape)
    origin = CorpusInfo(("folder/a text.txt",), SHA256, 1000, baselines=BASELINES)
    return Run(model, TrainConfig(), vocabulary, origin, weights, step=7, best=1.5)
