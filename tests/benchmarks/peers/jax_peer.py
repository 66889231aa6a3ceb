"""JAX, with everything compiled: updates, scores and samples are each one call of a jitted function over lax.scan.

Several devices, of one core each, take shards of the batch; gradients are averaged.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from .contender import Entry, Job
from .work import Work

jax: Any = import_module("jax")
jnp: Any = import_module("jax.numpy")

CLIP, RATE, BETA1, BETA2, EPS = 0.5, 4e-3, 0.9, 0.999, 1e-8
WINDOW = 128  # steps at a time in evaluation
ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}

State = tuple[Any, ...]  # of a layer, (B, H) each, its first array h; of a network, one such tuple for each layer


def elman(work: Work, a: Any, hW: Any, c: Any, last: State) -> State:
    """The state at t, from a[t] = b + x[t] U, h[t-1] W, the weight c where there is one, and the state at t-1."""
    return (ACTIVATIONS[work.activation](a + hW),)


def lstm(work: Work, a: Any, hW: Any, c: Any, last: State) -> State:
    """As `elman`."""
    H = work.hidden
    gates = a + hW
    i, f, o = jnp.split(jax.nn.sigmoid(gates[:, : 3 * H]), 3, axis=1)
    memory = f * last[1] + i * jnp.tanh(gates[:, 3 * H :])
    return o * jnp.tanh(memory), memory


def gru(work: Work, a: Any, hW: Any, c: Any, last: State) -> State:
    """As `elman`."""
    rz, n = slice(None, 2 * work.hidden), slice(2 * work.hidden, None)
    r, z = jnp.split(jax.nn.sigmoid(a[:, rz] + hW[:, rz]), 2, axis=1)
    new = jnp.tanh(a[:, n] + r * (hW[:, n] + c))
    return (new + z * (last[0] - new),)


CELLS = {"elman": elman, "lstm": lstm, "gru": gru}


def zero(work: Work, rows: int) -> State:
    """The state before all."""
    return tuple(tuple(jnp.zeros((rows, work.hidden)) for _ in range(work.states)) for _ in range(work.layers))


def loss(work: Work, p: Any, x: Any, y: Any, state: State) -> tuple[Any, State]:
    """The mean loss of a window x, y (T, B) in nats, and the state after it."""
    cell, after = partial(CELLS[work.cell], work), []
    h, a = None, p["hidden/0/U"][x] + p["hidden/0/b"]
    for i in range(work.layers):
        if i:
            a = h @ p[f"hidden/{i}/U"] + p[f"hidden/{i}/b"]
        W, c = p[f"hidden/{i}/W"], p.get(f"hidden/{i}/c")

        def step(last: State, at: Any, W: Any = W, c: Any = c) -> tuple[State, Any]:
            last = cell(at, last[0] @ W, c, last)
            return last, last[0]

        last, h = jax.lax.scan(step, state[i], a)
        after.append(last)
    o = jax.nn.log_softmax(h @ p["readout/V"] + p["readout/c"])
    return -jnp.take_along_axis(o, y[..., None], -1).mean(), tuple(after)


def update(gradient: Callable[..., Any], p: Any, m: Any, v: Any, t: Any, x: Any, y: Any, state: State) -> Any:
    """Clip by the global norm, then Adam."""
    (_, g), state = gradient(p, x, y, state)
    each = jax.tree.map
    norm = jnp.sqrt(sum(jnp.vdot(a, a) for a in jax.tree.leaves(g)))
    g = each(lambda a: a * jnp.minimum(1.0, CLIP / norm), g)
    m = each(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, g)
    v = each(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, g)
    rate, unbias = RATE * jnp.sqrt(1 - BETA2**t) / (1 - BETA1**t), jnp.sqrt(1 - BETA2**t)
    p = each(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + EPS * unbias), p, m, v)
    return p, m, v, t + 1, state


class Devices:
    """Where arrays are: on the one device, or the rows of each on several."""

    def __init__(self, count: int):
        self.count = count
        if count > 1:
            self.mesh = jax.make_mesh((count,), ("rows",), devices=jax.devices()[:count])
            self.parts: Any = jax.sharding.PartitionSpec

    def place(self, tree: Any, *axes: str | None) -> Any:
        """Arrays on the devices, those of `axes` cut in shards."""
        if self.count == 1:
            return jax.tree.map(jnp.asarray, tree)
        return jax.device_put(tree, jax.sharding.NamedSharding(self.mesh, self.parts(*axes)))

    def share(self, function: Any, inputs: list[tuple[str | None, ...]], outputs: Any) -> Any:
        """The function on each device's rows."""
        if self.count == 1:
            return function
        specs = tuple(self.parts(*axes) for axes in inputs)
        outputs = jax.tree.map(lambda axes: self.parts(*axes), outputs, is_leaf=lambda o: isinstance(o, list))
        return jax.shard_map(function, mesh=self.mesh, in_specs=specs, out_specs=outputs, check_vma=False)

    def mean(self, tree: Any) -> Any:
        """The average over the devices."""
        return jax.lax.pmean(tree, "rows") if self.count > 1 else tree


ROWS: tuple[str | None, ...] = (None, "rows")  # of x and y
STATE: tuple[str | None, ...] = ("rows",)
ALL: tuple[str | None, ...] = ()


