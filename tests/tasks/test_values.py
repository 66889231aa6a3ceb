"""The task values: networks beside torch, forecasts beside what is known, and the commands."""

import json
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.choices import TASKS
from charnn.config import ModelConfig, TaskConfig, TrainConfig
from charnn.data.series import Part, Scale, Series
from charnn.errors import UsageError
from charnn.io.text import Source, encode
from charnn.nn.pairs.series import SeriesBatch
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from charnn.tasks.series.forecasts import autoregression, continued, forecasts, mean_square, moving_average, to_beat
from charnn.tasks.series.values import SeriesLayout
from tests.helpers import pairs
from tests.helpers.program import ok, refused, table, well

T, B, D, H = 7, 3, 2, 5


def model(**options: Any) -> tuple[Any, Parameters]:
    config = ModelConfig(hidden=H, dropout=0.0, **{"cell": "elman", "activation": "tanh", "layers": 1, **options})
    made = TASKS["values"].network.load()(config, TaskConfig("values"), Scale((0.0,) * D, (1.0,) * D))
    return made, made.initial(np.random.default_rng(0), np.float64)


def part(count: int = 50, edges: tuple[int, ...] = (), seed: int = 0) -> Part:
    return Part(np.random.default_rng(seed).normal(size=(count, D)), np.array([0, *edges, count]))


