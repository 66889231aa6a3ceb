"""Convolutions and Transformers beside torch, in windows of any length, and as networks that train and write."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.config import ModelConfig, TrainConfig
from charnn.errors import UsageError
from charnn.evaluation import score
from charnn.nn.context.convolution import Convolution
from charnn.nn.context.heads import Attention
from charnn.nn.context.transformer import Transformer
from charnn.nn.model import Model
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from charnn.training import session
from tests.helpers.program import ok, refused
from tests.helpers.toys import corpus, text

T, B, D, H = 11, 3, 5, 8


def weights(layer: Any) -> Parameters:
    p, rng = Parameters(layer.shapes(), np.float64), np.random.default_rng(0)
    for name, value in layer.initial(rng).items():
        p[name] = value + 0.1 * rng.normal(size=value.shape)
    return p


def learnt(layer: Any, p: Parameters, x: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray, Parameters]:
    """y, dx and g of a window from the zero state on."""
    g, state = p.like(), tuple(np.zeros((x.shape[1], n)) for n in layer.state_sizes)
    (y,), after, backward = layer.forward(p, (x,), state, Workspace(), None)
    y = y.copy()
    (dx,), _ = backward((dy.copy(),), tuple(np.zeros_like(s) for s in after), g)
    return y, dx, g


def compare(layer: Any, theirs: Any) -> None:
    """The layer beside a function of torch tensors: outputs and all gradients."""
    torch = pytest.importorskip("torch")
    rng, p = np.random.default_rng(1), weights(layer)
    x, dy = rng.normal(size=(T, B, sum(layer.inputs))), rng.normal(size=(T, B, H))
    tensors = {name: torch.from_numpy(value.copy()).requires_grad_() for name, value in p.items()}
    given = torch.from_numpy(x.copy()).requires_grad_()
    out = theirs(torch, tensors, given)
    (out * torch.from_numpy(dy)).sum().backward()
    y, dx, g = learnt(layer, p, x, dy)
    np.testing.assert_allclose(y, out.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(dx, given.grad.numpy(), atol=1e-12)
    for name, value in g.items():
        np.testing.assert_allclose(value, tensors[name].grad.numpy(), atol=1e-11, err_msg=name)


@pytest.mark.parametrize("r", [1, 3])
def test_a_convolution_is_torchs(r: int) -> None:
    k = 4

    def theirs(torch: Any, p: Any, x: Any) -> Any:
        """torch's conv1d of inputs and of ones, padded on the left: where there is no input, there is no bias."""
        kernel = p["U"].reshape(D, k, H).permute(2, 0, 1).flip(2)
        ones, bias = torch.ones_like(x[..., :1]), p["b"].reshape(k, H).T[:, None].flip(2)
        parts = [
            torch.nn.functional.conv1d(torch.nn.functional.pad(a.permute(1, 2, 0), ((k - 1) * r, 0)), w, dilation=r)
            for a, w in ((x, kernel), (ones, bias))
        ]
        return torch.tanh(parts[0] + parts[1]).permute(2, 0, 1)

    compare(Convolution((D,), H, "tanh", 0, k, r), theirs)


