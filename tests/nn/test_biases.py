"""Networks without biases: the equations of a simple recurrent network as they are, from start to end."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig, TrainConfig
from charnn.data.vocabulary import EOS
from charnn.inspection import gradcheck
from charnn.nn.functions import log_softmax
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.nn.workspace import Workspace
from charnn.training import session
from tests.helpers.toys import corpus, text

V, H = 7, 5
CELLS: dict[str, dict[str, Any]] = {
    "elman": {"cell": "elman", "activation": "tanh"},
    "jordan": {"cell": "jordan", "feedforward_depth": 2},
    "deep transition": {"cell": "elman", "recurrent_depth": 3},
    "gru": {"cell": "gru"},
    "normalised lstm": {"cell": "lstm", "norm": "layer"},
}


def config(name: str, layers: int = 2) -> ModelConfig:
    return ModelConfig(hidden=H, layers=layers, dropout=0.0, bias=False, **CELLS[name])


@pytest.mark.parametrize("name", CELLS)
def test_biases_are_zero_after_training_and_are_not_counted(name: str, tmp_path: Path) -> None:
    running = session.begin(
        corpus(text(700)), config(name), TrainConfig(batch=4, window=7, steps=5, workers=1), tmp_path, "toy"
    )
    list(running)
    run = running.run
    wholly = Model(ModelConfig(hidden=H, layers=2, dropout=0.0, **CELLS[name]), run.model.size)
    fixed = {one for one in run.weights if one.split("/")[-1] in ("b", "b2", "b3", "c", "shift")}
    assert set(run.model.fixed) == fixed and len(fixed) >= 3 and not wholly.fixed
    assert run.model.parameters == wholly.parameters - sum(run.weights[one].size for one in fixed)
    for one, array in run.weights.items():
        assert (not array.any()) == (one in fixed)


def test_without_biases_the_sums_are_those_of_the_products() -> None:
    """h[t] = tanh(h[t-1] W + x[t] U),   y[t] = softmax(h[t] V)"""
    model = Model(config("elman", layers=1), V)
    p = model.initial(np.random.default_rng(1), np.float64)
    U, W, R = (p[name] for name in ("hidden/0/U", "hidden/0/W", "readout/V"))
    x, h, nats = np.array([EOS, 3, 1, 4]), np.zeros(H), []
    for symbol, next in zip(x, [3, 1, 4, EOS], strict=True):
        h = np.tanh(h @ W + U[symbol])
        nats.append(-log_softmax(h @ R)[next])
    found, _, _ = Network(model, p, False).score(
        x[:, None], np.array([[3, 1, 4, EOS]]).T, model.zero_state(1), Workspace()
    )
    assert found[:, 0] == pytest.approx(nats)


@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_all_weights_but_biases_are_right(name: str) -> None:
    model = Model(config(name), V)
    ids = np.random.default_rng(0).integers(0, V, 100).astype(np.uint8)
    network = Network(model, model.initial(np.random.default_rng(2)), False)
    checked = list(gradcheck.check(network, ids, 6, np.random.default_rng(0)))
    assert {one.array for one in checked} == set(network.weights) - set(model.fixed)
    assert all(one.good for one in checked)
