"""What a run's end says to try next: by made-up courses, and by runs that learn by heart, or too little."""

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.config import TaskConfig
from charnn.evaluation import score
from charnn.runs import checkpoint
from charnn.runs.run import Run
from charnn.training import advice, session
from charnn.training import start as starting
from charnn.training.advice import MIN_HISTORY
from tests.helpers.program import invoke, names, ok
from tests.helpers.toys import begin, corpus, start, text

COUNT = 12  # validations
FLAT = np.zeros(COUNT)
FALL = np.linspace(1, 0, COUNT)


def course(valid: Any, train: Any, *, ratio: float = 1.0, ngram: float = 9.0, epochs: float = 30, **given: Any) -> Run:
    """A run with these losses, and so many parameters for each character of its text."""
    run = start(steps=100 * COUNT, **{"hidden": 40, **given})
    symbols = round(run.weights.count / ratio)
    run.origin = replace(run.origin, symbols=symbols, baselines={"order": 5, "ngram": ngram})
    share = epochs / COUNT
    run.history = [
        {"step": 100 * (i + 1), "epoch": share * (i + 1), "train": float(t), "valid": float(v)}
        for i, (t, v) in enumerate(zip(train, valid, strict=True))
    ]
    run.step, best = 100 * COUNT, int(np.argmin(valid))
    run.best, run.best_step, run.bad_validations = float(min(valid)) * np.log(2), 100 * (best + 1), COUNT - 1 - best
    return run


