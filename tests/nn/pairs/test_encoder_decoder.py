"""Networks that write a target for a source: gradients, padding, rows, single steps."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from charnn.data.pair_batches import Padded, pad
from charnn.nn.layers.bidirectional import Bidirectional
from charnn.nn.layers.elman import Elman
from charnn.nn.layers.gru import GRU
from charnn.nn.layers.lstm import LSTM
from charnn.nn.layers.stack import Stack
from charnn.nn.pairs import readout
from charnn.nn.pairs.decoder import Decoder
from charnn.nn.pairs.encoder import Encoder, LabelTable
from charnn.nn.pairs.encoder_decoder import EncoderDecoder, PairBatch
from charnn.nn.pairs.primed import Primed
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from tests.helpers.slopes import assert_slopes, weights

H, V, LABELS = 4, 6, 3
SOURCES, TARGETS = [[1, 2, 3], [], [4, 4, 1, 2, 5]], [[2, 1], [3, 3, 3, 1], []]


def encoder(pooling: str = "last", both: bool = True) -> Encoder:
    def cell() -> LSTM:
        return LSTM((V,), H, V)

    return Encoder(Stack((Bidirectional(cell(), cell()) if both else cell(),)), pooling)


def decoder(*z: int, attention: bool = False, cells: int = 1, skip: bool = False, **more: Any) -> Decoder:
    layers: list[Any] = [LSTM((*z, V), H, V)]
    for _ in range(1, cells):
        layers.append(GRU((H, *z, V) if skip else (H,), H, V if skip else 0))
    return Decoder(Stack(tuple(layers), skip), attention, **more)


Network = EncoderDecoder | Primed
TABLE = LabelTable(LABELS, 5)
NETWORKS: dict[str, Network] = {
    "label, start": EncoderDecoder(TABLE, decoder(), V),
    "label, step": EncoderDecoder(TABLE, decoder(5), V, start=False, step=True),
    "label, both, skip": EncoderDecoder(TABLE, decoder(5, cells=2, skip=True), V, step=True),
    "rnn, last": EncoderDecoder(encoder(both=False), decoder(), V),
    "rnn, mean, step": EncoderDecoder(encoder("mean", both=False), decoder(H), V, start=False, step=True),
    "bidirectional, max, both": EncoderDecoder(encoder("max"), decoder(H, H), V, step=True),
    "attention": EncoderDecoder(encoder(), decoder(attention=True), V),
    "attention alone": EncoderDecoder(encoder(), decoder(attention=True), V, start=False),
    "attention, both, 2 layers, skip": EncoderDecoder(
        encoder(), decoder(H, H, attention=True, cells=2, skip=True), V, step=True
    ),
    "attention to near places": EncoderDecoder(encoder(), decoder(attention=True, near=True), V),
    "stacked, dropout": EncoderDecoder(
        Encoder(Stack((Bidirectional(Elman((V,), H, symbols=V), GRU((V,), H, V)), LSTM((H, H), H)), dropout=0.4)),
        decoder(attention=True, dropout=0.4),
        V,
    ),
    "no encoder": Primed(Stack((LSTM((V,), H, V), GRU((H, V), H, V)), True), V),
    "no encoder, dropout": Primed(Stack((LSTM((V,), H, V),), dropout=0.4), V),
}
NOISY = [network for name, network in NETWORKS.items() if "dropout" in name]
networks = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several chunks of scores a window, the last one shorter."""
    monkeypatch.setattr(readout, "SCORED_AT_ONCE", 2 * 3 * V)


def batch(network: Network, rows: Any = (0, 1, 2)) -> PairBatch:
    target = pad([np.array(TARGETS[i], int) for i in rows], np.dtype(int))
    if getattr(network, "reader", None) is TABLE:
        return PairBatch(pad([np.array([i]) for i in rows], np.dtype(int)), target)
    return PairBatch(pad([np.array(SOURCES[i], int) for i in rows], np.dtype(int)), target)


def gradient(network: Network, p: Parameters, pairs: PairBatch) -> tuple[float, int, Parameters]:
    g = p.like()
    noise = np.random.default_rng(2) if network in NOISY else None
    return *network.gradient(p, g, pairs, Workspace(), noise), g


@networks
def test_the_gradient_is_the_slope_of_the_loss(network: Network) -> None:
    p, pairs = weights(network), batch(network)
    nats, count, g = gradient(network, p, pairs)
    assert nats > 0 and count == 3 + sum(map(len, TARGETS))
    assert_slopes(g, p, lambda: gradient(network, p, pairs)[0])


def silent(network: Network) -> Network:
    """The network without dropout."""
    if network not in NOISY:
        return network
    if isinstance(network, Primed):
        return replace(network, stack=replace(network.stack, dropout=0.0))
    reader = network.reader
    assert isinstance(reader, Encoder) and isinstance(reader.stack, Stack)
    reader = replace(reader, stack=replace(reader.stack, dropout=0.0))
    return replace(network, reader=reader, decoder=replace(network.decoder, dropout=0.0))


