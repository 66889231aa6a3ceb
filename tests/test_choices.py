"""A new cell, scheme or schedule is a class and one row: here each is registered, and goes through every command."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn import choices
from charnn.config import EvalConfig, ModelConfig, SampleConfig, TaskConfig, TrainConfig
from charnn.data.batches import StreamBatches
from charnn.errors import UsageError
from charnn.nn.layers.elman import Elman
from charnn.nn.layers.linear import add_product, gradients, rows
from charnn.nn.layers.recurrent import Recurrent, ResetRows, with_rows_reset
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.options import Checked, help_text, option
from charnn.runs import checkpoint
from charnn.sampling.stepper import FastStepper, WindowStepper, make_stepper
from charnn.training.bptt import Span
from charnn.training.schedules import Schedule
from tests.helpers.program import BRIEF, names

ROWS = """
from charnn.choices import CELLS, SCHEDULES, SCHEMES, Cell, Choice
from charnn.options import option

HERE = "tests.test_choices"
CELLS["toy"] = Cell(f"{HERE}:Toy", "activation")
CELLS["leaky"] = Cell(f"{HERE}:Leaky", leak=option(0.5, "share of h[t-1] that is kept", low=0, high=0.999))
CELLS["twofold"] = Cell(f"{HERE}:Twofold", "activation")
SCHEMES["several"] = Choice(f"{HERE}:Several", parts=option(2, "windows of an update", low=1, high=9))
SCHEDULES["linear"] = Choice(f"{HERE}:Linear", "final_rate", knee=option(0.25, "where the fall begins", low=0, high=1))
"""
COMMANDS = """
import json, sys
from tests.helpers.program import ok
print(json.dumps([ok(*line) for line in json.loads(sys.argv[1])]))
"""


@dataclass(frozen=True)
class Toy(Elman):
    """Elman's layer under another name."""

    @classmethod
    def make(cls, inputs: tuple[int, ...], hidden: int, symbols: int = 0, activation: str = "tanh", **_: Any) -> Elman:
        return cls(inputs, hidden, activation, symbols)


@dataclass(frozen=True)
class Leaky(Recurrent):
    """h[t] = leak h[t-1] + (1 - leak) tanh(b + h[t-1] W + x[t] U)"""

    inputs: tuple[int, ...]
    hidden: int
    symbols: int = 0
    leak: float = 0.5
    activation = "leaky"
    bounds = (-1.0, 1.0)

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return (self.hidden,)

    def forward(self, p: Any, x: Any, state: Any, ws: Any, keep: Any = None, rng: Any = None) -> Any:
        T, B = x[0].shape[:2]
        before, ended = ws.empty((T + 1, B, self.hidden), p["W"].dtype), ResetRows(keep)
        before[0], h, k = state[0], before[1:], before.dtype.type(self.leak)
        f = ws.empty(h.shape, h.dtype)
        self._input.apply(p, x, f, ws)
        for t in range(T):
            last = before[t].copy()
            ended.zero(t, last)
            f[t] = np.tanh(f[t] + last @ p["W"])
            h[t] = k * last + (1 - k) * f[t]

        def backward(dy: Any, dstate: Any, g: Any) -> Any:
            dh, da = dstate[0].copy(), ws.empty(h.shape, h.dtype)
            for t in reversed(range(T)):
                dh = dh + dy[0][t]
                da[t] = (1 - k) * dh * (1 - f[t] ** 2)
                dh = k * dh + da[t] @ p["W"].T
                ended.zero(t, dh)
            with with_rows_reset(before, ended) as kept:
                add_product(g["W"], rows(kept[:-1]), rows(da), ws)
            dx = gradients(x, h.dtype, ws)
            self._input.reverse(p, x, da, g, dx, ws)
            return dx, (dh,)

        return (h,), (h[-1],), backward


@dataclass(frozen=True)
class Twofold(Toy):
    """Elman's layer, with two outputs: h and -h."""

    @property
    def output_sizes(self) -> tuple[int, ...]:
        return self.hidden, self.hidden

    def forward(self, p: Any, x: Any, state: Any, ws: Any, keep: Any = None, rng: Any = None) -> Any:
        (h,), after, back = super().forward(p, x, state, ws, keep, rng)
        return (h, -h), after, lambda dy, dstate, g: back((dy[0] - dy[1],), dstate, g)


