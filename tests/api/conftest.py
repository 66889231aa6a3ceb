"""A run that the tests of this folder share."""

from pathlib import Path

import pytest

import charnn

NAMES = Path(__file__).parents[2] / "corpora" / "names.txt"


@pytest.fixture(scope="package")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs: `names`, a small network that was trained for 100 updates."""
    folder = tmp_path_factory.mktemp("runs")
    config = {
        "cell": "elman",
        "activation": "tanh",
        "hidden": 24,
        "layers": 1,
        "dropout": 0.0,
        "batch": 16,
        "window": 16,
        "workers": 1,
    }
    for _ in charnn.train(NAMES, out=folder, steps=100, validate_every=50, rate=0.02, **config):
        pass
    return folder


@pytest.fixture
def run(runs: Path) -> charnn.Run:
    return charnn.load("names", root=runs)
