"""Sampling in torch: `stepwise` as its users write it, with torch.nn's module; by hand, with all that makes it faster.

By hand: U + b is a table; noise is drawn for all steps at once, so that a draw is an argmax (Gumbel's trick); results
go to arrays that are there already. `fused` has a layer's recurrence and what it gives to the next one in one product,
`apart` in two.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from .contender import Entry, Job
from .torch_cells import CELLS, torch
from .torch_train import RNN, zero


class Stepwise(Job):
    """Streams (rows) of characters from torch.nn.RNN, LSTM or GRU, a step a call."""

    def __init__(self, entry: Entry):
        self.work, self.size = entry.work, entry.work.characters
        self.network = RNN(entry.work)

    def run(self, times: int) -> None:
        with torch.inference_mode():
            for _ in range(times):
                torch.cat(self.draw())

    def draw(self) -> list[Any]:
        """Symbols (1, B) of each step, drawn from id 0 and the zero state on."""
        work, network = self.work, self.network
        symbols = torch.zeros(1, work.batch, dtype=torch.int64)
        state, drawn = zero(work, work.batch), []
        for _ in range(work.steps):
            h, state = network.hidden(symbols, state)
            p = torch.softmax(network.readout(h[0]), -1)
            symbols = torch.multinomial(p, 1).view(1, -1)
            drawn.append(symbols)
        return drawn


class ByHand(Job):
    """Streams (rows) of characters; a single one on vectors."""

    def __init__(self, entry: Entry):
        work = self.work = entry.work
        self.size, self.fused, self.one = work.characters, "fused" in entry.variant, work.batch == 1
        self.shape: tuple[int, ...] = () if self.one else (work.batch,)
        p = {name: torch.from_numpy(a.copy()) for name, a in work.weights().items()}
        cell, layers = CELLS[work.cell], range(work.layers)
        self.unit = partial(cell.unit, work, self.shape)
        self.parts: Callable[[Any], Any] = partial(cell.parts, work.hidden)
        self.table = p["hidden/0/U"] + p["hidden/0/b"]
        self.rows, self.c = [self.parts(row) for row in self.table.unbind(0)], p["readout/c"]
        up = [p[f"hidden/{i}/U"] for i in layers[1:]] + [p["readout/V"]]
        own = [p[f"hidden/{i}/W"] for i in layers]
        self.biases = [(self.parts(p[f"hidden/{i}/b"]) if i else None, p.get(f"hidden/{i}/c")) for i in layers]
        products = [torch.cat(pair, 1) for pair in zip(own, up, strict=True)] if self.fused else [*own, *up]
        # a vector is multiplied row by row, a matrix block by block
        self.matrices = [m.T.contiguous() if self.one else m.contiguous() for m in products]

    def run(self, times: int) -> None:
        with torch.inference_mode():
            for _ in range(times):
                self.draw()

    def draw(self) -> list[Any]:
        """Symbols of each step, drawn from id 0 and the zero state on."""
        work, shape, width = self.work, self.shape, self.table.shape[1]
        noise = torch.empty(work.steps, *shape, work.symbols).exponential_().log_().neg_().add_(self.c)
        widths = [width] * (work.layers - 1) + [work.symbols]
        if self.fused:
            z = [torch.zeros(*shape, width + above) for above in widths]
            last, up = [a[..., :width] for a in z], [a[..., width:] for a in z]
        else:
            last, up = [torch.zeros(*shape, width) for _ in widths], [torch.zeros(*shape, above) for above in widths]
            z = last
        return self._steps(noise.unbind(0), z, last, up)

    def _steps(self, noise: Any, z: list[Any], last: list[Any], up: list[Any]) -> list[Any]:
        """Up through the layers: h from what it was and from below, then the products that follow from h."""
        one, parts, product = self.one, self.parts, torch.mv if self.one else torch.mm
        units = [self.unit(parts(hW), b, c) for hW, (b, c) in zip(last, self.biases, strict=True)]
        hs = [h for h, _ in units] * (1 if self.fused else 2)
        factors = [(m, h) if one else (h, m) for m, h in zip(self.matrices, hs, strict=True)]
        upward = [None] * len(units) if self.fused else factors[len(units) :]
        x = self.table[:1].repeat(self.work.batch, 1)
        steps, ups = [step for _, step in units], [*map(parts, up[:-1]), None]
        layers = list(zip(steps, factors[: len(units)], z, upward, up, ups, strict=True))
        inputs, drawn = parts(x), []
        below = self.rows[0] if one else inputs
        for gumbel in noise:
            for step, own, out, more, above, next in layers:
                step(below)
                product(*own, out=out)
                if more:
                    product(*more, out=above)
                below = next
            symbols = up[-1].add_(gumbel).argmax(-1)
            if one:
                drawn.append(symbols.item())
                below = self.rows[drawn[-1]]
            else:
                drawn.append(symbols)
                torch.index_select(self.table, 0, symbols, out=x)
                below = inputs
        return drawn


def make(entry: Entry) -> Job:
    return Stepwise(entry) if "stepwise" in entry.variant else ByHand(entry)
