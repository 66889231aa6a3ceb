"""Linear Gaussian state-space models: filter, smoother and likelihood beside conditioning of the joint Gaussian."""

import numpy as np
import pytest

from charnn.data.series import Part
from charnn.tasks.series.forecasts import autoregression, filtered, mean_square, pieces, to_beat
from charnn.tasks.series.kalman import Kalman, begin, fit, improve

N, D, T, B = 3, 2, 4, 5


def spread(rng: np.random.Generator, size: int) -> np.ndarray:
    root = rng.normal(size=(size, size))
    return root @ root.T + 0.1 * np.eye(size)


def model(seed: int = 0) -> Kalman:
    rng = np.random.default_rng(seed)
    A, C = rng.normal(size=(N, N)) / 2, rng.normal(size=(D, N))
    return Kalman(A, spread(rng, N), C, spread(rng, D), rng.normal(size=N), spread(rng, N))


def joint(m: Kalman) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of (s[1], ..., s[T], x[1], ..., x[T]) as one Gaussian, from its independent parts."""
    steps, noises = np.zeros((T * N, T * N)), np.zeros((T * N, T * N))
    for t in range(T):
        noises[t * N :, t * N :][:N, :N] = m.cov if t == 0 else m.Q
        for u in range(t + 1):
            steps[t * N : (t + 1) * N, u * N : (u + 1) * N] = np.linalg.matrix_power(m.A, t - u)
    seen = np.kron(np.eye(T), m.C)
    both = np.concatenate([np.eye(T * N), seen])
    cov = both @ steps @ noises @ steps.T @ both.T
    cov[T * N :, T * N :] += np.kron(np.eye(T), m.R)
    return both @ steps @ np.concatenate([m.mean, np.zeros((T - 1) * N)]), cov


def conditioned(m: Kalman, wanted: np.ndarray, known: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, cov = joint(m)
    weights = np.linalg.solve(cov[np.ix_(known, known)], cov[np.ix_(known, wanted)]).T
    left = cov[np.ix_(wanted, wanted)] - weights @ cov[np.ix_(known, wanted)]
    return mean[wanted] + weights @ (values - mean[known]), left


def places(t: int) -> np.ndarray:
    return T * N + np.arange(t * D)


def test_forecasts_and_the_likelihood_are_those_of_the_joint_gaussian() -> None:
    m, x = model(), np.random.default_rng(1).normal(size=(T, B, D))
    found = m.filtered(x)
    mean, cov = (a[T * N :] for a in joint(m))
    nats = 0.0
    for b in range(B):
        for t in range(T):
            wanted, _ = conditioned(m, places(t + 1)[-D:], places(t), x[:t, b].ravel())
            assert m.forecasts(x[:, b])[t] == pytest.approx(wanted)
            assert found.before[t, b] @ m.C.T == pytest.approx(wanted)
        apart, whole = x[:, b].ravel() - mean, cov[:, T * N :]
        nats += (np.linalg.slogdet(2 * np.pi * whole)[1] + apart @ np.linalg.solve(whole, apart)) / 2
    assert found.nats == pytest.approx(nats)


def test_the_smoothed_states_are_those_of_the_joint_gaussian() -> None:
    m, x = model(2), np.random.default_rng(3).normal(size=(T, B, D))
    found = m.smoothed(m.filtered(x))
    for b in range(B):
        means, cov = conditioned(m, np.arange(T * N), places(T), x[:, b].ravel())
        assert found.means[:, b].ravel() == pytest.approx(means)
    blocks = cov.reshape(T, N, T, N).swapaxes(1, 2)
    for t in range(T):
        np.testing.assert_allclose(found.covs[t], blocks[t, t], atol=1e-10)
    for t in range(T - 1):
        np.testing.assert_allclose(found.crossed[t], blocks[t + 1, t], atol=1e-10)


def noisy_waves(count: int, seed: int) -> np.ndarray:
    """A turning state, seen through noise: what no autoregression of low order knows well."""
    rng, s, found = np.random.default_rng(seed), np.array([1.0, 0.0]), []
    turn = 0.995 * np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]])
    for _ in range(count):
        s = s @ turn + 0.1 * rng.normal(size=2)
        found.append([s[0] + 0.7 * rng.normal()])
    return np.array(found)


def test_each_round_makes_a_model_likelier_and_the_filter_beats_what_is_no_state() -> None:
    values = noisy_waves(3000, 4)
    x = values[:2560].reshape(20, 128, 1).swapaxes(0, 1)
    one, nats = begin(x, 2, 16), []
    for _ in range(15):
        one, before = improve(one, x)
        nats.append(before)
    assert (np.diff(nats) < 1e-6).all() and nats[-1] < nats[0] - 1
    assert np.abs(np.linalg.eigvals(fit(x, 2, 16, 60).A)) == pytest.approx([0.995, 0.995], abs=0.02)
    whole = Part(values, np.array([0, len(values)]))
    train, valid = whole.some(0, 2560), whole.some(2560, 3000)
    of_states = mean_square(valid, filtered(train, valid, 2))
    assert of_states < 0.97 * mean_square(valid, autoregression(train, valid, 2))
    found = to_beat(train, valid)
    assert found["kalman"] <= of_states and found["states"] in (2, 4, 8, 16)


def test_pieces_are_cut_inside_of_sequences_and_short_ones_have_none() -> None:
    some = Part(np.arange(30.0)[:, None], np.array([0, 5, 11, 30]))
    assert pieces(some)[..., 0].T.tolist() == [[*range(start, start + 6)] for start in (5, 11, 17, 23)]
    short = Part(np.random.default_rng(0).normal(size=(30, 1)), np.arange(0, 31, 2))
    assert pieces(short).shape[1] == 0 and "kalman" not in to_beat(short, short)


def test_constants_and_exact_lines_have_finite_forecasts() -> None:
    steps = np.arange(100.0)[:, None]
    both = Part(np.hstack([0 * steps, np.sin(steps)]), np.array([0, 100]))
    assert to_beat(both, both)["kalman"] < 0.01