class Training(Job):
    """Updates, one call each, in place: what goes in is given away."""

    def __init__(self, entry: Entry):
        work, devices = entry.work, Devices(entry.team)
        value_and_grad = jax.value_and_grad(partial(loss, work), has_aux=True)

        def gradient(p: Any, x: Any, y: Any, state: Any) -> Any:
            (nats, after), g = value_and_grad(p, x, y, state)
            return devices.mean((nats, g)), after

        gradient = devices.share(gradient, [ALL, ROWS, ROWS, STATE], ([], list(STATE)))
        weights = {name: jnp.asarray(a) for name, a in work.weights().items()}
        moments = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
        self.values = devices.place((weights, *moments, jnp.ones(())), *ALL)
        self.state = devices.place(zero(work, work.batch), *STATE)
        self.windows = [devices.place(tuple(a.astype(np.int32) for a in xy), *ROWS) for xy in work.windows()]
        self.update = jax.jit(partial(update, gradient), donate_argnums=(0, 1, 2, 3, 6))
        self.size, self.at = work.characters, 0

    def gradient(self) -> dict[str, np.ndarray]:
        self.run(1)
        return {name: np.asarray(m) / (1 - BETA1) for name, m in self.values[1].items()}

    def run(self, times: int) -> None:
        values, state = self.values, self.state
        for _ in range(times):
            *values, state = self.update(*values, *self.windows[self.at], state)
            self.at = (self.at + 1) % len(self.windows)
        self.values, self.state = jax.block_until_ready((values, state))


class Evaluation(Job):
    """The loss of a text, its rows read side by side and the state carried on, a window a call."""

    def __init__(self, entry: Entry):
        work, devices = entry.work, Devices(entry.team)

        def mean(p: Any, x: Any, y: Any, state: Any) -> Any:
            nats, after = loss(work, p, x, y, state)
            return devices.mean(nats), after

        self.loss = jax.jit(devices.share(mean, [ALL, ROWS, ROWS, STATE], ([], list(STATE))))
        text = np.random.default_rng(0).integers(0, work.symbols, (2, work.steps, work.batch), np.int32)
        parts = (text[:, i : i + WINDOW] for i in range(0, work.steps, WINDOW))
        self.windows = [devices.place(tuple(part), *ROWS) for part in parts]
        self.weights = devices.place({name: jnp.asarray(a) for name, a in work.weights().items()}, *ALL)
        self.zero = devices.place(zero(work, work.batch), *STATE)
        self.size = work.characters

    def run(self, times: int) -> None:
        for _ in range(times):
            state, losses = self.zero, []
            for x, y in self.windows:
                nats, state = self.loss(self.weights, x, y, state)
                losses.append(nats)
            jax.block_until_ready(losses)


class Sampling(Job):
    """Streams (rows) of characters, as many steps as the work has in one call: noise drawn first, then a scan.

    `fused` has the recurrence and the scores in one product, `apart` in two.
    """

    def __init__(self, entry: Entry):
        work, devices = entry.work, Devices(entry.team)
        p = {name: jnp.asarray(a) for name, a in work.weights().items()}
        self.weights = devices.place(p, *ALL)
        draw = partial(sample, work, work.batch // entry.team, "fused" in entry.variant)
        draws = devices.share(lambda p, keys: draw(p, keys[0]), [ALL, ("rows",)], list(ROWS))
        self.draw = jax.jit(draws)
        self.keys = [devices.place(jax.random.split(jax.random.key(i), entry.team), "rows") for i in range(8)]
        self.size, self.at = work.characters, 0

    def run(self, times: int) -> None:
        for _ in range(times):
            jax.block_until_ready(self.draw(self.weights, self.keys[self.at]))
            self.at = (self.at + 1) % len(self.keys)


def sample(work: Work, rows: int, fused: bool, p: Any, key: Any) -> Any:
    """Symbols (T, B) that are drawn one after the other, from id 0 and the zero state."""
    cell, top, width = partial(CELLS[work.cell], work), work.layers - 1, p["hidden/0/W"].shape[1]
    table = p["hidden/0/U"] + p["hidden/0/b"]
    W, V = p[f"hidden/{top}/W"], p["readout/V"]
    both = jnp.concatenate([W, V], axis=1)
    noise = jax.random.gumbel(key, (work.steps, rows, work.symbols)) + p["readout/c"]

    def step(carry: Any, noise: Any) -> Any:
        state, z, symbols = carry
        below = table[symbols]
        after: list[Any] = []
        for i, last in enumerate(state):
            if i:
                below = after[-1][0] @ p[f"hidden/{i}/U"] + p[f"hidden/{i}/b"]
            hW = z[:, :width] if fused and i == top else last[0] @ p[f"hidden/{i}/W"]
            after.append(cell(below, hW, p.get(f"hidden/{i}/c"), last))
        z = after[-1][0] @ (both if fused else V)
        symbols = jnp.argmax((z[:, width:] if fused else z) + noise, axis=-1)
        return (tuple(after), z, symbols), symbols

    z = jnp.zeros((rows, width + work.symbols if fused else work.symbols))
    return jax.lax.scan(step, (zero(work, rows), z, jnp.zeros(rows, int)), noise)[1]


def make(entry: Entry, rank: int, folder: Path) -> Job:
    return {"train": Training, "evaluate": Evaluation, "sample": Sampling}[entry.work.task](entry)
