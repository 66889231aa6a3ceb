"""Recurrence from the output: Jordan's networks and feedback of the output, from their equations to the command line.

The laws of every layer are in test_laws.py, torch's figures in test_torch.py.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn import api
from charnn.config import ModelConfig, TrainConfig
from charnn.data.batch import Batch
from charnn.errors import UsageError
from charnn.evaluation import score
from charnn.nn.layers import trace
from charnn.nn.layers.elman import Elman
from charnn.nn.layers.feedback import Feedback, TeacherForced
from charnn.nn.layers.jordan import Jordan
from charnn.nn.layers.linear import Linear
from charnn.nn.layers.stack import Stack
from charnn.nn.model import Model, PassContext
from charnn.nn.network import Network
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from charnn.sampling.stepper import FastStepper, WindowStepper, make_stepper
from charnn.training import memory, session
from charnn.training.schedules import teacher
from charnn.training.session import Validation
from charnn.training.trainer import Update
from tests.helpers.program import invoke
from tests.helpers.snapshots import check_losses, raises
from tests.helpers.stepping import Naive, close, go_on, read, symbols
from tests.helpers.toys import begin, corpus, losses, options, text, vocabulary

T, B, H, V = 12, 5, 16, 9

resets = pytest.mark.parametrize("reset", [False, True], ids=["carried", "with resets"])


def weights(layer: Any, dtype: Any = np.float64, seed: int = 0) -> Parameters:
    """With nothing left at zero."""
    p, rng = Parameters(layer.shapes(), dtype), np.random.default_rng(seed)
    for name in p:
        p[name] = 0.5 * rng.normal(size=p[name].shape)
    return p


def softmax(o: Any) -> Any:
    return np.exp(o) / np.exp(o).sum(axis=-1, keepdims=True)


# The equations, step by step


@resets
@pytest.mark.parametrize("floats", [False, True], ids=["symbols", "floats"])
@pytest.mark.parametrize("decay", [0.001, 0.5, 0.999])
@pytest.mark.parametrize("length", [1, 5, 2 * trace.STEPS_PER_PRODUCT + 3])
def test_a_window_in_products_is_the_equations_by_steps(length: int, decay: float, floats: bool, reset: bool) -> None:
    rng, layer = np.random.default_rng(0), Jordan((3, V), H, "tanh", V, decay)
    p, below, s = weights(layer), rng.normal(size=(length, B, 3)), rng.normal(size=(B, V))
    z = rng.normal(size=(length, B, V)) if floats else rng.integers(0, V, (length, B))
    keep = (rng.random((length, B, 1)) > 0.1).astype(float) if reset else None
    (h,), (after,), _ = layer.forward(p, (below, z), (s,), Workspace(), keep)
    onehot = z if floats else np.eye(V)[z]
    for t in range(length):
        s = decay * s * (1 if keep is None else keep[t]) + onehot[t]
        expected = np.tanh(p["b"] + below[t] @ p["U"][:3] + s @ p["U"][3:])
        np.testing.assert_allclose(h[t], expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(after, s, rtol=1e-9, atol=1e-12)


@resets
@pytest.mark.parametrize("e", [1.0, 0.7, 0.0])
def test_feedback_is_its_equations_step_by_step(e: float, reset: bool) -> None:
    rng = np.random.default_rng(0)
    layer = Feedback(Stack((Elman((V, V), H, "tanh", V),)), Linear((H,), V, "V", "c"), e)
    p, x = weights(layer), rng.integers(0, V, (T, B))
    h, y = rng.normal(size=(B, H)), softmax(rng.normal(size=(B, V)))
    keep = (rng.random((T, B, 1)) > 0.3).astype(float) if reset else np.ones((T, B, 1))
    (found,), after, _ = layer.forward(p, (x,), (h, y), Workspace(), keep if reset else None)
    for t in range(T):
        z = e * np.eye(V)[x[t]] + (1 - e) * y * keep[t]
        h = np.tanh(p["0/b"] + h * keep[t] @ p["0/W"] + z @ p["0/U"][:V] + p["0/U"][V:][x[t]])
        y = softmax(p["readout/c"] + h @ p["readout/V"])
        np.testing.assert_allclose(found[t], h, rtol=1e-10)
    for ours, expected in zip(after, (h, y), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-10)


@resets
def test_teacher_forcing_alone_is_feedback_without_a_loop(reset: bool) -> None:
    rng, inner = np.random.default_rng(0), Stack((Elman((V, V), H, "tanh", V), Elman((H, V, V), H, "tanh", V)), True)
    slow = Feedback(inner, Linear((H, H), V, "V", "c"), 1.0)
    p, x = weights(slow), rng.integers(0, V, (T, B))
    keep = (rng.random((T, B, 1)) > 0.3).astype(float) if reset else None
    state, dy = tuple(rng.normal(size=(B, H)) for _ in range(2)), rng.normal(size=(2, T, B, H))
    found = []
    for layer, more in ((slow, (np.full((B, V), 1 / V),)), (TeacherForced(inner), ())):
        g = p.like()
        y, after, backward = layer.forward(p, (x,), state + more, Workspace(), keep)
        before = backward(tuple(dy.copy()), tuple(np.zeros_like(s) for s in after), g)[1]
        found.append((*y, *after[:2], *before[:2], g.flat))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_long_traces_start_with_sums_that_vary_as_one_symbols_row_does() -> None:
    spread = []
    for decay in (0.0, 0.5, 0.95):
        layer = Jordan((2000,), 300, "tanh", 2000, decay)
        p, rng = Parameters(layer.shapes(), np.float64), np.random.default_rng(0)
        p["U"] = layer.initial(rng)["U"]
        x = rng.integers(0, 2000, (400, 1))
        state = tuple(np.zeros((1, n)) for n in layer.state_sizes)
        (h,), _, _ = layer.forward(p, (x,), state, Workspace())
        spread.append(np.arctanh(h[200:]).std())
    assert spread == pytest.approx([3**-0.5] * 3, rel=0.06)


def test_numbers_next_to_nothing_are_none() -> None:
    """They would slow down every product that they take part in."""
    layer = Jordan((V,), H, "tanh", V, 0.1)
    p, x = weights(layer, np.float32), np.ones((100, B), np.uint8)
    _, (s,), _ = layer.forward(p, (x,), (np.eye(B, V, dtype=np.float32),), Workspace())
    tiny = np.finfo(np.float32).tiny
    assert s.dtype == np.float32 and not ((np.abs(s) < tiny) & (s != 0)).any()
    assert s[:, 1] == pytest.approx(1 / 0.9) and np.count_nonzero(s) == B


# What it means


def pairs(count: int) -> np.ndarray:
    """x[t] = x[t-2] with probability 0.9, else the other of two letters: x[t-1] alone tells nothing."""
    rng, ids = np.random.default_rng(0), [1, 2]
    for flip in rng.random(count - 2) < 0.1:
        ids.append(3 - ids[-2] if flip else ids[-2])
    return np.array(ids, np.uint8)


def loss(**given: Any) -> float:
    """Bits per character of the held-out part, after some training."""
    ids = pairs(12_000)
    fixed = {
        "hidden": 12,
        "batch": 16,
        "window": 20,
        "rate": 0.02,
        "schedule": "cosine",
        "steps": 250,
        "validate_every": 250,
    }
    running = session.begin(corpus(ids, vocabulary("file", "ab")), *options({**fixed, **given}), None)
    (last,) = (event for event in running if isinstance(event, Validation))
    return last.valid


def test_without_decay_jordan_is_a_bigram_and_with_it_sees_further() -> None:
    entropy = -0.9 * math.log2(0.9) - 0.1 * math.log2(0.1)
    assert loss(cell="jordan", decay=0.0) == pytest.approx(1, abs=0.02)
    for further in ({"cell": "jordan", "decay": 0.3, "hidden": 32, "activation": "relu"}, {"cell": "elman"}):
        assert loss(**further) == pytest.approx(entropy, abs=0.05)


# Step by step

JORDANS = {
    "1": ModelConfig("jordan", H, 1, "tanh", False, 0.0),
    "1, decay 0": ModelConfig("jordan", H, 1, "relu", False, 0.0, decay=0.0),
    "3": ModelConfig("jordan", H, 3, "relu", False, 0.0, decay=0.9),
    "3, skip": ModelConfig("jordan", H, 3, "sigmoid", True, 0.0, decay=0.7),
}
FEEDBACKS = {
    "taught": ModelConfig("elman", H, 2, "tanh", True, 0.0, feedback="output"),
    "half taught": ModelConfig("gru", H, 2, None, True, 0.0, feedback="output", teacher_forcing="0.5"),
    "jordan, free": ModelConfig("jordan", H, 2, "tanh", True, 0.0, decay=0.5, teacher_forcing="1.0:0"),
}
ALL = {**JORDANS, **FEEDBACKS}
kinds = pytest.mark.parametrize("kind", ALL)


def network(kind: ModelConfig) -> tuple[Model, Parameters]:
    model = Model(kind, V)
    return model, weights(model, np.float32)


@resets
@kinds
@pytest.mark.parametrize("rows", [1, 4])
def test_scores_of_single_steps_are_the_networks(kind: str, rows: int, reset: bool) -> None:
    model, p = network(ALL[kind])
    stepping, naive = make_stepper(Network(model, p, reset), rows, 0.5), Naive(model, p, rows, reset)
    assert isinstance(stepping, FastStepper if kind in JORDANS else WindowStepper)
    for x in symbols(rows):
        expected = naive.read(x)
        close(read(stepping, x) + p["readout/c"] / 0.5, expected / 0.5)


@kinds
def test_some_of_the_streams_go_on_as_they_would_have(kind: str) -> None:
    model, p = network(ALL[kind])
    go_on(lambda: make_stepper(Network(model, p, True), 5, 0.7))


@kinds
def test_evaluation_knows_no_windows(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, p = network(ALL[kind])
    ids, found = text(300), []
    for window in (7, 100):
        monkeypatch.setattr(score, "SCORING_WINDOW", window)
        found.append(score.evaluate(Network(model, p, window == 7), ids).nats)
        found.append(score.evaluate(Network(model, p, window > 7), ids).nats)
    assert found[0] == pytest.approx(found[3], rel=1e-5) and found[1] == pytest.approx(found[2], rel=1e-5)


# Training

GOLDEN_RUNS: dict[str, dict[str, Any]] = {
    "jordan": {"cell": "jordan", "rate": 0.03, "decay": 0.5},
    "jordan, deep": {"cell": "jordan", "decay": 0.9, "layers": 2, "skip": True, "dropout": 0.25, "state": "carry"},
    "jordan, half taught": {"cell": "jordan", "decay": 0.5, "rate": 0.03, "teacher_forcing": "0.5"},
    "feedback": {"feedback": "output", "teacher_forcing": "1.0:0.2", "rate": 0.03, "steps": 8},
}


@pytest.mark.parametrize("name", GOLDEN_RUNS)
def test_losses_are_what_they_were(name: str) -> None:
    check_losses(losses(**GOLDEN_RUNS[name]))


def test_the_share_of_teacher_forcing_runs_along_a_line_and_evaluation_uses_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = ModelConfig(feedback="output", teacher_forcing="1.0:0.5")
    assert [teacher(config, q) for q in (0, 0.5, 1)] == [1, 0.75, 0.5]
    found: dict[str, list[Any]] = {"gradient": [], "score": []}
    for name in found:
        original = getattr(Model, name)

        def spy(self: Model, *args: Any, name: str = name, original: Any = original) -> Any:
            layer = self.recurrent
            assert isinstance(layer, Feedback)
            found[name].append(layer.teacher)
            return original(self, *args)

        monkeypatch.setattr(Model, name, spy)
    running = begin(feedback="output", teacher_forcing="1.0:0.5", steps=4, validate_every=2, symbols=1000)
    events = list(running)
    assert found["gradient"] == [1, 0.875, 0.75, 0.625] and set(found["score"]) == {0.5}
    assert sum(isinstance(event, Update) for event in events) == 4


def test_a_share_that_does_not_change_needs_no_other_network() -> None:
    for kind in (ModelConfig("lstm"), ModelConfig(feedback="output", teacher_forcing="0.5")):
        model = Model(kind, V)
        assert model.taught(0.5) is model
    model = Model(ModelConfig(feedback="output", teacher_forcing="1:0.5"), V)
    assert model.taught(1.0).state_sizes == model.taught(0.0).state_sizes == model.state_sizes


@pytest.mark.long
@kinds
def test_memory_is_counted(kind: str) -> None:
    for batch, hidden, letters in ((32, 256, 65), (50, 128, 65), (32, 32, 500)):
        model = Model(ModelConfig(**{**vars(ALL[kind]), "hidden": hidden}), letters)
        p, ws = model.initial(np.random.default_rng(0)), Workspace()
        x = np.zeros((score.SCORING_WINDOW // batch, batch), np.int64)
        model.gradient(p, p.like(), Batch(x, x), model.zero_state(batch), PassContext(ws))
        needed = memory.needed(model, TrainConfig(batch=batch, workers=1)) - memory.RESERVED_BYTES
        assert ws._needed < needed < 8 * ws._needed


# Options


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"cell": "jordan", "feedback": "output"}, "--feedback output"),
        ({"teacher_forcing": "0.5"}, "--teacher-forcing 0.5"),
        ({"cell": "lstm", "teacher_forcing": "1:0.5"}, "--teacher-forcing 1.0:0.5"),
        ({"cell": "elman", "decay": 0.5}, "--decay"),
        ({"cell": "jordan", "decay": 1.0}, "--decay is 1"),
        ({"feedback": "input"}, "--feedback is 'input'"),
        *(
            ({"feedback": "output", "teacher_forcing": wrong}, f"--teacher-forcing is {wrong!r}")
            for wrong in ("", "a", "1.5", "-0.1", "1:0.5:0", "nan", "1:", "inf")
        ),
    ],
    ids=str,
)
def test_what_has_no_effect_or_no_sense_is_refused(given: dict[str, Any], named: str) -> None:
    with raises(UsageError, named):
        ModelConfig(**given)


def test_shares_have_one_way_to_be_written() -> None:
    def written(text: str) -> str:
        return ModelConfig("jordan", teacher_forcing=text).teacher_forcing

    ways = {"1": "1.0", "1.0:1": "1.0", ".5": "0.5", "1:.5": "1.0:0.5", "0:1": "0.0:1.0"}
    assert {text: written(text) for text in ways} == ways
    assert ModelConfig("jordan").decay == 0.5 and ModelConfig("jordan").activation == "relu"
    assert ModelConfig().decay is None and ModelConfig(teacher_forcing="1") == ModelConfig()


@pytest.mark.slow
def test_the_command_line_trains_samples_and_scores_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("anna\nbob\ncarla\ndora\n" * 40, "utf-8")
    shape = ["--hidden", "8", "--layers", "2", "--steps", "6", "--batch", "4", "--window", "10", "--workers", "1"]
    fed = ["--feedback", "output", "--teacher-forcing"]
    for given in (["--cell", "jordan", "--decay", "0.8"], [*fed, "1:0.5"], ["--cell", "jordan", *fed[2:], "0.5"]):
        assert invoke("train", "names.txt", *given, *shape).exit_code == 0, given
        resume = ["train", "names.txt", "--resume", "--steps", "9"]
        for command in (["sample", "-n", "3"], ["sample", "--prime", "an"], ["eval"], ["info"], resume):
            done = invoke(*command)
            assert done.exit_code == 0, (given, command, done.output)
        assert api.load().step == 9
    assert invoke("train", "--resume", "--teacher-forcing", ".50", "--steps", "10").exit_code == 0
    assert invoke("train", "--resume", "--teacher-forcing", "half").exit_code == 2
    done = invoke("train", "names.txt", "--resume", "--teacher-forcing", "0.7")
    assert done.exit_code == 2 and "--teacher-forcing 0.5, and cannot be resumed with 0.7" in done.output
    done = invoke("train", "names.txt", "--teacher-forcing", "0.7", *shape)
    assert done.exit_code == 2 and "--teacher-forcing 0.7 has no effect" in done.output
