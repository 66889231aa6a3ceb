"""Classic tests of what a recurrent network can learn: tasks drawn from a seed, and what passing each of them means.

parity      The acceptor of binary numbers with an even number of 0s: `0110?y`, `10?n`. Lengths are geometric, 4 bits in
            the mean. Passed: the verdict is the likeliest symbol for 1,000 numbers, 20 of each length from 1 to 50.
a^n b^n     n = 1 ... 10, each as often. A string is accepted if from the first b on every next symbol, its end too, is
            the likeliest. The figure is the longest n up to which all are accepted; passed: 10. (Gers and Schmidhuber,
            2001)
Reber       Strings of Reber's (1967) grammar. Passed: at each place of 200 unseen strings every legal successor has a
            probability above 0.3 (Cleeremans et al., 1989), and the illegal ones together below 0.1.
embedded    Strings of Reber's grammar between two T or two P. Passed: the last but one symbol, which is the second one
            again, is the likeliest in all of 500 unseen strings. (Hochreiter and Schmidhuber, 1997)
copy        Ten of two letters, a delay of five, then the same ten: `abbabaabbb.....:abbabaabbb`. Without memory half of
            them are right; passed: 99 % of the symbols recalled, in 100 unseen strings.
adding      30 pairs of a value, uniform in 0 ... 1, and a mark, which is 1 in each half once and else 0. What is asked
            for at the end is the sum of the two values marked. The mean, 1, has a squared error of 1/6; passed: below
            0.01 over 1,000 unseen series. (Hochreiter and Schmidhuber, 1997)

One hidden layer of 32 units (copy: 64). The first five tasks are texts, whose lines the library learns with teacher
forcing, as any; for the last, its layers stand below a readout of one number.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import charnn
from charnn.config import ModelConfig
from charnn.data.vocabulary import EOS
from charnn.io.text import Source
from charnn.nn import optimizers
from charnn.nn.functions import log_softmax
from charnn.nn.layers.linear import Linear
from charnn.nn.model import Model
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from charnn.runs.run import Run

Rng = np.random.Generator
Draw = Callable[[Rng], str]


@dataclass(frozen=True)
class Cell:
    """A row of the table: options of `ModelConfig`; without `memory`, W is held at 0, so that one symbol is seen."""

    options: Mapping[str, Any]
    memory: bool = True


CELLS = {
    "elman, tanh": Cell({"cell": "elman", "activation": "tanh"}),
    "elman, relu": Cell({"cell": "elman", "activation": "relu"}),
    "elman, relu, diagonal": Cell({"cell": "elman", "activation": "relu", "recurrence": "diagonal"}),
    "elman, tanh, delay 4": Cell({"cell": "elman", "activation": "tanh", "delay": 4}),
    "jordan, decay 0.9": Cell({"cell": "jordan", "activation": "tanh", "decay": 0.9}),
    "lstm": Cell({"cell": "lstm"}),
    "gru": Cell({"cell": "gru"}),
    "elman, W = 0": Cell({"cell": "elman", "activation": "tanh"}, memory=False),
}
SHAPE: dict[str, Any] = {"hidden": 32, "layers": 1, "skip": False, "dropout": 0.0}
TRAINING: dict[str, Any] = {"batch": 32, "window": 32, "rate": 1e-2, "clip": 1.0, "patience": 0, "workers": 1}


def learn(lines: list[str], cell: Cell, seed: int, **options: Any) -> Run:
    """Train on lines of text, with `options` instead of those above."""
    data = "".join(line + "\n" for line in lines).encode()
    corpus = charnn.read(Source("task", lambda: io.BytesIO(data)), sequence="line")
    settings = {**SHAPE, **TRAINING, "validate_every": options["steps"], **options, **cell.options}
    session = charnn.train(corpus, out=None, seed=seed, **settings)
    forget(session.run.weights, cell)
    for _ in session:
        forget(session.run.weights, cell)
    return session.run


def forget(p: Parameters, cell: Cell) -> None:
    """Take its memory from a cell that is to have none."""
    if not cell.memory:
        p["hidden/0/W"][...] = 0


def predictions(run: Run, lines: list[str]) -> list[np.ndarray]:
    """For each line the probabilities of what follows its start and each of its characters, (N + 1, V)."""
    x = np.full((max(map(len, lines)) + 1, len(lines)), EOS)
    for column, line in enumerate(lines):
        x[1 : len(line) + 1, column] = run.vocabulary.ids(line)
    state, ws, o = run.model.zero_state(len(lines)), Workspace(), []
    for symbols in x:
        ws.reset()
        scores, after = run.model.step(run.weights, symbols, state, ws)
        state = tuple(s.copy() for s in after)
        o.append(scores.copy())
    p = np.exp(log_softmax(np.array(o)))
    return [p[: len(line) + 1, column] for column, line in enumerate(lines)]


def hits(run: Run, lines: list[str]) -> list[np.ndarray]:
    """For each line whether each of its characters, and its end, was the likeliest symbol, (N + 1,)."""
    pairs = zip(predictions(run, lines), lines, strict=True)
    return [p.argmax(axis=1) == np.append(run.vocabulary.ids(line), EOS) for p, line in pairs]


def unseen(draw: Draw, rng: Rng, lines: list[str], count: int) -> list[str]:
    """Different strings that are not among the lines."""
    seen, found = set(lines), dict[str, None]()
    while len(found) < count:
        if (line := draw(rng)) not in seen:
            found[line] = None
    return list(found)


# Texts

LONGEST = 50  # bits of a number that parity is asked of
COUNTED = 100  # the most that a^n b^n is tried with
RECALLED, DELAY = 10, 5
GRAMMAR: dict[int, dict[str, int]] = {  # state -> symbol -> state; 5 is the end
    0: {"T": 1, "P": 2},
    1: {"S": 1, "X": 3},
    2: {"T": 2, "V": 4},
    3: {"X": 2, "S": 5},
    4: {"P": 3, "V": 5},
}


def verdict(rng: Rng, length: int) -> str:
    """A binary number, and whether it has an even number of 0s."""
    bits = "".join("01"[bit] for bit in rng.integers(0, 2, length))
    return bits + "?" + "yn"[bits.count("0") % 2]


def parity(cell: Cell, seed: int) -> float:
    rng = np.random.default_rng(seed)
    lines = [verdict(rng, length) for length in rng.geometric(0.25, 20_000)]
    run = learn(lines, cell, seed, batch=64, steps=1000, rate=5e-3)
    asked = [verdict(rng, length) for length in range(1, LONGEST + 1) for _ in range(20)]
    return float(np.mean([hit[-2] for hit in hits(run, asked)]))


def count(cell: Cell, seed: int) -> float:
    rng = np.random.default_rng(seed)
    run = learn(["a" * n + "b" * n for n in rng.integers(1, 11, 7000)], cell, seed, steps=1000)
    asked = ["a" * n + "b" * n for n in range(1, COUNTED + 1)]
    return float(longest(hits(run, asked)))


def longest(found: list[np.ndarray]) -> int:
    """The n up to which strings a^n b^n, n = 1, 2, ..., are accepted: each has hits (2 n + 1,), right from n + 1 on."""
    accepted = [hit[n + 1 :].all() for n, hit in enumerate(found, 1)]
    return int(np.argmin([*accepted, False]))


def reber_string(rng: Rng) -> str:
    state, found = 0, "B"
    while state != 5:
        symbol = list(GRAMMAR[state])[rng.integers(2)]
        found, state = found + symbol, GRAMMAR[state][symbol]
    return found + "E"


def embedded_string(rng: Rng) -> str:
    ends = "TP"[rng.integers(2)]
    return "B" + ends + reber_string(rng) + ends + "E"


def successors(line: str) -> list[str]:
    """What may follow a Reber string's start and each of its symbols; its end is a line end."""
    state, found = 0, ["B"]
    for symbol in line[1:-1]:
        found.append("".join(GRAMMAR[state]))
        state = GRAMMAR[state][symbol]
    assert state == 5, f"{line} ends too early"
    return [*found, "E", "\n"]