class Several:
    """An update learns from so many windows, and gradients stop at the edge of each."""

    def __init__(self, config: TrainConfig, lanes: StreamBatches, reset: bool, parts: int):
        self.lanes, self.parts, self.edges = lanes, parts, parts
        self.size = config.batch * config.window * parts

    def __len__(self) -> int:
        return len(self.lanes)

    def __str__(self) -> str:
        return f"every {self.parts} windows"

    def span(self, cursor: int, step: int) -> Span:
        count = min(self.parts, len(self) - cursor)
        return Span(self.lanes, tuple(self.lanes.at(cursor + i) for i in range(count)), count, count, factor=0.0)


@dataclass(frozen=True)
class Linear(Schedule):
    """r up to the knee, and from there along a line to final_rate r."""

    final_rate: float
    knee: float

    def rate(self, r: float, q: float) -> float:
        return r * (1 - (1 - self.final_rate) * max(0.0, q - self.knee) / (1 - self.knee))


Program = Callable[..., list[str]]


@pytest.fixture
def run(tmp_path: Path) -> Program:
    """What commands write in a program that has the rows: Python imports `sitecustomize` whenever it starts."""
    (tmp_path / "sitecustomize.py").write_text(ROWS, "utf-8")
    (tmp_path / "names.txt").write_text(names(120), "utf-8")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])])

    def commands(*lines: list[Any], code: int = 0) -> list[str]:
        given = json.dumps([[str(word) for word in line] for line in lines])
        done = subprocess.run(
            [sys.executable, "-c", COMMANDS, given],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        assert (done.returncode == 0) == (code == 0), done.stderr
        return json.loads(done.stdout) if code == 0 else [done.stderr]

    return commands


def train(**options: object) -> list[Any]:
    given = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
    return ["train", "names.txt", *BRIEF, *given]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "option", "value"), [("toy", "activation", "sigmoid"), ("leaky", "leak", 0.3)], ids=["toy", "leaky"]
)
def test_a_cell_goes_through_every_command(cell: str, option: str, value: Any, run: Program, tmp_path: Path) -> None:
    found = run(
        train(cell=cell, layers=2, **{option: value}),
        ["train", "--resume", "--steps", 60],
        ["sample", "-n", 3, "--seed", 1],
        ["eval", "--json"],
        ["info", "--json"],
        ["inspect", "gradients", "--lags", 3, "--json"],
        ["inspect", "units"],
        ["inspect", "gradcheck", "--samples", 3],
        ["bench", "--cell", cell, "--hidden", 8, "--seconds", 0.05, "--json"],
        ["train", "--help"],
    )
    _, _, sample, score, info, inspected, units, checked, bench, help = found
    assert sample.count("\n") == 3
    assert 0 < json.loads(score)["bits_per_char"] < 5
    facts = json.loads(info)
    assert facts["model"]["cell"] == cell and facts["model"][option] == value and facts["step"] == 60
    assert facts["spectral radius"].keys() == {"hidden/0/W", "hidden/1/W"}
    saturation = json.loads(inspected)["saturation"]
    assert [one["function"] for one in saturation] == [value if cell == "toy" else "leaky"] * 2
    assert "hidden/1/W" in checked and units
    assert json.loads(bench)["model"]["cell"] == cell
    assert f"--{option}" in help and cell in help


def test_a_cell_that_is_elmans_by_another_name_learns_the_same(run: Program, tmp_path: Path) -> None:
    run(train(cell="toy", activation="tanh", name="a"), train(cell="elman", activation="tanh", name="b"))
    toy, elman = (np.load(tmp_path / "checkpoints" / name / "last.npz") for name in "ab")
    for name in elman.files:
        if name != "header":
            np.testing.assert_array_equal(toy[name], elman[name])


@pytest.mark.parametrize("options", [["--no-skip"], ["--residual", "--dropout", 0.3]], ids=["plain", "more"])
def test_a_cell_of_two_outputs_is_heard_in_full(options: list[Any], run: Program) -> None:
    _, sample, info, units, checked = run(
        [*train(cell="twofold", layers=2), *options],
        ["sample", "-n", 3, "--seed", 1],
        ["info", "--json"],
        ["inspect", "units"],
        ["inspect", "gradcheck", "--samples", 3],
    )
    shapes, skip = json.loads(info)["arrays"], "--no-skip" not in options
    V = shapes["readout/V"][1]
    assert shapes["readout/V"][0] == (2 * 2 * 8 if skip else 2 * 8)
    assert shapes["hidden/1/U"][0] == 2 * 8 + (V if skip else 0)
    assert sample.count("\n") == 3 and units and "hidden/1/U" in checked


