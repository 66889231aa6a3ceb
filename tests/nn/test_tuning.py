"""Tilings that are measured: the fastest is found in spite of noise, remembered, and measured where that is earned."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig
from charnn.io import remembered
from charnn.io.remembered import machine_key
from charnn.nn import tuning
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.nn.tiling import MANY, WHOLE, Shape, Tiling, Tilings, by_rule, candidates
from charnn.nn.tuning import choose, measure, tuned

LOOP, WINDOW = Shape(16, 256, 1024, False), Shape(MANY, 128, 128, False)
BACK = Shape(16, 128, 64, True)


class Machine:
    """A clock that each product of a trial moves on by what its tiling costs here, with noise on top."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, costs: dict[Tiling, float], other: float = 1e-3):
        self.costs, self.other, self.now, self.copying = costs, other, 0.0, 0.0
        self.rng = np.random.default_rng(0)
        self.calls: dict[Tiling, int] = {}
        monkeypatch.setattr(tuning, "Product", self.product)
        monkeypatch.setattr(tuning, "multiply", self.multiply)

    def __call__(self) -> float:
        return self.now

    def work(self, tiling: Tiling) -> None:
        self.calls[tiling] = self.calls.get(tiling, 0) + 1
        disturbed = self.rng.random() < 0.3
        self.now += self.costs.get(tiling, self.other) * (1 + 0.01 * self.rng.random() + 5 * disturbed)

    def multiply(self, x: Any, W: Any, y: Any, ws: Any, transposed: bool) -> None:
        (tiling,) = ws.tilings.values()
        self.work(tiling)

    def product(self, W: Any, rows: int, ws: Any, transposed: bool) -> Any:
        (tiling,) = ws.tilings.values()
        self.now += self.copying * bool(tiling.tile or tiling.copied)
        machine = self

        class Fake:
            W = None

            def left(self, x: Any) -> Any:
                return x

            def right(self, y: Any) -> Any:
                return y

            def times(self, *args: Any) -> None:
                machine.work(tiling)

        return Fake()


@pytest.mark.parametrize("shape", [LOOP, WINDOW, BACK], ids=str)
def test_the_fastest_is_found_in_spite_of_noise(shape: Shape, monkeypatch: pytest.MonkeyPatch) -> None:
    for best in candidates(shape):
        machine = Machine(monkeypatch, {best: 0.9e-4}, 1e-4)
        assert measure(shape, machine) == best
        assert machine.now < 1.0


def test_what_is_hardly_faster_is_not_worth_being_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, {Tiling(0, 64): 0.98e-4}, 1e-4)
    assert measure(LOOP, machine) == WHOLE
    machine = Machine(monkeypatch, {Tiling(copied=True): 0.98e-4}, 1e-4)
    assert measure(BACK, machine) == Tiling(copied=True)  # it has the same bits


def test_copies_count_for_what_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, {Tiling(0, 64): 0.8e-4}, 1e-4)
    machine.copying = tuning.STEPS * 0.3e-4
    assert measure(LOOP, machine) == WHOLE
    machine.copying = tuning.STEPS * 0.1e-4
    assert measure(LOOP, machine) == Tiling(0, 64)


def test_the_hopeless_leave_and_slow_products_are_not_measured_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    near, hopeless = Tiling(0, 64), Tiling(0, 32)
    for other in (2e-4, 1e-2):
        machine = Machine(monkeypatch, {WHOLE: 1e-4, near: 1.1e-4}, other)
        measure(LOOP, machine)
        assert machine.calls[hopeless] == 6 and machine.calls[WHOLE] == machine.calls[near] > 16
    machine = Machine(monkeypatch, {}, 1e-2)
    measure(LOOP, machine)
    assert set(machine.calls.values()) == {8}  # of which every second one is timed


def test_real_products_are_measured_in_little_time() -> None:
    for shape in (LOOP, WINDOW, BACK, Shape(1, 64, 64, False)):
        assert measure(shape) in list(candidates(shape))


