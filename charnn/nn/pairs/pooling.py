"""One vector for a whole sequence: the last state of a layer, or the mean or the maximum of its states."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..layers.base import Array, Arrays
from ..workspace import Workspace


class Pooled(NamedTuple):
    """What `pool` gives."""

    z: Arrays  # (B, n) each
    add: Callable[[Arrays, Arrays], None]  # (dz, dh): ADDS the gradient of h into dh


def pool(kind: str, h: Arrays, reverse: tuple[bool, ...], mask: Array, ws: Workspace) -> Pooled:
    """A vector of each array of h (S, B, n), over the steps where `mask` (S, B) is true: the first ones of each row.

    last:  z = h[L - 1], the state after a row's L steps; h[0] of an array that is read in `reverse`
    mean:  z = sum_t h[t] / L
    max:   z = max_t h[t]; its gradient goes to the first step that has it
    """
    if kind == "last":
        ends, there = mask.sum(axis=0) - 1, np.arange(mask.shape[1])
        places = [(np.zeros_like(ends), there) if backwards else (ends, there) for backwards in reverse]
        z = tuple(part[place] for part, place in zip(h, places, strict=True))

        def add(dz: Arrays, dh: Arrays) -> None:
            for d, place, part in zip(dh, places, dz, strict=True):
                d[place] += part

    elif kind == "mean":
        share = (mask / mask.sum(axis=0)).astype(h[0].dtype)  # (S, B)
        z = tuple(np.einsum("sb,sbn->bn", share, part) for part in h)

        def add(dz: Arrays, dh: Arrays) -> None:
            for d, part in zip(dh, dz, strict=True):
                with ws.scratch():
                    d += np.multiply(share[..., None], part, out=ws.empty(d.shape, d.dtype))

    else:
        inside = np.where(mask, 0, -np.inf).astype(h[0].dtype)[..., None]
        tops = []
        for part in h:
            with ws.scratch():
                tops.append(np.add(part, inside, out=ws.empty(part.shape, part.dtype)).argmax(axis=0)[None])
        z = tuple(np.take_along_axis(part, top, axis=0)[0] for part, top in zip(h, tops, strict=True))

        def add(dz: Arrays, dh: Arrays) -> None:
            for d, top, part in zip(dh, tops, dz, strict=True):
                np.put_along_axis(d, top, np.take_along_axis(d, top, axis=0) + part, axis=0)

    return Pooled(z, add)
