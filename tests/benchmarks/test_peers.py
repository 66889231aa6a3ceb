"""Peers: what counts as work, races between contenders, the same gradients for all, and that nothing is left behind."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from math import prod
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from charnn import machine
from charnn.data.batch import Batch
from charnn.errors import CharnnError, UsageError
from charnn.nn.model import Model, PassContext
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from tests.helpers.leftovers import alive
from tests.helpers.waiting import limit

from .peers import process, race, table, variants
from .peers.contender import MAKERS, Entry
from .peers.process import Contender
from .peers.work import GATES, Work

APART = "CHARNN_TEST_APART"  # set in a process of its own
TINY = Work("train", 4, 8, 6, 2, symbols=9)
PEERS = Work.__module__.rpartition(".")[0]


# work


def products(T: int, B: int, H: int, L: int, V: int) -> Iterator[tuple[int, int, int]]:
    """The shapes of every matrix product of an update, one by one."""
    for layer in range(L):
        for t in range(T):
            yield B, H, H  # h W
            yield H, B, H  # dW
            if t:
                yield B, H, H  # da W^T
        if layer:
            yield from [(T * B, H, H), (T * B, H, H), (H, T * B, H)]  # x U, dx, dU
    yield from [(T * B, H, V), (T * B, V, H), (H, T * B, V)]  # o, dh, dV


@pytest.mark.parametrize(("T", "B", "H", "L", "V"), [(3, 2, 4, 2, 5), (1, 1, 2, 1, 3), (25, 1, 100, 1, 65)])
def test_an_update_is_as_many_multiplications_as_its_products(T: int, B: int, H: int, L: int, V: int) -> None:
    work = Work("train", B, T, H, L, V)
    assert work.multiplications == sum(map(prod, products(T, B, H, L, V)))
    assert work.characters == B * T


def test_reading_and_writing_go_forward_only() -> None:
    forward = 6 * (4 * 4 + 4 * 4 + 4 * 4 + 4 * 5)  # for each character: h W twice, x U once, h V
    work = Work("train", 2, 3, 4, 2, 5)
    assert [replace(work, task=task).multiplications for task in ("evaluate", "sample")] == [forward, forward]
    assert replace(work, task="sample", cell="lstm").multiplications == 6 * (4 * 3 * 16 + 20)
    assert replace(work, task="sample", cell="jordan").multiplications == forward - 6 * 2 * 16
    assert replace(work, task="sample", skip=True).multiplications == forward + 6 * 20
    assert work.multiplications == 3 * forward - 2 * 2 * 16


@pytest.mark.parametrize("size", [{"batch": 0}, {"hidden": -1}, {"symbols": 1}, {"task": "fly"}])
def test_work_that_cannot_be_done_is_refused(size: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        replace(TINY, **size)


def test_entries_survive_the_way_to_their_process() -> None:
    entry = Entry("torch", "rnn, fused", TINY, 2, 2)
    assert Entry.load(entry.dump()) == entry
    assert str(entry) == "rnn, fused, 2 threads, 2 processes"
    assert entry.environment()["OMP_NUM_THREADS"] == "2" and entry.environment()["OPENBLAS_NUM_THREADS"] == "1"


# races


class Fake:
    """A contender of some speed, which notes its turns."""

    turns: list[str]
    speeds: dict[str, Callable[[int], float]]
    gradients: dict[str, float]

    def __init__(self, entry: Entry):
        self.entry, self.size, self.memory, self.sessions, self.calls = entry, 100.0, 5, {0}, 0

    def ready(self) -> None:
        pass

    def gradient(self) -> dict[str, np.ndarray]:
        return {"W": np.array([1.0, self.gradients.get(self.entry.variant, 2.0)])}

    def go(self, times: int) -> float:
        self.calls += 1
        self.turns.append(self.entry.variant)
        rate = self.speeds[self.entry.variant](self.calls)
        if not rate:
            raise CharnnError(f"{self.entry.variant} was lost")
        return times * self.size / rate

    def close(self) -> None:
        pass

    def __enter__(self) -> "Fake":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[Fake]:
    monkeypatch.setattr(machine, "busy_seconds", lambda: 0.0)
    monkeypatch.setattr(machine, "used_seconds", lambda sessions: 0.0)
    Fake.turns, Fake.gradients = [], {}
    Fake.speeds = {"ours": lambda n: 1e4, "a": lambda n: 5e3, "b": lambda n: 1e3, "c": lambda n: 4e3}
    return Fake


def entries(*names: str) -> list[Entry]:
    return [Entry("charnn" if name.startswith("ours") else "torch", name, TINY) for name in names]


def test_contenders_take_turns_and_slow_ones_leave(fake: type[Fake]) -> None:
    drift = {n: 1 + n / 10 for n in range(99)}  # the machine gets faster: ratios hold
    fake.speeds = {n: lambda k, speed=speed: speed(0) * drift[k] for n, speed in fake.speeds.items()}  # type: ignore[misc]
    found = race.race(entries("ours", "a", "b", "c"), 4, 0.1, start=fake)
    assert fake.turns[-12:] == ["ours", "a", "c"] * 4
    assert [result.entry.variant for result in found.results] == ["ours", "a", "c"]
    assert [result.entry.variant for result in found.slow] == ["b"]
    best = found.best("torch")
    assert best is not None and best.entry.variant == "a" and found.results[0].over(best) == pytest.approx(2)
    assert found.best("torch", "b") is found.slow[0] and found.best("jax") is None
    assert found.smallest("torch") == 5 and found.disturbed == 0


def test_who_is_kept_runs_to_the_end(fake: type[Fake]) -> None:
    found = race.race(entries("ours", "a", "b"), 2, 0.1, start=fake, keep=("b",))
    assert len(found.results) == 3 and not found.slow


def test_a_lost_peer_is_told_and_charnn_is_missed(fake: type[Fake], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(fake, "ready", lambda self: self.go(1) and None if self.entry.variant == "d" else None)
    fake.speeds["d"] = lambda n: 0
    assert not race.race(entries("ours", "d"), 2, 0.1, told.append, start=fake).best("torch")
    assert told.pop() == "d was lost"
    fake.speeds["c"] = lambda n: 0 if n == 4 else 4e3
    found = race.race(entries("ours", "a", "c"), 4, 0.1, told.append, start=fake)
    assert told == ["c was lost"] and [result.entry.variant for result in found.results] == ["ours", "a"]
    fake.speeds["ours"] = lambda n: 0
    with pytest.raises(CharnnError, match="ours was lost"):
        race.race(entries("ours", "a"), 2, 0.1, start=fake)


def test_those_who_do_other_work_are_not_timed(fake: type[Fake]) -> None:
    fake.gradients["a"] = 2.0 + 1.9e-4
    race.race(entries("ours", "a"), 2, 0.1, start=fake)
    fake.turns, fake.gradients["a"] = [], 2.0 + 2.1e-4
    with pytest.raises(race.Mismatch, match=r"gradient of W differs by 0.0001 between charnn \(ours\) and torch \(a\)"):
        race.race(entries("ours", "a"), 2, 0.1, start=fake)
    assert "a" not in fake.turns
    fake.gradients["a"] = np.nan
    with pytest.raises(race.Mismatch):
        race.race(entries("ours", "a"), 2, 0.1, start=fake)


@pytest.mark.parametrize("noisy", [1, 99])
def test_rounds_that_others_disturbed_are_repeated_but_not_for_ever(
    noisy: int, fake: type[Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = [0.2] * noisy + [0.01] * 99
    rounds: list[int] = []

    def one(running: Any, times: Any, rates: Any, *_: Any) -> float:
        for entry in running:
            rates[entry].append(float(len(rounds)))
        rounds.append(1)
        return shares[len(rounds) - 1]

    monkeypatch.setattr(race, "run_round", one)
    found = race.race(entries("ours", "a"), 3, 0.1, start=fake)
    assert len(rounds) == 3 + min(noisy, 3)
    assert found.results[0].rates == tuple(map(float, range(len(rounds) - 3, len(rounds))))
    assert found.disturbed == (0.01 if noisy == 1 else 0.2)


# processes


def test_contenders_work_and_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = f"BENCH_TEST={os.getpid()}-contenders"
    monkeypatch.setenv(*mark.split("="))
    done = race.race([variants.ours(TINY, 2), variants.peak(TINY)], 2, 0.02)
    assert all(result.rate > 0 and len(result.rates) == 2 for result in done.results)
    assert all(1 << 20 < (result.memory or 0) < 1 << 30 for result in done.results)
    assert not alive(mark)


def test_charnn_reports_the_clipped_gradient_of_the_first_window() -> None:
    with Contender(variants.ours(TINY, 2)) as contender:
        contender.ready()
        found = contender.gradient()
    model, weights = Model(TINY.model.config, TINY.symbols), TINY.weights()
    g = weights.like()
    x, y = TINY.windows()[0]
    model.gradient(weights, g, Batch(x, y), model.zero_state(TINY.batch), PassContext(Workspace()))
    g.flat /= y.size
    scale = min(1.0, 0.5 / float(np.linalg.norm(g.flat)))
    for name, a in g.items():
        np.testing.assert_allclose(found[name], a * scale, rtol=1e-5, atol=1e-7, err_msg=name)


def test_a_contender_that_fails_says_why() -> None:
    with (
        Contender(Entry("nobody", "x", TINY)) as contender,
        pytest.raises(CharnnError, match=r"lost: KeyError.*nobody"),
    ):
        contender.ready()


def test_a_contender_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with Contender(variants.peak(TINY)) as contender:
        contender.ready()
        monkeypatch.setattr(process, "PATIENCE", 0.2)
        with pytest.raises(CharnnError, match="lost: nothing was said"):
            contender.go(10**9)
        started = time.monotonic()
    assert time.monotonic() - started < limit()


def test_contenders_end_with_their_input() -> None:
    entry = variants.ours(TINY, 1)
    command = [sys.executable, "-m", f"{PEERS}.contender", entry.dump(), "0", "."]
    done = subprocess.run(command, input=b"go 2\n", capture_output=True, env=entry.environment(), check=True)
    size, seconds = done.stdout.split()
    assert float(size) == TINY.characters and 0 < float(seconds) < 10


# peers


def test_torch_and_jax_are_no_business_of_this_process() -> None:
    code = f"import sys\nfrom {PEERS} import __main__\nprint({{'torch', 'jax'}} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_a_min_char_rnn_has_our_gradient() -> None:
    work = Work("train", 1, 8, 6, 1, symbols=9)
    found = race.race([variants.ours(work, 1), Entry("min-char-rnn", "loop", work)], 1, 0.01)
    assert len(found.results) == 2


@pytest.mark.long
@pytest.mark.parametrize("package", variants.PEERS)
@pytest.mark.parametrize(
    ("task", "cell"),
    [
        ("train", "elman"),
        ("evaluate", "lstm"),
        ("sample", "lstm"),
        pytest.param("train", "gru", marks=pytest.mark.slow),
    ],
)
def test_peers_do_the_same_work(task: str, cell: str, package: str) -> None:
    if not find_spec(package):
        pytest.skip(f"{package} is not installed")
    work = replace(TINY, task=task, cell=cell)
    told: list[str] = []
    others = [entry for entry in variants.peers(package, work, compiled=False) if entry.threads == 1]
    found = race.race([variants.ours(work, 1), *others], 1, 0.01, told.append)
    assert not told and len(found.results) + len(found.slow) == 1 + len(others)


def imported(package: str) -> Any:
    """The package, where it is installed. JAX only in a process of its own: its threads and later forks do not mix."""
    if package == "jax" and APART not in os.environ:
        pytest.skip("run by test_what_needs_jax_passes_in_a_process_of_its_own")
    return pytest.importorskip(package)


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("jax"), reason="jax is not installed")
def test_what_needs_jax_passes_in_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "pytest", "-q", __file__, "-k", "jax and (gated or losses or samplers)"]
    done = subprocess.run(command, env={**os.environ, APART: "1"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "passed" in done.stdout and "skipped" not in done.stdout, done.stdout


def trainer(way: str, work: Work, folder: Path) -> Any:
    """A way to train, in this process, as a race sees it."""
    package, _, variant = way.partition(" ")
    entry = Entry(package, variant, work)
    job = import_module(f"{PEERS}.{MAKERS[package]}").make(entry, 0, folder)
    return SimpleNamespace(entry=entry, gradient=job.gradient)


def spoiled(way: str, cell: str) -> Any:
    """The cell's row for this way, not quite right: the last gates change places, or h[t-1] is a little larger."""
    if way.startswith("jax"):
        right = import_module(f"{PEERS}.jax_peer").CELLS[cell]
        return lambda work, a, hW, c, last: right(work, a, 1.01 * hW, c, last)
    right = import_module(f"{PEERS}.torch_cells").CELLS[cell]
    *first, one, other = right.gates
    if "rnn" in way:
        return replace(right, gates=(*first, other, one))
    return replace(right, step=lambda work, W, c: right.step(work, 1.01 * W, c))


