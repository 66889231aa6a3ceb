"""A budget of time: the network that converges in it, by arithmetic on measured speeds, and as a run keeps it."""

import json
import re
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from charnn.config import ModelConfig, TrainConfig
from charnn.errors import UsageError
from charnn.nn.layers.elman import Elman
from charnn.nn.model import Model
from charnn.parallel.team import SingleWorker
from charnn.runs import checkpoint
from charnn.training import budget, start
from charnn.training.budget import SUPPORTED, Size, pairs, seconds
from tests.helpers.program import invoke, ok, refused
from tests.helpers.ranks import log, real, together
from tests.helpers.toys import V, corpus, text

LEAST = Elman.characters_per_parameter
SIZES = [Size(h, n, Model(ModelConfig(cell="elman", hidden=h, layers=n), 66).parameters) for h, n in pairs(None, None)]
LONG = 10**9  # symbols: a text that supports any of them
choose = partial(budget.choose, cell="elman")


def speed(work: float) -> Any:
    """Of a machine that does so much work a second, a parameter and a character being one."""
    return lambda size: work / size.parameters


@pytest.mark.parametrize(
    ("given", "expected"),
    [("90s", 90), ("10m", 600), ("1h", 3600), ("1h30m", 5400), ("1h30m15s", 5415), ("10", 600), ("1.5", 90)],
)
def test_times_are_seconds(given: str, expected: float) -> None:
    assert seconds(given) == expected


@pytest.mark.parametrize(
    "given", ["", "h", "0", "-5m", "10 m", "1m1h", "0.5s", "nan", "1e9h", "99999999h", "ten", "1d"]
)
def test_what_is_no_time_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"--budget is {given!r}: give a time like 90s, 10m or 1h30m")):
        seconds(given)


def test_known_figures_are_what_is_chosen() -> None:
    """A million characters in 10 minutes: 3 x 384 of elman at 50,000 a second, 2 x 256 of lstm at 20,000."""
    for cell, units, layers, rate in (("elman", 384, 3, 50_000), ("lstm", 256, 2, 20_000)):
        sizes = [
            Size(h, n, Model(ModelConfig(cell=cell, hidden=h, layers=n), 66).parameters) for h, n in pairs(None, None)
        ]
        known = next(size for size in sizes if (size.hidden, size.layers) == (units, layers))
        assert choose(sizes, speed(rate * known.parameters), 10**6, 600, cell=cell).size == known


def test_a_text_read_a_hundred_times_is_enough() -> None:
    """Though there are not so many characters for each parameter."""
    chosen = choose(SIZES, speed(5e9), 10**5, 3600)
    assert str(chosen.size) == "2 x 384" and chosen.characters > 100 * 10**5
    chosen = choose(SIZES, speed(SIZES[-4].parameters * 10**7 / 3600), 10**5, 3600)
    assert 100 * 10**5 <= chosen.characters < LEAST * SIZES[-3].parameters


@pytest.mark.parametrize("work", [1e6, 1e8, 5e9, 4.7e10, 1e12, 1e15])
@pytest.mark.parametrize("symbols", [100, 20_000, 10**6, LONG])
def test_the_largest_that_has_time_and_text_enough(work: float, symbols: int) -> None:
    chosen = choose(SIZES[::-1], speed(work), symbols, 600)
    passes = 100 if symbols >= 100_000 else 20
    enough = [s for s in SIZES if work / s.parameters * 600 >= min(LEAST * s.parameters, passes * symbols)]
    supported = [s for s in SIZES if s.parameters <= SUPPORTED * symbols]
    both = [s for s in SIZES if s in enough and s in supported]
    assert chosen.size == (both or SIZES)[-1 if both else 0]
    assert chosen.characters == pytest.approx(600 * work / chosen.size.parameters) == 600 * chosen.speed
    assert chosen.passes == (passes if chosen.characters > passes * symbols else None)