@pytest.mark.parametrize(("heads", "lookback"), [(2, 20), (4, 4), (1, 2)])
@pytest.mark.parametrize("size", [D, H], ids=["projected", "as it is"])
def test_a_transformer_is_torchs(heads: int, lookback: int, size: int) -> None:
    layer = Transformer((size,), H, 0, heads, lookback)

    def theirs(torch: Any, p: Any, x: Any) -> Any:
        F = torch.nn.functional
        e = x if size == H else p["b"] + x @ p["U"]
        q, k, v = (F.layer_norm(e, (H,), p["gain1"], p["shift1"]) @ p["A"]).permute(1, 0, 2).split(H, 2)
        q, k, v = (a.reshape(B, T, heads, -1).transpose(1, 2) for a in (q, k, v))
        past = torch.zeros(B, heads, lookback - 1, H // heads, dtype=x.dtype)
        k, v = (torch.cat([past, a], 2) for a in (k, v))
        distance = torch.arange(T)[:, None] + lookback - 1 - torch.arange(T + lookback - 1)
        inside = (distance >= 0) & (distance < lookback)
        mask = p["R"][:, distance.clip(0, lookback - 1)].masked_fill(~inside, -torch.inf)
        z = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        u = e + z.transpose(1, 2).reshape(B, T, H).transpose(0, 1) @ p["P"]
        middle = torch.relu(p["b1"] + F.layer_norm(u, (H,), p["gain2"], p["shift2"]) @ p["M1"])
        return u + p["b2"] + middle @ p["M2"]

    compare(layer, theirs)


def test_attention_sees_the_lookback_and_no_further() -> None:
    layer = Transformer((H,), H, 0, 2, 4)
    p, rng = weights(layer), np.random.default_rng(2)
    x, dy = rng.normal(size=(T, B, H)), np.zeros((T, B, H))
    dy[8] = 1
    _, dx, _ = learnt(layer, p, x, dy)
    seen = np.abs(dx).max(axis=(1, 2)) > 1e-9
    assert seen.tolist() == [5 <= t <= 8 for t in range(T)]


def test_a_convolution_sees_its_width_and_no_further() -> None:
    layer = Convolution((D,), H, "tanh", 0, 3)
    x, dy = np.random.default_rng(2).normal(size=(T, B, D)), np.zeros((T, B, H))
    dy[8] = 1
    _, dx, _ = learnt(layer, weights(layer), x, dy)
    assert (np.abs(dx).max(axis=(1, 2)) > 1e-9).tolist() == [6 <= t <= 8 for t in range(T)]


def test_memory_grows_with_the_window_and_not_with_its_square() -> None:
    sizes = []
    for steps in (64, 128):
        ws, qkv = Workspace(), np.zeros((3, 1, 2, steps, 4), np.float32)
        state = tuple(np.zeros((1, 15 * 8), np.float32) for _ in range(2))
        Attention(qkv, state, None, np.zeros((2, 16), np.float32), ws)
        sizes.append(ws.peak)
    assert sizes[1] < 2.2 * sizes[0]


def test_each_layer_of_a_dilated_stack_looks_further_back() -> None:
    stack = Model(ModelConfig(cell="conv", width=2, dilation=2, layers=3, hidden=H, dropout=0.0, skip=False), D).hidden
    assert [layer.dilation for layer in stack.layers] == [1, 2, 4]
    x, dy = np.random.default_rng(2).normal(size=(T, B, D)), np.zeros((T, B, H))
    dy[9] = 1
    _, dx, _ = learnt(stack, weights(stack), x, dy)
    assert (np.abs(dx).max(axis=(1, 2)) > 1e-9).tolist() == [2 <= t <= 9 for t in range(T)]
    with pytest.raises(UsageError, match="fewer --layers"):
        Model(ModelConfig(cell="conv", dilation=64, layers=4, hidden=H, dropout=0.0), D).hidden  # noqa: B018


@pytest.mark.parametrize(
    "options", [{"cell": "conv", "width": 4, "dilation": 2}, {"cell": "transformer", "heads": 2, "lookback": 12}]
)
def test_a_network_learns_is_scored_the_same_in_pieces_and_writes(options: dict[str, Any], tmp_path: Path) -> None:
    model = ModelConfig(hidden=16, layers=2, dropout=0.0, **options)
    config = TrainConfig(batch=8, window=16, steps=150, workers=1, rate=0.01, state="carry")
    running = session.begin(corpus(text(3000)), model, config, tmp_path, "toy")
    list(running)
    ids = corpus(text(3000)).split(0.1)[1]
    exact = score.evaluate(running.run.network, ids)
    assert exact.bits < 2.5 < np.log2(running.run.model.size)
    parts = score.surprisal(running.run.network, [ids[:5], ids[5:9], ids[9:]])
    assert sum(nats.sum() for nats, _ in parts) == pytest.approx(exact.nats, rel=1e-5)
    assert len(charnn.generate(running.run, 2, seed=1, length=40)) == 2


def test_what_they_have_not_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("anna\nbob\ncarla\ndora\n" * 40, "utf-8")
    for cell in ("conv", "transformer"):
        assert "--init-scale" in refused(2, "train", "names.txt", "--cell", cell, "--init-scale", "2")
        ok("train", "names.txt", "--cell", cell, "--hidden", "8", "--steps", "3", "--workers", "1", "--name", cell)
        assert "layer" in ok("inspect", "gradients", "-m", cell, "--lags", "3", "names.txt")
        for way in ([], ["--svg"]):  # no head above no rows
            message = refused(2, "inspect", "gradients", "-m", cell, "--lags", "3", "--table", "eigenvalues", *way)
            assert "best.npz has no eigenvalues: choose --table norms" in message
        ok("inspect", "gradcheck", "-m", cell, "--samples", "3")
    assert "--heads 3" in refused(2, "train", "names.txt", "--cell", "transformer", "--heads", "3", "--hidden", "8")
    with pytest.raises(UsageError, match="--heads"):
        Transformer((H,), H, 0, 3, 4)
