"""PyTorch as an oracle, where it is installed: same weights, same outputs, same gradients, same updates."""

from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig, TrainConfig
from charnn.data.batch import Batch
from charnn.data.vocabulary import Vocabulary
from charnn.nn import optimizers
from charnn.nn.model import Model, PassContext
from charnn.nn.optimizers import SGD, Adagrad, Adam, RMSprop
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from charnn.runs.run import CorpusInfo, Run
from charnn.training.trainer import Update
from tests.helpers.toys import trainer_of

torch = pytest.importorskip("torch")

T, B, H, V = 12, 5, 16, 9
PRECISION = {np.float32: 1e-5, np.float64: 1e-10}


class Network(torch.nn.Module):  # type: ignore[misc, name-defined]
    """torch.nn.RNN below torch.nn.Linear, with our weights: theirs are transposed, and have two biases."""

    def __init__(self, model: Model, p: Parameters):
        super().__init__()
        c = model.config
        self.rnn = torch.nn.RNN(model.symbols, c.hidden, c.layers, nonlinearity=c.activation)
        self.readout = torch.nn.Linear(c.hidden, model.symbols)
        self.to(torch.from_numpy(p.flat).dtype)
        self.ours: dict[str, Any] = {"readout/V": self.readout.weight, "readout/c": self.readout.bias}
        for i in range(c.layers):
            self.ours[f"hidden/{i}/U"] = getattr(self.rnn, f"weight_ih_l{i}")
            self.ours[f"hidden/{i}/W"] = getattr(self.rnn, f"weight_hh_l{i}")
            self.ours[f"hidden/{i}/b"] = getattr(self.rnn, f"bias_hh_l{i}")
            getattr(self.rnn, f"bias_ih_l{i}").requires_grad_(False).zero_()
        assert self.ours.keys() == p.keys()
        with torch.no_grad():
            for name, tensor in self.ours.items():
                tensor.copy_(torch.from_numpy(p[name].T.copy()))

    def forward(self, x: Any, state: Any) -> tuple[Any, Any]:
        onehot = torch.nn.functional.one_hot(torch.from_numpy(x.astype(np.int64)), self.readout.out_features)
        h, after = self.rnn(onehot.to(self.readout.weight.dtype), state)
        return self.readout(h), after

    def loss(self, x: Any, y: Any, state: Any) -> tuple[Any, Any]:
        o, after = self(x, state)
        target = torch.from_numpy(y.astype(np.int64)).reshape(-1)
        return torch.nn.functional.cross_entropy(o.reshape(-1, V), target, reduction="sum"), after


def network(activation: str, layers: int) -> Model:
    return Model(ModelConfig("elman", H, layers, activation, skip=False, dropout=0.0), V)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_outputs_and_gradients_are_torchs(activation: str, layers: int, dtype: type) -> None:
    model, rng = network(activation, layers), np.random.default_rng(layers)
    p = model.initial(rng, dtype)
    for name in p:
        p[name] = p[name] + 0.1 * rng.normal(size=p[name].shape)
    x, y = rng.integers(0, V, (2, T, B))
    state = tuple(rng.normal(size=(B, n)).astype(dtype) for n in model.state_sizes)
    theirs = Network(model, p)
    start = torch.from_numpy(np.stack(state)).requires_grad_()
    loss, last = theirs.loss(x, y, start)
    loss.backward()

    g = p.like()
    nats, _, after, _ = model.gradient(p, g, Batch(x, y), state, PassContext(Workspace()))
    close = PRECISION[dtype]
    assert nats == pytest.approx(loss.item(), rel=close)
    np.testing.assert_allclose(np.stack(after), last.detach().numpy(), rtol=close, atol=close)
    for name, tensor in theirs.ours.items():
        expected = tensor.grad.numpy().T
        np.testing.assert_allclose(g[name], expected, rtol=close, atol=close * np.abs(expected).max(), err_msg=name)

    o, _ = theirs(x[:1], start)
    ours, _ = model.step(p, x[0], state, Workspace())
    np.testing.assert_allclose(ours, o[0].detach().numpy(), rtol=close, atol=close)
    surprisal = torch.nn.functional.cross_entropy(o[0], torch.from_numpy(y[0]), reduction="none").detach().numpy()
    np.testing.assert_allclose(model.score(p, Batch(x[:1], y[:1]), state, Workspace())[0][0], surprisal, rtol=close)