CASES: dict[str, tuple[Run, float, str]] = {
    "held out rises": (course(2 - 0.3 * FALL, 1 + FALL, ratio=0.5), 0.8, "by heart (0.80 .*2.00 .*--dropout 0.25"),
    "held out stays, and training falls": (course(2 + FLAT, 1 + FALL), 0.8, "by heart .*--dropout 0.4`"),
    "some dropout": (course(2 + FLAT, 1 + FALL, dropout=0.25), 0.8, "by heart .*--dropout 0.4`"),
    "much dropout": (course(2 + FLAT, 1 + FALL, dropout=0.5), 0.8, "by heart .*more text, or .*--hidden 27`"),
    "far too large": (course(2 + FLAT, 1 + FALL, ratio=5), 0.8, "by heart .*--dropout 0.5`"),
    "still falls": (course(2 + FALL, 2 + FALL), 1.9, "still falling .*`charnn train --resume --steps 2400`"),
    "falls, and is far apart": (course(2 + FALL, 1 + FALL), 0.9, "still falling"),
    "short of reading": (
        course(2 + np.maximum(0.2 * FALL, 0.06), 2 + 0.2 * FALL, ratio=1.0, epochs=3), 1.9, "still falling",
    ),
    "no longer short of reading": (
        course(2 + np.maximum(0.2 * FALL, 0.06), 2 + 0.2 * FALL, ratio=0.01, epochs=3), 1.9, "--hidden 80`",
    ),
    "alike and flat": (course(2 + FLAT, 2 + FLAT), 1.95, "learnt what it can .*--hidden 64`"),
    "alike and flat, few parameters": (course(2 + FLAT, 2 + FLAT, ratio=0.1), 1.95, "--hidden 80`"),
    "alike and flat, much dropout": (course(2 + FLAT, 2.2 + FLAT, dropout=0.5), 1.95, "the same, and .*--dropout 0.4`"),
    "alike and flat, little dropout": (course(2 + FLAT, 2 + FLAT, dropout=0.1), 1.95, "--hidden 64`"),
    "another text, as well learnt": (course(2.5 + 0.02 * FALL, 2 + 0.02 * FALL), 1.9, "learnt what it can"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str) -> None:
    run, train, expected = CASES[name]
    said = advice.advice(run, train)
    assert re.search(expected.replace("(", r"\("), said), said
    assert "gram" not in said and "\n" not in said
    run.origin.baselines["ngram"] = 1.5
    try:
        assert advice.advice(run, train) == f"the 5-gram model is still better (1.500 bits/char), and {said}"
    finally:
        run.origin.baselines["ngram"] = 9.0


@pytest.mark.parametrize(("hidden", "said"), [(64, "more text"), (65, "more text, or `.* --hidden 48`")])
def test_a_network_of_the_usual_size_is_none_too_large(hidden: int, said: str) -> None:
    run = course(2 + FLAT, 1 + FALL, cell="lstm", activation=None, hidden=hidden, layers=1, dropout=0.5)
    run.origin = replace(run.origin, symbols=4000)
    assert re.search(f": {said}$", advice.advice(run, 0.8))


def test_the_budget_that_was_spent_is_the_one_to_double() -> None:
    run = course(2 + FALL, 2 + FALL, epochs=20)
    for config, seconds, expected in (
        ({"epochs": 20.0, "minutes": 10.0, "steps": None}, 400, "--epochs 40"),
        ({"epochs": 30.0, "minutes": 10.0, "steps": None}, 600, "--minutes 20"),
        ({"epochs": None, "minutes": None, "steps": 1200}, 0, "--steps 2400"),
        ({"epochs": None, "minutes": None, "steps": 2}, 0, "--steps 2400"),
        ({"epochs": None, "minutes": 0.5, "steps": None}, 90, "--minutes 4"),
    ):
        run.config, run.seconds = replace(run.config, **config), seconds
        assert advice.advice(run, 1.9, "--name x").endswith(f"`charnn train --resume --name x {expected}`")


def test_one_that_lost_patience_is_not_told_to_go_on() -> None:
    run = course(2 + FALL, 2 + FALL)
    run.config, run.bad_validations = replace(run.config, patience=3), 3
    assert "resume" not in advice.advice(run, 1.9)


def test_too_few_validations_say_nothing() -> None:
    run = course(2 + FALL, 2 + FALL)
    run.history = run.history[-MIN_HISTORY:]
    assert advice.advice(run, 1.9)
    run.history.pop(0)
    assert advice.advice(run, 1.9) == ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"symbols": 600, "hidden": 48, "rate": 0.02, "steps": 300, "validate_every": 20},
            "by heart .*--dropout 0.5`",
        ),
        (
            {"symbols": 20_000, "hidden": 2, "rate": 0.05, "steps": 500, "validate_every": 25},
            "learnt what it can .*--hidden 4`",
        ),
        (
            {"symbols": 20_000, "hidden": 12, "rate": 0.002, "steps": 60, "validate_every": 3},
            "--resume --name x --steps 120`",
        ),
    ],
)
def test_runs(given: dict[str, Any], expected: str) -> None:
    running = begin(**{"batch": 8 if given["symbols"] > 1000 else 4, "window": 16, "schedule": "cosine", **given})
    list(running)
    said = running.advice("--name x")
    assert re.search(expected, said), said
    before, running.group.rank = running.run.weights.flat.copy(), 1
    assert running.advice() == "" and (running.run.weights.flat == before).all()


def test_the_parts_are_scored_without_dropout() -> None:
    running = begin(dropout=0.9, steps=6, validate_every=1)
    list(running)
    first, run = running.advice(), running.run
    assert first == running.advice()
    (train,) = re.findall(r"\((\d+\.\d+) bits/char on the training", first)
    exact = score.evaluate(run.network, running.plan.train)
    assert float(train) == pytest.approx(exact.bits, abs=0.006)
    assert abs(run.history[-1]["train"] - exact.bits) > 0.1  # with dropout, over the last update


def test_a_run_whose_validations_lie_unevenly_gets_advice_too() -> None:
    running = begin(steps=60, validate_every=60)
    list(running)
    again = session.resume(running.run, corpus(text(4000)), None, {"steps": 68, "validate_every": 1})
    list(again)
    assert len(again.run.history) >= MIN_HISTORY and again.run.history[0]["step"] > 0.8 * again.run.step
    assert "`" in again.advice()


