"""Attention: the slope of its values, padding, rows, and the same figures from PyTorch."""

from typing import Any

import numpy as np
import pytest

from charnn.nn.pairs.attention import attend
from charnn.nn.workspace import Workspace

T, S, B, H = 4, 5, 3, 6
MASK = np.arange(S)[:, None] < np.array([5, 2, 1])


def arrays(dtype: Any = np.float64) -> tuple[Any, ...]:
    rng = np.random.default_rng(2)
    return tuple(rng.normal(size=(n, B, H)).astype(dtype) for n in (T, S, T))  # h, m, dc


@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "padded"])
def test_backward_is_the_slope_of_forward(mask: Any) -> None:
    h, m, dc = arrays()
    r = np.random.default_rng(3).normal(size=(T, S))
    dh, dm, dr = attend(h, m, mask, Workspace(), r).backward(dc)
    for array, found in ((h, dh), (m, dm), (r, dr)):
        for at in np.ndindex(array.shape):
            value, ends = array[at], []
            for step in (1e-6, -1e-6):
                array[at] = value + step
                ends.append(float((attend(h, m, mask, Workspace(), r).c * dc).sum()))
            array[at] = value
            assert found[at] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


def test_weights_are_shares_and_padding_has_none() -> None:
    h, m, _ = arrays()
    a = attend(h, m, MASK, Workspace()).weights
    assert a.shape == (B, T, S)
    np.testing.assert_allclose(a.sum(axis=-1), 1, rtol=1e-12)
    assert (a[~np.broadcast_to(MASK.T[:, None], a.shape)] == 0).all()
    np.testing.assert_array_equal(a[2, :, 0], 1)


def test_padding_changes_neither_values_nor_gradients() -> None:
    h, m, dc = arrays()
    other = np.where(MASK[..., None], m, 1e6)
    one, two = (attend(h, memory, MASK, Workspace()) for memory in (m, other))
    np.testing.assert_array_equal(one.c, two.c)
    for a, b in zip(one.backward(dc), two.backward(dc), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (one.backward(dc)[1][~MASK] == 0).all()
    for b, length in enumerate(MASK.sum(axis=0)):
        alone = attend(h[:, [b]], m[:length, [b]], None, Workspace())
        np.testing.assert_allclose(alone.c[:, 0], one.c[:, b], rtol=1e-12)


def test_scores_that_would_overflow_do_not() -> None:
    h, m, dc = arrays(np.float32)
    found = attend(1000 * h, 1000 * m, MASK, Workspace())
    assert np.isfinite(found.c).all() and all(np.isfinite(d).all() for d in found.backward(dc))


@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_values_and_gradients_are_pytorchs(dtype: Any, close: float) -> None:
    torch = pytest.importorskip("torch")
    h, m, dc = arrays(dtype)
    th, tm = (torch.from_numpy(a.copy()).requires_grad_() for a in (h, m))
    scores = torch.einsum("tbh,sbh->bts", th, tm).masked_fill(~torch.from_numpy(MASK.T[:, None].copy()), -np.inf)
    weights = torch.softmax(scores, -1)
    c = torch.einsum("bts,sbh->tbh", weights, tm)
    (c * torch.from_numpy(dc)).sum().backward()
    found = attend(h, m, MASK, Workspace())
    for ours, theirs in zip(
        (found.c, found.weights, *found.backward(dc)[:2]), (c, weights, th.grad, tm.grad), strict=True
    ):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=close, atol=close)
