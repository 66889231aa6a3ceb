"""Training and evaluation in torch, in the ways that its users know to be fast.

`rnn` is torch.nn's module for the cell; `loop` is written out over time, with one product for all that is outside the
recurrence; `compiled` is that loop below torch.compile. Each with a fused or a foreach Adam, with one or two threads,
and in two processes below DistributedDataParallel.
"""

from pathlib import Path
from typing import Any

import numpy as np

from .contender import Entry, Job
from .torch_cells import CELLS, F, State, torch
from .work import GATES, Work

CLIP, RATE = 0.5, 4e-3
WINDOW = 128  # steps at a time in evaluation
ALL = slice(None)


class RNN(torch.nn.Module):  # type: ignore[misc]
    """torch.nn.RNN, LSTM or GRU between one-hot rows, looked up, and torch.nn.Linear.

    Its second biases stay 0, but for those that are a weight of ours too.
    """

    transposed = True  # its matrices are ours

    def __init__(self, work: Work):
        super().__init__()
        cell, gates = CELLS[work.cell], torch.arange(GATES[work.cell] * work.hidden).view(-1, work.hidden)
        order, second = (gates[list(found)].flatten() for found in (cell.gates, cell.second))
        self.rnn = cell.module(work, work.symbols, work.hidden, work.layers)
        self.readout = torch.nn.Linear(work.hidden, work.symbols)
        self.register_buffer("onehot", torch.eye(work.symbols))
        # the tensors that hold our weights, and the rows where they do
        self.ours: dict[str, Any] = {"readout/V": (self.readout.weight, ALL), "readout/c": (self.readout.bias, ALL)}
        for i in range(work.layers):
            names = {"U": f"weight_ih_l{i}", "W": f"weight_hh_l{i}", "b": f"bias_ih_l{i}"}
            self.ours |= {f"hidden/{i}/{ours}": (getattr(self.rnn, theirs), order) for ours, theirs in names.items()}
            bias = getattr(self.rnn, f"bias_hh_l{i}").requires_grad_(False).zero_()
            if cell.second:
                self.ours[f"hidden/{i}/c"] = bias, second
                trained = torch.zeros_like(bias).index_fill_(0, second, 1)
                bias.requires_grad_().register_hook(trained.mul)
        weights = work.weights()
        with torch.no_grad():
            for name, (tensor, rows) in self.ours.items():
                tensor[rows] = torch.from_numpy(weights[name].T.copy())

    def hidden(self, x: Any, state: State) -> tuple[Any, State]:
        """h (T, B, H) of a window x (T, B), and the state after it."""
        h, after = self.rnn(F.embedding(x, self.onehot), state if len(state) > 1 else state[0])
        return h, after if isinstance(after, tuple) else (after,)

    def forward(self, x: Any, y: Any, state: State) -> tuple[Any, State]:
        """The mean loss of a window x, y (T, B) in nats, and the state, each (L, B, H), after it."""
        h, after = self.hidden(x, state)
        return F.cross_entropy(self.readout(h).flatten(0, 1), y.flatten()), after


class Loop(torch.nn.Module):  # type: ignore[misc]
    """The recurrence written out, on weights in our layout: U looked up, and one product for the rest of a window."""

    transposed = False

    def __init__(self, work: Work):
        super().__init__()
        self.work, self.step, arrays = work, CELLS[work.cell].step, work.weights()
        self.p = {name: torch.nn.Parameter(torch.from_numpy(a.copy())) for name, a in arrays.items()}
        self.ours = {name: (tensor, ALL) for name, tensor in self.p.items()}
        for name, tensor in self.p.items():
            self.register_parameter(name.replace("/", "_"), tensor)

    def forward(self, x: Any, y: Any, state: State) -> tuple[Any, State]:
        """As `RNN.forward`."""
        p, after, h = self.p, [], None
        a = F.embedding(x, p["hidden/0/U"]) + p["hidden/0/b"]
        for i in range(self.work.layers):
            if i:
                a = torch.addmm(p[f"hidden/{i}/b"], h, p[f"hidden/{i}/U"]).view(*x.shape, -1)
            step = self.step(self.work, p[f"hidden/{i}/W"], p.get(f"hidden/{i}/c"))
            last, hs = tuple(s[i] for s in state), []
            for at in a.unbind(0):
                last = step(at, *last)
                hs.append(last[0])
            h = torch.stack(hs).view(-1, self.work.hidden)
            after.append(last)
        o = torch.addmm(p["readout/c"], h, p["readout/V"])
        return F.cross_entropy(o, y.flatten()), tuple(torch.stack(s) for s in zip(*after, strict=True))


def zero(work: Work, rows: int) -> State:
    """The state before all, each (L, rows, H)."""
    return tuple(torch.zeros(work.layers, rows, work.hidden) for _ in range(work.states))


class Training(Job):
    """Updates with Adam, window by window, the state carried on."""

    def __init__(self, entry: Entry, rank: int, folder: Path):
        work, words = entry.work, entry.variant.split(", ")
        rows = work.batch // entry.team
        self.network = network(entry)
        self.loss: Any = self.network
        if entry.team > 1:
            torch.distributed.init_process_group(
                "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=entry.team
            )
            self.loss = torch.nn.parallel.DistributedDataParallel(self.network, gradient_as_bucket_view=True)
        if "compiled" in words:
            self.loss = torch.compile(self.loss)
        self.windows = [
            tuple(torch.from_numpy(a[:, rank * rows : (rank + 1) * rows].astype(np.int64)) for a in window)
            for window in work.windows()
        ]
        self.weights = [tensor for tensor, _ in self.network.ours.values()]
        self.adam = torch.optim.Adam(self.weights, RATE, **{"fused" if "fused" in words else "foreach": True})
        self.state = zero(work, rows)
        self.size, self.at = work.characters, 0

    def gradient(self) -> dict[str, np.ndarray]:
        self.run(1)
        beta1 = self.adam.defaults["betas"][0]
        ours, state = self.network.ours.items(), self.adam.state
        m = {name: state[tensor]["exp_avg"][rows].numpy() for name, (tensor, rows) in ours}
        return {name: (a.T if self.network.transposed else a) / (1 - beta1) for name, a in m.items()}

    def run(self, times: int) -> None:
        for _ in range(times):
            loss, state = self.loss(*self.windows[self.at], self.state)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.weights, CLIP, foreach=True)
            self.adam.step()
            self.adam.zero_grad()
            self.state = tuple(s.detach() for s in state)
            self.at = (self.at + 1) % len(self.windows)


class Evaluation(Job):
    """The loss of a text, forward only, its rows read side by side and the state carried on."""

    def __init__(self, entry: Entry):
        work = entry.work
        self.loss = torch.compile(network(entry)) if "compiled" in entry.variant else network(entry)
        x, y = torch.from_numpy(np.random.default_rng(0).integers(0, work.symbols, (2, work.steps, work.batch)))
        self.windows = [(x[i : i + WINDOW], y[i : i + WINDOW]) for i in range(0, work.steps, WINDOW)]
        self.zero = zero(work, work.batch)
        self.size = work.characters

    def run(self, times: int) -> None:
        with torch.inference_mode():
            for _ in range(times):
                state, nats = self.zero, 0.0
                for x, y in self.windows:
                    loss, state = self.loss(x, y, state)
                    nats += float(loss) * x.numel()


def network(entry: Entry) -> Any:
    """A network with everybody's weights."""
    return (RNN if "rnn" in entry.variant else Loop)(entry.work)


def make(entry: Entry, rank: int, folder: Path) -> Job:
    return Training(entry, rank, folder) if entry.work.task == "train" else Evaluation(entry)
