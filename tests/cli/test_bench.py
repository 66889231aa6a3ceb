"""charnn bench: what counts as work, races between contenders, what comes out, and that nothing is left behind."""

import json
import os
import re
import signal
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
from click.testing import CliRunner, Result

from charnn.bench import process, race, report, usage, variants
from charnn.bench.contender import MAKERS, Entry
from charnn.bench.process import Contender
from charnn.bench.work import Work
from charnn.cli import program
from charnn.cli.bench import duration
from charnn.errors import CharnnError, UsageError
from charnn.nn.model import Model
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from tests.benchmarks import peers

APART = "CHARNN_TEST_APART"  # set in a process of its own
TINY = Work("train", 4, 8, 6, 2, symbols=9)
NAMES = Path(__file__).parents[2] / "corpora" / "names.txt"
SMALL = ["--cell", "elman", "--hidden", "4", "--layers", "1", "--batch", "4", "--window", "4", "--workers", "1"]
SMALL += ["--seconds", "0.02"]


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
    monkeypatch.setattr(usage, "busy", lambda: 0.0)
    monkeypatch.setattr(usage, "worked", lambda sessions: 0.0)
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


def alive(mark: str) -> set[int]:
    """Processes that were started with this in their environment."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.add(int(folder.name))
        except OSError:
            continue
    return found


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
    model.gradient(weights, g, x, y, model.zero_state(TINY.batch), Workspace(), None, None)
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
    assert time.monotonic() - started < 10


def test_contenders_end_with_their_input() -> None:
    entry = variants.ours(TINY, 1)
    command = [sys.executable, "-m", "charnn.bench.contender", entry.dump(), "0", "."]
    done = subprocess.run(command, input=b"go 2\n", capture_output=True, env=entry.environment(), check=True)
    size, seconds = done.stdout.split()
    assert float(size) == TINY.characters and 0 < float(seconds) < 10


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_ctrl_c_leaves_nothing_behind() -> None:
    mark = f"BENCH_TEST={os.getpid()}-ctrl-c"
    environment = dict(os.environ, **dict([mark.split("=")]))
    command = [sys.executable, "-m", "charnn", "bench", *SMALL, "--seconds", "60"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + 20
        while len(alive(mark)) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(alive(mark)) >= 4
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=20)
    deadline = time.monotonic() + 20
    assert running.returncode == -signal.SIGINT and (out, err) == (b"", b"")
    while alive(mark) and time.monotonic() < deadline:  # they have been killed, and may still be seen for a moment
        time.sleep(0.05)
    assert not alive(mark)


# the command line


def bench(*words: str) -> Result:
    return CliRunner().invoke(program, ["bench", *words])


def refused(*words: str) -> str:
    result = bench(*words)
    assert result.exit_code == 2, result.output
    return result.stderr


def test_the_table() -> None:
    result = bench(*SMALL, "--corpus-size", "5000", "--epochs", "3")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert re.match(r"\d+ cores, .*: [\d,]+ GFLOP/s in float32 products$", lines[0])
    assert "1 x 4 relu, 65 symbols, batch 4, window 4, 1 worker" in lines[1]
    assert lines[3].split() == ["char/s", "of", "peak", "memory"]
    for line, name in zip(lines[4:8], ("train", "evaluate", "sample 1 stream", "sample 256 streams"), strict=True):
        assert re.fullmatch(name + r" +[\d,]+ +\d+% +\d+ MB", line), line
    assert re.fullmatch(r"5,000 characters, 3 epochs: .+ of training", lines[9])


def test_json_for_a_corpus() -> None:
    result = bench(*SMALL, str(NAMES), "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [task["task"] for task in found["tasks"]] == [*report.tasks(TINY)]
    assert all(task["characters_per_second"] > 0 and 0 < task["share_of_peak"] < 1 for task in found["tasks"])
    corpus, rate = found["corpus"], found["tasks"][0]["characters_per_second"]
    assert corpus["symbols"] == 32503 and found["model"]["symbols"] == 53
    assert corpus["seconds"] == pytest.approx(corpus["symbols"] * corpus["epochs"] / rate)


def test_what_cannot_be_measured_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--against tensorflow: there are torch, jax" in refused("--against", "torch,tensorflow")
    assert "--seconds is 0" in refused("--seconds", "0")
    assert "--corpus-size is 3" in refused("--corpus-size", "3")
    assert "--hidden is 0" in refused("--hidden", "0")
    assert "symbols" in refused("--symbols", "1")
    assert "--skip with --against" in refused("--skip", "--against", "torch")
    told = refused("--cell", "gru", "--activation", "tanh", "--against", "torch") if find_spec("torch") else ""
    assert not told or re.fullmatch("charnn: --activation has no effect on --cell gru: .*\n", told)
    monkeypatch.setattr(variants, "find_spec", lambda name: None)
    assert "--against jax: it is not installed; pip install jax" in refused("--against", "jax")
    monkeypatch.setattr(variants, "CELLS", ("elman", "gru"))
    assert "--cell lstm with --against: the others' code is written for elman, gru" in refused(
        "--cell", "lstm", "--against", "jax"
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.14, "3.1 s"), (200, "3 min 20 s"), (7300, "2 h 1 min"), (180_000, "2 d 2 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# peers


def test_torch_and_jax_are_no_business_of_this_process() -> None:
    code = "import sys\nfrom charnn.bench import report, variants\nprint({'torch', 'jax'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_a_min_char_rnn_has_our_gradient() -> None:
    work = Work("train", 1, 8, 6, 1, symbols=9)
    found = race.race([variants.ours(work, 1), Entry("min-char-rnn", "loop", work)], 1, 0.01)
    assert len(found.results) == 2


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
    job = import_module(f"charnn.bench.{MAKERS[package]}").make(entry, 0, folder)
    return SimpleNamespace(entry=entry, gradient=job.gradient)


def spoiled(way: str, cell: str) -> Any:
    """The cell's row for this way, not quite right: the last gates change places, or h[t-1] is a little larger."""
    if way.startswith("jax"):
        right = import_module("charnn.bench.jax_peer").CELLS[cell]
        return lambda work, a, hW, c, last: right(work, a, 1.01 * hW, c, last)
    right = import_module("charnn.bench.torch_cells").CELLS[cell]
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
    cells = import_module(f"charnn.bench.{package}_{'cells' if package == 'torch' else 'peer'}").CELLS
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


