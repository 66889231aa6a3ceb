"""The gradient of W path by path: all paths together are the gradient, and in a linear network each is known."""

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
from charnn.inspection.unfolded.paths import paths
from charnn.nn.model import Model, PassContext
from charnn.nn.network import Network
from charnn.nn.workspace import Workspace
from tests.helpers.program import TINY, ok, table

V, H, T = 5, 1, 7
IDS = np.array([1, 3, 2, 4, 1, 1, 2, 3], np.uint8)


def network(**options: Any) -> Network:
    model = Model(ModelConfig(**{"cell": "elman", "hidden": H, "layers": 1, "dropout": 0.0, **options}), V)
    return Network(model, model.initial(np.random.default_rng(3)), False)


@pytest.mark.parametrize("options", [{"activation": "tanh"}, {"activation": "linear"}, {"cell": "gru"}])
def test_the_terms_of_one_weight_sum_to_the_gradient_of_each_loss(options: dict[str, Any]) -> None:
    """With one unit a term is a number: its sign apart, the sum over k is dL[j]/dW."""
    one = precise(network(**options))
    found = paths(one, IDS, [*"abcdefgh"], T).norms["0/W"]
    x = np.append(0, IDS)[:T, None]
    for j in range(T):
        g, counted = one.weights.like(), np.zeros((j + 1, 1), bool)
        counted[j] = True
        batch = one.batch(x[: j + 1], IDS[: j + 1, None])._replace(counted=counted)
        one.model.gradient(one.weights, g, batch, one.zero_state(1), PassContext(Workspace()))
        whole = np.linalg.norm(g["hidden/0/W"])
        assert whole <= found[j].sum() + 1e-12 and not found[j, j + 1 :].any()
        if options["activation" if "activation" in options else "cell"] == "linear":
            assert found[j, 0] == 0  # h[0] = 0 is multiplied with W at the first step


def test_in_a_linear_network_a_path_is_a_power_of_w() -> None:
    one = precise(network(activation="linear", skip=False))
    one.weights["hidden/0/W"] = np.array([[0.5]])
    found = paths(one, IDS, [*"abcdefgh"], T).norms["0/W"]
    h, states = 0.0, [0.0]
    for symbol in np.append(0, IDS)[:T]:
        h = 0.5 * h + one.weights["hidden/0/U"][symbol, 0]
        states.append(h)
    for j in range(1, T):
        last = found[j, j] / abs(states[j])  # |dL[j]/dh[j]|
        wanted = [last * 0.5 ** (j - k) * abs(states[k]) for k in range(j + 1)]
        assert found[j, : j + 1] == pytest.approx(wanted)


@pytest.mark.parametrize(("cell", "hidden"), [("jordan", H), ("conv", H), ("transformer", 4)])
def test_what_has_no_recurrent_weights_is_refused(cell: str, hidden: int) -> None:
    with pytest.raises(UsageError, match="through recurrent weights W, which this model does not have: give"):
        paths(network(cell=cell, hidden=hidden, layers=2), IDS, [*"abcdefgh"], 3)


def test_a_text_that_is_too_short_is_refused() -> None:
    with pytest.raises(InputError, match="fewer --steps"):
        paths(network(), IDS, [*"abcdefgh"], 30)


def test_the_command_writes_rows_json_and_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("anna\nbob\ncarla\ndora\n" * 60, "utf-8")
    ok("train", "names.txt", *TINY, "--state", "carry")
    head, *rows = table(ok("inspect", "paths", "--steps", "4", "names.txt"))
    arrays = {row[0] for row in rows}
    assert head == ["array", "j", "k", "norm"] and len(rows) == len(arrays) * 4 * 5 // 2
    found = json.loads(ok("inspect", "paths", "--steps", "4", "--json", "names.txt"))
    assert found["characters"] == ["start", "a", "n", "n"] and found["norms"].keys() == arrays
    picture = ElementTree.fromstring(ok("inspect", "paths", "--steps", "4", "--svg", "names.txt"))
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[2:6] == ["⊢", "a", "n", "n"]
    most = max(max(map(max, norms)) for norms in found["norms"].values())
    assert texts[-3:] == ["0", f"{most / 2:.3g}", f"{most:.3g}"]
    assert charnn.paths("names", "anna\nbob\n", 3).norms.keys() == arrays
