"""A free network beside a taught one: they part where what is written is not the text, and meet where it is."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import charnn
from charnn.config import ModelConfig
from charnn.errors import InputError, UsageError
from charnn.inspection.drift import drift
from charnn.nn.model import Model
from charnn.nn.network import Network
from tests.helpers.program import TINY, ok, refused, table

V = 5


def network(reset: bool = False, **options: Any) -> Network:
    model = Model(ModelConfig(**{"cell": "gru", "hidden": 8, "layers": 1, "dropout": 0.0, **options}), V)
    return Network(model, model.initial(np.random.default_rng(0)), reset)


def cycle(successor: np.ndarray) -> Network:
    """A network that is sure of one successor of each symbol: h[t] is x[t], one-hot."""
    model = Model(ModelConfig("elman", V, 1, "linear", skip=False, dropout=0.0), V)
    p = model.initial(np.random.default_rng(0))
    p.flat.fill(0)
    p["hidden/0/U"] = np.eye(V)
    p["readout/V"] = 50.0 * np.eye(V)[successor]
    return Network(model, p, False)


def test_a_network_that_knows_the_text_never_leaves_it() -> None:
    ids = (np.arange(300) % (V - 1) + 1).astype(np.uint8)
    found = drift(cycle(np.array([1, 2, 3, 4, 1])), ids, 20).steps
    assert [one.step for one in found] == list(range(1, 21))
    assert all((one.distance, one.right) == (0, 1) and one.taught == one.free < 1e-9 for one in found)


def test_a_network_that_errs_once_a_turn_is_put_back_by_the_teacher_alone() -> None:
    """The text goes 1 2 3 4 1 ...; the network takes 4 for the successor of 2, and so is ahead of the text after it."""
    ids = (np.arange(300) % (V - 1) + 1).astype(np.uint8)
    found = drift(cycle(np.array([1, 2, 4, 4, 1])), ids, 24).steps
    wrong = 50 / np.log(2)
    taught, free, right = (np.mean([getattr(one, name) for one in found]) for name in ("taught", "free", "right"))
    assert taught == pytest.approx(wrong / 4, rel=0.1) and free > 2 * taught
    assert right < 0.6 and max(one.distance for one in found) > 0.5


@pytest.mark.parametrize("options", [{}, {"cell": "lstm", "layers": 2}, {"ending": "node"}, {"cell": "transformer"}])
@pytest.mark.parametrize("reset", [False, True])
def test_any_network_drifts_from_the_same_state(options: dict[str, Any], reset: bool) -> None:
    ids = np.random.default_rng(1).integers(0, V, 400).astype(np.uint8)
    found = drift(network(reset, **options), ids, 5).steps
    assert all(np.isfinite([one.distance, one.taught, one.free]).all() for one in found)
    assert found[0].distance > 0 and 0 < found[0].right < 1


def test_what_is_too_short_or_announced_is_refused() -> None:
    with pytest.raises(InputError, match="fewer --steps"):
        drift(network(), np.ones(20, np.uint8), 30)
    with pytest.raises(UsageError, match="--ending"):
        drift(network(ending="length"), np.ones(100, np.uint8), 3)


def test_the_command_writes_rows_json_and_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("anna\nbob\ncarla\ndora\n" * 60, "utf-8")
    ok("train", "names.txt", *TINY)
    head, *rows = table(ok("inspect", "drift", "--steps", "4", "names.txt"))
    assert head == ["step", "distance", "taught", "free", "right"] and [row[0] for row in rows] == ["1", "2", "3", "4"]
    found = json.loads(ok("inspect", "drift", "--steps", "4", "--json", "names.txt"))
    assert [f"{one['free']:.4f}" for one in found["steps"]] == [row[3] for row in rows]
    ElementTree.fromstring(ok("inspect", "drift", "--steps", "4", "--svg", "names.txt"))
    assert len(charnn.drift("names", "anna\nbob\n" * 9, 3).steps) == 3
    refused(2, "inspect", "drift", "--svg", "--json")
    refused(3, "inspect", "drift", "--steps", "9", "-", stdin="an\n")
