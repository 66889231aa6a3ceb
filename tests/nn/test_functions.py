"""Functions of arrays against their definitions, at sizes of numbers where definitions as written overflow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charnn.inspection.probes import eigenvalues
from charnn.nn.functions import ACTIVATIONS, SAFE_EXPONENT, cross_entropy, log_softmax
from charnn.nn.initializers import glorot, orthogonal

DEFINITIONS = {  # f, and its slope
    "tanh": (np.tanh, lambda a: 1 / np.cosh(a) ** 2),
    "relu": (lambda a: np.where(a > 0, a, 0), lambda a: (a > 0).astype(float)),
    "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), lambda a: 1 / (2 + np.exp(a) + np.exp(-a))),
    "linear": (lambda a: a, np.ones_like),
}


def reference(o: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The loss and its gradient, in the longest floats there are, the maximum taken off."""
    o = o.astype(np.longdouble)
    o = o - o.max(axis=1, keepdims=True)
    p = np.exp(o) / np.exp(o).sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    nats = np.log(np.exp(o).sum(axis=1)) - o[rows, y]
    p[rows, y] -= 1
    return nats.astype(np.float64), p.astype(np.float64)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_are_their_definitions_in_place(name: str, dtype: type) -> None:
    f, slope = DEFINITIONS[name]
    a = np.linspace(-9, 9, 301).reshape(43, 7)
    a[0, 0] = 0
    dh = np.random.default_rng(0).normal(size=a.shape)
    h, d = a.astype(dtype), dh.astype(dtype)
    close = {"rtol": 1e-12, "atol": 1e-14} if dtype == np.float64 else {"rtol": 2e-5, "atol": 1e-6}
    activation = ACTIVATIONS[name](h)
    activation.forward(h)
    np.testing.assert_allclose(h, f(a), **close)
    activation.backward(h, d)
    close["atol"] = 1e-6 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(d, dh * slope(a), **close)
    np.testing.assert_allclose(activation.slopes(h), slope(a), **close)
    assert h.dtype == d.dtype == activation.slopes(h).dtype == dtype


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(5,), (4, 3)], ids=str)
def test_an_activation_serves_every_array_of_its_shape_and_remembers_none(name: str, shape: tuple[int, ...]) -> None:
    f, slope = DEFINITIONS[name]
    rng, shared = np.random.default_rng(0), ACTIVATIONS[name](np.full(shape, np.nan))
    a, other, dh = rng.normal(size=(3, *shape))
    h, d = a.copy(), dh.copy()
    shared.forward(h)
    shared.forward(other)
    shared.backward(other, other.copy())
    shared.backward(h, d)
    np.testing.assert_allclose(h, f(a), rtol=1e-12)
    np.testing.assert_allclose(d, dh * slope(a), rtol=1e-10)


def test_all_activations_are_tested() -> None:
    assert DEFINITIONS.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_saturated_activations_do_not_overflow(name: str) -> None:
    h = np.array([[-3e38, -1e4, -100, 100, 1e4, 3e38]], np.float32)
    ACTIVATIONS[name](h).forward(h)
    low = -1 if name == "tanh" else 0
    np.testing.assert_array_equal(h, [[low, low, low, 1, 1, 1]])


def test_relu_has_no_slope_at_zero_and_no_output_below() -> None:
    h, d = np.array([-1.0, -0.0, 0.0, 1e-30, 2.0]), np.ones(5)
    relu = ACTIVATIONS["relu"](h)
    relu.forward(h)
    relu.backward(h, d)
    np.testing.assert_array_equal(h, [0, 0, 0, 1e-30, 2])
    np.testing.assert_array_equal(d, [0, 0, 0, 1, 1])


SCALES = [1e-3, 1.0, 0.9 * SAFE_EXPONENT, 0.999 * SAFE_EXPONENT, 1.001 * SAFE_EXPONENT, 1.5 * SAFE_EXPONENT, 1e4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "shift", [0.0, -0.99 * SAFE_EXPONENT, -1.01 * SAFE_EXPONENT, 0.99 * SAFE_EXPONENT, 1.01 * SAFE_EXPONENT, -1e4, 1e4]
)
@pytest.mark.parametrize("scale", SCALES)
def test_cross_entropy_is_its_definition_on_both_sides_of_the_shortcut(scale: float, shift: float, dtype: type) -> None:
    rng = np.random.default_rng(0)
    o = (rng.uniform(-scale, scale, (40, 11)) + shift).astype(dtype)
    o[0], o[1, :], o[2, 3] = shift, -scale, scale
    y = rng.integers(0, 11, 40)
    expected, slope = reference(o, y)
    unit = np.finfo(dtype).eps * max(1.0, float(np.abs(o).max()))  # what a rounding of the scores themselves costs
    nats = cross_entropy(o, y)
    np.testing.assert_allclose(nats, expected, rtol=4 * np.finfo(dtype).eps, atol=4 * unit)
    np.testing.assert_allclose(o, slope, atol=16 * unit)
    assert nats.dtype == o.dtype == dtype