def understood(run: Run, line: str, p: np.ndarray) -> bool:
    """Whether legal symbols, and only these, are expected at each place of a Reber string."""
    legal = [now[run.vocabulary.ids(symbols)] for now, symbols in zip(p, successors(line), strict=True)]
    return all(now.min() > 0.3 and 1 - now.sum() < 0.1 for now in legal)


def reber(cell: Cell, seed: int) -> float:
    rng = np.random.default_rng(seed)
    lines = [reber_string(rng) for _ in range(9000)]
    run = learn(lines, cell, seed, steps=600)
    asked = unseen(reber_string, rng, lines, 200)
    return float(np.mean([understood(run, *pair) for pair in zip(asked, predictions(run, asked), strict=True)]))


def embedded(cell: Cell, seed: int) -> float:
    rng = np.random.default_rng(seed)
    lines = [embedded_string(rng) for _ in range(8000)]
    run = learn(lines, cell, seed, steps=1000)
    return float(np.mean([hit[-3] for hit in hits(run, unseen(embedded_string, rng, lines, 500))]))


def repeated(rng: Rng) -> str:
    word = "".join("ab"[letter] for letter in rng.integers(0, 2, RECALLED))
    return word + "." * DELAY + ":" + word


def copy(cell: Cell, seed: int) -> float:
    rng = np.random.default_rng(seed)
    lines = [repeated(rng) for _ in range(1600)]  # which leaves some 200 of the 1,024 words unseen
    run = learn(lines * 4, cell, seed, hidden=64, window=64, steps=1000)
    asked = unseen(repeated, rng, lines, 100)
    return float(np.mean([hit[-1 - RECALLED : -1] for hit in hits(run, asked)]))