# What is remembered


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Shape]:
    """A new cache, and measurements that take no time: another one of the candidates each time."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tuning, "_measured", {})
    made: list[Shape] = []

    def one(shape: Shape, clock: Any) -> Tiling:
        made.append(shape)
        found = list(candidates(shape))
        return found[len(made) % len(found)]

    monkeypatch.setattr(tuning, "measure", one)
    return made


def anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has measured nothing."""
    monkeypatch.setattr(tuning, "_measured", {})


def test_what_was_measured_once_stays(measured: list[Shape], monkeypatch: pytest.MonkeyPatch) -> None:
    first = choose([LOOP, WINDOW])
    assert list(first) == [LOOP, WINDOW] and measured == [LOOP, WINDOW]
    assert choose([LOOP, WINDOW]) == first and len(measured) == 2
    anew(monkeypatch)
    more = choose([WINDOW, BACK, LOOP])
    assert {shape: more[shape] for shape in first} == first and measured[2:] == [BACK]
    anew(monkeypatch)
    assert choose([BACK, LOOP, WINDOW]) == more and len(measured) == 3


def test_each_machine_has_its_own(measured: list[Shape], monkeypatch: pytest.MonkeyPatch) -> None:
    first = choose([LOOP])
    with monkeypatch.context() as patch:
        patch.setattr(remembered, "environment", lambda: {"cpu": "another"})
        anew(patch)
        other = choose([LOOP])
    assert other != first and len(measured) == 2
    anew(monkeypatch)
    assert choose([LOOP]) == first and len(measured) == 2
    assert len(json.loads(tuning.PRODUCTS.path.read_text("utf-8"))) == 3  # two machines, and the format


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff",
        b"[]",
        b"[" * 100_000,
        b'{"format": "another"}',
        "text",
        "list",
        "tiling",
        "shape",
        "folder",
    ],
    ids=lambda content: str(content)[:20],
)
def test_a_damaged_cache_is_measured_anew_and_written_over(
    content: bytes | str, measured: list[Shape], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tuning.PRODUCTS.path
    path.parent.mkdir(parents=True)
    damaged: dict[str, Any] = {
        "text": "LOOP",
        "list": [1],
        "tiling": {str(LOOP): [3, 3, 3]},
        "shape": {"anything": [0, 0, 0]},
    }
    if content == "folder":
        path.mkdir()
    elif isinstance(content, str):
        path.write_text(json.dumps({"format": tuning.PRODUCTS.format, machine_key(): damaged[content]}), "utf-8")
    else:
        path.write_bytes(content)
    first = choose([LOOP])
    assert measured == [LOOP] and choose([LOOP]) == first  # in this process it is known at any rate
    anew(monkeypatch)
    assert (choose([LOOP]) == first) == (content != "folder")


@pytest.mark.parametrize("content", ["pipe", "much"])
def test_a_cache_that_would_never_end_is_not_read(content: str, measured: list[Shape]) -> None:
    path = tuning.PRODUCTS.path
    path.parent.mkdir(parents=True)
    if content == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(b" " * (remembered.MAX_BYTES + 1) + b"{}")
    assert choose([LOOP]) and measured == [LOOP]


def test_without_a_folder_to_write_to_all_goes_on(measured: list[Shape], monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(os.environ["XDG_CACHE_HOME"])
    root.write_text("a file", "utf-8")
    first = choose([LOOP])
    assert first[LOOP] in list(candidates(LOOP)) and measured == [LOOP]
    assert choose([LOOP]) == first
    anew(monkeypatch)
    choose([LOOP])
    assert len(measured) == 2


def test_a_cache_that_may_not_be_written_is_read(measured: list[Shape], monkeypatch: pytest.MonkeyPatch) -> None:
    first = choose([LOOP])

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(remembered, "replace", refuse)
    anew(monkeypatch)
    assert choose([LOOP, WINDOW])[LOOP] == first[LOOP] and measured == [LOOP, WINDOW]
    assert WINDOW not in tuning._recall()


@pytest.mark.parametrize("home", [None, ".", "here"])
def test_where_there_is_no_home_nothing_is_remembered(
    measured: list[Shape], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which the specification says to ignore
    if home:
        monkeypatch.setenv("HOME", home)
    else:
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    choose([LOOP])
    anew(monkeypatch)
    choose([LOOP])
    assert measured == [LOOP, LOOP] and not [*tmp_path.iterdir()]


def test_what_others_have_measured_meanwhile_is_kept(measured: list[Shape], monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, original = Tilings({LOOP: Tiling(4, 32)}), tuning.measure

    def slow(shape: Shape, clock: Any) -> Tiling:
        tuning._remember(theirs)
        return original(shape, clock)

    monkeypatch.setattr(tuning, "measure", slow)
    found = choose([LOOP, WINDOW])
    assert found[LOOP] == theirs[LOOP]
    anew(monkeypatch)
    assert choose([LOOP, WINDOW]) == found and len(measured) == 2


def test_what_comes_too_late_is_by_rule_and_stays_so(measured: list[Shape], monkeypatch: pytest.MonkeyPatch) -> None:
    times: Iterator[float] = iter([0.0, 0.0, tuning.SECONDS_OF_ALL + 1.0])
    first = choose([LOOP, WINDOW], lambda: next(times))
    assert measured == [LOOP] and first[WINDOW] == by_rule(WINDOW)
    anew(monkeypatch)
    assert choose([LOOP, WINDOW]) == first and measured == [LOOP]


def test_the_cache_is_readable_json_of_one_user(measured: list[Shape]) -> None:
    choose([LOOP])
    found = json.loads(tuning.PRODUCTS.path.read_text("utf-8"))
    assert found[machine_key()] == {"16 x 256 x 1024": [*map(int, choose([LOOP])[LOOP])]}
    assert tuning.PRODUCTS.path.parts[-2:] == ("charnn", "products.json")
    assert stat.S_IMODE(tuning.PRODUCTS.path.stat().st_mode) & 0o022 == 0


# What is earned


@pytest.fixture
def network() -> Network:
    model = Model(ModelConfig("elman", 24, 1, dropout=0.0), 9)
    return Network(model, model.initial(np.random.default_rng(0)), True)


def probe(*shapes: Shape) -> Callable[[Network], object]:
    return lambda network: [network.tilings[shape] for shape in shapes]


ENOUGH = tuning.SECONDS_OF_ONE / tuning.SHARE / tuning.SECONDS_PER_MULTIPLICATION  # for one shape


def test_long_work_earns_a_measurement_and_short_work_does_not(network: Network, measured: list[Shape]) -> None:
    assert tuned(network, 0.99 * ENOUGH, lambda network: pytest.fail("too little for a look")) is network
    assert tuned(network, 1.99 * ENOUGH, probe(LOOP, WINDOW, LOOP)) is network and not measured
    found = tuned(network, 2.01 * ENOUGH, probe(LOOP, WINDOW, LOOP))
    assert measured == [LOOP, WINDOW] == list(found.tilings) and not network.tilings
    assert replace(found, tilings=network.tilings) is not found and found.weights is network.weights


def test_work_without_end_earns_any_number(network: Network, measured: list[Shape]) -> None:
    shapes = [Shape(rows, 64, 64, False) for rows in range(2, 60)]
    assert list(tuned(network, float("inf"), probe(*shapes)).tilings) == shapes


def test_what_is_known_is_not_measured(network: Network, measured: list[Shape]) -> None:
    known = replace(network, tilings=Tilings({LOOP: Tiling(8, 32)}))
    found = tuned(known, 1.01 * ENOUGH, probe(WINDOW, LOOP))
    assert measured == [WINDOW] and found.tilings[LOOP] == Tiling(8, 32)
