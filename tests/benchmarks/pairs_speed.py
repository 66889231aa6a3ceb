"""An encoder with attention beside torch: python -m tests.benchmarks.pairs_speed.

A bidirectional LSTM of 128 units encodes, an LSTM of 128 units decodes with dot attention (Luong, 2015). Batches have
32 pairs with sides of 10 to 30 symbols out of 60. A gradient is timed by both, in turns, on one thread each; the
fastest of all turns counts. torch packs the sources by their lengths, and looks one-hot inputs up.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from charnn.config import ModelConfig, TaskConfig
from charnn.data.units import PairVocabulary
from charnn.nn.task_model import translator
from charnn.nn.workspace import Workspace

SYMBOLS, UNITS, PAIRS, LENGTHS = 60, 128, 32, (10, 31)


def sequences(rng: np.random.Generator) -> list[np.ndarray]:
    """Random symbols, the longest sequences first."""
    lengths = sorted(rng.integers(*LENGTHS, PAIRS), reverse=True)
    return [rng.integers(1, SYMBOLS - 1, n).astype(np.uint8) for n in lengths]


def ours(sources: list[np.ndarray], targets: list[np.ndarray]) -> Callable[[], float]:
    """A gradient by charnn, and its loss in nats."""
    vocabulary = PairVocabulary(tuple(chr(65 + i) for i in range(SYMBOLS - 2)), ())
    model = translator(
        ModelConfig(hidden=UNITS, layers=1, skip=False, dropout=0.0), TaskConfig("translate"), vocabulary
    )
    p, ws = model.initial(np.random.default_rng(0)), Workspace()
    g, batch = p.like(), model.network.batch(sources, targets, np.dtype(np.uint8))

    def gradient() -> float:
        ws.reset()
        g.flat.fill(0)
        return float(model.network.gradient(p, g, batch, ws, None)[0])

    return gradient


def by_torch(sources: list[np.ndarray], targets: list[np.ndarray]) -> Callable[[], float]:
    """The same by torch."""
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

    torch.set_num_threads(1)
    half = UNITS // 2

    def padded(side: list[np.ndarray]) -> Any:
        return pad_sequence([torch.tensor([*one, 0]) for one in side])

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.x, self.y = nn.Embedding(SYMBOLS, half), nn.Embedding(SYMBOLS, half)
            self.encoder, self.decoder = nn.LSTM(half, half, bidirectional=True), nn.LSTM(half, UNITS)
            self.start, self.memory = nn.Linear(UNITS, 2 * UNITS), nn.Linear(UNITS, UNITS)
            self.upper, self.readout = nn.Linear(2 * UNITS, UNITS), nn.Linear(UNITS, SYMBOLS)

        def forward(self, x: Any, lengths: Any, before: Any) -> Any:
            packed = pack_padded_sequence(self.x(x), lengths, enforce_sorted=False)
            h, (last, _) = self.encoder(packed)
            memory = self.memory(pad_packed_sequence(h)[0])
            s = self.start(torch.cat([*last], dim=-1))[None]
            u, _ = self.decoder(self.y(before), tuple(part.contiguous() for part in s.split(UNITS, dim=-1)))
            scores = torch.einsum("tbh,sbh->bts", u, memory)
            mask = torch.arange(len(x))[:, None] < lengths
            shares = scores.masked_fill(~mask.T[:, None], -1e30).softmax(-1)
            c = torch.einsum("bts,sbh->tbh", shares, memory)
            return self.readout(torch.tanh(self.upper(torch.cat([u, c], dim=-1))))

    net, x, y = Net(), padded(sources), padded(targets)
    lengths = torch.tensor([len(one) + 1 for one in sources])
    inside = torch.arange(len(y))[:, None] < torch.tensor([len(one) + 1 for one in targets])
    before = torch.cat([torch.zeros_like(y[:1]), y[:-1]])

    def gradient() -> float:
        net.zero_grad(set_to_none=False)
        loss = nn.functional.cross_entropy(net(x, lengths, before)[inside], y[inside], reduction="sum")
        loss.backward()
        return float(loss.detach())

    return gradient


def compare(turns: int) -> dict[str, float]:
    """Milliseconds of a gradient by each, the fastest of so many turns."""
    rng = np.random.default_rng(0)
    sources, targets = sequences(rng), sequences(rng)
    ways = {"charnn": ours(sources, targets), "torch": by_torch(sources, targets)}
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(turns):
        for name, gradient in ways.items():
            started = time.perf_counter()
            gradient()
            best[name] = min(best[name], 1000 * (time.perf_counter() - started))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description="An encoder with attention beside torch.")
    parser.add_argument("--turns", type=int, default=100)
    found = compare(parser.parse_args().turns)
    ratio = found["torch"] / found["charnn"]
    print(f"{found['charnn']:.2f} ms by charnn, {found['torch']:.2f} ms by torch: {ratio:.2f} x")


if __name__ == "__main__":
    main()