def test_few_are_measured_each_once_and_the_same_speeds_give_the_same_choice() -> None:
    asked: list[Size] = []

    def measured(size: Size) -> float:
        asked.append(size)
        return 5e10 / size.parameters

    first = choose(SIZES, measured, LONG, 600)
    assert len(asked) == len(set(asked)) <= 4 < len(SIZES) and first.size in asked
    assert choose(SIZES, measured, LONG, 600) == first


def test_more_time_and_more_speed_never_give_a_smaller_network() -> None:
    for more in (lambda f: choose(SIZES, speed(1e10), LONG, 10 * f), lambda f: choose(SIZES, speed(1e9 * f), LONG, 60)):
        found = [more(f).size.parameters for f in (1, 3, 10, 30, 100, 300, 1000)]
        assert found == sorted(found) and len(set(found)) > 2


def test_it_says_what_was_measured_and_why() -> None:
    middle = str(choose(SIZES, speed(4.7e10), LONG, 600))
    assert re.fullmatch(
        r"3 x 384; it reads [\d,]+ char/s here, in that time \d+ for each of its 890,562 parameters "
        r"\(3 x 512: \d+, and 20 are wanted\)",
        middle,
    )
    assert str(choose(SIZES, speed(1e15), 10**5, 600)).endswith(
        "(3 x 384 has 8.9 for each character of the text: too many); 100 passes over the text, which take less time"
    )
    assert "and 20 are wanted: give it more time, or a smaller size" in str(choose(SIZES, speed(1e5), LONG, 600))
    assert str(choose(SIZES, speed(1e15), LONG, 600)).endswith(
        "parameters; 100 passes over the text, which take less time"
    )


# Measuring


def toy(symbols: int = 4000) -> Any:
    return corpus(text(symbols))


def test_speed_is_characters_of_real_updates_over_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    model, config = ModelConfig(hidden=8, layers=1), TrainConfig(batch=4, window=16, workers=1, rate=1e12)
    ticks = count()
    found = budget.speed(model, config, toy(10_000), lambda: next(ticks) * budget.MEASURED_SECONDS / 4)
    assert found == pytest.approx(
        3 * 4 * 16 / (budget.MEASURED_SECONDS * 5 / 4)
    )  # 3 of 5 looks at the clock were too early to stop


def test_a_speed_is_that_of_the_workers_that_will_train(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(budget, "worker_group", lambda workers: made.append(workers) or SingleWorker())
    ticks = count()
    config = TrainConfig(batch=4, window=16, workers=3)
    budget.speed(ModelConfig(hidden=8, layers=1), config, toy(), lambda: float(next(ticks)))
    assert made == [3]


@pytest.mark.parametrize("scheme", ["full", "one-step", "unbiased"])
@pytest.mark.parametrize("state", ["reset", "carry"])
def test_every_scheme_has_a_speed(scheme: str, state: str) -> None:
    ticks = count()
    config = TrainConfig(batch=4, window=16, workers=1, scheme=scheme, state=state)
    model = ModelConfig(hidden=8, layers=1, ending="length")
    assert budget.speed(model, config, toy(), lambda: next(ticks) * budget.MEASURED_SECONDS / 3) > 0


def test_what_is_given_stays_and_the_rest_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    work = 1e6
    monkeypatch.setattr(budget, "speed", lambda model, *_: work / Model(model, V).parameters)
    for given in ({}, {"hidden": 20}, {"layers": 2}, {"hidden": 20, "layers": 2}):
        model, config, chosen = budget.sized(ModelConfig(cell="gru"), TrainConfig(rate=0.5), toy(10**5), 60, **given)
        assert (model.hidden, model.layers) == (chosen.size.hidden, chosen.size.layers)
        assert chosen.size.parameters == Model(model, V).parameters
        assert {name: getattr(model, name) for name in given} == given and model.cell == "gru"
        assert (config.minutes, config.rate, config.epochs, config.steps) == (1, 0.5, None, None)
    for more in ({"residual": True}, {"feedforward_depth": 2}):  # which one layer refuses
        model, _, _ = budget.sized(ModelConfig(**more), TrainConfig(), toy(10**5), 60)
        assert model.layers == 2


def test_text_read_too_often_ends_a_run_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "speed", lambda *_: 1e6)
    _, config, chosen = budget.sized(ModelConfig(), TrainConfig(), toy(), 600)
    assert config.epochs == chosen.passes == 20


