"""What a plain PyTorch model makes of inflected forms: python -m tests.benchmarks.inflection_peer --data DIR

A bidirectional LSTM of 128 units in each direction reads the lemma's characters and the features. An LSTM of 256 units
with Luong's attention (2015) writes the form. Dropout 0.3, batches of 32 in random order, Adam at 0.003. The rate falls
by a cosine to a hundredth over the minutes of processor time, of one thread. PyTorch has to be installed. The share of
forms of the development part that are written exactly is printed: from the last weights, always the likeliest symbol.
"""

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.tasks import forms

UNITS, EMBEDDED, DROPOUT, PAIRS, RATE, LONGEST = 128, 64, 0.3, 32, 0.003, 60
PAD, END = 0, 1
Pairs = list[tuple[list[str], list[str]]]


def read(path: Path) -> Pairs:
    """The symbols of lemma and features, and those of the form."""
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    return [([*lemma, *(f";{feature}" for feature in features.split(";"))], [*form]) for lemma, form, features in rows]


def numbers(symbols: Sequence[str]) -> dict[str, int]:
    """A number for each symbol; 0 is padding, 1 the end, 2 an unknown symbol."""
    return {symbol: number for number, symbol in enumerate(sorted(set(symbols)), 3)}


def network(sources: int, targets: int) -> Any:
    """Encoder, attention and decoder."""
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.x, self.y = (nn.Embedding(n + 3, EMBEDDED, padding_idx=PAD) for n in (sources, targets))
            self.encoder = nn.LSTM(EMBEDDED, UNITS, bidirectional=True)
            self.decoder = nn.LSTM(EMBEDDED, 2 * UNITS)
            self.key, self.mixed = nn.Linear(2 * UNITS, 2 * UNITS), nn.Linear(4 * UNITS, 2 * UNITS)
            self.readout, self.drop = nn.Linear(2 * UNITS, targets + 3), nn.Dropout(DROPOUT)

        def encode(self, x: Any) -> tuple[Any, Any, Any]:
            """All states of the encoder (S, B, 2 H), which of them are symbols, and the decoder's first state."""
            inside = x != PAD
            packed = pack_padded_sequence(self.drop(self.x(x)), inside.sum(0), enforce_sorted=False)
            states, (h, c) = self.encoder(packed)
            first = tuple(torch.cat([*part], dim=-1)[None] for part in (h, c))
            return self.drop(pad_packed_sequence(states)[0]), inside, first

        def decode(self, before: Any, memory: Any, inside: Any, state: Any) -> tuple[Any, Any]:
            """Scores of the next symbols (T, B, V), and the decoder's state."""
            u, state = self.decoder(self.drop(self.y(before)), state)
            scores = torch.einsum("tbh,sbh->bts", self.key(u), memory)
            shares = scores.masked_fill(~inside.T[:, None], -1e30).softmax(-1)
            context = torch.einsum("bts,sbh->tbh", shares, memory)
            return self.readout(self.drop(torch.tanh(self.mixed(torch.cat([u, context], dim=-1))))), state

    return Network()


class Peer:
    """The network with its symbols."""

    def __init__(self, train: Pairs, seed: int):
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(seed)
        self.torch, self.train = torch, train
        self.left, self.right = (numbers([symbol for pair in train for symbol in pair[side]]) for side in (0, 1))
        self.network = network(len(self.left), len(self.right))

    def padded(self, sides: list[list[str]], known: dict[str, int]) -> Any:
        """Sequences beside one another, (T, B), each with its end."""
        rows = [self.torch.tensor([*(known.get(symbol, 2) for symbol in side), END]) for side in sides]
        return self.torch.nn.utils.rnn.pad_sequence(rows)

    def loss(self, pairs: Pairs) -> Any:
        """Nats of a right symbol, the ends among them."""
        x, y = (
            self.padded([pair[side] for pair in pairs], known) for side, known in enumerate((self.left, self.right))
        )
        before = self.torch.cat([self.torch.full_like(y[:1], END), y[:-1]])
        scores, _ = self.network.decode(before, *self.network.encode(x))
        return self.torch.nn.functional.cross_entropy(scores.flatten(0, 1), y.flatten(), ignore_index=PAD)

    def fit(self, minutes: float) -> int:
        """Train for so many minutes of processor time; the number of updates."""
        adam = self.torch.optim.Adam(self.network.parameters(), RATE)
        start, share, updates = time.process_time(), 0.0, 0
        while True:
            order = self.torch.randperm(len(self.train)).tolist()
            for at in range(0, len(order), PAIRS):
                share = (time.process_time() - start) / (60 * minutes)
                if share >= 1:
                    return updates
                adam.param_groups[0]["lr"] = RATE * (0.505 + 0.495 * math.cos(math.pi * share))
                adam.zero_grad()
                self.loss([self.train[i] for i in order[at : at + PAIRS]]).backward()
                self.torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
                adam.step()
                updates += 1

    def write(self, sources: list[list[str]]) -> list[str]:
        """The form of each source, by the likeliest symbols."""
        symbols, torch = {number: symbol for symbol, number in self.right.items()}, self.torch
        self.network.eval()
        with torch.no_grad():
            memory, inside, state = self.network.encode(self.padded(sources, self.left))
            last, written = torch.full((1, len(sources)), END), []
            for _ in range(LONGEST):
                scores, state = self.network.decode(last, memory, inside, state)
                written.append(last := scores.argmax(-1))
        self.network.train()
        rows = torch.cat(written).T.tolist()
        return ["".join(symbols.get(n, "") for n in row[: row.index(END) if END in row else None]) for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description="Inflected forms by a plain PyTorch model.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data of others")
    parser.add_argument("--language", default="german")
    parser.add_argument("--minutes", type=float, default=10, help="of processor time, by one thread")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    train, dev = (read(given.data / name) for name in forms(given.language))
    peer = Peer(train, given.seed)
    updates = peer.fit(given.minutes)
    found = peer.write([source for source, _ in dev])
    right = sum(one == "".join(form) for one, (_, form) in zip(found, dev, strict=True)) / len(dev)
    print(
        f"{given.language}, {given.minutes:g} minutes of one core, seed {given.seed}: {right:.1%}, {updates:,} updates"
    )


if __name__ == "__main__":
    main()
