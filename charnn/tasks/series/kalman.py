"""A linear Gaussian state-space model of series: the Kalman filter (1960), fitted by expectation and maximisation.

    s[t] = A s[t-1] + w[t],  w ~ N(0, Q);   x[t] = C s[t] + v[t],  v ~ N(0, R);   s[1] ~ N(mean, cov)

Its hidden state is a vector, as a recurrent network's is, but its steps are linear. The state of a hidden Markov model
is one of N instead. Filter and smoother are exact (Rauch, Tung and Striebel, 1965;
Shumway and Stoffer, 1982). Covariances do not depend on the values: series side by side share them.

Letters: T steps of B series side by side, N states, D columns.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

Array = np.ndarray
FLOOR = 1e-8  # is added to the variances of Q and R, so that neither is singular
SETTLED = 1e-12  # a change of the gain below which the rest of a series has the same gain


class Filtered(NamedTuple):
    """Means and covariances of s[t], before x[t] is read and after, and -log P of the series in nats."""

    before: Array  # (T, B, N)
    cov_before: Array  # (T, N, N)
    after: Array  # (T, B, N)
    cov_after: Array  # (T, N, N)
    nats: float


class Smoothed(NamedTuple):
    """Means and covariances of s[t] where the whole series is known, and those of s[t] with s[t-1] for t > 1."""

    means: Array  # (T, B, N)
    covs: Array  # (T, N, N)
    crossed: Array  # (T - 1, N, N)


@dataclass(frozen=True, eq=False)
class Kalman:
    """A (N, N), Q (N, N), C (D, N), R (D, D), and the first state's mean (N,) and cov (N, N)."""

    A: Array
    Q: Array
    C: Array
    R: Array
    mean: Array
    cov: Array

    def forecasts(self, x: Array) -> Array:
        """E(x[t] | x[1] ... x[t-1]) of each step of one series (T, D)."""
        found, s, cov, gain = np.empty((len(x), len(self.mean))), self.mean, self.cov, np.empty(0)
        settled = False
        for t, value in enumerate(x):
            found[t] = s
            if not settled:
                last, (gain, _) = gain, self._gain(cov)
                cov = self._next(cov - gain @ self.C @ cov)
                settled = last.shape == gain.shape and float(np.abs(gain - last).max()) < SETTLED
                kept, read = self.A - self.A @ gain @ self.C, self.A @ gain
            s = kept @ s + read @ value
        return found @ self.C.T

    def filtered(self, x: Array) -> Filtered:
        """The filter's pass over series (T, B, D), step by step."""
        (T, B, D), N = x.shape, len(self.mean)
        before, after = np.empty((2, T, B, N))
        covs_before, covs_after = np.empty((2, T, N, N))
        s, cov, nats = np.broadcast_to(self.mean, (B, N)), self.cov, 0.0
        for t in range(T):
            before[t], covs_before[t] = s, cov
            gain, S = self._gain(cov)
            e = x[t] - s @ self.C.T
            nats += 0.5 * (
                B * (D * np.log(2 * np.pi) + np.linalg.slogdet(S)[1]) + (e * np.linalg.solve(S, e.T).T).sum()
            )
            after[t], covs_after[t] = s + e @ gain.T, cov - gain @ self.C @ cov
            s, cov = after[t] @ self.A.T, self._next(covs_after[t])
        return Filtered(before, covs_before, after, covs_after, float(nats))

    def smoothed(self, found: Filtered) -> Smoothed:
        """The smoother's pass back over what the filter found."""
        means, covs = found.after.copy(), found.cov_after.copy()
        crossed = np.empty((len(means) - 1, *self.A.shape))
        for t in range(len(means) - 2, -1, -1):
            J = np.linalg.solve(found.cov_before[t + 1], self.A @ found.cov_after[t]).T
            means[t] += (means[t + 1] - found.before[t + 1]) @ J.T
            covs[t] += J @ (covs[t + 1] - found.cov_before[t + 1]) @ J.T
            crossed[t] = covs[t + 1] @ J.T
        return Smoothed(means, covs, crossed)

    def _gain(self, cov: Array) -> tuple[Array, Array]:
        """K = cov C^T S^-1 (N, D), and the covariance S (D, D) of a forecast's error."""
        S = self.C @ cov @ self.C.T + self.R
        gain: Array = np.linalg.solve(S, self.C @ cov).T
        return gain, S

    def _next(self, cov: Array) -> Array:
        """The covariance a step later, symmetric."""
        cov = self.A @ cov @ self.A.T + self.Q
        return (cov + cov.T) / 2


def improve(model: Kalman, x: Array) -> tuple[Kalman, float]:
    """A round of expectation and maximisation on series x (T, B, D): a better model, and the nats of the one before."""
    found = model.filtered(x)
    means, covs, crossed = model.smoothed(found)
    B = x.shape[1]
    s_s = np.einsum("tbi,tbj->tij", means, means) + B * covs  # of s[t] with itself, for each t
    moved = np.einsum("tbi,tbj->ij", means[1:], means[:-1]) + B * crossed.sum(axis=0)
    x_s = np.einsum("tbi,tbj->ij", x, means)
    C = np.linalg.solve(s_s.sum(axis=0), x_s.T).T
    A = np.linalg.solve(s_s[:-1].sum(axis=0), moved.T).T
    R = (np.einsum("tbi,tbj->ij", x, x) - C @ x_s.T) / (len(x) * B)
    Q = (s_s[1:].sum(axis=0) - A @ moved.T) / ((len(x) - 1) * B)
    mean = means[0].mean(axis=0)
    cov = s_s[0] / B - np.outer(mean, mean)
    return Kalman(A, _covariance(Q), C, _covariance(R), mean, _covariance(cov)), found.nats


def _covariance(a: Array) -> Array:
    """A symmetric matrix that has no direction without variance."""
    return (a + a.T) / 2 + FLOOR * np.eye(len(a))


def begin(x: Array, states: int, lags: int) -> Kalman:
    """A model of series x (T, B, D) to start from: s[t] as the first principal components of x[t] ... x[t-lags+1]."""
    T = len(x)
    seen = np.concatenate([x[lags - 1 - lag : T - lag] for lag in range(lags)], axis=2)  # (T - lags + 1, B, lags D)
    _, directions = np.linalg.eigh(np.einsum("tbi,tbj->ij", seen, seen))
    s = seen @ directions[:, : -states - 1 : -1]
    before, now, seen_now = (a.reshape(-1, a.shape[2]) for a in (s[:-1], s[1:], x[lags - 1 :]))
    A, C = _regress(before, now), _regress(s.reshape(-1, states), seen_now)
    Q, R = _spread(now - before @ A.T), _spread(seen_now - s.reshape(-1, states) @ C.T)
    return Kalman(A, Q, C, R, np.zeros(states), _spread(s.reshape(-1, states)))


def _regress(x: Array, y: Array) -> Array:
    """M (n, m) with y = x M^T by least squares, for x (K, m) and y (K, n)."""
    square = x.T @ x
    square[np.diag_indices_from(square)] += FLOOR * len(x)
    found: Array = np.linalg.solve(square, x.T @ y).T
    return found


def _spread(errors: Array) -> Array:
    """The covariance of errors (K, n) around 0."""
    return _covariance(errors.T @ errors / len(errors))


def fit(x: Array, states: int, lags: int, rounds: int) -> Kalman:
    """A model of series x (T, B, D), after so many rounds that each made it likelier."""
    model = begin(x, states, lags)
    for _ in range(rounds):
        model, _ = improve(model, x)
    return model
