"""A causal convolution over time: the contrast to recurrence, a unit that sees a fixed number of inputs."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from ...errors import UsageError
from ..functions import ACTIVATIONS
from ..layers.base import Array, Arrays, Forward, Gradients, Keep, Rng, State
from ..layers.linear import Linear, gradients
from ..layers.recurrent import Recurrent
from ..parameters import Views
from ..workspace import Workspace

MAX_REACH = 4096  # steps back to the first input that a unit sees


@dataclass(frozen=True)
class Convolution(Recurrent):
    """h[t] = f(sum_{i < k} b_i + x[t - i r] U_i),   k the width, r the dilation,   f = tanh, relu, ...

    Inputs from before the start of a sequence are left out, with their b_i (Bengio et al., 2003; LeCun et al., 1998).
    On symbols a unit sees a window of k letters, and L layers see L (k - 1) + 1 of them. They see more where r grows
    from layer to layer by a factor (van den Oord et al., 2016). No step waits for another: a window is one product.
    Backwards, with da[t] = dh[t] f'(a[t]): d(x[t] U_i) = da[t + i r].

    U = [U_0, ..., U_{k-1}] (I, k H) starts as `Linear` says, over sqrt(k), and b as 0. The state is what the inputs so
    far add to the next (k - 1) r steps, (B, H) each; the inputs are not kept.
    """

    inputs: tuple[int, ...]
    hidden: int
    activation: str = "tanh"
    symbols: int = 0  # how many of the inputs are one-hot, the last ones: see `Linear`
    width: int = 5
    dilation: int = 1

    @property
    def gates(self) -> int:
        return self.width

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return (self.hidden,) * self._reach

    @property
    def _reach(self) -> int:
        """Steps back to the first input that is seen."""
        return (self.width - 1) * self.dilation

    def at_depth(self, depth: int) -> Self:
        """The same with r = dilation^depth. Raises `UsageError` where that sees more than 4,096 steps back."""
        found = replace(self, dilation=self.dilation**depth)
        if found._reach > MAX_REACH:
            told = f"layer {depth} would see {found._reach:,} steps back, and {MAX_REACH:,} are the most"
            raise UsageError(f"--dilation {self.dilation}: {told}: give fewer --layers, or a smaller --dilation")
        return found

    @property
    def recurrent_weights(self) -> tuple[str, ...]:
        return ()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self._input.shapes()

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        one = Linear(self.inputs, self.hidden, symbols=self.symbols)
        U = np.hstack([one.initial(rng)["U"] for _ in range(self.width)])
        return {"U": U / np.sqrt(self.width), "b": np.zeros(self.width * self.hidden)}

    def forward(self, p: Views, x: Arrays, state: State, ws: Workspace, keep: Keep = None, rng: Rng = None) -> Forward:
        (T, B), H, k, dtype = x[0].shape[:2], self.hidden, self.width, p["U"].dtype
        r, reach = self.dilation, self._reach
        xU, sums = ws.empty((T, B, k * H), dtype), ws.empty((T + reach, B, H), dtype)  # a[t], and beyond the window
        self._input.apply(p, x, xU, ws)
        seen = _Seen(T, keep, dtype)
        sums.fill(0)
        for j, part in enumerate(state):
            sums[j] += part * seen.before(j)
        for i in range(k):
            sums[i * r : i * r + T] += xU[..., i * H : (i + 1) * H] * seen.after(i * r)
        h, f = sums[:T], ACTIVATIONS[self.activation](sums[0])
        for a in h:
            f.forward(a)

        def backward(dy: Arrays, dstate: State, g: Views) -> Gradients:
            da = ws.empty(sums.shape, dtype)
            for t, d in enumerate(dy[0]):
                da[t] = d
                f.backward(h[t], da[t])
            for j, part in enumerate(dstate):
                da[T + j] = part
            dxU = ws.empty(xU.shape, dtype)
            for i in range(k):
                np.multiply(da[i * r : i * r + T], seen.after(i * r), out=dxU[..., i * H : (i + 1) * H])
            dx = gradients(x, dtype, ws)
            self._input.reverse(p, x, dxU, g, dx, ws)
            return dx, tuple(da[j] * seen.before(j) for j in range(reach))

        return (h,), tuple(sums[T:]), backward


class _Seen:
    """1 where a step sees an input, else 0, where the state was forgotten between them; (B, 1) or (T, B, 1)."""

    def __init__(self, T: int, keep: Keep, dtype: np.dtype):
        self.T, self.dtype = T, dtype
        self.since = None if keep is None else np.cumsum(keep[..., 0] == 0, axis=0)  # how often it was forgotten by t

    def before(self, t: int) -> Array | float:
        """Of what was before the window, by step t, which may lie beyond its end."""
        if self.since is None:
            return 1.0
        return (self.since[min(t, self.T - 1)] == 0).astype(self.dtype)[:, None]

    def after(self, lag: int) -> Array | float:
        """Of each step, by the step so many later, which may lie beyond the window's end."""
        if self.since is None:
            return 1.0
        later = self.since[np.minimum(np.arange(self.T) + lag, self.T - 1)]
        return (later == self.since).astype(self.dtype)[..., None]
