"""The naive twin: charnn's job in the obvious way, as scripts do it, to compare with on the scoreboard."""

from itertools import pairwise

import click
import numpy as np

FILE = click.Path(exists=True)


def step(p, h, x):
    """One character read: the new state, and the probabilities of the next (Elman, 1990)."""
    h = np.tanh(p["U"][x] + h @ p["W"] + p["b"])
    o = h @ p["V"] + p["c"]
    e = np.exp(o - o.max())
    return h, e / e.sum()


def load(path):
    data = np.load(path, allow_pickle=True)
    return {name: data[name] for name in "UWbVc"}, data["ids"].item()


@click.group()
def program():
    """Character-level recurrent network."""


@program.command()
@click.argument("text", type=FILE)
@click.option("--hidden", default=64)
@click.option("--steps", default=1000)
@click.option("--validate-every", default=100)
@click.option("--rate", default=0.1)
@click.option("--model", default="model.npz")
def train(text, hidden, steps, validate_every, rate, model):
    text = open(text).read()
    ids = {c: i for i, c in enumerate(sorted(set(text)))}
    data, n, rng = [ids[c] for c in text], len(ids), np.random.default_rng(0)
    shapes = {"U": (n, hidden), "W": (hidden, hidden), "b": hidden, "V": (hidden, n), "c": n}
    p = {name: rng.normal(0, 0.1, shape) for name, shape in shapes.items()}
    v = {name: np.zeros(shape) for name, shape in shapes.items()}
    for t in range(1, steps + 1):
        at = rng.integers(len(data) - 1)
        x, y, h = data[at : at + 16], data[at + 1 : at + 17], [np.zeros(hidden)]
        g, loss, past = {name: np.zeros(shape) for name, shape in shapes.items()}, 0.0, []
        for a, b in zip(x, y):
            after, probabilities = step(p, h[-1], a)
            h.append(after)
            past.append(probabilities)
            loss -= np.log(probabilities[b])
        dh = np.zeros(hidden)
        for i in reversed(range(len(past))):
            do = past[i].copy()
            do[y[i]] -= 1
            dz = (do @ p["V"].T + dh) * (1 - h[i + 1] ** 2)
            g["V"] += np.outer(h[i + 1], do)
            g["c"] += do
            g["U"][x[i]] += dz
            g["W"] += np.outer(h[i], dz)
            g["b"] += dz
            dh = p["W"] @ dz
        for name in p:  # Adagrad
            v[name] += np.clip(g[name], -5, 5) ** 2
            p[name] -= rate * np.clip(g[name], -5, 5) / np.sqrt(v[name] + 1e-8)
        if t % validate_every == 0 or t == steps:
            print(t, loss / len(past), flush=True)
            np.savez(model, ids=ids, **p)


@program.command()
@click.option("-m", "--model", default="model.npz", type=FILE)
@click.option("--length", default=100)
@click.option("-n", "--count", default=1)
@click.option("--temp", default=1.0)
@click.option("--seed", default=None, type=int)
@click.option("--prime", default="\n")
def sample(model, length, count, temp, seed, prime):
    p, ids = load(model)
    characters, rng = list(ids), np.random.default_rng(seed)
    for _ in range(count):
        h, text = np.zeros(len(p["b"])), prime
        for c in prime[:-1]:
            h, _ = step(p, h, ids[c])
        for _ in range(length):
            h, probabilities = step(p, h, ids[text[-1]])
            weights = probabilities ** (1 / temp)
            text += characters[rng.choice(len(characters), p=weights / weights.sum())]
        print(text)


@program.command("eval")
@click.argument("text", type=FILE)
@click.option("-m", "--model", default="model.npz", type=FILE)
def evaluate(text, model):
    p, ids = load(model)
    text, h, bits = open(text).read(), np.zeros(len(p["b"])), 0.0
    for a, b in pairwise(text):
        h, probabilities = step(p, h, ids[a])
        bits -= np.log2(probabilities[ids[b]])
    print(bits / (len(text) - 1))


if __name__ == "__main__":
    program()