WAYS = ("torch rnn, fused", "torch loop, foreach", "jax scan")


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("way", WAYS)
def test_gated_cells_have_our_gradient_or_are_not_timed(
    way: str, cell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = way.split()[0]
    imported(package)
    work, compare = replace(TINY, cell=cell), race.check()
    compare(trainer("charnn train", work, tmp_path))
    compare(trainer(way, work, tmp_path))
    cells = import_module(f"{PEERS}.{package}_{'cells' if package == 'torch' else 'peer'}").CELLS
    monkeypatch.setitem(cells, cell, spoiled(way, cell))
    with pytest.raises(race.Mismatch):
        compare(trainer(way, work, tmp_path))


def shifted(work: Work, monkeypatch: pytest.MonkeyPatch) -> Parameters:
    """Weights for everybody of which none is 0."""
    weights, rng = work.weights(), np.random.default_rng(1)
    for name, a in weights.items():
        weights[name] = a + 0.1 * rng.normal(size=a.shape)
    monkeypatch.setattr(Work, "weights", lambda self: weights)
    return weights


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("way", WAYS)
def test_losses_are_ours_with_the_state_carried_on(way: str, cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = way.split()[0]
    library = imported(package)
    work = replace(TINY, cell=cell)
    weights, ours = shifted(work, monkeypatch), work.model.zero_state(work.batch)
    if package == "torch":
        from .peers import torch_train

        state, loss = torch_train.zero(work, work.batch), torch_train.network(Entry(*way.split(maxsplit=1), work))
        place: Any = partial(library.tensor, dtype=library.int64)
    else:
        from .peers import jax_peer

        p = {name: library.numpy.asarray(a) for name, a in weights.items()}
        state, loss = jax_peer.zero(work, work.batch), partial(jax_peer.loss, work, p)
        place = library.numpy.asarray
    for x, y in work.windows(3):
        nats, _, after = work.model.score(weights, Batch(x, y), ours, Workspace())
        ours = tuple(s.copy() for s in after)
        found, state = loss(place(x), place(y), state)
        assert found.item() == pytest.approx(nats.mean(), rel=1e-5)


def greedy(work: Work, weights: Any) -> list[list[int]]:
    """What is likeliest, step by step, in every row."""
    symbols, state, drawn = np.zeros(work.batch, np.int64), work.model.zero_state(work.batch), []
    for _ in range(work.steps):
        ws = Workspace()
        o, state = work.model.step(weights, symbols, state, ws)
        symbols, state = o.argmax(axis=1), tuple(s.copy() for s in state)
        drawn.append(symbols.tolist())
    return drawn


@pytest.mark.parametrize(("cell", "layers"), [("elman", 1), ("elman", 3), ("lstm", 2), ("gru", 2)])
@pytest.mark.parametrize(
    ("package", "way", "batch"),
    [
        *(("torch", way, batch) for way in ("stepwise", "by hand, fused", "by hand, apart") for batch in (1, 3)),
        ("jax", "fused", 3),
        ("jax", "apart", 1),
    ],
)
def test_samplers_follow_the_network(
    package: str, way: str, batch: int, cell: str, layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = imported(package)
    work = Work("sample", batch, 30, 16, layers, symbols=9, cell=cell)
    weights = shifted(work, monkeypatch)
    weights["readout/V"] *= 1e5  # so that no noise changes what is likeliest
    if package == "torch":
        from .peers.torch_sample import make

        with library.inference_mode():
            drawn = make(Entry("torch", way, work)).draw()
        found = [np.ravel(symbols).tolist() for symbols in drawn]
    else:
        from .peers.jax_peer import sample

        p = {name: library.numpy.asarray(a) for name, a in weights.items()}
        found = np.asarray(sample(work, batch, way == "fused", p, library.random.key(0))).tolist()
    assert found == greedy(work, weights)


def test_rows_of_the_comparison_are_named_after_their_cell() -> None:
    rows = list(table.rows())
    assert len({name for name, _ in rows}) == len(rows)
    assert all((cell in name) == (work.cell == cell) for name, work in rows for cell in ("lstm", "gru"))
    found = {name: table.targets(work) for name, work in rows}
    assert found["train lstm 50, 50, 128, 2"] == {"peer": 1.25} and found["train lstm 64, 128, 512, 1"] == {
        "peer": 1.45
    }


def test_a_row_without_a_target_shows_the_figure_alone() -> None:
    assert table.verdict("peer", 1.3, None) == "1.30 x best peer"
    assert table.verdict("peer", 1.3, 1.25) == "1.30 x best peer (>= 1.25)"
    assert table.verdict("peer", 1.2, 1.25) == "**1.20 x best peer (>= 1.25)**"
