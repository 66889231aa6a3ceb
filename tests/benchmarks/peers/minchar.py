"""Training as in the well-known script of a hundred lines (Karpathy, 2015): columns, a step at a time, Adagrad."""

from pathlib import Path
from typing import Any

import numpy as np

from .contender import Entry, Job

RATE, EPS, BOUND, NORM = 0.1, 1e-8, 5.0, 0.5


class Training(Job):
    """One layer, one row, one symbol after the other; one-hot columns, and gradients added up in a loop."""

    def __init__(self, entry: Entry):
        work = entry.work
        assert (work.batch, work.layers, work.activation) == (1, 1, "tanh")
        weights = work.weights()
        self.names = ("hidden/0/U", "hidden/0/W", "readout/V")
        self.U, self.W, self.V = self.matrices = [weights[name].T.copy() for name in self.names]
        self.b, self.c = np.zeros((work.hidden, 1), np.float32), np.zeros((work.symbols, 1), np.float32)
        self.weights = [*self.matrices, self.b, self.c]
        self.memory: list[Any] = [np.zeros_like(w) for w in self.weights]
        self.windows = [(x[:, 0].tolist(), y[:, 0].tolist()) for x, y in work.windows()]
        self.h, self.size, self.at = np.zeros((work.hidden, 1), np.float32), work.characters, 0

    def loss(self, inputs: list[int], targets: list[int]) -> tuple[float, list[Any]]:
        """The summed loss of a window in nats, and its gradients."""
        x, h, p, loss = {}, {-1: self.h}, {}, 0.0
        for t, symbol in enumerate(inputs):
            x[t] = np.zeros((len(self.c), 1), np.float32)
            x[t][symbol] = 1
            h[t] = np.tanh(self.U @ x[t] + self.W @ h[t - 1] + self.b)
            o = self.V @ h[t] + self.c
            p[t] = np.exp(o) / np.sum(np.exp(o))
            loss -= float(np.log(p[t][targets[t], 0]))
        dU, dW, dV, db, dc = gradients = [np.zeros_like(w) for w in self.weights]
        later = np.zeros_like(self.h)
        for t in reversed(range(len(inputs))):
            do = np.copy(p[t])
            do[targets[t]] -= 1
            dV += do @ h[t].T
            dc += do
            da = (1 - h[t] * h[t]) * (self.V.T @ do + later)
            db += da
            dU += da @ x[t].T
            dW += da @ h[t - 1].T
            later = self.W.T @ da
        self.h = h[len(inputs) - 1]
        return loss, gradients

    def gradient(self) -> dict[str, np.ndarray]:
        """Clipped as others clip, which this does not."""
        x, y = self.windows[0]
        _, found = self.loss(x, y)
        self.h = np.zeros_like(self.h)
        mean = [g / len(x) for g in found]
        scale = min(1.0, NORM / float(np.sqrt(sum(np.sum(g * g) for g in mean))))
        *matrices, db, dc = (g * scale for g in mean)
        return {**dict(zip(self.names, (g.T for g in matrices))), "hidden/0/b": db[:, 0], "readout/c": dc[:, 0]}

    def run(self, times: int) -> None:
        for _ in range(times):
            _, gradients = self.loss(*self.windows[self.at])
            for w, g, m in zip(self.weights, gradients, self.memory, strict=True):
                np.clip(g, -BOUND, BOUND, out=g)
                m += g * g
                w -= RATE * g / np.sqrt(m + EPS)
            self.at = (self.at + 1) % len(self.windows)


def make(entry: Entry, rank: int, folder: Path) -> Job:
    return Training(entry)