def test_a_layer_of_two_outputs_is_sampled_from_by_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    for cell, kind in (("toy", FastStepper), ("twofold", WindowStepper)):
        monkeypatch.setitem(choices.CELLS, cell, choices.Cell(f"{__name__}:{cell.title()}", "activation"))
        model = Model(ModelConfig(cell, 5, 2), 7)
        assert type(make_stepper(Network(model, model.initial(np.random.default_rng(0)), False), 1, 1.0)) is kind


def test_a_model_whose_cell_has_no_row_is_refused_by_name(run: Program, tmp_path: Path) -> None:
    run(train(cell="leaky"))
    with pytest.raises(checkpoint.CheckpointError, match="leak"):
        checkpoint.load(tmp_path / "checkpoints" / "names" / "last.npz")


def test_a_scheme_trains_and_resumes(run: Program) -> None:
    _, _, info = run(train(scheme="several", parts=3), ["train", "--resume", "--steps", 60], ["info", "--json"])
    assert json.loads(info)["training"]["parts"] == 3 and json.loads(info)["step"] == 60
    assert "cannot be resumed with 2: train a new run" in run(["train", "--resume", "--parts", 2], code=2)[0]
    said = run(train(parts=3), code=2)[0]
    assert "--parts has no effect on --scheme truncated: leave it out, or choose --scheme several" in said


def test_a_schedule_sets_the_rate(run: Program) -> None:
    _, info = run(train(schedule="linear", final_rate=0.1, knee=0.5), ["info", "--json"])
    training = json.loads(info)["training"]
    assert (training["schedule"], training["final_rate"], training["knee"]) == ("linear", 0.1, 0.5)
    assert [Linear(0.1, 0.5).rate(2.0, q) for q in (0, 0.5, 1)] == pytest.approx([2, 2, 0.2])


# The machinery


@pytest.mark.parametrize("kind", [ModelConfig, TaskConfig, TrainConfig, SampleConfig, EvalConfig])
def test_every_field_of_every_configuration_says_what_it_is(kind: type) -> None:
    for spec in fields(kind):
        text = help_text(kind, spec)
        assert len(text.split()) > 1 and not text.endswith("."), spec.name  # help adds the stop
        assert "its own" not in text and "what becomes of" not in text.lower(), spec.name


def test_a_row_has_the_options_that_its_class_takes() -> None:
    for name, row in choices.CELLS.items():
        config = ModelConfig(name, 8, 1)
        layer = row.load().make((7,), config.hidden, 7, **config.cell_options)
        assert prod(layer.shapes()["U"]) == prod(layer.shapes()["b"]) * 7, name
        assert set(layer.recurrent_weights) <= layer.shapes().keys(), name
    for table in (choices.ENDINGS, choices.SCHEMES, choices.SCHEDULES, choices.OPTIMIZERS):
        for row in table.values():
            assert callable(row.load())


def test_an_option_of_several_choices_has_the_default_and_the_bounds_of_the_one_that_is_made() -> None:
    table = {
        "a": choices.Choice("", "shared", size=option(1, "how large", low=0, high=2)),
        "b": choices.Choice("", size=option(5, "how large", low=4, high=6)),
        "c": choices.Choice("", "shared"),
    }

    @dataclass(frozen=True)
    class Config(Checked):
        kind: str = option("a", "a kind", choices=table)
        shared: bool | None = option(True, "shared", of="kind")

    assert (Config().size, Config("b").size, Config("c").size) == (1, 5, None)
    assert (Config().shared, Config("b").shared, Config("c", False).shared) == (True, None, False)
    with pytest.raises(UsageError, match="--size is 3: give a number from 4 to 6"):
        Config("b", size=3)
    with pytest.raises(UsageError, match="--size has no effect on --kind c: leave it out, or choose --kind a or b"):
        Config("c", size=1)
    specs = Config.__dataclass_fields__
    assert help_text(Config, specs["size"]) == "how large (--kind a or b; default: 1 for a, 5 for b)"
    assert help_text(Config, specs["shared"]) == "shared (--kind a or c; default: True)"
