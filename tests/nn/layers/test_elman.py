"""Depths and recurrences beside Elman's: the equations and their gradients by torch, delays, resuming, refusals.

The laws of every layer are in test_laws.py.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn import api
from charnn.config import ModelConfig, TrainConfig
from charnn.data.batch import Batch
from charnn.errors import UsageError
from charnn.evaluation import score
from charnn.inspection.probes import radius, spectra
from charnn.nn.layers.deep_transition import DeepTransition
from charnn.nn.layers.elman import Elman
from charnn.nn.model import Model, PassContext
from charnn.nn.network import Network
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from charnn.sampling.stepper import FastStepper, WindowStepper, make_stepper
from charnn.training import memory
from tests.helpers.program import refused, well
from tests.helpers.snapshots import check_losses, raises
from tests.helpers.stepping import Naive, close, read, symbols
from tests.helpers.toys import losses, text

T, B, H, V = 12, 5, 16, 9
PRECISION = {np.float32: 1e-5, np.float64: 1e-10}

KINDS: dict[str, dict[str, Any]] = {
    "diagonal": {"recurrence": "diagonal", "activation": "relu"},
    "delay": {"delay": 3},
    "recurrent depth": {"recurrent_depth": 3},
    "delay only": {"delay": 3, "delay_only": True},
    "all of them": {"recurrence": "diagonal", "delay": 2, "recurrent_depth": 2, "layers": 2, "skip": True},
    "residual": {"layers": 3, "residual": True},
    "feedforward depth": {"layers": 2, "feedforward_depth": 3, "residual": True, "skip": True},
    "gates": {"cell": "gru", "layers": 2, "feedforward_depth": 2, "residual": True, "activation": None},
}
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
resets = pytest.mark.parametrize("reset", [False, True], ids=["carried", "with resets"])


def config(kind: dict[str, Any], **more: Any) -> ModelConfig:
    shape = {"cell": "elman", "hidden": H, "layers": 1, "activation": "tanh", "skip": False, "dropout": 0.0}
    return ModelConfig(**{**shape, **kind, **more})


def network(kind: dict[str, Any], dtype: Any = np.float32) -> tuple[Model, Parameters]:
    """With weights that leave nothing at zero."""
    model, rng = Model(config(kind), V), np.random.default_rng(3)
    p = model.initial(rng, dtype)
    for name in p:
        p[name] = p[name] + 0.1 * rng.normal(size=p[name].shape)
    return model, p


# The equations, by torch's own gradients


def transition(layer: DeepTransition, p: Any, x: Any, state: Any, keep: Any) -> tuple[list[Any], list[Any]]:
    """h and the state after, of a `DeepTransition` whose weights p are tensors; x (T, B, I)."""
    import torch

    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "linear": lambda a: a}[layer.activation]
    times = torch.mul if layer.recurrence == "diagonal" else torch.matmul
    past, hs = list(state), []
    for t in range(len(x)):
        past = [keep[t] * h for h in past]
        a = p["b"] + x[t] @ p["U"]
        if not layer.delay_only:
            a = a + times(past[0], p["W"])
        for k in range(1, layer.recurrent_depth + 1):
            if layer.delay > 1 and k == (layer.recurrent_depth if layer.delay_to == "last" else 1):
                a = a + times(past[layer.delay - 1], p["D"])
            h = f(a)
            if k < layer.recurrent_depth:
                a = p[f"b{k + 1}"] + h @ p[f"W{k + 1}"]
        past = [h, *past[:-1]]
        hs.append(h)
    return hs, past


@resets
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize(
    ("recurrence", "delay", "depth", "activation", "delay_to"),
    [
        ("diagonal", 1, 1, "relu", "last"),
        ("full", 2, 1, "tanh", "last"),
        ("full", 5, 1, "relu", "last"),
        ("full", T + 3, 1, "tanh", "last"),
        ("full", 1, 2, "tanh", "last"),
        ("full", 1, 3, "sigmoid", "last"),
        ("diagonal", 3, 2, "tanh", "last"),
        ("diagonal", 3, 2, "tanh", "first"),
        ("full", 2, 3, "linear", "first"),
        ("full", 2, 3, "tanh", "last"),
        ("full", 3, 1, "tanh", "only"),
        ("diagonal", T + 1, 1, "sigmoid", "only"),
    ],
)
def test_outputs_and_gradients_are_torchs(
    recurrence: str, delay: int, depth: int, activation: str, delay_to: str, dtype: Any, reset: bool
) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(delay)
    way = {"delay_only": True} if delay_to == "only" else {"delay_to": delay_to}
    layer = DeepTransition((3,), H, activation, 0, recurrence, delay, depth, **way)  # type: ignore[arg-type]
    p = Parameters(layer.shapes(), dtype)
    for name, value in layer.initial(rng).items():
        p[name] = value + 0.1 * rng.normal(size=value.shape)
    x, dy = rng.normal(size=(T, B, 3)).astype(dtype), rng.normal(size=(T, B, H)).astype(dtype)
    state, dstate = (tuple(rng.normal(size=(delay, B, H)).astype(dtype)) for _ in range(2))
    keep = (rng.random((T, B, 1)) > 0.15).astype(dtype) if reset else np.ones((T, B, 1), dtype)

    theirs = {name: torch.from_numpy(value.copy()).requires_grad_() for name, value in p.items()}
    start = [torch.from_numpy(s.copy()).requires_grad_() for s in state]
    given = torch.from_numpy(x.copy()).requires_grad_()
    h, after = transition(layer, theirs, given, start, torch.from_numpy(keep))
    down = [*dy, *dstate]
    sum((a * torch.from_numpy(d)).sum() for a, d in zip([*h, *after], down, strict=True)).backward()

    (y,), ours, backward = layer.forward(p, (x,), state, Workspace(), keep if reset else None)
    for found, expected in zip([*y, *ours], [*h, *after], strict=True):
        np.testing.assert_allclose(found, expected.detach().numpy(), rtol=PRECISION[dtype], atol=PRECISION[dtype])
    g = p.like()
    (dx,), before = backward((dy.copy(),), dstate, g)
    pairs = [("x", dx, given), *((name, g[name], theirs[name]) for name in p)]
    pairs += [(f"state {k}", d, s) for k, (d, s) in enumerate(zip(before, start, strict=True))]
    for name, found, tensor in pairs:
        expected, precision = tensor.grad.numpy(), PRECISION[dtype]
        size = max(1e-3, np.abs(expected).max())
        np.testing.assert_allclose(found, expected, rtol=precision, atol=3 * precision * size, err_msg=name)


def test_a_network_of_plain_layers_and_residual_connections_is_its_equation() -> None:
    model, p = network({"layers": 2, "feedforward_depth": 2, "residual": True, "skip": True}, np.float64)
    w, x = p.at("hidden"), np.random.default_rng(0).integers(0, V, T)
    h1, h3 = np.zeros((2, H))
    state = model.zero_state(1, np.float64)
    for t in range(T):
        h1 = np.tanh(w["0/b"] + w["0/U"][x[t]] + h1 @ w["0/W"])
        y2 = np.tanh(w["1/b"] + h1 @ w["1/U"][:H] + w["1/U"][H + x[t]]) + h1
        h3 = np.tanh(w["2/b"] + y2 @ w["2/U"][:H] + w["2/U"][H + x[t]] + h3 @ w["2/W"])
        o = p["readout/c"] + np.concatenate([h1, y2, h3 + y2]) @ p["readout/V"]
        found, state = model.step(p, x[t : t + 1], state, Workspace())
        np.testing.assert_allclose(found[0], o, rtol=1e-10)


# What a delay is for


def reach(delay: int, w: float, lag: int) -> float:
    """The gradient of the last h of a linear range with respect to h that many steps before, by W = 0, D = w."""
    layer = DeepTransition((1,), 1, "relu", 0, "diagonal", delay)
    p = Parameters(layer.shapes(), np.float64)
    p["b"], p["W"] = [1.0], [0.0 if delay > 1 else w]
    if delay > 1:
        p["D"] = [w]
    state = tuple(np.ones((1, 1)) for _ in range(delay))
    x = np.zeros((lag, 1, 1))
    (h,), _, backward = layer.forward(p, (x,), state, Workspace())
    dy = np.zeros_like(h)
    dy[-1] = 1
    _, before = backward((dy,), tuple(np.zeros((1, 1)) for _ in range(delay)), p.like())
    return float(before[0][0, 0])


@pytest.mark.parametrize("delay", [2, 3, 6])
def test_over_a_delay_the_gradient_vanishes_as_a_power_of_the_lag_over_the_delay(delay: int) -> None:
    for lag in (6, 12, 24):
        assert reach(1, 0.5, lag) == pytest.approx(0.5**lag)
        assert reach(delay, 0.5, lag) == pytest.approx(0.5 ** (lag / delay))


# What they start from


def test_plain_elman_stays_what_it_was() -> None:
    assert type(Model(config({}), V).hidden.layers[0]) is Elman
    for kind in ({"recurrence": "diagonal"}, {"delay": 2}, {"recurrent_depth": 2}):
        assert type(Model(config(kind), V).hidden.layers[0]) is DeepTransition
    plain = DeepTransition((3,), H, "tanh")
    rng = np.random.default_rng(0)
    p = plain.initial(rng)
    x, state = rng.normal(size=(T, B, 3)), (rng.normal(size=(B, H)),)
    found, expected = (layer.forward(p, (x,), state, Workspace()) for layer in (plain, Elman((3,), H, "tanh")))
    np.testing.assert_allclose(found[0][0], expected[0][0], rtol=1e-12)


def test_matrices_start_orthogonal_and_diagonals_within_0_and_1() -> None:
    p = DeepTransition((3,), H, recurrent_depth=3).initial(np.random.default_rng(0))
    for name in ("W", "W2", "W3"):
        np.testing.assert_allclose(p[name] @ p[name].T, np.eye(H), atol=1e-12)
    w = DeepTransition((3,), 500, recurrence="diagonal").initial(np.random.default_rng(0))["W"]
    assert 0 <= w.min() < 0.02 and 0.98 < w.max() <= 1 and w.mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("recurrence", ["full", "diagonal"])
def test_w_and_d_together_lengthen_no_h_at_first(recurrence: str) -> None:
    p = DeepTransition((3,), H, "relu", 0, recurrence, 2).initial(np.random.default_rng(0))
    W, D = ((np.diag(a) if a.ndim == 1 else a) for a in (p["W"], p["D"]))
    assert 0.9 < np.linalg.norm(W, 2) + np.linalg.norm(D, 2) <= 1 + 1e-12


@pytest.mark.parametrize("layers", [1, 4])
def test_units_that_sum_up_their_inputs_for_long_start_with_small_ones(layers: int) -> None:
    """With relu and diagonal recurrences a state that is carried on for long stays as large as at its beginning."""
    kind = {"recurrence": "diagonal", "layers": layers, "residual": layers > 1}
    model = Model(config({**kind, "hidden": 256, "activation": "relu"}), V)
    p, x = model.initial(np.random.default_rng(0)), np.random.default_rng(1).integers(0, V, (3000, 2))
    nats, _, _ = model.score(p, Batch(x, x), model.zero_state(2), Workspace())
    assert nats[-1000:].mean() < 1.1 * nats[:1000].mean() < 3 * np.log(V)


# Step by step, memory


@resets
@kinds
@pytest.mark.parametrize("rows", [1, 4])
def test_sampling_is_what_the_network_does_in_a_window(kind: dict[str, Any], rows: int, reset: bool) -> None:
    model, p = network(kind)
    found, naive = make_stepper(Network(model, p, reset), rows, 0.7), Naive(model, p, rows, reset)
    assert isinstance(found, WindowStepper)
    left = np.arange(rows)
    for t, x in enumerate(symbols(rows)):
        expected = naive.read(x)[left] / np.float32(0.7)
        if t == 9 and rows > 1:
            left = np.array([2, 0])
            found, expected = found.select(left), expected[left]
        close(read(found, x[left]) + p["readout/c"] / np.float32(0.7), expected)


def test_a_plain_stack_still_goes_step_by_step() -> None:
    model, p = network({"layers": 3, "skip": True})
    assert isinstance(make_stepper(Network(model, p, True), 1, 1.0), FastStepper)


@kinds
def test_evaluation_knows_no_windows(kind: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model, p = network(kind)
    ids, found = text(300), []
    for window in (7, 64):
        monkeypatch.setattr(score, "SCORING_WINDOW", window)
        found.append(score.evaluate(Network(model, p, True), ids).nats)
    assert found[0] == pytest.approx(found[1], rel=1e-6)


@kinds
def test_a_window_allocates_no_more_than_the_workspace_holds_and_memory_is_counted(kind: dict[str, Any]) -> None:
    model = Model(config(kind, hidden=128, dropout=0.5), 65)
    p, ws = model.initial(np.random.default_rng(0)), Workspace()
    x = np.zeros((score.SCORING_WINDOW // 32, 32), np.int64)
    sizes = []
    for _ in range(3):
        ws.reset()
        model.gradient(p, p.like(), Batch(x, x), model.zero_state(32), PassContext(ws, np.random.default_rng(0)))
        sizes.append(ws._needed)
    assert sizes[0] == sizes[1] == sizes[2] == ws._arena.size
    assert sizes[0] < memory.needed(model, TrainConfig(batch=32, workers=1)) - memory.RESERVED_BYTES < 3 * sizes[0]


# Training


@pytest.mark.parametrize("name", KINDS)
def test_losses_are_what_they_were(name: str) -> None:
    check_losses(losses(rate=0.02, **KINDS[name]))


# Options

REFUSED = [
    ["--cell", "lstm", "--recurrence", "diagonal"],
    ["--cell", "gru", "--delay", "2"],
    ["--cell", "gru", "--recurrent-depth", "2"],
    ["--layers", "1", "--residual"],
    ["--layers", "1", "--feedforward-depth", "2"],
    ["--delay", "0"],
]


@pytest.mark.parametrize("options", REFUSED, ids=" ".join)
def test_what_has_no_effect_is_refused(options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("anna\nbob\n" * 40, "utf-8")
    named = [option for option in options if option.startswith("--")][-1]
    assert named in refused(2, "train", "names.txt", *options)
    assert list(tmp_path.iterdir()) == [tmp_path / "names.txt"]


@kinds
def test_a_configuration_comes_back_from_json(kind: dict[str, Any]) -> None:
    assert ModelConfig(**asdict(config(kind))) == config(kind)


def test_a_configuration_from_before_there_were_depths_is_a_plain_one() -> None:
    old = {"cell": "elman", "hidden": 8, "layers": 2, "activation": "relu", "skip": True, "dropout": 0.1}
    made = ModelConfig(**old)
    assert (made.recurrence, made.delay, made.recurrent_depth, made.feedforward_depth) == ("full", 1, 1, 1)
    assert made.dropout_kind == "standard" and not made.residual and made.describe() == ["skip connections"]
    with raises(UsageError, "--recurrence is 'sparse'"):
        ModelConfig("elman", recurrence="sparse")


@kinds
def test_the_command_line_trains_samples_scores_and_resumes_them(
    kind: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("anna\nbob\ncarla\ndora\n" * 40, "utf-8")
    sizes = ["--hidden", "8", "--steps", "6", "--batch", "4", "--window", "10", "--workers", "1"]
    flags = [
        ("--" if value else "--no-") + name.replace("_", "-") for name, value in kind.items() if isinstance(value, bool)
    ]
    values = {"cell": "elman", "layers": 1, **kind}
    named = [(f"--{name.replace('_', '-')}", str(v)) for name, v in values.items() if v and not isinstance(v, bool)]
    said = well("train", "names.txt", *sizes, *flags, *(part for pair in named for part in pair)).output
    assert all(words in " ".join(said.split()) for words in config(kind).describe())
    well("sample", "-n", "3")
    well("eval")
    assert "spectral radius" in well("info").output
    well("train", "names.txt", "--resume", "--steps", "9")
    run = api.load()
    assert run.step == 9
    assert {name: getattr(run.model.config, name) for name in kind if kind[name]} == {
        n: v for n, v in kind.items() if v
    }


def test_the_spectral_radius_is_told_of_all_that_h_meets() -> None:
    model = Model(config({"recurrence": "diagonal", "delay": 2, "recurrent_depth": 2}), V)
    p = model.initial(np.random.default_rng(0))
    p["hidden/0/W"] = np.linspace(-1.5, 1, H)
    found = {name: round(radius(values), 4) for name, values in spectra(Network(model, p, False)).items()}
    assert found["hidden/0/W"] == 1.5 and found["hidden/0/W2"] == pytest.approx(0.75, abs=1e-4)
    assert found.keys() == {"hidden/0/W", "hidden/0/W2", "hidden/0/D"}
