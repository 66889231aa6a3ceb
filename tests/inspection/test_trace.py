"""Every number of a pass: the equations hold among the numbers, and the gradients are those of the trainer."""

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
from charnn.inspection.unfolded.trace import Trace, trace
from charnn.nn.model import Model, PassContext
from charnn.nn.network import Network
from charnn.nn.workspace import Workspace
from tests.helpers.program import invoke, ok, refused, table

IDS, SYMBOLS = np.array([1, 3, 2, 4], np.uint8), ["\n", *"abcd"]


def network(**options: Any) -> Network:
    config = {"cell": "elman", "activation": "tanh", "hidden": 3, "layers": 2, "dropout": 0.0, **options}
    model = Model(ModelConfig(**config), len(SYMBOLS))
    return precise(Network(model, model.initial(np.random.default_rng(3)), False))


def traced(one: Network) -> Trace:
    return trace(one, IDS, [*"acbd"], SYMBOLS)


def test_the_numbers_obey_the_equations() -> None:
    found = traced(network(skip=False))
    w, v, g, x = found.weights, found.values, found.gradients, np.eye(5)[[0, 1, 3, 2]]
    for layer, below in (("0", x), ("1", v["0/h"])):
        before = np.vstack([np.zeros(3), v[f"{layer}/h"][:-1]])
        a = w[f"{layer}/b"] + before @ w[f"{layer}/W"] + below @ w[f"{layer}/U"]
        np.testing.assert_allclose(v[f"{layer}/a"], a, atol=1e-12)
        np.testing.assert_allclose(v[f"{layer}/h"], np.tanh(a), atol=1e-12)
        np.testing.assert_allclose(g[f"{layer}/da"], g[f"{layer}/dh"] * (1 - np.tanh(a) ** 2), atol=1e-12)
        np.testing.assert_allclose(found.dweights[f"{layer}/W"], before.T @ g[f"{layer}/da"], atol=1e-12)
    np.testing.assert_allclose(v["o"], w["readout/c"] + v["1/h"] @ w["readout/V"], atol=1e-12)
    y = np.exp(v["o"]) / np.exp(v["o"]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(v["y"], y, atol=1e-12)
    np.testing.assert_allclose(v["L"][:, 0], -np.log(y[range(4), IDS]), atol=1e-12)
    np.testing.assert_allclose(g["do"], y - np.eye(5)[IDS], atol=1e-12)
    later = np.vstack([g["1/da"][1:] @ w["1/W"].T, np.zeros(3)])
    np.testing.assert_allclose(g["1/dh"], g["do"] @ w["readout/V"].T + later, atol=1e-12)


@pytest.mark.parametrize("options", [{"skip": True}, {"layers": 1, "activation": "relu"}, {"ending": "node"}])
def test_the_gradients_are_those_that_training_takes(options: dict[str, Any]) -> None:
    one = network(**options)
    found, g = traced(one), one.weights.like()
    batch = one.batch(np.array([[0], [1], [3], [2]], np.uint8), IDS[:, None])
    nats = one.model.gradient(one.weights, g, batch, one.zero_state(1), PassContext(Workspace())).nats
    assert found.values["L"].sum() == pytest.approx(nats)
    for name, a in found.dweights.items():
        np.testing.assert_allclose(a, g[name if name in g else f"hidden/{name}"], atol=1e-12, err_msg=name)
    for t, symbol in enumerate((0, 1, 3, 2)):  # each is read once: its row of U is a step
        np.testing.assert_allclose(found.gradients["0/da"][t], g["hidden/0/U"][symbol - len(SYMBOLS)], atol=1e-12)


@pytest.mark.parametrize(
    "options", [{"cell": "lstm", "activation": None}, {"delay": 2}, {"feedback": "output"}, {"ending": "length"}]
)
def test_networks_of_other_equations_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="plain --cell elman"):
        traced(network(**options))


def test_what_is_too_large_to_read_is_refused() -> None:
    with pytest.raises(UsageError, match="--hidden 16 or less"):
        traced(network(hidden=17))
    with pytest.raises(InputError, match="give 32 or less"):
        trace(network(), np.ones(33, np.uint8), ["a"] * 33, SYMBOLS)


@pytest.mark.parametrize("columns", [33, 40, 48, 49])
def test_rows_of_a_narrow_terminal_are_broken_below_their_symbols(columns: int) -> None:
    found = traced(network())
    told = found.blocks(columns)
    assert max(map(len, told.splitlines())) <= columns and (told == str(found)) == (columns == 49)
    (block,) = [block.splitlines() for block in told.split("\n\n") if block.startswith("step 2")]
    for name, values in (("y", found.values["y"]), ("do", found.gradients["do"]), ("0/da", found.gradients["0/da"])):
        cells = [cell for line in block if line.split()[0] == name for cell in line.split()[1:]]
        assert cells == [f"{value:.4f}" for value in values[1]]
    heads = [line.split()[1:] for line in told.splitlines() if line.startswith(" symbols")]
    assert [symbol for head in heads[: -(-5 // ((columns - 9) // 8))] for symbol in head] == [*"↵abcd"]


def test_the_command_writes_rows_json_pictures_and_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cat.txt").write_text("the cat sat on the mat\n" * 60, "utf-8")
    ok("train", "cat.txt", "--cell", "elman", "--hidden", "3", "--layers", "1", "--steps", "2", "--workers", "1")
    head, *rows = table(ok("inspect", "trace", "cat"))
    assert head == ["step", "array", "unit", "value"] and sorted({row[0] for row in rows} - {""}) == ["1", "2", "3"]
    assert sum(row[1] == "y" and row[0] == "2" for row in rows) == 11 and all(len(row) == 4 for row in rows)
    found = json.loads(ok("inspect", "trace", "cat", "--json"))
    assert found["read"] == ["start", "c", "a"] and found["following"] == ["c", "a", "t"]
    (da,) = [float(row[3]) for row in rows if row[:3] == ["2", "0/da", "1"]]
    assert da == pytest.approx(found["gradients"]["0/da"][1][1], rel=1e-4)
    picture = ElementTree.fromstring(ok("inspect", "trace", "cat", "--svg"))
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert f"{found['values']['0/h'][2][0]:.3f}" in texts and f"L[3] = {found['values']['L'][2][0]:.3f}" in texts
    told = str(charnn.trace("cat", "cat"))
    assert "step 3: reads a, to predict t" in told
    assert told.count("\n       c ") == 1 and "\n       h " not in told
    assert "inspect trace" in invoke("inspect", "--help").output
    assert table(ok("inspect", "trace", "the cat sat on the mat"))[-1][0] == ""
    refused(2, "inspect", "trace", "cat", "--svg", "--json")
    refused(3, "inspect", "trace", "a" * 33)
