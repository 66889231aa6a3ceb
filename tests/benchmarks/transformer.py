"""What an update of `--cell transformer` costs beside torch: processor time, one thread each, in turns.

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.transformer [--rounds 9] [--lookback 64]

B 32, T 128, H 128, 4 heads, 4 layers, 65 symbols; forward, backward, clipping and Adam. torch trains two networks:

- same: charnn's function, with keys and values of the last window. Gradients are checked to be equal.
- plain: what its users would write, causal attention within each window, without a state or learnt distances.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from charnn import machine
from charnn.config import ModelConfig
from charnn.data.batches import StreamBatches
from charnn.training import throughput
from charnn.training.trainer import Update

from . import tables

torch: Any = import_module("torch")
F: Any = torch.nn.functional

B, T, H, HEADS, LAYERS, V = 32, 128, 128, 4, 4, 65
CLIP, RATE, BETA1 = 0.5, 0.0, 0.9
TOLERANCE = 1e-3  # of the norm of an array's gradient: a few of two million ReLUs are so near 0 that rounding decides
Call = Callable[[], object]


class Network:
    """The network in torch, on charnn's weights; `lookback` is None for plain attention."""

    def __init__(self, weights: Any, lookback: int | None):
        self.p = {name: torch.tensor(a.copy(), requires_grad=True) for name, a in weights.items()}
        self.lookback, past = lookback, (lookback or 1) - 1
        if lookback is None:  # no array may be idle in Adam
            self.p = {name: a for name, a in self.p.items() if not name.endswith("/R")}
        distance = torch.arange(T)[:, None] + past - torch.arange(T + past)
        self.outside = (distance < 0) | (distance > past)
        self.distance = distance.clip(0, past)
        self.state = [tuple(torch.zeros(B, HEADS, past, H // HEADS) for _ in "kv") for _ in range(LAYERS)]
        self.adam = torch.optim.Adam(list(self.p.values()), RATE, fused=True)

    def layer(self, i: int, x: Any) -> Any:
        """y (T, B, H) of e (T, B, H), as in charnn/nn/context/transformer.py."""
        p = {name.rsplit("/", 1)[1]: a for name, a in self.p.items() if name.startswith(f"hidden/{i}/")}
        e = x if i else F.embedding(x, p["U"]) + p["b"]
        qkv = F.layer_norm(e, (H,), p["gain1"], p["shift1"]) @ p["A"]
        q, k, v = qkv.view(T, B, 3, HEADS, H // HEADS).permute(2, 1, 3, 0, 4)
        if self.lookback is None:
            z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            k, v = (torch.cat([old, new], 2) for old, new in zip(self.state[i], (k, v), strict=True))
            self.state[i] = tuple(a[:, :, T:].detach() for a in (k, v))
            mask = p["R"][:, self.distance].masked_fill(self.outside, -torch.inf)
            z = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        u = e + z.permute(2, 0, 1, 3).reshape(T, B, H) @ p["P"]
        n = F.layer_norm(u, (H,), p["gain2"], p["shift2"])
        return u + torch.addmm(p["b2"], F.relu(torch.addmm(p["b1"], n.view(-1, H), p["M1"])), p["M2"]).view(T, B, H)

    def update(self, x: Any, y: Any) -> None:
        h = x
        for i in range(LAYERS):
            h = self.layer(i, h)
        loss = F.cross_entropy(torch.addmm(self.p["readout/c"], h.view(-1, H), self.p["readout/V"]), y.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.p.values(), CLIP, foreach=True)
        self.adam.step()
        self.adam.zero_grad()


def check(trainer: Any, network: Network, windows: list[Any]) -> float:
    """Make the first update by both; how far gradients are apart, as a share of the norm of an array's."""
    assert isinstance(trainer.update(), Update)
    network.update(*windows[0])
    ours = trainer.run.moments[0]
    off = 0.0
    for name, tensor in network.p.items():
        a, b = ours[name], network.adam.state[tensor]["exp_avg"].numpy() / (1 - BETA1)
        off = max(off, float(np.linalg.norm(a - b) / np.linalg.norm(a)))
    if off > TOLERANCE:
        raise SystemExit(f"gradients differ by {off:.1e}: they do not do the same work")
    return off


def seconds(call: Call) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--lookback", type=int, default=64)
    given = parser.parse_args()
    tables.need_one_thread()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    options: dict[str, Any] = {"heads": HEADS, "lookback": given.lookback}
    model = ModelConfig("transformer", H, LAYERS, skip=False, dropout=0.0, **options)
    work = throughput.Work("train", model, V, B, T)
    trainer = throughput.trainer(work, 1)
    lanes = StreamBatches(work.text(), B, T)
    windows = [tuple(torch.from_numpy(a.astype(np.int64)) for a in lanes[i][:2]) for i in range(8)]
    same, plain = (Network(work.weights(), lookback) for lookback in (given.lookback, None))
    print(f"gradients of charnn and torch, same: {check(trainer, same, windows):.1e} apart at most")
    turns = {"charnn": trainer.update} | {
        name: lambda network=network: network.update(*windows[1])
        for name, network in (("same", same), ("plain", plain))
    }
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for n in range(given.rounds + 12):  # the first windows of a shape are not repeated from notes yet
        for name, call in turns.items():
            passed = seconds(call)
            if n >= 12:
                taken[name].append(passed)
    print(f"{machine.describe()}; torch {torch.__version__}; lookback {given.lookback}")
    for name, times in taken.items():
        ratio = statistics.median(a / b for a, b in zip(times, taken["charnn"], strict=True))
        print(f"{name:8} {1e3 * statistics.median(times):8.1f} ms an update; charnn is {ratio:.2f} x as fast")


if __name__ == "__main__":
    main()
