"""A product that sees a decaying trace of its last input: all steps of a window at once, without a loop over them."""

from dataclasses import dataclass

import numpy as np

from ..matmul import multiply
from ..parameters import Views
from ..replay import as_one_call
from ..workspace import DType, Workspace
from .base import Array, Arrays, Forward, Gradients, Keep, Rng, State
from .linear import Linear, add_product, add_rows, gradients, product, rows

STEPS_PER_PRODUCT = 16  # steps that are mixed by one product: the work for a step grows with them
TINY = 1e-30  # shares below count as 0: products of such numbers are slow, and nothing


@dataclass(frozen=True)
class Trace(Linear):
    """y[t] = b + x[t] U_x + s[t] U_z,   s[t] = decay s[t-1] + z[t],   with z the last of the inputs, U_z its rows of U

    s[t] U_z = sum_{u <= t} decay^(t-u) z[u] U_z + decay^(t+1) s[-1] U_z: row t of one product of a triangular matrix,
    the same for all rows of the batch, with z U_z, where integers z look up rows of U. Backwards, its transpose. Where
    a row forgets its trace, it has a matrix of its own. Windows longer than `STEPS_PER_PRODUCT` are cut, and s U_z is
    carried over.

    U and b start as `Linear` says, but U_z times sqrt(1 - decay^2): a sum over many steps then varies as one row does.
    The state is (s,), (B, V), for z (T, B) of V symbols or (T, B, V) floats.
    """

    decay: float = 0.5

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return self.inputs[-1:]

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        found = super().initial(rng)
        self.blocks(Views(found))[-1][...] *= np.sqrt(1 - self.decay**2)
        return found

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        (*others, z), (s,), U = x, state, self.blocks(p)[-1]
        (T, B), dtype = z.shape[:2], U.dtype
        y, sU = ws.empty((T, B, self.outputs), dtype), ws.empty((B, self.outputs), dtype)
        rest, b = self._rest, p[self.bias]
        if others:
            rest.apply(self._without(p), x[:-1], y, ws)
        else:
            y[...] = b
        ended = None if keep is None else np.cumsum(keep[..., 0] == 0, axis=0)
        pieces, found = self._pieces(T), dict[int, tuple[Array, Array]]()
        _find(found, pieces, self._powers(min(STEPS_PER_PRODUCT, T) + 1, dtype), ended)
        np.matmul(s, U, out=sU)
        for steps in pieces:
            with ws.scratch():
                zU, mixed = (ws.empty(y[steps].shape, dtype) for _ in range(2))
                product(rows(z[steps]), U, rows(zU), ws)
                _mix(found, steps.start, zU, mixed)
                _carry(found, steps.start, sU, zU)
                mixed += zU
                y[steps] += mixed
                sU[...] = mixed[-1]
        shares, first = self._shares(T, dtype, ended)
        after = _trace(z, shares, ws.empty(s.shape, dtype))
        after += first * s
        after[np.abs(after) < TINY] = 0

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            (d,), dU, dsU = dy, self.blocks(g)[-1], sU
            dzU, dx, ds = ws.empty(y.shape, dtype), gradients(x, dtype, ws), ws.empty(s.shape, dtype)
            dsU.fill(0)
            for steps in reversed(pieces):
                last = d[steps][-1].copy()
                d[steps][-1] += dsU  # what the next piece was carried
                _mix_back(found, steps.start, d[steps], dzU[steps])
                with ws.scratch():
                    carried = ws.empty(y[steps].shape, dtype)
                    _carry(found, steps.start, d[steps], carried)
                    carried.sum(axis=0, out=dsU)
                d[steps][-1] = last
            rest.reverse(self._without(p), x[:-1], d, self._without(g), dx[:-1], ws)
            add_product(dU, s, dsU, ws)
            dz = dx[-1]
            if dz is None:
                add_rows(dU, rows(z), rows(dzU), ws)
            else:
                add_product(dU, rows(z), rows(dzU), ws)
                multiply(rows(dzU), U, rows(dz), ws, transposed=True)
                dz += shares[..., None] * dstate[0]
            np.matmul(dsU, U.T, out=ds)
            ds += first * dstate[0]
            return dx, (ds,)

        return (y,), (after,), backward

    @property
    def _rest(self) -> Linear:
        return Linear(self.inputs[:-1], self.outputs, self.weight, self.bias)

    def _without(self, p: Views) -> Views:
        """The weights of all inputs but the last."""
        return Views({self.weight: p[self.weight][: sum(self.inputs[:-1])], self.bias: p[self.bias]})

    def _powers(self, count: int, dtype: DType) -> Array:
        """decay^0, decay^1, ..."""
        powers = self.decay ** np.arange(count)
        return np.where(powers < TINY, 0, powers).astype(dtype)

    def _pieces(self, T: int) -> list[slice]:
        """The steps of a window, some at a time."""
        return [slice(start, min(start + STEPS_PER_PRODUCT, T)) for start in range(0, T, STEPS_PER_PRODUCT)]

    def _shares(self, T: int, dtype: DType, ended: Array | None) -> tuple[Array, Array]:
        """What each z counts in the last s, (T, B or 1), and what s before the window does, (B or 1, 1)."""
        powers = self._powers(T + 1, dtype)
        shares, first = powers[:T, None][::-1], powers[T:, None]
        if ended is None:
            return shares, first
        return shares * (ended == ended[-1]), first * (ended[-1] == 0)[:, None]


