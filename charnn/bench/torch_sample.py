"""Sampling in torch: `stepwise` as its users write it, with torch.nn.RNN; by hand, with all that makes it faster.

By hand: U + b is a table; noise is drawn for all steps at once, so that a draw is an argmax (Gumbel's trick); results
go to arrays that are there already. `fused` has a layer's recurrence and what it gives to the next one in one product,
`apart` in two.
"""

from typing import Any

from .contender import Entry, Job
from .torch_train import RNN, F, torch


class Stepwise(Job):
    """Streams (rows) of characters from torch.nn.RNN, a step a call."""

    def __init__(self, entry: Entry):
        self.work, self.size = entry.work, entry.work.characters
        self.network = RNN(entry.work)

    def run(self, times: int) -> None:
        work, network = self.work, self.network
        with torch.inference_mode():
            for _ in range(times):
                symbols = torch.zeros(1, work.batch, dtype=torch.int64)
                state, drawn = torch.zeros(work.layers, work.batch, work.hidden), []
                for _ in range(work.steps):
                    h, state = network.rnn(F.embedding(symbols, network.onehot), state)
                    p = torch.softmax(network.readout(h[0]), -1)
                    symbols = torch.multinomial(p, 1).view(1, -1)
                    drawn.append(symbols)
                torch.cat(drawn)


class ByHand(Job):
    """Streams (rows) of characters; a single one on vectors."""

    def __init__(self, entry: Entry):
        work = self.work = entry.work
        self.size, self.fused, self.one = work.characters, "fused" in entry.variant, work.batch == 1
        self.f = {"tanh": torch.tanh_, "relu": torch.relu_, "sigmoid": torch.sigmoid_}[work.activation]
        p = {name: torch.from_numpy(a.copy()) for name, a in work.weights().items()}
        self.table = p["hidden/0/U"] + p["hidden/0/b"]
        self.rows, self.c = list(self.table.unbind(0)), p["readout/c"]
        up = [p[f"hidden/{i}/U"] for i in range(1, work.layers)] + [p["readout/V"]]
        own = [p[f"hidden/{i}/W"] for i in range(work.layers)]
        self.biases = [p[f"hidden/{i}/b"] for i in range(1, work.layers)]
        products = [torch.cat(pair, 1) for pair in zip(own, up, strict=True)] if self.fused else [*own, *up]
        # a vector is multiplied row by row, a matrix block by block
        self.matrices = [m.T.contiguous() if self.one else m.contiguous() for m in products]

    def run(self, times: int) -> None:
        with torch.inference_mode():
            for _ in range(times):
                self.draw()

    def draw(self) -> list[Any]:
        """Symbols of each step, drawn from id 0 and the zero state on."""
        work, L, H = self.work, self.work.layers, self.work.hidden
        shape = () if self.one else (work.batch,)
        noise = torch.empty(work.steps, *shape, work.symbols).exponential_().log_().neg_().add_(self.c)
        h = [torch.zeros(*shape, H) for _ in range(L)]
        widths = [H] * (L - 1) + [work.symbols]
        if self.fused:
            z = [torch.zeros(*shape, H + width) for width in widths]
            last, up = [a[..., :H] for a in z], [a[..., H:] for a in z]
        else:
            last, up = [torch.zeros(*shape, H) for _ in h], [torch.zeros(*shape, width) for width in widths]
            z = last
        return self._steps(noise.unbind(0), h, z, last, up)

    def _steps(self, noise: Any, h: list[Any], z: list[Any], last: list[Any], up: list[Any]) -> list[Any]:
        """Up through the layers: h from what it was and from below, then the products that follow from h."""
        add, f, product, layers = torch.add, self.f, torch.mv if self.one else torch.mm, range(self.work.layers)
        matrices, upward = self.matrices, self.matrices[len(h) :]
        drawn, below = [], self.rows[0] if self.one else self.table[:1].expand(self.work.batch, -1)
        x = torch.empty_like(h[0])
        for gumbel in noise:
            for i in layers:
                add(last[i], below, out=h[i])
                if i:
                    h[i].add_(self.biases[i - 1])
                f(h[i])
                product(*((matrices[i], h[i]) if self.one else (h[i], matrices[i])), out=z[i])
                if upward and not self.fused:
                    product(*((upward[i], h[i]) if self.one else (h[i], upward[i])), out=up[i])
                below = up[i]
            symbols = up[-1].add_(gumbel).argmax(-1)
            if self.one:
                drawn.append(symbols.item())
                below = self.rows[drawn[-1]]
            else:
                drawn.append(symbols)
                below = torch.index_select(self.table, 0, symbols, out=x)
        return drawn


def make(entry: Entry) -> Job:
    return Stepwise(entry) if "stepwise" in entry.variant else ByHand(entry)