def test_the_loss_and_its_gradient_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    network, p = model()
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, T, B, D))
    inside = (np.arange(T)[:, None] < np.array([T, 4, 1]))[..., None].astype(float)
    g = p.like()
    nats, count = network.network.gradient(p, g, SeriesBatch(x, y, inside), Workspace(), None)
    theirs = {name: torch.from_numpy(value.copy()).requires_grad_() for name, value in p.items()}
    h, loss = torch.zeros(B, H, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for t in range(T):
        a = theirs["stack/0/b"] + torch.from_numpy(x[t]) @ theirs["stack/0/U"] + h @ theirs["stack/0/W"]
        h = torch.tanh(a)
        o = theirs["readout/c"] + h @ theirs["readout/V"]
        loss = loss + ((o - torch.from_numpy(y[t])) ** 2 * torch.from_numpy(inside[t])).sum() / 2
    loss.backward()
    assert nats == pytest.approx(loss.item()) and count == (T + 4 + 1) * D
    for name, value in g.items():
        np.testing.assert_allclose(value, theirs[name].grad.numpy(), atol=1e-12, err_msg=name)


@pytest.mark.parametrize("cell", ["lstm", "gru", "elman"])
def test_forecasts_are_the_same_whole_and_step_by_step(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, p = model(cell=cell, activation="tanh" if cell == "elman" else None, layers=2, skip=True)
    some = part(40, (13,))
    whole = forecasts(network, p, some)
    monkeypatch.setattr("charnn.tasks.series.forecasts.READ_AT_ONCE", 3)
    np.testing.assert_allclose(forecasts(network, p, some), whole, atol=1e-12)
    apart = [forecasts(network, p, some.some(*edges)) for edges in ((0, 13), (13, 40))]
    np.testing.assert_allclose(np.concatenate(apart), whole, atol=1e-12)
    after = list(continued(network, p, some.values[13:], 2))
    longer = Part(np.concatenate([some.values[13:], after[:1], after]), np.array([0, 30]))
    np.testing.assert_allclose(after, forecasts(network, p, longer)[27:29], atol=1e-12)


def test_a_linear_system_is_known_to_an_autoregression_and_nothing_is_known_of_noise() -> None:
    values = np.zeros((400, 2))
    values[:2] = [[1, 0], [0.5, 1]]
    for t in range(2, 400):
        values[t] = 1.6 * values[t - 1] - 0.99 * values[t - 2] + [0.1, 0]
    waves = Part((values - values.mean(axis=0)) / values.std(axis=0), np.array([0, 400]))
    train, valid = waves.some(0, 300), waves.some(290, 400)
    forecast = autoregression(train, valid, 2)
    assert np.abs(forecast[2:] - valid.values[2:]).max() < 1e-3
    found = to_beat(train, Part(valid.values, valid.edges, 10))
    assert found["autoregression"] < 1e-6 < found["persistence"] and found["order"] >= 2
    noise = to_beat(part(4000), part(2000, seed=1))
    assert noise["persistence"] == pytest.approx(2, rel=0.1) and noise["autoregression"] == pytest.approx(1, rel=0.1)
    assert noise["moving_average"] == pytest.approx(1 + 1 / 16, rel=0.1) and noise["steps"] == 16


def test_baselines_are_their_definitions_within_each_sequence() -> None:
    some = Part(np.array([[1.0], [2], [4], [10], [20]]), np.array([0, 3, 5]))
    assert moving_average(some, 2)[:, 0].tolist() == [0, 0.5, 1.5, 0, 5]
    assert mean_square(some, np.zeros((5, 1))) == pytest.approx((1 + 4 + 16 + 100 + 400) / 5)
    assert mean_square(Part(some.values, some.edges, 4), np.zeros((5, 1))) == 400


def test_an_epoch_reads_every_piece_once_each_from_its_own_sequence() -> None:
    some = Part(np.arange(1.0, 101)[:, None], np.array([0, 37, 42, 100]))
    layout = SeriesLayout(some, TrainConfig(batch=3, window=10))
    for epoch in range(4):
        seen: list[float] = []
        for index in range(len(layout)):
            for rows in (slice(0, 2), slice(2, 3)):
                for batch in layout.read(epoch, index, rows):
                    inside = batch.inside[..., 0] > 0
                    starts = np.isin(batch.y[..., 0], some.values[[0, 37, 42], 0])
                    np.testing.assert_array_equal(batch.x[inside & ~starts], batch.y[inside & ~starts] - 1)
                    assert not batch.x[starts].any()
                    seen += batch.y[inside][:, 0].tolist()
        assert len(seen) == len(set(seen)) == layout.losses == 3 * 10 + 5 + 5 * 10


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return pairs.write(tmp_path, "values")


def test_the_commands_train_evaluate_and_go_on(home: Path) -> None:
    train = ["train", home.name, "--task", "values", "--hidden", "8", "--workers", "1", "--batch", "4"]
    told = " ".join(well(*train, "--steps", "600", "--rate", "0.02", "--window", "20", "--cell", "gru").output.split())
    assert "240 of 2 numbers" in told and "linear autoregression of order" in told
    found = json.loads(ok("eval", "--json"))
    assert found["mse"] < found["baselines"]["persistence"] and found["count"] == 40
    assert found["rmse_1"] == pytest.approx(np.sqrt(found["mse"]) * 0.7, rel=0.5)
    rows = table(ok("eval", "--by", "line", home.name))
    assert len(rows) == 240 and rows[1][2] == "0.3272 7.8776" and rows[1][1] == "2"
    prime = home.read_text().split("\n\n")[0] + "\n"
    more = ok("sample", "--prime", "-", "--length", "5", stdin=prime)
    assert more.startswith(prime) and more.count("\n") == 40 + 5 and len(more.split("\n")[-2].split("\t")) == 2
    assert charnn.generate("values", prime=prime, length=5) == [more.removesuffix("\n")]
    ok("inspect", "gradcheck", "--samples", "3")
    assert json.loads(ok("info", "--json"))["columns"] == 2


def test_a_series_goes_on_with_what_is_expected_next(home: Path) -> None:
    ok("train", home.name, "--task", "values", "--hidden", "4", "--steps", "20", "--workers", "1", "--batch", "4")
    lines = home.read_text().splitlines(keepends=True)[:6]
    expected = table(ok("eval", "--by", "line", "-", stdin="".join(lines)))[5][3]
    written = ok("sample", "--prime", "-", "--length", "1", stdin="".join(lines[:5])).splitlines()[-1]
    assert written.split("\t") == expected.split()


@pytest.mark.parametrize(
    ("code", "args", "says"),
    [
        (2, ["sample"], "--prime"),
        (2, ["sample", "--prime", "1\t2", "--temp", "0.5"], "--temp has no effect"),
        (2, ["sample", "--prime", "1\t2", "-n", "2"], "one way"),
        (3, ["sample", "--prime", "one"], "could not convert"),
        (2, ["eval", "--dynamic"], "--dynamic"),
        (2, ["inspect", "gradients"], "--task values"),
        (2, ["train", "values.tsv", "--task", "values", "--loss", "squared"], "--loss has no effect on --task values"),
        (
            2,
            ["train", "values.tsv", "--task", "values", "--stride", "1"],
            "--stride has no effect on --task values: leave",
        ),
        (2, ["train", "values.tsv", "--task", "values", "--cell", "jordan"], "choose another --cell"),
        (2, ["tokenize", "values.tsv", "--task", "values", "-o", "a.npz"], "there is nothing to tokenise"),
        (2, ["tokenize", "values.tsv", "--task", "values", "-o", "-"], "leave out --output"),
    ],
    ids=str,
)
def test_what_has_no_effect_on_values_is_refused(home: Path, code: int, args: list[str], says: str) -> None:
    if args[0] not in ("train", "tokenize"):
        ok("train", home.name, "--task", "values", "--hidden", "4", "--steps", "1", "--workers", "1")
    assert says in refused(code, *args, stdin="")


def test_numbers_from_a_pipe_are_kept_for_later(home: Path) -> None:
    train = ["--task", "values", "--hidden", "4", "--workers", "1"]
    ok("train", "-", *train, "--steps", "2", "--name", "piped", stdin=home.read_text())
    ok("train", home.name, *train, "--steps", "2")
    assert Path("checkpoints/piped/numbers.txt").read_text() == home.read_text()
    ok("train", "--resume", "--name", "piped", "--steps", "3")
    assert charnn.load("piped").step == 3
    charnn.remove_run("piped")
    assert not Path("checkpoints/piped").exists()


def test_texts_from_pipes_stay_apart(home: Path) -> None:
    numbers = [encode("\ufeff" + "".join(f"{i}\n" for i in range(start, start + 30)).strip()) for start in (1, 0)]
    sources = [Source(name, partial(BytesIO, data)) for name, data in zip("ab", numbers, strict=True)]
    options = {"task": "values", "hidden": 4, "steps": 1, "workers": 1}
    kept = charnn.train(sources, name="piped", keep_text=True, **options)
    assert kept.corpus is not None and kept.corpus.edges.tolist() == [0, 30, 60]


@pytest.mark.parametrize("text", ["1\n2\n", "1\nabc\n"])
def test_nothing_is_kept_of_numbers_that_cannot_be_learnt(home: Path, text: str) -> None:
    refused(3, "train", "-", "--task", "values", "--name", "short", stdin=text)
    assert not Path("checkpoints/short").exists()


def test_a_summary_says_what_there_is_to_beat(home: Path) -> None:
    told = " ".join(well("tokenize", home.name, "--task", "values").output.split())
    assert "240 of 2 numbers" in told and "by the last value" in told


def test_rows_of_several_series_name_their_files(home: Path) -> None:
    ok("train", home.name, "--task", "values", "--hidden", "4", "--steps", "1", "--workers", "1")
    Path("more.tsv").write_text("1 2\n3 4\n")
    rows = table(ok("eval", "--by", "line", home.name, "more.tsv"))
    assert [row[4] for row in rows] == [home.name] * 240 + ["more.tsv"] * 2
    assert [row[1] for row in rows[-3:]] == ["240", "1", "2"]


@pytest.mark.parametrize("count", [1, 5, 13, 40])
def test_gradients_are_checked_on_short_series(home: Path, count: int) -> None:
    ok("train", home.name, "--task", "values", "--hidden", "4", "--steps", "1", "--workers", "1")
    Path("short.tsv").write_text("".join(f"{i} {i % 3}\n" for i in range(count)))
    ok("inspect", "gradcheck", "--samples", "3", "short.tsv")


@pytest.mark.quick
def test_a_value_far_off_in_the_held_out_part_does_not_stop_training(home: Path) -> None:
    rng = np.random.default_rng(0)
    numbers = [*np.sin(np.arange(400) / 5) + rng.normal(size=400) / 10, 1e5]
    text = "".join(f"{x:.4f}\n" for x in numbers)
    Path("far.txt").write_text(text)
    run = charnn.fit("far.txt", task="values", hidden=4, steps=30, patience=0, workers=1, runs=None)
    assert run.rollbacks == 0 and run.step == 30


@pytest.mark.parametrize(
    ("edges", "share", "held_out", "read"),
    [
        ([0, 90, 100], 0.1, 10, 0),
        ([0, 87, 100], 0.1, 13, 0),
        ([0, 1, 100], 0.1, 10, 89),
        ([0, 60, 100], 0.1, 10, 30),
        ([0, 99, 100], 0.1, 10, 90),
        ([0, 30, 60, 100], 0.5, 40, 0),
        ([0, 100], 0.5, 50, 50),
    ],
)
def test_about_the_share_that_was_asked_for_is_held_out(
    edges: list[int], share: float, held_out: int, read: int
) -> None:
    values = np.arange(100.0)[:, None]
    train, valid = Series(values, np.array(edges), Scale((0.0,), (1.0,)), ("a",), "").split(share)
    assert len(train.values) == 100 - held_out and valid.read == read
    np.testing.assert_array_equal(valid.values[valid.read :], values[100 - held_out :])
    np.testing.assert_array_equal(valid.values[: valid.read], values[100 - held_out - read : 100 - held_out])
    assert train.edges[-1] == len(train.values) and valid.edges[0] == 0 and valid.edges[-1] == len(valid.values)


@pytest.mark.parametrize(("unit", "power"), [("1e-6", "e-0"), ("1e12", "e+1")])
def test_errors_of_any_size_have_four_digits(home: Path, unit: str, power: str) -> None:
    home.write_text("".join(f"{t % 3 * float(unit)}\n" for t in range(60)))
    ok("train", home.name, "--task", "values", "--hidden", "4", "--steps", "1", "--workers", "1")
    told = dict(table(ok("eval")))
    assert power in told["rmse_1"] and charnn.evaluate("values").roots[0] == pytest.approx(float(told["rmse_1"]), 1e-3)


def test_a_corpus_that_moved_together_with_its_run_is_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ok("train", home.name, "--task", "values", "--hidden", "4", "--steps", "1", "--workers", "1")
    before = charnn.evaluate("values")
    monkeypatch.chdir(home.parent.rename(home.parent.with_name("elsewhere")))
    assert charnn.evaluate("values") == before


def test_a_corpus_that_is_gone_is_named(home: Path) -> None:
    ok("train", home.name, "--task", "values", "--hidden", "4", "--steps", "1", "--workers", "1")
    home.rename("gone.tsv")
    with pytest.raises(UsageError, match="name the file to use"):
        charnn.evaluate("values")
