"""Layer normalisation in an LSTM: torch's figures, what it makes no difference to, single steps, memory, the option.

The laws of every layer are in test_laws.py.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn import api
from charnn.config import ModelConfig, TrainConfig
from charnn.data.batch import Batch
from charnn.errors import UsageError
from charnn.evaluation import score
from charnn.io import npz
from charnn.io.header import json_array
from charnn.nn.layers.layernorm_lstm import VARIANCE_EPSILON, LayerNormLSTM
from charnn.nn.layers.lstm import LSTM
from charnn.nn.model import Model, PassContext
from charnn.nn.network import Network
from charnn.nn.workspace import Workspace
from charnn.runs import checkpoint
from charnn.sampling.stepper import FastStepper
from charnn.training import memory
from tests.helpers.arrays import read_arrays
from tests.helpers.gated import B, H, T, V, states
from tests.helpers.gated import network as cells_network
from tests.helpers.program import well
from tests.helpers.snapshots import check_losses, raises
from tests.helpers.stepping import Naive, close, go_on, read, symbols
from tests.helpers.toys import losses

PRECISION = {np.float32: 2e-5, np.float64: 1e-10}


network = partial(cells_network, "lstm", norm="layer")


def loss_by_torch(p: dict[str, Any], x: Any, y: Any, h: list[Any], c: list[Any]) -> Any:
    """The loss of a network of two layers with skip connections, written out; h and c become the state after it."""
    torch = pytest.importorskip("torch")
    onehot, total = torch.eye(V, dtype=h[0].dtype), 0.0
    for t in range(T):
        read = onehot[x[t]]
        for i in range(2):
            w = {name: p[f"hidden/{i}/{name}"] for name in ("b", "W", "U", "gain", "shift")}
            a = w["b"] + h[i] @ w["W"] + (torch.cat([h[i - 1], read], 1) if i else read) @ w["U"]
            a = torch.nn.functional.layer_norm(a, a.shape[1:], w["gain"], w["shift"], VARIANCE_EPSILON)
            i_, f, o, g = a.chunk(4, 1)
            c[i] = torch.sigmoid(f) * c[i] + torch.sigmoid(i_) * torch.tanh(g)
            h[i] = torch.sigmoid(o) * torch.tanh(c[i])
        scores = torch.cat(h, 1) @ p["readout/V"] + p["readout/c"]
        total = total + torch.nn.functional.cross_entropy(scores, y[t], reduction="sum")
    return total


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_loss_gradients_and_state_are_torchs(dtype: Any) -> None:
    torch = pytest.importorskip("torch")
    model, p = network(2, True, dtype)
    x, y = np.random.default_rng(0).integers(0, V, (2, T, B))
    state, near = states(model, B, dtype), PRECISION[dtype]
    theirs = {name: torch.from_numpy(w.copy()).requires_grad_() for name, w in p.items()}
    start = [torch.from_numpy(s.copy()).requires_grad_() for s in state]
    h, c = start[::2], start[1::2]
    loss = loss_by_torch(theirs, torch.from_numpy(x), torch.from_numpy(y), h, c)
    loss.backward()
    g = p.like()
    nats, _, after, before = model.gradient(p, g, Batch(x, y), state, PassContext(Workspace()))
    assert nats == pytest.approx(loss.item(), rel=near)
    for found, expected in zip(after, (h[0], c[0], h[1], c[1]), strict=True):
        np.testing.assert_allclose(found, expected.detach().numpy(), rtol=near, atol=near)
    pairs = [*((g[name], theirs[name], name) for name in p), *zip(before, start, "hchc", strict=True)]
    for found, tensor, name in pairs:
        expected = tensor.grad.numpy()
        np.testing.assert_allclose(found, expected, rtol=near, atol=near * np.abs(expected).max(), err_msg=name)


def test_the_scale_of_what_is_normalised_makes_no_difference() -> None:
    """a times 3 with eps times 9 would be the same exactly; eps alone is the difference. Nor does a + 1 make one."""
    model, p = network(2, True, np.float64)
    x, y = np.random.default_rng(0).integers(0, V, (2, T, B))
    ws, state = Workspace(), states(model, B, np.float64)
    plain, *_ = model.score(p, Batch(x, y), state, ws)
    for layer in "01":
        for name in "WUb":
            p[f"hidden/{layer}/{name}"] = 3 * p[f"hidden/{layer}/{name}"]
        p[f"hidden/{layer}/b"] = p[f"hidden/{layer}/b"] + 1
    np.testing.assert_allclose(model.score(p, Batch(x, y), state, ws)[0], plain, rtol=1e-3)
    p["hidden/1/gain"] = 3 * p["hidden/1/gain"]
    assert np.abs(model.score(p, Batch(x, y), state, ws)[0] - plain).max() > 0.1


def test_it_starts_with_gates_that_forget_nothing() -> None:
    layer = LayerNormLSTM((3,), H)
    p, plain = layer.initial(np.random.default_rng(0)), LSTM((3,), H).initial(np.random.default_rng(0))
    np.testing.assert_array_equal(p["shift"].reshape(4, H).T, [[0, 1, 0, 0]] * H)
    assert (p["gain"] == 1).all() and (p["b"] == 0).all()
    assert all(np.array_equal(p[name], plain[name]) for name in "WU")
    U = LayerNormLSTM((V,), H, V).initial(np.random.default_rng(0))["U"]
    assert 0.9 < np.abs(U).max() <= 1


@pytest.mark.parametrize("reset", [False, True], ids=["carried", "with resets"])
@pytest.mark.parametrize(("layers", "skip"), [(1, False), (2, False), (3, True)], ids=["1", "2", "3, skip"])
def test_single_steps_are_the_networks(layers: int, skip: bool, reset: bool) -> None:
    model, p = network(layers, skip)
    for rows in (1, 5):
        steps, naive = FastStepper(Network(model, p, reset), rows, 0.7), Naive(model, p, rows, reset)
        for x in symbols(rows):
            expected = naive.read(x)
            close(read(steps, x) + p["readout/c"] / 0.7, expected / 0.7)
    go_on(lambda: FastStepper(Network(model, p, reset), 5, 0.7))


@pytest.mark.slow
def test_memory_is_counted_with_what_is_normalised() -> None:
    found = []
    for norm in ("none", "layer"):
        for layers in (1, 3):
            model = Model(ModelConfig("lstm", 128, layers, None, True, 0.5, norm=norm), 65)
            p, ws = model.initial(np.random.default_rng(0)), Workspace()
            x = np.zeros((score.SCORING_WINDOW // 32, 32), np.int64)
            model.gradient(p, p.like(), Batch(x, x), model.zero_state(32), PassContext(ws, np.random.default_rng(0)))
            found.append(memory.needed(model, TrainConfig(batch=32, workers=1)) - memory.RESERVED_BYTES)
            assert ws._needed < found[-1] < 3 * ws._needed
    assert found[2] > found[0] and found[3] > found[1]


def test_losses_are_what_they_were() -> None:
    check_losses(losses(activation=None, cell="lstm", norm="layer", layers=2, skip=True, dropout=0.25, state="carry"))


def test_other_cells_refuse_it() -> None:
    for cell in ("elman", "gru", "jordan"):
        with raises(UsageError, f"--cell {cell}", "--norm"):
            ModelConfig(cell, norm="layer")
    assert ModelConfig("lstm").norm == "none" and ModelConfig("gru").norm is None


def test_a_network_is_trained_saved_resumed_and_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("anna\nbob\ncarla\ndora\n" * 40, "utf-8")
    shape = ["--hidden", "8", "--layers", "2", "--steps", "6", "--batch", "4", "--window", "10", "--workers", "1"]
    assert "layer normalisation" in well("train", "names.txt", "--cell", "lstm", "--norm", "layer", *shape).output
    for command in (["sample", "-n", "3"], ["eval"], ["train", "names.txt", "--resume", "--steps", "9"]):
        well(*command)
    assert api.load().step == 9 and api.load().model.config.norm == "layer"


def test_models_of_before_have_none(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("anna\nbob\ncarla\ndora\n" * 40, "utf-8")
    options: dict[str, Any] = {"hidden": 4, "layers": 1, "steps": 1, "batch": 4, "window": 10, "workers": 1}
    for cell in ("lstm", "elman"):
        run = api.train(tmp_path / "names.txt", out=None, cell=cell, **options).run
        checkpoint.save(tmp_path / "model.npz", run)
        arrays = read_arrays(tmp_path / "model.npz")
        header = json.loads(arrays.pop("header").tobytes())
        del header["model"]["norm"], header["digest"]
        header["digest"] = checkpoint.digest(header, arrays)
        npz.write(tmp_path / "model.npz", {"header": json_array(header), **arrays})
        assert checkpoint.load(tmp_path / "model.npz").model == run.model