@pytest.mark.parametrize(
    ("budget", "said"), [({"steps": 600_001}, "--steps 1200002"), ({"minutes": 0.7}, "--minutes 1.4")]
)
def test_large_budgets_are_doubled_as_they_can_be_typed(budget: dict[str, Any], said: str) -> None:
    run = course(2 + FALL, 2 + FALL)
    run.config = replace(run.config, **{"steps": None, **budget})
    assert f" {said}`" in advice.advice(run, 1.9)


def test_the_command_has_each_option_once() -> None:
    run = course(2 + FLAT, 2 + FLAT)
    said = advice.advice(run, 1.95, again="charnn train a.txt --hidden 32 --hidden-of 3 --layers 1")
    assert said.endswith("`charnn train a.txt --hidden-of 3 --layers 1 --hidden 64`")


def test_it_is_the_last_line_and_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text(names(), "utf-8")
    tiny = ["--hidden", 8, "--layers", 1, "--batch", 4, "--window", 8, "--workers", 1, "--rate", 0.01]
    result = invoke("train", "names.txt", "--out", "runs", *tiny, "--steps", 24, "--validate-every", 3)
    *_, last = result.stderr.splitlines()
    assert "kept in   runs/names/" in result.stderr and result.stdout == ""
    command = re.fullmatch(r"next      .*: `charnn (train --resume --name names --runs runs --steps 48)`", last)
    assert command, last
    ok(*command[1].split())


def test_a_new_run_is_begun_by_the_command_that_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice is the whole command: typed, it makes the run anew."""
    monkeypatch.chdir(tmp_path)
    Path("my names.txt").write_text(names(), "utf-8")
    options = ["--cell", "elman", "--activation", "tanh", "--no-skip", "--dropout", 0, "--hidden", 8, "--layers", 1]
    options += ["--schedule", "exponential", "--final-rate", 0.5, "--sequence", "line", "--steps", 3, "--workers", 1]
    ok("train", "my names.txt", *options, "--name", "first")
    asked = {"cell": "elman", "activation": "tanh", "skip": False, "dropout": 0.0, "hidden": 8, "layers": 1, "steps": 3}
    asked |= {"schedule": "exponential", "final_rate": 0.5, "sequence": "line", "workers": 1}
    wanted = starting.wanted(asked)
    command = starting.again([str(tmp_path / "my names.txt")], wanted)
    assert "--no-skip" in command and "'my names.txt'" in command and "--window" not in command
    ok(*shlex.split(command)[1:], "--name", "second")
    first, second = (checkpoint.load(f"checkpoints/{name}/last.npz") for name in ("first", "second"))
    assert first.config == second.config and first.model == second.model
    assert (
        starting.again(["a.txt"], starting.wanted({}, time="10m"), "--runs b")
        == "charnn train a.txt --budget 600s --runs b"
    )


def of_task(task: str, valid: Any, figures: dict[str, Any], counted: dict[str, float], **given: Any) -> Run:
    """A made-up course of a task's run, each validation with these figures."""
    run = course(valid, 1 + FALL, **given)
    run.task, run.origin = TaskConfig(task), replace(run.origin, baselines=counted)
    run.history = [record | figures for record in run.history]
    return run


@pytest.mark.parametrize(
    ("task", "dropout", "said"),
    [
        ("classify", 0.5, "by heart .*: more pairs"),
        ("classify", 0.1, "by heart .*: more pairs, or `.* --dropout 0.5`"),
        ("translate", 0.3, "by heart .*: more pairs"),
        ("values", 0.0, "by heart .*: more vectors"),
    ],
)
def test_defaults_of_a_task_are_not_called_too_large(task: str, dropout: float, said: str) -> None:
    right = {"accuracy": 0.9, "exact": 0.9, "macro_f1": 0.9}
    run = of_task(task, 2 + FLAT, right, {"bayes": 0.8}, dropout=dropout)
    assert re.fullmatch(f"the network learns the training part {said}", advice.advice(run, 0.8))


