"""Beam search: against all targets there are, and against greedy choice."""

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig, TaskConfig
from charnn.data.pair_batches import pad
from charnn.nn.layers.bidirectional import Bidirectional
from charnn.nn.layers.lstm import LSTM
from charnn.nn.layers.stack import Stack
from charnn.nn.pairs.decoder import Decoder
from charnn.nn.pairs.encoder import Encoder
from charnn.nn.pairs.encoder_decoder import EncoderDecoder, PairBatch
from charnn.nn.parameters import Parameters
from charnn.nn.task_model import TaskModel
from charnn.nn.workspace import Workspace
from charnn.sampling.beam import Hypothesis, search
from charnn.sampling.writer import TargetWriter, write

V, H = 4, 6
UNKNOWN = V - 1
SOURCES = [[1, 2], [], [2, 2, 1]]


class Table:
    """A writer whose next symbol depends on the last one alone, for each target by a table of its own (V, V)."""

    def __init__(self, logp: Any):
        self.logp, self.calls = np.array(logp, float), list[int]()

    def step(self, x: Any, state: Any) -> tuple[Any, Any]:
        self.calls.append(len(x))
        b = np.arange(len(x)) % len(self.logp)
        return self.logp[b, x], state

    def keep(self, targets: Any) -> None:
        self.logp = self.logp[targets]


def tables(seed: int, count: int = 3) -> Any:
    o = np.random.default_rng(seed).normal(size=(count, V, V))
    return o - np.log(np.exp(o).sum(axis=-1, keepdims=True))


def every(logp: Any, longest: int) -> list[tuple[float, tuple[int, ...]]]:
    """Nats of every target that has at most so many symbols, none of them unknown, the likeliest first."""
    found = []
    for length in range(longest + 1):
        for ids in product(range(1, UNKNOWN), repeat=length):
            path = (0, *ids, 0)
            found.append((-sum(logp[a, b] for a, b in pairwise(path)), ids))
    return sorted(found)


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_likeliest_targets_of_all(seed: int) -> None:
    logp, longest = tables(seed), 5
    found = search(Table(logp), (), 64, np.full(3, longest), [UNKNOWN])
    for table, some in zip(logp, found, strict=True):
        expected = every(table, longest)
        ended = [one for one in some if one.ended][:8]
        assert [tuple(one.ids.tolist()) for one in ended] == [ids for _, ids in expected[:8]]
        assert [one.nats for one in ended] == pytest.approx([nats for nats, _ in expected[:8]], rel=1e-10)


def test_a_beam_of_one_takes_the_likeliest_symbol_each_time() -> None:
    logp = tables(7)
    for b, (one,) in enumerate(search(Table(logp), (), 1, np.full(3, 9))):
        x, ids, nats = 0, [], 0.0
        while len(ids) < 9:
            y = int(logp[b, x].argmax())
            nats -= logp[b, x, y]
            if y == 0:
                break
            ids.append(y)
            x = y
        assert one.ids.tolist() == ids and one.ended == (len(ids) < 9 or y == 0)
        assert one.nats == pytest.approx(nats, rel=1e-10)


def test_what_comes_to_no_end_is_cut_and_says_so() -> None:
    logp = np.log(np.array([[[1e-9, 1 - 3e-9, 1e-9, 1e-9]] * V]))
    (found,) = search(Table(logp), (), 1, np.array([4]))
    assert found == [Hypothesis(found[0].ids, found[0].nats, False)] and found[0].ids.tolist() == [1] * 4
    assert found[0].nats == pytest.approx(0, abs=1e-6)


def test_targets_that_are_done_are_no_longer_computed() -> None:
    logp = np.log(np.array([[[0.97, 0.01, 0.01, 0.01]] * V, [[0.01, 0.97, 0.01, 0.01]] * V]))
    table = Table(logp)
    search(table, (), 2, np.array([6, 6]))
    assert table.calls[0] == 4 and table.calls[-1] == 2 and len(table.calls) == 7


def network(attention: bool) -> tuple[TaskModel, Parameters]:
    reader = Encoder(Stack((Bidirectional(LSTM((V,), H, V), LSTM((V,), H, V)),)))
    z = () if attention else (H, H)
    made = EncoderDecoder(reader, Decoder(Stack((LSTM((*z, V), H, V),)), attention), V, step=not attention)
    p = made.initial(np.random.default_rng(0), np.float64)
    for name, value in p.items():
        p[name] = value + np.random.default_rng(len(name)).normal(size=value.shape)
    return TaskModel(ModelConfig(), TaskConfig(), made, V, V - 1), p


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("width", [1, 3])
def test_a_network_says_of_what_was_found_what_it_costs(attention: bool, width: int) -> None:
    """Side by side, or one source alone: the same targets, and the loss that is trained."""
    made, p = network(attention)
    source = pad([np.array(one, int) for one in SOURCES], np.dtype(int))
    writer = TargetWriter(made, p, source)
    found = search(writer, writer.start, width, np.full(3, 12))
    for b, some in enumerate(found):
        alone = pad([np.array(SOURCES[b], int)], np.dtype(int))
        writer = TargetWriter(made, p, alone)
        (again,) = search(writer, writer.start, width, np.array([12]))
        assert [one.ids.tolist() for one in again] == [one.ids.tolist() for one in some]
        for one in some:
            pairs = PairBatch(alone, pad([one.ids], np.dtype(int)))
            nats = made.network.score(p, pairs, Workspace())[0][: len(one.ids) + one.ended].sum()
            assert one.nats == pytest.approx(nats, rel=1e-9)


def test_targets_come_in_the_order_of_their_sources() -> None:
    made, p = network(attention=True)
    sources = [np.array(one, np.uint8) for one in SOURCES * 3]
    found = write(made, p, sources, 2)
    again = [write(made, p, [source], 2)[0] for source in sources]
    assert [[one.ids.tolist() for one in some] for some in found] == [[o.ids.tolist() for o in some] for some in again]
    assert all(UNKNOWN not in one.ids for some in found for one in some)
    assert write(made, p, []) == []
