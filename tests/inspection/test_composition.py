"""Composed steps: a line stays straight in a linear network, and is what textbook steps make of it in another one."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import charnn
from charnn.config import ModelConfig
from charnn.errors import InputError, UsageError
from charnn.inspection.probes import precise
from charnn.inspection.unfolded.composition import composition
from charnn.nn.model import Model
from charnn.nn.network import Network
from tests.helpers.program import TINY, ok, refused, table

V, H = 5, 6
IDS = np.array([1, 3, 2, 0, 1, 1, 2, 3], np.uint8)


def network(**options: Any) -> Network:
    model = Model(ModelConfig(**{"cell": "elman", "hidden": H, "layers": 1, "dropout": 0.0, **options}), V)
    return precise(Network(model, model.initial(np.random.default_rng(3)), True))


def test_each_step_is_the_networks_and_nothing_is_forgotten() -> None:
    one = network(activation="tanh")
    whole = composition(one, IDS, 6, seed=7)
    x, found = whole.x, whole.projections
    assert [*found] == [1, 2, 4, 6]
    d = np.random.default_rng(7).normal(size=H)
    d *= np.sqrt(H) / np.linalg.norm(d)
    p = one.weights.at("hidden/0")
    assert x[0] == -3 and x[-1] == 3 and d @ d == pytest.approx(H)
    for i in (0, 100, -1):
        h = x[i] * d
        for t, symbol in enumerate(IDS[:6], 1):
            h = np.tanh(p["b"] + h @ p["W"] + p["U"][symbol])
            if t in found:
                assert found[t][i] == pytest.approx(h @ d / np.sqrt(H))


def test_a_linear_network_leaves_the_line_straight_and_tanh_bends_it() -> None:
    straight = composition(network(activation="linear"), IDS, 8, seed=0).projections[8]
    np.testing.assert_allclose(np.diff(straight, 2), 0, atol=1e-12)
    bent = composition(network(activation="tanh", init_scale=3.0), IDS, 8, seed=0).projections[8]
    slopes = np.abs(np.diff(bent))
    assert slopes.max() > 20 * np.median(slopes)


def test_what_composes_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="no recurrent weights"):
        composition(network(cell="jordan"), IDS, 3, 0)
    with pytest.raises(InputError, match="fewer --steps"):
        composition(network(), IDS, 30, 0)


def test_the_command_writes_rows_json_and_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("anna\nbob\ncarla\ndora\n" * 60, "utf-8")
    ok("train", "names.txt", *TINY, "--state", "carry")
    head, *rows = table(ok("inspect", "composition", "--steps", "4", "names.txt"))
    assert head == ["x", "1", "2", "4"] and len(rows) == 241 and rows[0][0] == "-3"
    found = json.loads(ok("inspect", "composition", "--steps", "4", "--json", "names.txt"))
    assert found["steps"]["4"][0] == pytest.approx(float(rows[0][3]), rel=1e-4)
    other = charnn.composition("names", Path("names.txt"), 4, seed=1).projections[4]
    assert not np.allclose(other, found["steps"]["4"])
    ElementTree.fromstring(ok("inspect", "composition", "--steps", "4", "--svg", "names.txt"))
    refused(2, "inspect", "composition", "--svg", "--json")
