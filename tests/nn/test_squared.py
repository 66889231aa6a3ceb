"""Squared error of the softmax: its derivation, and networks that learn by it."""

from pathlib import Path

import numpy as np
import pytest

from charnn.config import ModelConfig, TrainConfig
from charnn.evaluation import score
from charnn.nn.functions import softmax, squared_error
from charnn.nn.heads import SoftmaxHead, SquaredHead
from charnn.training import session
from tests.helpers.toys import corpus, text

N, V = 50, 6


def scores(scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return scale * rng.normal(size=(N, V)), rng.integers(0, V, N)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_the_gradient_is_the_error_times_the_slope_of_the_softmax(scale: float) -> None:
    """delta = f'(o) {-(d - y)}: with f the softmax, f'(o)[v, u] = y_v (1[v = u] - y_u)."""
    o, target = scores(scale)
    y, d = softmax(o), np.eye(V)[target]
    slopes = y[:, :, None] * (np.eye(V) - y[:, None, :])
    found = o.copy()
    np.testing.assert_allclose(squared_error(found, target), np.square(d - y).sum(axis=1) / 2)
    np.testing.assert_allclose(found, np.einsum("nvu,nv->nu", slopes, -(d - y)), atol=1e-14)


def test_both_losses_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    o, target = scores()
    given = torch.from_numpy(o.copy()).requires_grad_()
    wanted = torch.nn.functional.one_hot(torch.from_numpy(target), V)
    loss = (torch.softmax(given, 1) - wanted).square().sum(1) / 2
    loss.sum().backward()
    found = o.copy()
    np.testing.assert_allclose(squared_error(found, target), loss.detach().numpy())
    np.testing.assert_allclose(found, given.grad.numpy(), atol=1e-14)


def test_without_the_softmax_the_derivation_is_that_of_cross_entropy() -> None:
    """The slides leave the softmax out: then 1/2 ||d - y||^2 has the gradient y - d, as the surprisal has with it."""
    o, target = scores()
    y, d, found = softmax(o), np.eye(V)[target], o.copy()
    SoftmaxHead(V).loss(found, target)
    np.testing.assert_allclose(found, y - d)
    eps = 1e-6
    for v in range(V):
        up, down = (np.square(d - y - move * np.eye(V)[v]).sum(axis=1) / 2 for move in (eps, -eps))
        np.testing.assert_allclose((up - down) / (2 * eps), (y - d)[:, v], atol=1e-8)


def test_the_head_tells_nats_and_descends_the_squared_error() -> None:
    o, target = scores()
    found, other = o.copy(), o.copy()
    nats = SquaredHead(V).loss(found, target)
    np.testing.assert_allclose(nats, -np.log(softmax(o)[np.arange(N), target]))
    np.testing.assert_allclose(SquaredHead(V).objective(o.copy(), target), squared_error(other, target))
    np.testing.assert_array_equal(found, other)


def test_a_network_learns_by_it(tmp_path: Path) -> None:
    model = ModelConfig("elman", 16, 1, "tanh", dropout=0.0, loss="squared")
    running = session.begin(corpus(text(3000)), model, TrainConfig(steps=200, workers=1, rate=0.01), tmp_path, "toy")
    list(running)
    run = running.run
    assert "squared error" in run.model.says
    ids = corpus(text(3000)).split(0.1)[1]
    assert score.evaluate(run.network, ids).bits < 2.6 < np.log2(run.model.size)