# Numbers

SERIES, BATCH, UPDATES, RATE = 30, 50, 1500, 1e-2


def series(rng: Rng, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and marks (T, B, 2), and the sum of the values marked, (B,)."""
    x, row = np.zeros((SERIES, rows, 2), np.float32), np.arange(rows)
    x[..., 0] = rng.random((SERIES, rows))
    first, second = rng.integers(0, SERIES // 2, rows), rng.integers(SERIES // 2, SERIES, rows)
    x[first, row, 1] = x[second, row, 1] = 1
    return x, x[first, row, 0] + x[second, row, 0]


class Adder:
    """A cell of the library below a readout of one number at the last step: o = c + h[T-1] V,  L = mean (o - y)^2"""

    def __init__(self, cell: Cell, rng: Rng):
        self.hidden = replace(Model(ModelConfig(**SHAPE, **cell.options), 2).hidden, prefix="")
        self.readout = Linear((SHAPE["hidden"],), 1, "V", "c")
        layers = {"hidden": self.hidden, "readout": self.readout}
        self.p = Parameters({f"{at}/{n}": s for at, layer in layers.items() for n, s in layer.shapes().items()})
        for at, layer in layers.items():
            for name, value in layer.initial(rng).items():
                self.p[f"{at}/{name}"] = value
        self.g, self.ws = self.p.like(), Workspace()

    def loss(self, x: np.ndarray, y: np.ndarray) -> float:
        """The mean squared error of a batch; its gradient is left in `g`."""
        self.ws.reset()
        self.g.flat.fill(0)
        zero = tuple(np.zeros((len(y), n), np.float32) for n in self.hidden.state_sizes)
        (h,), after, backward = self.hidden.forward(self.p.at("hidden"), (x,), zero, self.ws)
        (o,), _, back = self.readout.forward(self.p.at("readout"), (h[-1:],), (), self.ws)
        error, dh = o - y[None, :, None], np.zeros_like(h)
        ((dh[-1:],), _) = back((2 / len(y) * error,), (), self.g.at("readout"))
        backward((dh,), tuple(np.zeros_like(s) for s in after), self.g.at("hidden"))
        return float(np.mean(error**2))


def adding(cell: Cell, seed: int) -> float:
    rng = np.random.default_rng(seed)
    net = Adder(cell, rng)
    rule, moments = optimizers.Adam(), [net.p.like().flat for _ in range(2)]
    for t in range(1, UPDATES + 1):
        forget(net.p, cell)
        net.loss(*series(rng, BATCH))
        scale, rate = min(1.0, 1 / optimizers.norm(net.g.flat)), RATE / 2 * (1 + np.cos(np.pi * t / UPDATES))
        optimizers.apply(rule, net.p.flat, net.g.flat, moments, optimizers.StepSize(float(rate), t, scale=scale))
    forget(net.p, cell)
    return net.loss(*series(rng, 1000))


@dataclass(frozen=True)
class Task:
    """A column of the table: `run` trains a cell, and gives the figure that is to be at least, or at most, so much."""

    run: Callable[[Cell, int], float]
    show: str  # the figure
    least: float = -np.inf
    most: float = np.inf

    def passed(self, figure: float) -> bool:
        return self.least <= figure <= self.most


TASKS = {
    "parity": Task(parity, "{:.1%}", least=1.0),
    "a^n b^n": Task(count, "n = {:.0f}", least=10),
    "Reber": Task(reber, "{:.1%}", least=1.0),
    "embedded": Task(embedded, "{:.1%}", least=1.0),
    "copy": Task(copy, "{:.1%}", least=0.99),
    "adding": Task(adding, "{:.4f}", most=0.01),
}
