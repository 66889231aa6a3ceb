"""Bidirectional layers: padding is never read, and PyTorch's are the same."""

from typing import Any

import numpy as np
import pytest

from charnn.nn.layers.bidirectional import Bidirectional, reversal
from charnn.nn.layers.elman import Elman
from charnn.nn.layers.gru import GRU
from charnn.nn.layers.lstm import LSTM
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace

T, B, H, V = 7, 4, 6, 9
LENGTHS = np.array([7, 3, 1, 5])
INSIDE = np.arange(T)[:, None] < LENGTHS  # (T, B)
KEEP = INSIDE[..., None].astype(float)

CELLS: dict[str, Any] = {
    "lstm": lambda: LSTM((V,), H, V),
    "gru": lambda: GRU((V,), H, V),
    "tanh": lambda: Elman((V,), H, "tanh", V),
}
cells = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())


def weights(layer: Any) -> Parameters:
    rng, p = np.random.default_rng(3), Parameters(layer.shapes(), np.float64)
    for name, value in p.items():
        p[name] = rng.normal(size=value.shape) * 0.5
    return p


def zeros(layer: Any, rows: int = B) -> tuple[Any, ...]:
    return tuple(np.zeros((rows, n)) for n in layer.state_sizes)


def test_each_segment_is_reversed_within_its_bounds() -> None:
    keep = np.ones((T, 3, 1))
    keep[[0, 2, 3], 1] = 0
    keep[5:, 2] = 0
    order = reversal((T, 3), keep).reshape(T, 3)
    expected = np.array([[6, 5, 4, 3, 2, 1, 0], [1, 0, 2, 6, 5, 4, 3], [4, 3, 2, 1, 0, 5, 6]]).T
    np.testing.assert_array_equal(order // 3, expected)
    np.testing.assert_array_equal(order % 3, np.broadcast_to(np.arange(3), (T, 3)))
    np.testing.assert_array_equal(order.reshape(-1)[order], np.arange(3 * T).reshape(T, 3))
    np.testing.assert_array_equal(reversal((T, 3), None), reversal((T, 3), np.ones((T, 3, 1))))


@cells
def test_padded_rows_are_unpadded_ones_bit_for_bit(cell: Any) -> None:
    layer = Bidirectional(cell(), cell())
    p, rng = weights(layer), np.random.default_rng(4)
    x = rng.integers(0, V, (T, B))
    dy = tuple(rng.normal(size=(T, B, H)) * INSIDE[..., None] for _ in range(2))
    y, _, backward = layer.forward(p, (x,), zeros(layer), Workspace(), KEEP)
    g, together = p.like(), p.like()
    _, before = backward(tuple(d.copy() for d in dy), zeros(layer), g)
    for b, length in enumerate(LENGTHS):
        z, _, alone_back = layer.forward(p, (x[:length],), zeros(layer), Workspace())
        for whole, part in zip(y, z, strict=True):
            np.testing.assert_array_equal(part[:, b], whole[:length, b])
        only = tuple(np.where(np.arange(B)[:, None] == b, d[:length], 0) for d in dy)
        _, start = alone_back(only, zeros(layer), together)
        for whole, part in zip(before, start, strict=True):
            np.testing.assert_array_equal(part[b], whole[b])
    np.testing.assert_allclose(together.flat, g.flat, rtol=1e-10, atol=1e-12)


@cells
def test_what_lies_beyond_the_end_of_a_row_changes_no_bit(cell: Any) -> None:
    layer = Bidirectional(cell(), cell())
    p, rng = weights(layer), np.random.default_rng(5)
    x = rng.integers(0, V, (T, B))
    other = np.where(INSIDE, x, (x + 1) % V)
    dy = tuple(rng.normal(size=(T, B, H)) * INSIDE[..., None] for _ in range(2))
    found = []
    for read in (x, other):
        g = p.like()
        y, _, backward = layer.forward(p, (read,), zeros(layer), Workspace(), KEEP)
        ends = [a[INSIDE].copy() for a in y]
        _, before = backward(tuple(d.copy() for d in dy), zeros(layer), g)
        found.append([*ends, *before])
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)


KINDS = {"lstm": "LSTM", "gru": "GRU", "tanh": "RNN"}
GATES = {"lstm": [0, 1, 3, 2], "gru": [0, 1, 2], "tanh": [0]}  # PyTorch's order, in ours


@pytest.mark.parametrize("name", CELLS)
def test_packed_sequences_of_pytorch_give_the_same_values_and_gradients(name: str) -> None:
    torch = pytest.importorskip("torch")
    layer, gates = Bidirectional(CELLS[name](), CELLS[name]()), GATES[name]
    p, rng = weights(layer), np.random.default_rng(6)
    theirs = getattr(torch.nn, KINDS[name])(V, H, bidirectional=True).double()
    ours = {}
    with torch.no_grad():
        for at, end in (("forwards", ""), ("backwards", "_reverse")):
            found = {kind: getattr(theirs, f"{kind}_l0{end}") for kind in ("weight_ih", "weight_hh", "bias_ih")}
            ours |= {f"{at}/{n}": tensor for n, tensor in zip("UWb", found.values(), strict=True)}
            second = getattr(theirs, f"bias_hh_l0{end}").zero_()
            if name == "gru":
                second[2 * H :] = torch.from_numpy(p[f"{at}/c"])
        for key, tensor in ours.items():
            blocks = np.split(p[key], len(gates), -1)
            tensor.copy_(torch.from_numpy(np.concatenate([blocks[i] for i in gates], -1).T.copy()))
    x, dy = rng.integers(0, V, (T, B)), rng.normal(size=(T, B, 2 * H)) * INSIDE[..., None]
    onehot = torch.nn.functional.one_hot(torch.from_numpy(x), V).double()
    packed = torch.nn.utils.rnn.pack_padded_sequence(onehot, torch.from_numpy(LENGTHS), enforce_sorted=False)
    out, _ = torch.nn.utils.rnn.pad_packed_sequence(theirs(packed)[0])
    (out * torch.from_numpy(dy)).sum().backward()

    y, _, backward = layer.forward(p, (x,), zeros(layer), Workspace(), KEEP)
    np.testing.assert_allclose(np.concatenate(y, -1)[INSIDE], out.detach().numpy()[INSIDE], rtol=1e-10, atol=1e-12)
    g = p.like()
    backward((dy[..., :H].copy(), dy[..., H:].copy()), zeros(layer), g)
    for key, tensor in ours.items():
        blocks = np.split(tensor.grad.numpy().T, len(gates), -1)
        expected = np.concatenate([blocks[i] for i in np.argsort(gates)], -1)
        np.testing.assert_allclose(g[key], expected, rtol=1e-9, atol=1e-11, err_msg=key)
    if name == "gru":
        second = theirs.bias_hh_l0_reverse.grad.numpy()[2 * H :]
        np.testing.assert_allclose(g["backwards/c"], second, rtol=1e-9, atol=1e-11)