def test_more_pairs_help_where_both_parts_are_far_apart() -> None:
    run = of_task("classify", 2.5 + 0.02 * FALL, {"accuracy": 0.9}, {})
    run.history = [{**record, "train": 2 + 0.02 * fall} for record, fall in zip(run.history, FALL, strict=True)]
    assert re.search("learnt what it can of so much .*: more pairs$", advice.advice(run, 1.9))


@pytest.mark.parametrize("figures", [{"accuracy": 1.0}, {"accuracy": 0.99, "valid": 0.01}])
def test_where_all_is_right_there_is_nothing_to_advise(figures: dict[str, float]) -> None:
    assert advice.advice(of_task("classify", 2 + FLAT, figures, {"bayes": 0.8}), 0.8) == ""


@pytest.mark.parametrize(
    ("task", "figures", "counted", "said"),
    [
        ("classify", {"accuracy": 0.9}, {"bayes": 0.951, "bayes_order": 3}, "Bayes' rule on 3-grams .*95.1 % right"),
        ("fill", {"filled": 0.7}, {"filled": 0.9, "fill_order": 5}, r"5-grams from both .*90.0 %"),
    ],
)
def test_what_was_counted_is_mixed_in_where_it_is_better(
    task: str, figures: dict[str, float], counted: dict[str, float], said: str
) -> None:
    run = of_task(task, 2 + FALL, figures, counted)
    both = f"{said}.*`charnn {task} --mix ngram` uses both, and the loss was still falling"
    assert re.match(both, advice.advice(run, 1.9))
    run.history = run.history[-3:]
    assert advice.advice(run, np.nan).endswith("there were few validations: `charnn train --resume --steps 2400`")
    run.origin = replace(run.origin, baselines=dict.fromkeys(counted, 0.1))
    assert advice.advice(run, np.nan) == ""


def test_a_run_that_took_a_little_longer_had_its_budget() -> None:
    run = course(2 + FALL, 2 + FALL)
    for seconds, said in ((601.5, "--minutes 20"), (650, "--minutes 22")):
        run.config, run.seconds = replace(run.config, steps=None, epochs=None, minutes=10.0), seconds
        assert advice.advice(run, 1.9).endswith(f"{said}`")


def test_a_resumed_run_names_its_text_and_its_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("some.tsv").write_text("".join(f"{'ab'[i % 2]}\t{'xy'[i % 2]}{i}\n" for i in range(40)))
    ok("train", "some.tsv", "--task", "classify", "--hidden", 4, "--steps", 2, "--workers", 1)
    assert charnn.resume("some").command == "charnn train some.tsv --task classify --hidden 4"
    Path("names.txt").write_text(names(), "utf-8")
    options = ["--valid-share", 0.2, "--sequence", "file", "--runs", "my runs", "--workers", 1]
    ok("train", "names.txt", *options, "--hidden", 4, "--steps", 2)
    said = charnn.resume("names", runs="my runs").command
    assert said == "charnn train names.txt --sequence file --hidden 4 --dropout 0.1 --valid-share 0.2 --runs 'my runs'"
    session = charnn.train([("a", f"x{i}") if i % 2 else ("b", f"y{i}") for i in range(40)], task="classify", runs=None)
    assert session.command == "charnn train CORPUS --task classify"


def test_the_command_that_mixes_names_the_run() -> None:
    run = of_task("classify", 2 + FALL, {"accuracy": 0.9}, {"bayes": 0.951, "bayes_order": 3})
    assert "`charnn classify -m a --runs b --mix ngram`" in advice.advice(run, 1.9, "--name a --runs b")


def test_a_series_is_compared_with_forecasts() -> None:
    counted = {"persistence": 0.5, "moving_average": 0.7, "autoregression": 0.001}
    run = of_task("values", 0.01 + 0.01 * FALL, {"mse": 0.002}, counted, dropout=0.0)
    assert advice.advice(run, 0.0099).startswith("a linear autoregression is still better (mean squared error 0.001)")
    run.history = [record | {"mse": 0.0001} for record in run.history]
    assert "still better" not in advice.advice(run, 0.0099) and advice.advice(run, 0.0099)