KINDS = {
    "jordan": {"cell": "jordan", "decay": 0.8},
    "jordan, half taught": {"cell": "jordan", "decay": 0.8, "teacher_forcing": "0.5"},
    "feedback": {"feedback": "output"},
    "feedback, half taught": {"feedback": "output", "teacher_forcing": "0.5"},
    "feedback, free": {"feedback": "output", "teacher_forcing": "0"},
}


def output_loss(model: Model, p: dict[str, Any], x: Any, target: Any, state: list[Any]) -> tuple[Any, list[Any]]:
    """The loss of a network of two layers that reads its output, written out, and the state after it."""
    config, e = model.config, model.config.shares[1]
    kept, onehot, decay = list(state), torch.eye(V, dtype=p["readout/c"].dtype), config.decay or 0.0
    total = torch.zeros((), dtype=onehot.dtype)
    for t in range(T):
        read = onehot[x[t]]
        z = e * read + (1 - e) * kept[-1] if e < 1 else read
        below: list[Any] = []
        outs: list[Any] = []
        for i in range(2):
            U, b = p[f"hidden/{i}/U"], p[f"hidden/{i}/b"]
            if config.cell == "jordan":
                kept[i] = decay * kept[i] + z
                a = b + torch.cat([*below, kept[i]], 1) @ U
            else:
                a = b + kept[i] @ p[f"hidden/{i}/W"] + torch.cat([*below, z, read], 1) @ U
            h = torch.tanh(a)
            if config.cell != "jordan":
                kept[i] = h
            below = [h]
            outs.append(h)
        o = torch.cat(outs, 1) @ p["readout/V"] + p["readout/c"]
        if e < 1:
            kept[-1] = torch.softmax(o, 1)
        total = total + torch.nn.functional.cross_entropy(o, target[t], reduction="sum")
    return total, kept


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_recurrence_from_the_output_is_torchs(kind: dict[str, Any], dtype: type) -> None:
    plain = {"cell": "elman", "hidden": H, "layers": 2, "activation": "tanh", "skip": True, "dropout": 0.0}
    config = ModelConfig(**{**plain, **kind})
    model, rng = Model(config, V), np.random.default_rng(0)
    p = model.initial(rng, dtype)
    for name in p:
        p[name] = p[name] + 0.1 * rng.normal(size=p[name].shape)
    x, y = rng.integers(0, V, (2, T, B))
    state = tuple(rng.random(size=(B, n)).astype(dtype) for n in model.state_sizes)
    theirs = {name: torch.from_numpy(w.copy()).requires_grad_() for name, w in p.items()}
    start = [torch.from_numpy(s.copy()).requires_grad_() for s in state]
    loss, last = output_loss(model, theirs, torch.from_numpy(x), torch.from_numpy(y), start)
    loss.backward()
    g = p.like()
    nats, _, after, before = model.gradient(p, g, Batch(x, y), state, PassContext(Workspace()))
    close = PRECISION[dtype]
    assert nats == pytest.approx(loss.item(), rel=close)
    for found, expected in zip(after, last, strict=True):
        np.testing.assert_allclose(found, expected.detach().numpy(), rtol=close, atol=close)
    pairs = [*((g[name], theirs[name], name) for name in p), *zip(before, start, map(str, range(9)), strict=False)]
    assert len(pairs) == len(p) + len(start)
    for found, tensor, name in pairs:
        expected = tensor.grad.numpy()
        np.testing.assert_allclose(found, expected, rtol=close, atol=close * np.abs(expected).max(), err_msg=name)