@as_one_call
def _find(found: dict[int, tuple[Array, Array]], pieces: list[slice], powers: Array, ended: Array | None) -> None:
    """By the first step of each piece, of n steps: M (n, n) or (B, n, n), and what s U_z before counts, (n, B or 1, 1).

    `ended` (T, B) says how often a row has forgotten its trace before it read step t.
    """
    lag = np.subtract.outer(np.arange(len(powers) - 1), np.arange(len(powers) - 1))
    whole = np.where(lag < 0, 0, powers[np.abs(lag)]).astype(powers.dtype)
    for steps in pieces:
        n = steps.stop - steps.start
        M, carried = whole[:n, :n], powers[1 : n + 1, None, None]
        if ended is not None:
            own, before = ended[steps], ended[steps.start - 1] if steps.start else 0
            if (own[-1] > before).any():
                M = M * (own.T[:, :, None] == own.T[:, None, :])
                carried = carried * (own == before)[..., None]
        found[steps.start] = M, carried


@as_one_call
def _mix(found: dict[int, tuple[Array, Array]], start: int, a: Array, out: Array) -> None:
    """out[t] = sum_u M[t, u] a[u], for a (n, B, H), the piece that starts there."""
    _multiply(found[start][0], a, out)


@as_one_call
def _mix_back(found: dict[int, tuple[Array, Array]], start: int, a: Array, out: Array) -> None:
    """out[u] = sum_t M[t, u] a[t]"""
    _multiply(found[start][0].swapaxes(-1, -2), a, out)


@as_one_call
def _carry(found: dict[int, tuple[Array, Array]], start: int, a: Array, out: Array) -> None:
    """out[t] = a[t], or a (B, H), times what s U_z before the piece counts."""
    np.multiply(found[start][1], a, out=out)


def _multiply(M: Array, a: Array, out: Array) -> None:
    """M a, with an M for all rows or one for each."""
    if M.ndim == 2:
        np.matmul(M, a.reshape(len(a), -1), out=out.reshape(len(out), -1))
    else:
        np.matmul(M, a.swapaxes(0, 1), out=out.swapaxes(0, 1))


def _trace(z: Array, shares: Array, out: Array) -> Array:
    """sum_t shares[t] z[t], (B, V)"""
    B, V = out.shape
    shares = np.broadcast_to(shares, z.shape[:2])
    if z.ndim == 2:
        out[...] = np.bincount((z + V * np.arange(B)).reshape(-1), shares.reshape(-1), B * V).reshape(B, V)
    else:
        np.matmul(shares.T[:, None], z.swapaxes(0, 1), out=out[:, None])
    return out
