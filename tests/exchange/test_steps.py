"""One step written as a program computes what the network does."""

import numpy as np
import pytest

from charnn.errors import UsageError
from charnn.exchange import header, onnx
from charnn.exchange.program import OPERATIONS
from charnn.exchange.steps import program
from charnn.nn.workspace import Workspace
from tests.exchange.networks import NETWORKS, network


@pytest.mark.parametrize("name", NETWORKS)
def test_steps_from_any_state_are_those_of_the_network(name: str) -> None:
    run, rng = network(name), np.random.default_rng(0)
    made = program(run)
    state = tuple(rng.uniform(0, 0.5, (3, n)).astype(np.float32) for n in run.model.state_sizes)
    theirs = list(state)
    for _ in range(20):
        x = rng.integers(0, run.model.symbols, 3)
        o, after = run.model.step(run.weights, x, state, Workspace(back=False))
        state = tuple(s.copy() for s in after)
        scores, theirs = made.run(x, theirs)
        np.testing.assert_allclose(scores, run.model.ending.joint_scores(o), rtol=1e-5, atol=1e-5)
    for s, t in zip(state, theirs, strict=True):
        np.testing.assert_allclose(t, s, rtol=1e-5, atol=1e-5)


def test_every_language_has_every_operation() -> None:
    used = {operation.name for name in NETWORKS for operation in program(network(name)).operations}
    assert used == set(OPERATIONS)
    assert set(onnx.STEPS) == set(OPERATIONS) == set(header.FUNCTIONS) | {"take", "slice"}


def test_lengths_drawn_first_and_unknown_layers_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="--ending length"):
        program(network("lstm", ending="length"))
