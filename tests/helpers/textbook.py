"""Kneser-Ney smoothing as the textbook writes it."""

from collections import Counter
from math import log

import numpy as np

Gram = tuple[int, ...]


class Textbook:
    """Chen and Goodman (1998), section 3, with dictionaries and recursion: slow, and as they write it."""

    def __init__(self, ids: np.ndarray, symbols: int, order: int):
        stream = (0, *ids.tolist())
        self.symbols, self.order = symbols, order
        windows = [[stream[i : i + k] for i in range(len(stream) + 1 - k)] for k in range(order + 1)]
        self.counts: list[Counter[Gram]] = [Counter(gram[1:] for gram in set(longer)) for longer in windows[1:]]
        self.counts.append(Counter(windows[order]))
        self.totals = [Counter[Gram]() for _ in self.counts]
        self.left: list[Counter[Gram]] = [Counter() for _ in self.counts]  # (D1, D2, D3) . (N1, N2, N3+)
        self.D = [self.discounts(list(counts.values())) for counts in self.counts]
        for k in range(1, order + 1):
            for gram, count in self.counts[k].items():
                self.totals[k][gram[:-1]] += count
                self.left[k][gram[:-1]] += self.D[k][min(count, 3)]  # type: ignore[assignment]

    @staticmethod
    def discounts(counts: list[int]) -> list[float]:
        n1, n2, n3, n4 = (counts.count(c) for c in (1, 2, 3, 4))
        if n1 and n2 and n3 and n4:
            Y = n1 / (n1 + 2 * n2)
            D = [0, 1 - 2 * Y * n2 / n1, 2 - 3 * Y * n3 / n2, 3 - 4 * Y * n4 / n3]
            if min(D[1:]) > 0:
                return D
        return [0, 0.5, 1, 1.5]

    def probability(self, context: Gram, symbol: int, k: int) -> float:
        if k == 0:
            return 1 / self.symbols
        lower = self.probability(context[1:], symbol, k - 1)
        total = self.totals[k][context]
        if total == 0:
            return lower
        count = self.counts[k][*context, symbol]
        return (count - self.D[k][min(count, 3)] + self.left[k][context] * lower) / total

    def nats(self, ids: np.ndarray, before: Gram = (0,)) -> list[float]:
        stream = before + tuple(ids.tolist())
        contexts = [stream[max(0, i - self.order + 1) : i] for i in range(len(before), len(stream))]
        return [-log(self.probability(h, w, len(h) + 1)) for h, w in zip(contexts, ids.tolist(), strict=True)]


def text(seed: int, symbols: int, length: int) -> np.ndarray:
    """Words by Zipf's law, and a few misprints: n-grams of every count."""
    rng = np.random.default_rng(seed)
    words = [np.append(rng.integers(0, symbols, rng.integers(1, 6)), 0) for _ in range(100)]
    ids = np.concatenate([words[min(99, int(rng.pareto(0.7)))] for _ in range(length + 1)])[:length]
    misprinted = rng.random(length) < 0.02
    ids[misprinted] = rng.integers(0, symbols, misprinted.sum())
    return ids.astype(np.uint16)
