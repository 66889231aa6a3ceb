"""What each step of a decoder looks at among the states of an encoder."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..layers.base import Array
from ..workspace import Workspace

MASKED = -1e30  # a score whose softmax is 0, without the NaN that minus infinity less itself would make


class Attended(NamedTuple):
    """What `attend` gives."""

    c: Array  # (T, B, H): the context of each step
    weights: Array  # (B, T, S): the share of each state in it
    backward: Callable[[Array], tuple[Array, Array, Array]]  # dc -> dh, dm, dr


def attend(h: Array, m: Array, mask: Array | None, ws: Workspace, r: Array | None = None) -> Attended:
    """Global attention with dot products (Luong, Pham and Manning, 2015), for a whole window at once.

    s[t, i] = h[t] . m[i] + r[t, i],   a[t] = softmax(s[t]),   c[t] = sum_i a[t, i] m[i]

    h (T, B, H) are the decoder's states, m (S, B, H) the encoder's, and r (T, S) what is added for all rows alike, 0 by
    default. Where `mask` (S, B) is false, m is padding: its weight is 0. No step waits for another: each line is one
    batched product. Backwards, with dc from above:

    da[t, i] = dc[t] . m[i],   ds[t] = a[t] (da[t] - sum_i a[t, i] da[t, i]),   dh[t] = sum_i ds[t, i] m[i],
    dm[i] = sum_t (ds[t, i] h[t] + a[t, i] dc[t]),   dr[t, i] = ds[t, i] summed over the rows
    """
    (T, B, H), S, dtype = h.shape, len(m), h.dtype
    h_, m_, c = h.swapaxes(0, 1), m.swapaxes(0, 1), ws.empty((T, B, H), dtype)  # (B, T, H), (B, S, H): views
    a = np.matmul(h_, m_.swapaxes(1, 2), out=ws.empty((B, T, S), dtype))
    if r is not None:
        a += r
    if mask is not None:
        np.copyto(a, dtype.type(MASKED), where=~mask.T[:, None, :])
    a -= a.max(axis=-1, keepdims=True)
    np.exp(a, out=a)
    a /= a.sum(axis=-1, keepdims=True)
    np.matmul(a, m_, out=c.swapaxes(0, 1))

    def backward(dc: Array) -> tuple[Array, Array, Array]:
        dc_, dh, dm = dc.swapaxes(0, 1), ws.empty(h.shape, dtype), ws.empty(m.shape, dtype)
        with ws.scratch():
            ds, more = ws.empty(a.shape, dtype), ws.empty(m.shape, dtype)
            np.matmul(dc_, m_.swapaxes(1, 2), out=ds)
            ds -= np.einsum("bts,bts->bt", a, ds)[..., None]
            ds *= a
            np.matmul(ds, m_, out=dh.swapaxes(0, 1))
            np.matmul(ds.swapaxes(1, 2), h_, out=dm.swapaxes(0, 1))
            np.matmul(a.swapaxes(1, 2), dc_, out=more.swapaxes(0, 1))
            dm += more
            dr = ds.sum(axis=0)
        return dh, dm, dr

    return Attended(c, a, backward)