RULES = {
    "adam": (Adam(), lambda w: torch.optim.Adam(w, 0.02), 0.0),
    "adamw": (Adam(0.8, 0.95), lambda w: torch.optim.AdamW(w, 0.02, betas=(0.8, 0.95), weight_decay=0.3), 0.3),
    "sgd": (SGD(0.0), lambda w: torch.optim.SGD(w, 0.02), 0.0),
    "sgd with momentum": (SGD(0.9), lambda w: torch.optim.SGD(w, 0.02, momentum=0.9), 0.0),
    "adagrad": (Adagrad(), lambda w: torch.optim.Adagrad(w, 0.02, eps=1e-8), 0.0),
    "rmsprop": (RMSprop(0.95), lambda w: torch.optim.RMSprop(w, 0.02, alpha=0.95), 0.0),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize(("rule", "theirs", "decay"), RULES.values(), ids=RULES.keys())
def test_updates_are_torchs(rule: optimizers.Optimizer, theirs: Any, decay: float, dtype: type) -> None:
    rng = np.random.default_rng(0)
    weights = Parameters({"a": (7, 3), "b": (5,)}, dtype)
    for name in weights:
        weights[name] = rng.normal(size=weights[name].shape)
    tensors = {name: torch.nn.Parameter(torch.from_numpy(w.copy())) for name, w in weights.items()}
    other = theirs(list(tensors.values()))
    moments, g = [weights.like() for _ in rule.moments], weights.like()
    for t in range(1, 9):
        for name in g:
            g[name] = rng.normal(size=g[name].shape) * 10.0 ** rng.integers(-4, 2) * (rng.random(g[name].shape) < 0.8)
            tensors[name].grad = torch.from_numpy(g[name].copy())
        vectors = weights.flat, g.flat, [moment.flat for moment in moments]
        optimizers.apply(rule, *vectors, optimizers.StepSize(0.02, t, decay))
        other.step()
        for name, w in weights.items():
            np.testing.assert_allclose(w, tensors[name].detach().numpy(), rtol=PRECISION[dtype], atol=PRECISION[dtype])


@pytest.mark.parametrize("clip", [0.05, 5.0, 0.0])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_training_is_torchs(optimizer: str, clip: float) -> None:
    """Whole updates over several windows: the mean loss, the global norm's clip, the carried state, the rule."""
    rng = np.random.default_rng(0)
    ids = rng.integers(0, V, B * T * 4).astype(np.uint8)
    config = TrainConfig(
        batch=B,
        window=T,
        optimizer=optimizer,
        rate=0.05,
        momentum=0.9,
        weight_decay=0.0,
        clip=clip,
        schedule="constant",
        steps=100,
        validate_every=1000,
        state="carry",
        workers=1,
    )
    model = network("tanh", 2)
    weights = model.initial(np.random.default_rng(3))
    moments = tuple(weights.like() for _ in optimizers.make(config).moments)
    vocabulary, origin = Vocabulary(tuple(range(97, 97 + V - 1))), CorpusInfo(("x",), "", len(ids))
    run = Run(model, config, vocabulary, origin, weights, moments, model.zero_state(B))
    theirs = Network(run.model, run.weights)
    tensors = list(theirs.ours.values())
    other = torch.optim.Adam(tensors, 0.05) if optimizer == "adam" else torch.optim.SGD(tensors, 0.05, momentum=0.9)
    trainer, state = trainer_of(run, ids), torch.zeros(2, B, H)
    for window in range(4):
        other.zero_grad()
        loss, state = theirs.loss(*trainer.scheme.lanes[window], state)
        (loss / (B * T)).backward()
        norm = float(torch.nn.utils.clip_grad_norm_(tensors, clip or np.inf))  # by clip / (norm + 1e-6)
        other.step()
        state = state.detach()
        update = trainer.update()
        assert isinstance(update, Update)
        assert update.nats == pytest.approx(loss.item(), rel=1e-5)
        assert update.norm == pytest.approx(norm, rel=1e-4)
        assert (update.norm > clip) == (clip < 5)
        for name, tensor in theirs.ours.items():
            np.testing.assert_allclose(run.weights[name], tensor.detach().numpy().T, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(np.stack(run.state), state.numpy(), atol=1e-4)


def test_clipping_is_torchs() -> None:
    rng = np.random.default_rng(0)
    for clip in (0.1, 3.0, 1e9):
        g = Parameters({"a": (40, 3), "b": (5,)}, np.float64)
        for name in g:
            g[name] = rng.normal(size=g[name].shape)
        tensors = [torch.nn.Parameter(torch.zeros(a.shape, dtype=torch.float64)) for a in g.values()]
        for tensor, a in zip(tensors, g.values(), strict=True):
            tensor.grad = torch.from_numpy(a.copy())
        norm = float(torch.nn.utils.clip_grad_norm_(tensors, clip))
        assert optimizers.norm(g.flat) == pytest.approx(norm, rel=1e-12)
        weights, scale = g.like(), min(1, clip / norm)
        optimizers.apply(SGD(0.0), weights.flat, g.flat, [g.like().flat], optimizers.StepSize(1.0, 1, scale=scale))
        for tensor, w in zip(tensors, weights.values(), strict=True):
            np.testing.assert_allclose(-w, tensor.grad.numpy(), rtol=2e-5)