@networks
def test_rows_know_nothing_of_one_another_nor_of_their_padding(network: Network) -> None:
    network = silent(network)
    p = weights(network)
    nats, count, g = gradient(network, p, batch(network))
    alone = [gradient(network, p, batch(network, (i,))) for i in (2, 0, 1)]
    assert sum(one[0] for one in alone) == pytest.approx(nats, rel=1e-12)
    assert sum(one[1] for one in alone) == count
    np.testing.assert_allclose(sum(one[2].flat for one in alone), g.flat, rtol=1e-9, atol=1e-11)


@networks
def test_backward_adds_into_the_gradient(network: Network) -> None:
    network = silent(network)
    p, pairs = weights(network), batch(network)
    g = gradient(network, p, pairs)[2]
    total = p.like()
    for _ in range(2):
        network.gradient(p, total, pairs, Workspace(), None)
    np.testing.assert_allclose(total.flat, 2 * g.flat, rtol=1e-12)


@networks
def test_score_and_single_steps_say_what_is_trained(network: Network) -> None:
    """One symbol at a time, two targets of each source side by side."""
    network = silent(network)
    p, pairs = weights(network), batch(network)
    nats, hits = network.score(p, pairs, Workspace())
    assert nats.sum() == pytest.approx(gradient(network, p, pairs)[0], rel=1e-12)
    seen = network.see(p, pairs.source, Workspace())
    state = tuple(np.tile(s, (2, 1)) for s in seen.state)
    for t, (x, y, inside) in enumerate(zip(pairs.target.before, pairs.target.ids, pairs.target.inside, strict=True)):
        found = network.advance(p, seen, np.tile(x, 2), state, Workspace())
        state = found.state
        logp = found.o - np.log(np.exp(found.o).sum(axis=1, keepdims=True))
        for one in (logp[:3], logp[3:]):
            np.testing.assert_allclose(-one[np.arange(3), y][inside], nats[t][inside], rtol=1e-10)
            np.testing.assert_array_equal((one.argmax(axis=1) == y)[inside], hits[t][inside])
        if isinstance(network, EncoderDecoder) and network.decoder.attention:
            assert found.weights is not None and found.weights.shape == (3, 2, len(pairs.source.ids))


@pytest.mark.parametrize("network", NOISY)
def test_dropout_falls_on_what_is_trained_alone(network: Network) -> None:
    p, pairs = weights(network), batch(network)
    noisy, quiet = gradient(network, p, pairs)[0], gradient(silent(network), p, pairs)[0]
    assert noisy != pytest.approx(quiet, rel=1e-3)
    assert network.score(p, pairs, Workspace())[0].sum() == pytest.approx(quiet, rel=1e-12)


def test_an_encoder_decoder_with_attention_is_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    network = NETWORKS["attention"]
    p, pairs = weights(network), batch(network)
    _, _, g = gradient(network, p, pairs)
    w = {name: torch.from_numpy(value.copy()).requires_grad_() for name, value in p.items()}

    def lstm(at: str, x: Any, state: Any) -> tuple[Any, Any]:
        h, c = state
        i, f, o, z = torch.chunk(w[f"{at}/b"] + h @ w[f"{at}/W"] + w[f"{at}/U"][x], 4)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(z)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)

    total = 0.0
    for source, target in zip(SOURCES, TARGETS, strict=True):
        start = (torch.zeros(H).double(), torch.zeros(H).double())
        read: dict[str, list[Any]] = {"forwards": [], "backwards": []}
        for at, found in read.items():
            state, order = start, [*source, 0]
            for x in order if at == "forwards" else order[::-1]:
                h, state = lstm(f"reader/0/{at}", x, state)
                found.append(h)
        both = torch.cat([torch.stack(read["forwards"]), torch.stack(read["backwards"][::-1])], 1)
        z = torch.cat([read["forwards"][-1], read["backwards"][-1]])
        memory = both @ w["memory/M"] + w["memory/m"]
        state = tuple(torch.chunk(z @ w["start/I"] + w["start/i"], 2))
        for x, y in zip([0, *target], [*target, 0], strict=True):
            h, state = lstm("decoder/stack/0", x, state)
            c = torch.softmax(memory @ h, 0) @ memory
            u = torch.tanh(torch.cat([h, c]) @ w["decoder/upper/U"] + w["decoder/upper/b"])
            total = total - torch.log_softmax(u @ w["readout/V"] + w["readout/c"], 0)[y]
    total.backward()  # type: ignore[attr-defined]
    assert network.score(p, pairs, Workspace())[0].sum() == pytest.approx(total.item(), rel=1e-10)
    for name, tensor in w.items():
        np.testing.assert_allclose(g[name], tensor.grad.numpy(), rtol=1e-9, atol=1e-11, err_msg=name)


def test_padding_of_sources_is_not_attended_to() -> None:
    network = NETWORKS["attention"]
    p, pairs = weights(network), batch(network)
    seen = network.see(p, pairs.source, Workspace())
    found = network.advance(p, seen, np.zeros(3, int), seen.state, Workspace())
    assert found.weights is not None
    assert (found.weights[:, 0][~pairs.source.inside.T] == 0).all()
    assert isinstance(pairs.source, Padded) and not pairs.source.inside.all()