@pytest.mark.parametrize("y", [0, 1, 2])
@pytest.mark.parametrize(
    "scores",
    [[1e4, 0, -1e4], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4], [-SAFE_EXPONENT, -SAFE_EXPONENT, SAFE_EXPONENT]],
    ids=str,
)
def test_cross_entropy_of_huge_scores(scores: list[float], y: int) -> None:
    o = np.array([scores], np.float32)
    expected, slope = reference(o, np.array([y]))
    np.testing.assert_allclose(cross_entropy(o, np.array([y])), expected, rtol=1e-6)
    np.testing.assert_allclose(o, slope, atol=1e-6)


def test_one_row_of_huge_scores_does_not_spoil_the_others() -> None:
    o = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    y = np.array([0, 1, 2, 3, 0])
    alone = cross_entropy(o[1:].copy(), y[1:])
    o[0] = [1e4, -1e4, 0, 0]
    np.testing.assert_allclose(cross_entropy(o, y)[1:], alone, rtol=1e-5)


finite = st.floats(-(2.0**122), 2.0**122, width=32) | st.floats(-130, 130, width=32)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.lists(finite, min_size=5, max_size=5), min_size=1, max_size=4), st.integers(0, 4))
def test_cross_entropy_is_never_nan(rows: list[list[float]], right: int) -> None:
    o, y = np.array(rows, np.float32), np.full(len(rows), right)
    expected, slope = reference(o, y)
    nats = cross_entropy(o, y)
    np.testing.assert_allclose(nats, expected, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(o, slope, atol=1e-4)
    assert (nats > -1e-4).all()


def test_a_nan_among_the_scores_is_seen_in_the_loss() -> None:
    o = np.zeros((2, 3), np.float32)
    o[1, 2] = np.nan
    assert np.isnan(cross_entropy(o, np.array([0, 1]))[1])


def test_gradient_rows_of_the_cross_entropy_sum_to_zero() -> None:
    o, y = np.random.default_rng(0).normal(size=(20, 9)) * 3, np.arange(20) % 9
    cross_entropy(o, y)
    np.testing.assert_allclose(o.sum(axis=1), 0, atol=1e-14)
    assert (o[np.arange(20), y] < 0).all() and (o < 0).sum() == 20


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)])
def test_log_softmax_is_the_logarithm_of_a_distribution(shape: tuple[int, ...]) -> None:
    o = np.random.default_rng(0).normal(size=shape) * 5
    before = o.copy()
    np.testing.assert_allclose(np.exp(log_softmax(o)).sum(axis=-1), 1)
    np.testing.assert_allclose(log_softmax(o), o - np.log(np.exp(o).sum(axis=-1, keepdims=True)), rtol=1e-12)
    np.testing.assert_allclose(log_softmax(o + 1e4), log_softmax(o), atol=1e-10)
    np.testing.assert_array_equal(o, before)


def test_log_softmax_knows_the_impossible() -> None:
    np.testing.assert_allclose(log_softmax(np.array([0, -np.inf, 0])), [-np.log(2), -np.inf, -np.log(2)])
    np.testing.assert_allclose(log_softmax(np.array([1e30, 0, -1e30])), [0, -1e30, -2e30])


def test_glorot_fills_its_interval() -> None:
    U = glorot(np.random.default_rng(0), (30, 70))
    limit = np.sqrt(6 / 100)
    assert U.shape == (30, 70)
    assert 0.99 * limit < U.max() <= limit and -limit <= U.min() < -0.99 * limit
    assert U.var() == pytest.approx(2 / 100, rel=0.05)


@pytest.mark.parametrize("n", [1, 2, 5, 64])
def test_orthogonal_keeps_lengths_and_is_drawn_from_all_such_matrices(n: int) -> None:
    W = orthogonal(np.random.default_rng(0), n)
    np.testing.assert_allclose(W @ W.T, np.eye(n), atol=1e-12)
    drawn = [orthogonal(np.random.default_rng(seed), n) for seed in range(200)]
    assert {float(np.sign(np.linalg.det(W))) for W in drawn} == {-1, 1}  # reflections as well as rotations
    assert abs(np.mean([np.trace(W) for W in drawn])) < 0.35  # of all of them it is 0, with a variance of 1


def test_eigenvalues_are_what_powers_grow_by() -> None:
    ((*found,),) = eigenvalues(np.diag([0.5, -2.0, 1.0]).astype(np.float32))
    assert found == pytest.approx([-2, 1, 0.5])
    turn = 3 * np.array([[0, -1.0], [1, 0]])
    assert eigenvalues(turn)[0].tolist() == pytest.approx([3j, -3j])
    assert np.abs(eigenvalues(orthogonal(np.random.default_rng(0), 20))[0]) == pytest.approx(np.ones(20))
    assert np.abs(eigenvalues(np.array([[0, 1.0], [0, 0]]))[0]).max() == 0


def test_eigenvalues_are_those_of_each_gate_and_the_entries_of_a_diagonal() -> None:
    one, two = eigenvalues(np.hstack([np.diag([1.0, 2.0]), np.diag([-4.0, 3.0])]))
    assert one.tolist() == [2, 1] and two.tolist() == [-4, 3]
    (diagonal,) = eigenvalues(np.array([0.5, -1.5, 1.5], np.float32))
    assert diagonal.tolist() == [1.5, -1.5, 0.5]
    assert eigenvalues(np.ones((3, 4))) == eigenvalues(np.ones((2, 2, 2))) == []
