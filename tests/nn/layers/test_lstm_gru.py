"""LSTM and GRU: their equations, torch's figures, single steps, resuming, golden losses, options that others have.

The laws of every layer are in test_laws.py.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn import api
from charnn.choices import CELLS
from charnn.config import ModelConfig, TrainConfig
from charnn.data.batch import Batch
from charnn.errors import UsageError
from charnn.evaluation import score
from charnn.nn.layers.gru import GRU
from charnn.nn.layers.lstm import LSTM
from charnn.nn.model import Model, PassContext
from charnn.nn.network import Network
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from charnn.sampling.stepper import FastStepper
from charnn.training import memory
from tests.helpers.gated import B, H, T, V, network, states
from tests.helpers.program import invoke
from tests.helpers.snapshots import check_losses, raises
from tests.helpers.stepping import Naive, close, go_on, read, symbols
from tests.helpers.tiles import cut
from tests.helpers.toys import losses, text

GATES = {"lstm": 4, "gru": 3}
SPREAD = {"lstm": 4, "gru": 2}  # of the one-hot rows that a gate starts with
PRECISION = {np.float32: 1e-5, np.float64: 1e-10}

cells = pytest.mark.parametrize("cell", GATES)
resets = pytest.mark.parametrize("reset", [False, True], ids=["carried", "with resets"])
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


# The equations, one unit's gates after the other


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def lstm(p: Any, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
    i, f, o, g = np.split(p["b"] + h @ p["W"] + x @ p["U"], 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(p: Any, x: Any, h: Any) -> tuple[Any]:
    (ar, az, an), (r, z, m) = np.split(p["b"] + x @ p["U"], 3, axis=1), np.split(h @ p["W"], 3, axis=1)
    r, z = sigmoid(ar + r), sigmoid(az + z)
    n = np.tanh(an + r * (m + p["c"]))
    return ((1 - z) * n + z * h,)


EQUATIONS: dict[str, Callable[..., tuple[Any, ...]]] = {"lstm": lstm, "gru": gru}


@resets
@cells
@pytest.mark.parametrize("rows", [1, 4])
def test_the_window_is_the_equations_step_by_step(cell: str, rows: int, reset: bool) -> None:
    rng = np.random.default_rng(0)
    layer: Any = CELLS[cell].load().make((3,), H)
    p = Parameters(layer.shapes(), np.float64)
    for name in p:
        p[name] = rng.normal(size=p[name].shape)
    x, state = rng.normal(size=(T, rows, 3)), tuple(rng.normal(size=(rows, n)) for n in layer.state_sizes)
    keep = (rng.random((T, rows, 1)) > 0.3).astype(float) if reset else np.ones((T, rows, 1))
    (h,), after, _ = layer.forward(p, (x,), state, Workspace(), keep if reset else None)
    for t in range(T):
        state = EQUATIONS[cell](p, x[t], *(s * keep[t] for s in state))
        np.testing.assert_allclose(h[t], state[0], rtol=1e-10)
    for found, expected in zip(after, state, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10)


@cells
def test_gates_saturate_without_overflow(cell: str) -> None:
    model, p = network(cell)
    p["hidden/0/b"] = np.resize([1e4, -1e4, 1e20], p["hidden/0/b"].shape)
    g = p.like()
    x = np.ones((T, B), np.int64)
    nats, _, _, _ = model.gradient(p, g, Batch(x, x), model.zero_state(B), PassContext(Workspace()))
    assert np.isfinite(nats) and np.isfinite(g.flat).all()


# What they start from


@cells
def test_each_gate_starts_orthogonal_and_lets_the_length_of_h_be(cell: str) -> None:
    count = GATES[cell]
    p = Model(ModelConfig(cell, H, 1), V).initial(np.random.default_rng(0), np.float64).at("hidden").at("0")
    gates = np.split(p["W"], count, axis=1)
    for W in gates:
        np.testing.assert_allclose(W @ W.T, np.eye(H), atol=1e-12)
    assert len({W.tobytes() for W in gates}) == count
    assert p["U"].shape == (V, count * H)


@cells
def test_each_gate_reads_symbols_from_rows_of_the_cells_own_range(cell: str) -> None:
    """Uniform in +-SPREAD, in every layer that reads symbols; the rows of what is below start by Glorot's rule."""
    hidden, symbols, spread = 60, 40, SPREAD[cell]
    p = Model(ModelConfig(cell, hidden, 2, None, True, 0.0), symbols).initial(np.random.default_rng(0), np.float64)
    below, *one_hot = np.split(p["hidden/1/U"], [hidden])
    for U in (p["hidden/0/U"], *one_hot):
        for gate in np.split(U, GATES[cell], axis=1):
            assert 0.98 * spread < np.abs(gate).max() <= spread
            assert gate.std() == pytest.approx(spread / np.sqrt(3), rel=0.05)
    limit = np.sqrt(6 / (hidden + symbols + hidden))
    assert 0.98 * limit < np.abs(below).max() <= limit


