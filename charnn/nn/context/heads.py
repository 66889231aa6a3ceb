"""Causal attention over the last C steps, in several heads, for windows of any length."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..layers.base import Array, Keep, State
from ..workspace import Workspace


def split_heads(a: Array, heads: int) -> Array:
    """q, k and v of a (T, B, 3 H) by head: (3, B, N, T, d), a view."""
    T, B, width = a.shape
    return a.reshape(T, B, 3, heads, width // 3 // heads).transpose(2, 1, 3, 0, 4)


def side_by_side(a: Array, ws: Workspace) -> Array:
    """(T, B, ...) as (T, B, n)."""
    out = ws.empty((*a.shape[:2], int(np.prod(a.shape[2:]))), a.dtype)
    out.reshape(a.shape)[...] = a
    return out


@dataclass
class Piece:
    """Some of a window's queries, `at`, the `keys` that they look at, their weights p (B, N, t, s) and distances t - s.

    `seen` is 0 where a row has forgotten s by t, (B, 1, t, s), or None where nothing is forgotten.
    """

    at: slice
    keys: slice
    p: Array
    distance: Array
    seen: Array | None

    @property
    def weights(self) -> Array:
        """Those of values: p, and 0 for what is forgotten."""
        return self.p if self.seen is None else self.p * self.seen


class Attention:
    """z_n[t] = sum_s p[t, s] v[s],   p[t, s] = softmax_s(q[t] . k[s] / sqrt(d) + R[n, t-s]),   0 <= t - s < C

    k[s] and v[s] are 0 where there is no step s, or a row has forgotten s by t: each query has C keys to look at.
    Queries are taken C at a time: work and memory grow with the window's length, not with its square.

    Backwards, a[t, s] being what the softmax is of: dp[t, s] = dz[t] . v[s],   da = p (dp - sum_s p dp),
    sum_s p[t, s] dp[t, s] = dz[t] . z[t]
    """

    def __init__(self, qkv: Array, state: State, keep: Keep, R: Array, ws: Workspace):
        self.ws, self.R, (_, self.B, self.N, self.T, self.d) = ws, R, qkv.shape
        self.past, self._all, self.scale = R.shape[1] - 1, R.dtype.type(1), 1 / np.sqrt(self.d)
        self.since: Array | None = None  # how often a row has forgotten its state by each step, (C - 1 + T, B)
        if keep is not None:
            counts = np.cumsum(keep[..., 0] == 0, axis=0)
            self.since = np.concatenate([np.zeros((self.past, self.B), counts.dtype), counts])
        q, k, v = qkv
        self.q = np.multiply(q, self.scale, out=self._queries())
        self.k, self.v = (self._with_past(old, new) for old, new in zip(state, (k, v), strict=True))
        self.pieces = [self._piece(start) for start in range(0, self.T, self.past + 1)]
        self.by_head = self._queries()
        for one in self.pieces:
            np.matmul(one.weights, self.v[:, :, one.keys], out=self.by_head[:, :, one.at])
        self.z = side_by_side(self.by_head.transpose(2, 0, 1, 3), ws)

    @property
    def after(self) -> State:
        """The state after the window."""
        return tuple(self._state(a[:, :, self.T :] * self._kept()) for a in (self.k, self.v))

    def backward(self, dz: Array, dstate: State, dR: Array) -> tuple[Array, State]:
        """The gradients of q, k and v side by side, (T, B, 3 H), and of the state before; ADD into dR."""
        dqkv, by_head = self.ws.empty((3, *self.k.shape), self.k.dtype), self._queries()
        dqkv.fill(0)
        by_head[...] = dz.reshape(self.T, self.B, self.N, self.d).transpose(1, 2, 0, 3)
        along = np.einsum("bntd,bntd->bnt", by_head, self.by_head)[..., None]  # sum_s p dp
        dq, dk, dv = dqkv[0, :, :, self.past :], dqkv[1], dqkv[2]
        for part, d in zip((dk, dv), dstate, strict=True):
            part[:, :, self.T :] = d.reshape(self.B, self.past, self.N, self.d).swapaxes(1, 2) * self._kept()
        for one in self.pieces:
            dz_, da = by_head[:, :, one.at], self.ws.empty(one.p.shape, one.p.dtype)
            dv[:, :, one.keys] += one.weights.swapaxes(2, 3) @ dz_
            np.matmul(dz_, self.v[:, :, one.keys].swapaxes(2, 3), out=da)
            if one.seen is not None:
                da *= one.seen
            da -= along[:, :, one.at]
            da *= one.p
            self._add_distances(dR, da.sum(axis=0), one.distance)
            if one.seen is not None:
                da *= one.seen
            np.matmul(da, self.k[:, :, one.keys], out=dq[:, :, one.at])
            dk[:, :, one.keys] += da.swapaxes(2, 3) @ self.q[:, :, one.at]
        dq *= self.scale
        together = side_by_side(dqkv[:, :, :, self.past :].transpose(3, 1, 0, 2, 4), self.ws)
        return together, tuple(self._state(a[:, :, : self.past]) for a in (dk, dv))

    def _queries(self) -> Array:
        """Room for d numbers of each query, (B, N, T, d)."""
        return self.ws.empty((self.B, self.N, self.T, self.d), self.R.dtype)

    def _piece(self, start: int) -> Piece:
        """C queries from a step on, with their weights."""
        end, seen = min(start + self.past + 1, self.T), None
        at, keys = slice(start, end), slice(start, end + self.past)
        distance = np.arange(end - start)[:, None] + self.past - np.arange(end - start + self.past)
        p = self.ws.empty((self.B, self.N, *distance.shape), self.k.dtype)
        np.matmul(self.q[:, :, at], self.k[:, :, keys].swapaxes(2, 3), out=p)
        if self.since is not None:
            now = self.since[self.past :][at].T[:, None, :, None]
            seen = (self.since[keys].T[:, None, None, :] == now).astype(p.dtype)
            p *= seen
        learnt = self.R[:, np.clip(distance, 0, self.past)]
        np.copyto(learnt, -np.inf, where=~self._inside(distance))
        p += learnt
        p -= p.max(axis=-1, keepdims=True)
        np.exp(p, out=p)
        p /= p.sum(axis=-1, keepdims=True)
        return Piece(at, keys, p, distance, seen)

    def _inside(self, distance: Array) -> Array:
        found: Array = (distance >= 0) & (distance <= self.past)
        return found

    def _add_distances(self, dR: Array, ds: Array, distance: Array) -> None:
        """dR[n, t-s] += ds[n, t, s]"""
        inside = self._inside(distance)
        for row, d in zip(dR, ds, strict=True):
            row += np.bincount(distance[inside], d[inside], self.past + 1).astype(row.dtype)

    def _kept(self) -> Any:
        """1 for those of the last C - 1 steps that the window's last step has not forgotten, (B, 1, C - 1, 1)."""
        if self.since is None:
            return self._all
        return (self.since[self.T :] == self.since[-1]).T.astype(self.k.dtype)[:, None, :, None]

    def _with_past(self, old: Array, new: Array) -> Array:
        """The steps of the state (B, (C - 1) H) and those of the window (B, N, T, d), (B, N, C - 1 + T, d)."""
        found = self.ws.empty((self.B, self.N, self.past + self.T, self.d), new.dtype)
        found[:, :, : self.past] = old.reshape(self.B, self.past, self.N, self.d).swapaxes(1, 2)
        found[:, :, self.past :] = new
        return found

    def _state(self, a: Array) -> Array:
        """(B, N, C - 1, d) as a state has it, (B, (C - 1) H)."""
        return a.swapaxes(1, 2).reshape(self.B, self.past * self.N * self.d)