@pytest.mark.parametrize("cell", variants.CELLS)
@pytest.mark.parametrize("way", WAYS)
def test_losses_are_ours_with_the_state_carried_on(way: str, cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = way.split()[0]
    library = imported(package)
    work = replace(TINY, cell=cell)
    weights, ours = shifted(work, monkeypatch), work.model.zero_state(work.batch)
    if package == "torch":
        from charnn.bench import torch_train

        state, loss = torch_train.zero(work, work.batch), torch_train.network(Entry(*way.split(maxsplit=1), work))
        place: Any = partial(library.tensor, dtype=library.int64)
    else:
        from charnn.bench import jax_peer

        p = {name: library.numpy.asarray(a) for name, a in weights.items()}
        state, loss = jax_peer.zero(work, work.batch), partial(jax_peer.loss, work, p)
        place = library.numpy.asarray
    for x, y in work.windows(3):
        nats, _, after = work.model.score(weights, x, y, ours, Workspace(), None)
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
        from charnn.bench.torch_sample import make

        with library.inference_mode():
            drawn = make(Entry("torch", way, work)).draw()
        found = [np.ravel(symbols).tolist() for symbols in drawn]
    else:
        from charnn.bench.jax_peer import sample

        p = {name: library.numpy.asarray(a) for name, a in weights.items()}
        found = np.asarray(sample(work, batch, way == "fused", p, library.random.key(0))).tolist()
    assert found == greedy(work, weights)


def test_rows_of_the_comparison_are_named_after_their_cell() -> None:
    rows = list(peers.rows())
    assert len({name for name, _ in rows}) == len(rows)
    assert all((cell in name) == (work.cell == cell) for name, work in rows for cell in ("lstm", "gru"))
    found = {name: peers.targets(work) for name, work in rows}
    assert found["train lstm 50, 50, 128, 2"] == {"peer": 1.25} and found["train lstm 64, 128, 512, 1"] == {
        "peer": 1.45
    }


def test_a_row_without_a_target_shows_the_figure_alone() -> None:
    assert peers.verdict("peer", 1.3, None) == "1.30 x best peer"
    assert peers.verdict("peer", 1.3, 1.25) == "1.30 x best peer (>= 1.25)"
    assert peers.verdict("peer", 1.2, 1.25) == "**1.20 x best peer (>= 1.25)**"
