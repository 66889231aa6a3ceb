"""Gates by their names: what each is, written out step by step, and what refuses to show them."""

from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig
from charnn.data.vocabulary import EOS
from charnn.errors import UsageError
from charnn.inspection import activations
from charnn.inspection.probes import spectra
from charnn.nn.model import Model
from charnn.nn.network import Network

H, V, N = 5, 7, 24
GATES = {"lstm": ("input", "forget", "output", "candidate"), "gru": ("reset", "update", "new")}


def network(reset: bool, **options: Any) -> Network:
    model = Model(ModelConfig(hidden=H, dropout=0.0, **options), V)
    rng = np.random.default_rng(0)
    p = model.initial(rng, np.float64)
    for name in p:
        p[name] = p[name] + 0.1 * rng.normal(size=p[name].shape)
    return Network(model, p, reset)


def sigmoid(a: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-a)))


def by_hand(net: Network, ids: np.ndarray) -> np.ndarray:
    """Gates and outputs of a network of one layer after each symbol, (N, gates + 1, H)."""
    config, p, found = net.model.config, net.weights.at("hidden").at("0"), []
    h, c = np.zeros(H), np.zeros(H)
    for x in ids:
        if net.reset and x == EOS:
            h, c = np.zeros(H), np.zeros(H)
        a, hW = p["b"] + p["U"][x], h @ p["W"]
        if config.cell == "gru":
            r, z = (sigmoid(a[i * H : (i + 1) * H] + hW[i * H : (i + 1) * H]) for i in (0, 1))
            n = np.tanh(a[2 * H :] + r * (p["c"] + hW[2 * H :]))
            h = (1 - z) * n + z * h
            found.append([r, z, n, h])
            continue
        a = a + hW
        if config.norm == "layer":
            a = p["shift"] + p["gain"] * (a - a.mean()) / np.sqrt(a.var() + 1e-5)
        i, f, o = (sigmoid(a[k * H : (k + 1) * H]) for k in range(3))
        g = np.tanh(a[3 * H :])
        c = f * c + i * g
        h = o * np.tanh(c)
        found.append([i, f, o, g, h])
    return np.array(found)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("options", [{"cell": "lstm"}, {"cell": "gru"}, {"cell": "lstm", "norm": "layer"}], ids=str)
def test_gates_are_what_the_equations_say(options: dict[str, Any], reset: bool) -> None:
    net = network(reset, layers=1, **options)
    ids = np.random.default_rng(1).integers(0, V, N)
    expected = by_hand(net, np.append(EOS, ids))[1:]  # a stream starts with EOS
    reader = activations.ActivationReader(net, gates=True)
    assert [block.name for block in reader.blocks] == [f"0/{gate}" for gate in GATES[options["cell"]]]
    assert reader.bounded
    parts = [np.array(reader.read(piece)) for piece in (ids[:1], ids[1:9], ids[9:])]
    np.testing.assert_allclose(np.concatenate(parts, axis=1).swapaxes(0, 1), expected[:, :-1], atol=1e-12)
    outputs = activations.ActivationReader(net).read(ids)
    np.testing.assert_allclose(outputs[0], expected[:, -1], atol=1e-12)


@pytest.mark.parametrize("teacher", ["1.0", "0.5"])
@pytest.mark.parametrize("gates", [False, True])
def test_every_symbol_has_its_row_where_the_output_is_fed_back(gates: bool, teacher: str) -> None:
    net = network(False, feedback="output", teacher_forcing=teacher)
    ids = np.random.default_rng(1).integers(0, V, N)
    whole = activations.ActivationReader(net, gates).read(ids)
    assert len(whole) == (8 if gates else 2)
    reader = activations.ActivationReader(net, gates)
    single = [np.concatenate(rows) for rows in zip(*(reader.read(ids[t : t + 1]) for t in range(N)), strict=True)]
    for one, other in zip(whole, single, strict=True):
        assert one.shape == (N, H)
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_plain_layers_between_cells_have_no_gates() -> None:
    reader = activations.ActivationReader(network(False, feedforward_depth=2), gates=True)
    assert [block.layer for block in reader.blocks] == [0] * 4 + [2] * 4


def test_cells_without_gates_are_refused() -> None:
    for options in ({"cell": "elman"}, {"cell": "jordan"}):
        with pytest.raises(UsageError, match="--gates needs a cell with gates"):
            activations.ActivationReader(network(False, **options), gates=True)


@pytest.mark.parametrize("cell", GATES)
def test_eigenvalues_have_the_gates_names(cell: str) -> None:
    net = network(False, cell=cell, layers=1)
    found = spectra(net)
    assert list(found) == [f"hidden/0/W {gate}" for gate in GATES[cell]]
    for gate, (values, W) in enumerate(zip(found.values(), np.split(net.weights["hidden/0/W"], len(found), axis=1))):
        assert np.abs(values).max() == pytest.approx(np.abs(np.linalg.eigvals(W)).max()), gate


def test_the_names_of_gates_are_as_many_as_their_columns() -> None:
    for options in ({"cell": "lstm"}, {"cell": "gru"}, {"cell": "lstm", "norm": "layer"}):
        for layer in network(False, **options).model.hidden.layers:
            assert len(layer.gate_names) * H == layer.shapes()["W"][1]