def test_an_lstm_forgets_nothing_at_first() -> None:
    b = LSTM((3,), H).initial(np.random.default_rng(0))["b"]
    np.testing.assert_array_equal(b.reshape(4, H).T, [[0, 1, 0, 0]] * H)
    assert not any(GRU((3,), H).initial(np.random.default_rng(0))[name].any() for name in "bc")


@cells
def test_the_glorot_range_of_a_gate_does_not_depend_on_the_others(cell: str) -> None:
    U = CELLS[cell].load().make((40, 50), 60).initial(np.random.default_rng(0))["U"]
    assert 0.98 * np.sqrt(6 / 150) < np.abs(U).max() <= np.sqrt(6 / 150)


# torch


def recurrent(model: Model, p: Parameters) -> tuple[Any, Callable[[str, Any], Any]]:
    """torch's module with our weights, and what brings its gradients into our order: (name, tensors) -> array."""
    torch = pytest.importorskip("torch")
    c = model.config
    order = {"lstm": [0, 1, 3, 2], "gru": [0, 1, 2]}[c.cell]  # theirs: i, f, g, o; r, z, n: an involution
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[c.cell]
    rnn = kind(V, H, c.layers).to(torch.from_numpy(p.flat).dtype)

    def exchange(a: Any) -> Any:  # (n, G H): the gates of one side in the order of the other
        return a.reshape(*a.shape[:-1], len(order), H)[..., order, :].reshape(a.shape)

    with torch.no_grad():
        for i in range(c.layers):
            ours = p.at("hidden").at(str(i))
            for name, letter in (("weight_ih", "U"), ("weight_hh", "W"), ("bias_ih", "b")):
                getattr(rnn, f"{name}_l{i}").copy_(torch.from_numpy(exchange(ours[letter]).T.copy()))
            getattr(rnn, f"bias_hh_l{i}").zero_()
            if c.cell == "gru":
                getattr(rnn, f"bias_hh_l{i}")[2 * H :] = torch.from_numpy(ours["c"])

    def gradient(name: str, i: str) -> Any:
        theirs = {"U": "weight_ih", "W": "weight_hh", "b": "bias_ih", "c": "bias_hh"}[name]
        found = getattr(rnn, f"{theirs}_l{i}").grad.numpy().T
        return found[2 * H :] if name == "c" else exchange(found)

    return rnn, gradient