def test_minutes_choose_the_size_of_an_lstm(monkeypatch: pytest.MonkeyPatch) -> None:
    """At least what is quick enough, at most what suits the text without a time, or has 6 parameters a character."""

    def size(work: float, **options: Any) -> tuple[int, int]:
        monkeypatch.setattr(budget, "speed", lambda model, *_: work / Model(model, V).parameters)
        model, config, _ = start.sized(parts, start.wanted({"minutes": 1, **options}))
        assert (config.minutes, config.epochs) == (1, None)
        return model.hidden, model.layers

    parts = toy(10**5)
    assert size(1e3) == (64, 1)
    assert size(1e5 * 7e5) == (256, 2) == (ModelConfig().hidden, ModelConfig().layers)
    assert size(1e20) == (256, 2)
    assert size(1e3, hidden=8) == (8, 2) and size(1e3, cell="gru") == (256, 2)  # neither is measured
    monkeypatch.setattr(budget, "SUPPORTED", 100.0)
    assert size(1e20) > (256, 3)
    assert size(1e20, layers=1) == (1024, 1)


# On the command line


QUICK = ["--batch", "4", "--window", "8", "--workers", "1"]


def test_a_run_keeps_the_choice_as_options_that_were_given(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "speed", lambda *_: 3e6)
    result = invoke("train", "names.txt", "--budget", "1s", "--layers", "1", "--cell", "elman", *QUICK)
    assert result.exit_code == 0
    (line,) = re.findall("^size for .*", result.stderr, re.MULTILINE)
    assert line.startswith("size for --budget 1s: 1 x 128; it reads 3,000,000 char/s here, in that time ")
    run = checkpoint.load("checkpoints/names/last.npz")
    assert (run.model.config.hidden, run.model.config.layers) == (128, 1)
    assert (run.config.minutes, run.config.epochs) == (1 / 60, 20)
    ok(
        "train",
        "names.txt",
        "--name",
        "a",
        "--budget",
        "1h",
        "--layers",
        1,
        "--hidden",
        8,
        *QUICK,
        "--patience",
        "1",
        "--validate-every",
        "10",
        "--rate",
        "0",
    )
    assert "--budget" in refused(2, "train", "--resume", "--name", "a", "--budget", "1h")
    found = json.loads(ok("info", "-m", "a", "--json"))["training"]
    assert (found["minutes"], found["epochs"]) == (60, 20)


def test_a_recipes_sizes_count_as_given_and_its_time_does_not(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(budget, "speed", lambda model, *_: asked.append((model.hidden, model.layers)) or 1e3)
    ok("train", "names.txt", "--recipe", "small", "--budget", "1s", "--hidden", "16", *QUICK)
    run = checkpoint.load("checkpoints/names/last.npz")
    assert set(asked) == {(16, 1)} and run.config.minutes == 1 / 60


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--budget", "soon"], "--budget"),
        (["--budget", "1m", "--minutes", "1"], "--budget"),
        (["--budget", "1m", "--epochs", "1"], "--budget"),
        (["--budget", "1m", "--steps", "1"], "--budget"),
    ],
)
def test_what_makes_no_sense_is_refused(new: Path, args: list[str], message: str) -> None:
    assert message in refused(2, "train", "names.txt", *args)
    assert sorted(path.name for path in new.iterdir()) == ["names.txt"]


@real
def test_ranks_measure_together_and_choose_the_same(new: Path) -> None:
    done = together(2, "train", "names.txt", "--budget", "1s", "--layers", "1", *QUICK[:-2], folder=new)
    done.well()
    assert done.err.count("size for --budget 1s: ") == 1 and len(log(new, "names")) > 0
    assert checkpoint.load("checkpoints/names/last.npz").config.workers == 2
