"""Products shared with a helper: the same symbols, whether it is there, is late, is not wanted, or is killed."""

import gc
import os
import signal
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from charnn.config import ModelConfig, SampleConfig
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.parallel.processes import can_fork, shared_counters
from charnn.sampling import split_matvec, stepper
from charnn.sampling.sampler import stream
from charnn.sampling.split_matvec import CALLED, COUNTERS, STEPS_PER_DECISION, WARMUP_BLOCKS, Helper, SplitMatVec
from tests.helpers.processes import running
from tests.helpers.waiting import soon

LENGTH, NEVER = 600, -50.0
NOBODY = 2**30  # no process has that number

helped = pytest.mark.skipif(not can_fork(), reason="no processes that share memory here")


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks are shared too, and the helper comes at once."""
    monkeypatch.setattr(stepper, "MIN_BYTES_FOR_HELPER", 1)
    monkeypatch.setattr(split_matvec, "REST", 1e-3)


def symbols(workers: int, **shape: object) -> Iterator[int]:
    model = Model(ModelConfig(**{"hidden": 40, "layers": 2, **shape}), 12)  # type: ignore[arg-type]
    p = model.initial(np.random.default_rng(1))
    p["readout/c"][0] = NEVER
    config, none = SampleConfig(length=LENGTH, past_end=True), np.array([], int)
    rng = np.random.default_rng(2)
    return stream(Network(model, p, False), config, rng, none, workers=workers)


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> list[Helper]:
    """All that are made from now on."""
    found: list[Helper] = []

    class Seen(Helper):
        def __init__(self, products: list[SplitMatVec]):
            super().__init__(products)
            found.append(self)

    monkeypatch.setattr(stepper, "Helper", Seen)
    return found


@helped
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_a_helper_changes_no_symbol(cell: str, pairs: list[Helper], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_matvec, "MAX_SLOWDOWN", 1e9)  # however busy the machine is
    alone = list(symbols(1, cell=cell))
    assert not pairs
    assert list(symbols(2, cell=cell)) == alone
    (pair,) = pairs
    assert pair.turns[split_matvec.DONE] >= 2 * STEPS_PER_DECISION  # of two layers, at each step


@helped
def test_a_helper_that_is_killed_is_done_without(pairs: list[Helper]) -> None:
    alone = list(symbols(1))
    drawn, found = symbols(2), list[int]()
    while not (pairs and pairs[0].crew):
        found.append(next(drawn))
    (pair,) = pairs
    os.kill(pair.crew[0][0], signal.SIGKILL)
    assert [*found, *drawn] == alone


@helped
def test_where_there_can_be_no_more_processes_the_stream_goes_on(
    pairs: list[Helper], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def full(work: object, siblings: object) -> None:
        tries.append(work)
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(split_matvec, "fork_worker", full)
    assert list(symbols(2)) == list(symbols(1))
    assert len(tries) == 1


@helped
def test_the_helper_ends_with_the_stream(pairs: list[Helper]) -> None:
    drawn = symbols(2)
    while not (pairs and pairs[0].crew):
        next(drawn)
    number = pairs[0].crew[0][0]
    os.kill(number, 0)
    pairs.clear()
    gc.disable()  # it does not wait for a collection
    try:
        del drawn
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
    finally:
        gc.enable()


@helped
def test_the_helper_ends_with_a_program_that_is_killed() -> None:
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            found: list[Helper] = []
            making = Helper.__init__
            Helper.__init__ = lambda self, products: (making(self, products), found.append(self))[0]  # type: ignore
            drawn = symbols(2)
            while not (found and found[0].crew):
                next(drawn)
            os.write(there, b"%d" % found[0].crew[0][0])
            signal.pause()
        finally:
            os._exit(1)
    os.close(there)  # so that its end is seen
    helper = int(os.read(here, 20))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(here)
    assert soon(lambda: not running(helper))


class Clock:
    """Time that passes only as told: a step takes `alone` or `helped` seconds."""

    def __init__(self, pair: Helper, alone: float, helped: float):
        self.pair, self.now, self.seconds = pair, 0.0, (alone, helped)

    def perf_counter(self) -> float:
        return self.now

    def read(self, x: object) -> None:
        self.now += self.seconds[self.pair.turns[CALLED]]

    def blocks(self, count: int) -> list[int]:
        """Whether the helper was called in each of so many blocks."""
        found = []
        for _ in range(count):
            found.append(self.pair.turns[CALLED])
            for _ in range(STEPS_PER_DECISION):
                self.pair.step(self.read, None)
        return found


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Helper]:
    """Whose helper needs no process, and comes after 63 blocks of 16 steps of 20 us each."""
    monkeypatch.setattr(split_matvec, "REST", 0.02)
    monkeypatch.setattr(split_matvec, "fork_worker", lambda work, siblings: (NOBODY, Pipe()))
    made = Helper([SplitMatVec(np.zeros(32, np.float32), np.zeros((32, 64), np.float32), shared_counters(COUNTERS))])
    yield made
    made.crew.clear()


class Pipe:
    def send(self, message: object) -> None:
        pass


def clocked(pair: Helper, alone: float, helped: float, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(pair, alone, helped)
    monkeypatch.setattr(split_matvec.time, "perf_counter", clock.perf_counter)
    return clock


def test_a_helper_who_is_faster_stays(pair: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    called = clocked(pair, 2e-5, 1e-5, monkeypatch).blocks(200)
    assert called == [0] * 63 + [1] * 137


def test_a_helper_who_is_slower_is_called_less_and_less(pair: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    called = clocked(pair, 2e-5, 6e-5, monkeypatch).blocks(60_000)
    assert 0 < sum(called[:1000]) <= 4 * (WARMUP_BLOCKS + 1)
    assert 0 < sum(called[1000:]) <= 6 * (WARMUP_BLOCKS + 1)


def test_where_there_is_no_core_for_the_helper_a_block_is_enough_to_see_that(
    pair: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = clocked(pair, 2e-5, 4e-3, monkeypatch).blocks(1000)
    assert 0 < sum(called) <= 2 * 3


def test_a_time_alone_that_was_too_long_by_chance_is_not_believed_for_ever(
    pair: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = clocked(pair, 2e-3, 6e-5, monkeypatch)  # the machine was busy when alone
    assert 1 in clock.blocks(60)
    clock.seconds = 2e-5, 6e-5
    called = clock.blocks(40_000)
    assert sum(called) * STEPS_PER_DECISION * 6e-5 < 1.1 * split_matvec.MOST


def test_a_helper_who_is_gone_is_not_called_at_once(pair: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = clocked(pair, 2e-5, 1e-5, monkeypatch)
    assert clock.blocks(100)[-1]
    pair.turns[CALLED] = 0  # as a product does that finds it gone
    assert not any(clock.blocks(1000))


def test_a_helper_comes_back_once_there_is_room(pair: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = clocked(pair, 2e-5, 1e-5, monkeypatch)
    clock.blocks(100)
    clock.seconds = 2e-5, 1e-3  # others want the processor
    assert 1 not in clock.blocks(60)[1:]
    clock.seconds = 2e-5, 1e-5
    assert clock.blocks(2000)[-1]


def test_the_product_is_that_of_the_whole_matrix() -> None:
    rng = np.random.default_rng(0)
    h, W = rng.standard_normal(50).astype(np.float32), rng.standard_normal((50, 112)).astype(np.float32)
    product = SplitMatVec(h, W, shared_counters(COUNTERS))
    product()
    assert product.out == pytest.approx(h @ W, rel=1e-5, abs=1e-5)
    h[:] = 1
    product()
    assert product.out == pytest.approx(W.sum(axis=0), rel=1e-4, abs=1e-4)


def test_a_short_stream_needs_no_helper(pairs: list[Helper], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_matvec, "REST", 60.0)
    list(islice(symbols(2), 200))
    assert all(not pair.crew for pair in pairs)