@dtypes
@cells
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("tiled", [False, True], ids=["whole", "in tiles"])
def test_outputs_and_gradients_are_torchs(
    cell: str, layers: int, dtype: Any, tiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    if tiled:
        cut(monkeypatch)
    model, p = network(cell, layers, dtype=dtype)
    rnn, gradient = recurrent(model, p)
    x, y = np.random.default_rng(0).integers(0, V, (2, T, B))
    state, close = states(model, B, dtype), PRECISION[dtype]
    kinds = len(model.hidden.layers[0].state_sizes)  # h, or h and c, of each layer
    start = tuple(torch.from_numpy(np.stack(state[i::kinds])) for i in range(kinds))
    onehot = torch.nn.functional.one_hot(torch.from_numpy(x), V).to(start[0].dtype)
    h, after = rnn(onehot, start if kinds > 1 else start[0])
    V_, c = (torch.from_numpy(p[f"readout/{name}"].copy()).requires_grad_() for name in "Vc")
    o = h @ V_ + c
    loss = torch.nn.functional.cross_entropy(o.reshape(-1, V), torch.from_numpy(y).reshape(-1), reduction="sum")
    loss.backward()

    g = p.like()
    nats, _, last, _ = model.gradient(p, g, Batch(x, y), state, PassContext(Workspace()))
    assert nats == pytest.approx(loss.item(), rel=close)
    for i, theirs in enumerate(after if kinds > 1 else [after]):
        np.testing.assert_allclose(np.stack(last[i::kinds]), theirs.detach().numpy(), rtol=close, atol=close)
    for name, found in g.items():
        if name.startswith("hidden"):
            _, i, letter = name.split("/")
            expected = gradient(letter, i)
        else:
            expected = {"V": V_, "c": c}[name[-1]].grad.numpy()
        np.testing.assert_allclose(found, expected, rtol=close, atol=close * np.abs(expected).max(), err_msg=name)
    first, _ = model.step(p, x[0], state, Workspace())
    np.testing.assert_allclose(first, o[0].detach().numpy(), rtol=close, atol=close)


# Step by step

kinds = pytest.mark.parametrize(("layers", "skip"), [(1, False), (2, False), (3, True)], ids=["1", "2", "3, skip"])


@resets
@cells
@kinds
@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_scores_of_single_steps_are_the_networks(
    cell: str, layers: int, skip: bool, rows: int, temperature: float, reset: bool
) -> None:
    model, p = network(cell, layers, skip)
    steps, naive = FastStepper(Network(model, p, reset), rows, temperature), Naive(model, p, rows, reset)
    for x in symbols(rows):
        expected = naive.read(x)
        close(read(steps, x) + p["readout/c"] / temperature, expected / temperature)


@resets
@cells
@kinds
def test_some_of_the_streams_go_on_as_they_would_have(cell: str, layers: int, skip: bool, reset: bool) -> None:
    model, p = network(cell, layers, skip)
    go_on(lambda: FastStepper(Network(model, p, reset), 5, 0.7))


@cells
@pytest.mark.parametrize("rows", [1, 4])
def test_single_steps_change_no_weights(cell: str, rows: int) -> None:
    model, p = network(cell, 2, True)
    before, steps = p.flat.copy(), FastStepper(Network(model, p, True), rows, 1.0)
    for x in symbols(rows):
        read(steps, x)
    np.testing.assert_array_equal(p.flat, before)


@cells
def test_evaluation_knows_no_windows(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, p = network(cell, 2)
    ids, found = text(300), []
    for window in (7, 64):
        monkeypatch.setattr(score, "SCORING_WINDOW", window)
        found.append(score.evaluate(Network(model, p, True), ids).nats)
    assert found[0] == pytest.approx(found[1], rel=1e-6)


# Training

GOLDEN_RUNS: dict[str, dict[str, Any]] = {
    "lstm": {"cell": "lstm", "rate": 0.03},
    "gru": {"cell": "gru", "rate": 0.03},
    "lstm, deep": {"cell": "lstm", "layers": 2, "skip": True, "dropout": 0.25, "state": "carry"},
    "gru, deep": {"cell": "gru", "layers": 2, "skip": True, "dropout": 0.25, "state": "carry"},
}


@pytest.mark.parametrize("name", GOLDEN_RUNS)
def test_losses_are_what_they_were(name: str) -> None:
    check_losses(losses(activation=None, **GOLDEN_RUNS[name]))


@cells
def test_a_window_allocates_no_more_than_the_workspace_holds(cell: str) -> None:
    model, p = network(cell, 2, True)
    x, y = np.random.default_rng(0).integers(0, V, (2, T, B))
    ws, g, sizes = Workspace(), p.like(), []
    for _ in range(3):
        ws.reset()
        model.gradient(p, g, Batch(x, y), model.zero_state(B), PassContext(ws))
        sizes.append(ws._needed)
    assert sizes[0] == sizes[1] == sizes[2] == ws._arena.size


@pytest.mark.slow
@cells
def test_memory_is_counted_with_the_gates(cell: str) -> None:
    for batch, hidden, layers, skip in ((32, 256, 1, False), (50, 128, 3, True)):
        model = Model(ModelConfig(cell, hidden, layers, None, skip, 0.5), 65)
        config = TrainConfig(batch=batch, workers=1)
        p, ws = model.initial(np.random.default_rng(0)), Workspace()
        x = np.zeros((score.SCORING_WINDOW // batch, batch), np.int64)
        model.gradient(p, p.like(), Batch(x, x), model.zero_state(batch), PassContext(ws, np.random.default_rng(0)))
        assert ws._needed < memory.needed(model, config) - memory.RESERVED_BYTES < 2.5 * ws._needed


# Options


@cells
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_an_activation_has_no_effect_on_gates_and_is_refused(cell: str, activation: str) -> None:
    with raises(UsageError, f"--cell {cell}", "--activation"):
        ModelConfig(cell, activation=activation)
    assert ModelConfig(cell).activation is None


def test_elman_has_relu_unless_told_otherwise() -> None:
    assert ModelConfig("elman").activation == "relu"
    assert ModelConfig("elman", activation="tanh").activation == "tanh"
    with raises(UsageError, "--activation is 'step'"):
        ModelConfig("elman", activation="step")
    with raises(UsageError, "--cell is 'peephole'"):
        ModelConfig("peephole")
    assert ModelConfig(**asdict(ModelConfig("gru"))) == ModelConfig("gru")  # as a checkpoint has it


def test_by_default_there_are_two_layers_of_lstm() -> None:
    model = ModelConfig()
    assert model == ModelConfig("lstm", 256, 2, None, skip=True) and model.describe() == ["skip connections"]
    for option in ({"activation": "tanh"}, {"delay": 1}, {"recurrence": "full"}, {"recurrent_depth": 1}):
        with raises(UsageError, "--cell lstm"):
            ModelConfig(**option)


def test_the_command_line_trains_samples_and_scores_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("anna\nbob\ncarla\ndora\n" * 40, "utf-8")
    shape = ["--hidden", "8", "--layers", "2", "--steps", "6", "--batch", "4", "--window", "10", "--workers", "1"]
    for cell in GATES:
        assert invoke("train", "names.txt", "--cell", cell, *shape).exit_code == 0
        for command in (["sample", "-n", "3"], ["eval"], ["train", "names.txt", "--resume", "--steps", "9"]):
            assert invoke(*command).exit_code == 0, command
        assert api.load().step == 9 and api.load().model.config.cell == cell
    done = invoke("train", "names.txt", "--cell", "gru", "--activation", "relu", *shape)
    assert done.exit_code == 2 and "--activation has no effect on --cell gru" in done.output
