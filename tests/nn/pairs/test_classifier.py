"""Networks that sort sources into classes: gradients, padding, probabilities."""

from typing import Any

import numpy as np
import pytest

from charnn.data.pair_batches import Padded, pad
from charnn.nn.layers.bidirectional import Bidirectional
from charnn.nn.layers.lstm import LSTM
from charnn.nn.layers.stack import Stack
from charnn.nn.pairs.classifier import Classifier, LabelBatch
from charnn.nn.pairs.encoder import Encoder
from charnn.nn.pairs.label_heads import HEADS
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from tests.helpers.slopes import assert_slopes, weights

H, V = 4, 6
SOURCES = [[1, 2, 3], [], [4, 4, 1, 2, 5], [3]]
LABELS: dict[str, Any] = {
    "softmax": [[0], [2], [1], [1]],
    "sigmoid": [[0], [1], [1], [0]],
    "several": [[], [0, 2], [1], [2]],
}


def classifier(head: str, pooling: str = "last", between: int = 0, dropout: float = 0.0) -> Classifier:
    cells = Bidirectional(LSTM((V,), H, V), LSTM((V,), H, V))
    labels = 2 if head == "sigmoid" else 3
    return Classifier(Encoder(Stack((cells,), dropout=dropout), pooling), HEADS[head](labels), between, dropout)


NETWORKS = {
    "softmax, last": classifier("softmax"),
    "softmax, max, between, dropout": classifier("softmax", "max", 5, 0.4),
    "sigmoid, mean": classifier("sigmoid", "mean"),
    "several, last, between": classifier("several", between=5),
}
networks = pytest.mark.parametrize("name", NETWORKS)


def batch(name: str, rows: Any = (0, 1, 2, 3)) -> LabelBatch:
    labels = LABELS[name.split(",")[0]]
    source = pad([np.array(SOURCES[i], int) for i in rows], np.dtype(int))
    return LabelBatch(source, NETWORKS[name].head.targets([np.array(labels[i], int) for i in rows]))


def gradient(network: Classifier, p: Parameters, pairs: LabelBatch) -> tuple[float, int, Parameters]:
    g, noise = p.like(), np.random.default_rng(2) if network.dropout else None
    return *network.gradient(p, g, pairs, Workspace(), noise), g


@networks
def test_the_gradient_is_the_slope_of_the_loss(name: str) -> None:
    network = NETWORKS[name]
    p, pairs = weights(network), batch(name)
    nats, count, g = gradient(network, p, pairs)
    assert nats > 0 and count == 4
    assert_slopes(g, p, lambda: gradient(network, p, pairs)[0])


@pytest.mark.parametrize("name", [name for name, network in NETWORKS.items() if not network.dropout])
def test_rows_know_nothing_of_one_another_nor_of_their_padding(name: str) -> None:
    network = NETWORKS[name]
    p = weights(network)
    nats, _, g = gradient(network, p, batch(name))
    alone = [gradient(network, p, batch(name, (i,))) for i in range(4)]
    assert sum(one[0] for one in alone) == pytest.approx(nats, rel=1e-12)
    np.testing.assert_allclose(sum(one[2].flat for one in alone), g.flat, rtol=1e-9, atol=1e-11)


@networks
def test_probabilities_are_those_that_are_trained(name: str) -> None:
    network, pairs, labels = NETWORKS[name], batch(name), LABELS[name.split(",")[0]]
    p = weights(network)
    found = network.probabilities(p, pairs.source, Workspace())
    if name.startswith("several"):
        there = np.array([[label in one for label in range(3)] for one in labels])
        nats = -np.log(np.where(there, found, 1 - found)).sum()
    else:
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
        nats = -np.log(found[np.arange(4), [one[0] for one in labels]]).sum()
    trained = network.gradient(p, p.like(), pairs, Workspace(), None)[0]
    assert trained == pytest.approx(nats, rel=1e-12)


def reader(encoder: str) -> Classifier:
    """A classifier with a second loss, whose encoder reads one way or both."""
    cell = LSTM((V,), H, V)
    stack = Stack((Bidirectional(cell, cell) if encoder == "bidirectional" else cell,), dropout=0.0)
    return Classifier(Encoder(stack, "mean"), HEADS["softmax"](3), reading=0.3, symbols=V)


def second_loss(network: Classifier, p: Parameters, pairs: LabelBatch) -> float:
    """Of each symbol x[t] given h[t - 1], and from the end h[t + 1], one sequence and symbol at a time."""
    nats = 0.0
    assert pairs.read
    for b, length in enumerate(pairs.read.inside.sum(axis=0)):
        alone = [part[:length, b : b + 1] for part in pairs.source]
        h = network.reader.read(p.at("reader"), Padded(*alone), Workspace()).h
        for t in range(length):
            ways = [t - 1, t + 1][: len(h)]
            seen = [part[i, 0] if 0 <= i < length else np.zeros(H) for part, i in zip(h, ways, strict=True)]
            u = np.tanh(np.concatenate(seen) @ p["guess/U"] + p["guess/b"])
            o = u @ p["guessed/V"] + p["guessed/c"]
            nats += np.log(np.exp(o).sum()) - o[pairs.read.ids[t, b]]
    return nats


@pytest.mark.parametrize("encoder", ["rnn", "bidirectional"])
def test_a_second_loss_predicts_what_was_read(encoder: str) -> None:
    network = reader(encoder)
    p, pairs = weights(network), batch("softmax, last")
    hidden = pairs.source._replace(ids=np.where(pairs.source.ids == 1, V - 1, pairs.source.ids))
    pairs = pairs._replace(source=hidden, read=pairs.source)
    nats, count, g = gradient(network, p, pairs)
    assert (nats, count) == gradient(network, p, pairs._replace(read=None))[:2]
    assert_slopes(g, p, lambda: gradient(network, p, pairs)[0] + 0.3 * second_loss(network, p, pairs))


@pytest.mark.parametrize("head", HEADS)
def test_losses_of_scores_beyond_all_bounds_are_finite(head: str) -> None:
    made = HEADS[head](2 if head == "sigmoid" else 3)
    o = np.array([[800.0, -800.0, 30.0], [-800.0, 800.0, 0.0]], np.float32)[:, : made.outputs]
    y = made.targets([np.array([1]), np.array([1])])
    with np.errstate(all="raise", under="ignore"):
        nats = made.loss(o, y)
    assert np.isfinite(nats).all() and nats.max() > 700 and (np.abs(o) <= 1).all()
