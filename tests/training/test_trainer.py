"""Training: golden losses, the entropy floor, resuming bit for bit, rollbacks, epochs, lines, patience."""

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.data.batch import Batch
from charnn.errors import CharnnError, DivergenceError, UsageError
from charnn.evaluation import score
from charnn.evaluation.score import Score, evaluate
from charnn.nn.model import Model, PassContext
from charnn.nn.network import Network
from charnn.nn.workspace import Workspace
from charnn.parallel.processes import ProcessGroup
from charnn.parallel.team import SingleWorker, ThreadGroup
from charnn.runs import checkpoint
from charnn.runs.folder import Folder
from charnn.runs.run import Run
from charnn.training import session
from charnn.training.schedules import Plateau
from charnn.training.session import Validation
from charnn.training.trainer import DIVERGED_RATIO, MAX_ROLLBACKS, Rollback, Update
from tests.helpers.snapshots import check_losses
from tests.helpers.toys import (
    V,
    assert_same,
    begin,
    corpus,
    losses,
    options,
    start,
    text,
    trainer_of,
    updates,
    vectors,
    vocabulary,
)

# Golden losses

GOLDEN_RUNS: dict[str, dict[str, Any]] = {
    "one layer, adam": {"rate": 0.03},
    "deep, skip, dropout, cosine": {
        "layers": 2,
        "activation": "relu",
        "skip": True,
        "dropout": 0.25,
        "optimizer": "sgd",
        "rate": 0.5,
        "schedule": "cosine",
        "warmup": 0.3,
        "steps": 8,
        "state": "carry",
        "weight_decay": 0.01,
    },
    "locked dropout, carried": {"layers": 2, "dropout": 0.4, "dropout_kind": "locked", "state": "carry"},
    "sigmoid, rmsprop, carried": {"activation": "sigmoid", "optimizer": "rmsprop", "state": "carry", "clip": 0.1},
    "(3, 8), continuous": {"stride": 3, "state": "continuous"},
    "one-step, dropout": {"scheme": "one-step", "layers": 2, "dropout": 0.25},
    "full, lines": {"scheme": "full"},
    "full, carried": {"scheme": "full", "state": "carry", "rate": 0.03},
    "unbiased, dropout": {"scheme": "unbiased", "state": "carry", "layers": 2, "dropout": 0.25},
}


@pytest.mark.parametrize("name", GOLDEN_RUNS)
def test_losses_are_what_they_were(name: str) -> None:
    check_losses(losses(**GOLDEN_RUNS[name]))


# The entropy floor

WORDS = ("abac", "abba", "baca", "cabd", "dada")
FLOOR = math.log(5) / 5  # nats per character, the line's end among them


def nats_of_words(run: Run) -> float:
    """The expected loss of lines drawn uniformly: every word once, each from the zero state."""
    ids = np.concatenate(list(run.vocabulary.encode(["\n".join(WORDS) + "\n"])))
    assert len(ids) == 25
    return evaluate(Network(run.model, run.weights, True), ids).mean


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "adagrad", "sgd"])
def test_lines_drawn_from_five_words_are_learnt_to_their_entropy(optimizer: str) -> None:
    words = vocabulary(letters="abcd")
    drawn = np.random.default_rng(0).integers(0, 5, 4000)
    ids = np.concatenate(list(words.encode(["".join(WORDS[i] + "\n" for i in drawn)])))
    rate = {"adam": 0.01, "rmsprop": 0.01, "adagrad": 0.1, "sgd": 0.5}[optimizer]
    given = {"hidden": 16, "batch": 16, "window": 20, "optimizer": optimizer, "rate": rate, "schedule": "cosine"}
    run = session.begin(
        corpus(ids, words),
        *options({**given, "final_rate": 0.01, "steps": 500, "validate_every": 250, "state": "reset"}),
        None,
    )
    before = nats_of_words(run.run)
    losses = [event.valid * math.log(2) for event in run if isinstance(event, Validation)]
    found = nats_of_words(run.run)
    assert before > 1.2
    assert FLOOR <= found < 1.02 * FLOOR
    assert losses[-1] == pytest.approx(FLOOR, rel=0.04)  # of a sample of lines, so it may be below


# Resuming

KINDS: dict[str, dict[str, Any]] = {
    "constant": {},
    "cosine": {"schedule": "cosine", "warmup": 0.2},
    "exponential, carried": {"schedule": "exponential", "state": "carry"},
    "plateau": {"schedule": "plateau", "rate": 0.0, "validate_every": 3},
    "dropout": {"dropout": 0.3, "layers": 2},
    "locked dropout, two workers": {"dropout": 0.3, "dropout_kind": "locked", "state": "carry", "workers": 2},
    "two workers": {"workers": 2, "schedule": "cosine"},
    "lstm, deep": {"cell": "lstm", "activation": None, "layers": 2, "skip": True, "dropout": 0.25, "state": "carry"},
    "gru": {"cell": "gru", "activation": None, "rate": 0.03},
    "diagonal, delay, depth": {"recurrence": "diagonal", "delay": 3, "recurrent_depth": 2, "state": "carry"},
    "residual, plain layers": {"layers": 2, "feedforward_depth": 2, "residual": True, "dropout": 0.25},
    "jordan": {"cell": "jordan", "decay": 0.8, "layers": 2, "skip": True},
    "feedback, scheduled": {"feedback": "output", "teacher_forcing": "1.0:0.3", "state": "carry", "workers": 2},
    "(3, 8), continuous, dropout": {"stride": 3, "state": "continuous", "dropout": 0.3, "layers": 2},
    "one-step, dropout": {"scheme": "one-step", "dropout": 0.3, "layers": 2},
    "full, dropout": {
        "scheme": "full",
        "state": "carry",
        "layers": 2,
        "dropout": 0.3,
        "window": 16,
        "valid_share": 0.9,
        "steps": 21,
    },
    "full, lines, two workers": {"scheme": "full", "state": "reset", "workers": 2},
    "unbiased, lstm, two workers, dropout": {
        "scheme": "unbiased",
        "cell": "lstm",
        "activation": None,
        "layers": 2,
        "dropout": 0.3,
        "workers": 2,
    },
    "averaged": {"average": 0.2, "dropout": 0.3},
    "averaged, two workers": {"average": 0.05, "workers": 2, "layers": 2, "skip": True},
    "two workers, dropout": {"workers": 2, "dropout": 0.3, "layers": 2, "skip": True, "optimizer": "rmsprop"},
}


@pytest.mark.parametrize("stop", [1, 14, 20])  # 14 is before a validation, which is then still to come
@pytest.mark.parametrize("given", KINDS.values(), ids=KINDS.keys())
def test_stopping_saving_and_resuming_is_training_on(given: dict[str, Any], stop: int, tmp_path: Path) -> None:
    given = {"steps": 40, **given}
    straight = begin(tmp_path / "straight", **given)
    list(straight)
    first = begin(tmp_path / "parts", **given)
    for event in first:
        if isinstance(event, Update) and event.step == stop:
            break
    first.save()
    folder = first.folder
    assert folder is not None and straight.folder is not None
    run = checkpoint.load(folder.last)
    assert_same(run, first.run)
    second = session.resume(run, corpus(text(4000)), folder, {})
    list(second)
    assert second.run.step == given["steps"]
    assert len(second.run.history) == math.ceil(given["steps"] / second.run.config.validate_every)
    assert_same(second.run, straight.run)
    for name in ("last", "best", "log"):
        assert getattr(folder, name).read_bytes() == getattr(straight.folder, name).read_bytes(), name


def test_resuming_after_a_validation_does_not_validate_again(tmp_path: Path) -> None:
    first = begin(tmp_path, steps=40)
    for event in first:
        if isinstance(event, Validation) and event.step == 14:
            break
    assert first.folder
    events = list(session.resume(checkpoint.load(first.folder.last), corpus(text(4000)), first.folder, {}))
    assert isinstance(events[0], Update) and events[0].step == 15
    steps = [json.loads(line)["step"] for line in first.folder.log.read_text("utf-8").splitlines()]
    assert steps == [7, 14, 21, 28, 35, 40]


def test_resuming_from_an_older_state_forgets_what_came_after_it_in_the_log_too(tmp_path: Path) -> None:
    """As after a power cut, whose log was ahead of the last state saved."""
    straight = begin(tmp_path / "straight", steps=30)
    list(straight)
    first = begin(tmp_path / "parts", steps=30)
    assert first.folder and straight.folder
    for event in first:
        if isinstance(event, Validation) and event.step == 14:
            older = first.folder.last.read_bytes()
        if isinstance(event, Update) and event.step == 25:
            break
    first.folder.last.write_bytes(older)
    list(session.resume(checkpoint.load(first.folder.last), corpus(text(4000)), first.folder, {}))
    assert first.folder.log.read_bytes() == straight.folder.log.read_bytes()
    assert first.folder.last.read_bytes() == straight.folder.last.read_bytes()


def test_a_log_that_another_training_writes_is_left_alone(tmp_path: Path) -> None:
    first = begin(tmp_path, steps=40)
    assert first.folder
    older = checkpoint.load(first.folder.last)
    list(first)
    log = first.folder.log.read_bytes()
    with pytest.raises(CharnnError, match="in use by another training"):
        session.resume(older, corpus(text(4000)), Folder(first.folder.path), {})
    assert first.folder.log.read_bytes() == log and log


def test_a_copy_goes_on_in_a_folder_of_its_own(tmp_path: Path) -> None:
    straight = begin(tmp_path / "straight", steps=30)
    list(straight)
    first = begin(tmp_path / "parts", steps=30)
    assert first.folder and straight.folder
    for event in first:
        if isinstance(event, Validation) and event.step == 14:
            break
    run = checkpoint.load(first.folder.last)
    before = {path.name: path.read_bytes() for path in first.folder.path.iterdir()}
    second = session.resume(run, corpus(text(4000)), tmp_path, {}, "copy")
    list(second)
    assert second.folder and second.folder.path == tmp_path / "copy"
    assert second.folder.last.read_bytes() == straight.folder.last.read_bytes()
    assert {path.name: path.read_bytes() for path in first.folder.path.iterdir()} == before


def test_a_resumed_run_may_go_on_for_longer(tmp_path: Path) -> None:
    first = begin(tmp_path, steps=10)
    list(first)
    assert first.folder and first.finished == "10 of 10 steps"
    second = session.resume(checkpoint.load(first.folder.last), corpus(text(4000)), first.folder, {"steps": 15})
    assert [event.step for event in second if isinstance(event, Update)] == [11, 12, 13, 14, 15]


# Noise


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"dropout": 0.0}, "--dropout 0:"),
        ({"scheme": "one-step"}, "--scheme one-step, whose windows have one step:"),
        ({"window": 1}, "--window 1, whose windows have one step:"),
        ({"feedback": "output", "teacher_forcing": "0.5"}, "a network that reads its own output, one step a window:"),
    ],
)
def test_locked_dropout_is_refused_where_it_would_have_no_effect(given: dict[str, Any], where: str) -> None:
    with pytest.raises(UsageError, match=f"^--dropout-kind locked has no effect on {where} leave it out$"):
        begin(**{"dropout": 0.3, "dropout_kind": "locked", **given})


# Setbacks


def test_a_setback_returns_to_the_last_good_state_at_half_the_rate() -> None:
    run = start()
    trainer = trainer_of(run, text(2000))
    updates(trainer, 5)
    trainer.take_snapshot()
    good = [v.copy() for v in vectors(run)]
    rest = (run.step, run.epoch, run.cursor, run.nats, run.count)
    expected = updates(trainer_of(separate(run), text(2000)), 3)
    updates(trainer, 3)
    run.weights["readout/c"] += np.nan
    event = trainer.update()
    assert event == Rollback(failed=8, step=5, rate=0.005, in_a_row=1)
    for v, copy in zip(vectors(run), good, strict=True):
        np.testing.assert_array_equal(v, copy)
    assert (run.step, run.epoch, run.cursor, run.nats, run.count) == rest
    assert (run.rate_factor, run.rollbacks) == (0.5, 1)
    again = updates(trainer, 3)
    assert again[0].nats == expected[0].nats  # the same window
    assert {update.rate for update in again} == {0.005}
    assert again[2].nats != expected[2].nats


def separate(run: Run) -> Run:
    """A copy that shares nothing."""
    weights, moments = run.weights.like(), tuple(moment.like() for moment in run.moments)
    copy = replace(run, weights=weights, moments=moments, state=tuple(s.copy() for s in run.state))
    for v, original in zip(vectors(copy), vectors(run), strict=True):
        v[...] = original
    return copy


@pytest.mark.parametrize("kind", [SingleWorker, ThreadGroup, ProcessGroup])
def test_a_rate_far_too_high_is_halved_until_training_goes_on(kind: type[SingleWorker]) -> None:
    team = kind(1 if kind is SingleWorker else 2)
    run = start(activation="relu", optimizer="sgd", rate=40.0, clip=0.0, workers=team.size)
    trainer = trainer_of(run, text(2000), team)
    events = [trainer.update() for _ in range(200)]
    rollbacks = [event for event in events if isinstance(event, Rollback)]
    assert 1 <= len(rollbacks) <= MAX_ROLLBACKS
    assert [event.rate for event in rollbacks] == [40 / 2**n for n in range(1, len(rollbacks) + 1)]
    assert [event.in_a_row for event in rollbacks] == list(range(1, len(rollbacks) + 1))
    assert isinstance(events[-1], Update) and events[-1].rate == rollbacks[-1].rate
    assert all(np.isfinite(v).all() for v in vectors(run))
    team.close()


@pytest.mark.parametrize(("scale", "advice"), [(1.0, "try a lower --rate"), (2.0, "try a lower --init-scale, a lower")])
def test_training_that_never_recovers_gives_up_with_the_last_good_weights(scale: float, advice: str) -> None:
    run = start(activation="relu", optimizer="sgd", rate=1e7, clip=0.0, init_scale=scale)
    first = run.weights.flat.copy()
    trainer, events = trainer_of(run, text(2000)), []
    with pytest.raises(DivergenceError, match=rf"diverged after step 1, {MAX_ROLLBACKS + 1} times in a row.*{advice}"):
        while True:
            events.append(trainer.update())
    assert sum(isinstance(event, Rollback) for event in events) == MAX_ROLLBACKS
    np.testing.assert_array_equal(run.weights.flat, first)
    assert run.step == 0


def test_a_mark_forgives_earlier_setbacks() -> None:
    run = start()
    trainer = trainer_of(run, text(2000))
    for _ in range(3 * MAX_ROLLBACKS):
        updates(trainer, 1)
        trainer.take_snapshot()
        run.weights["readout/c"] += np.inf
        event = trainer.update()
        assert isinstance(event, Rollback) and event.in_a_row == 1
    assert run.rate_factor == 0.5 ** (3 * MAX_ROLLBACKS) and run.rollbacks == 3 * MAX_ROLLBACKS


def test_an_exploded_loss_is_a_setback_even_where_it_is_finite() -> None:
    run = start()
    trainer = trainer_of(run, text(2000))
    run.weights["readout/c"] = np.array([-1.01 * DIVERGED_RATIO * math.log(V) * 2, *[0.0] * (V - 2), 60], np.float32)
    assert isinstance(trainer.update(), Rollback)
    run.weights["readout/c"] = np.array([0, *[0.0] * (V - 2), 5], np.float32)
    assert isinstance(trainer.update(), Update)


def test_giving_up_keeps_the_last_good_state_in_the_folder(tmp_path: Path) -> None:
    running = begin(tmp_path, activation="relu", optimizer="sgd", rate=1e7, clip=0.0)
    with pytest.raises(DivergenceError):
        list(running)
    assert running.folder
    kept = checkpoint.load(running.folder.last)  # which refuses numbers that are not finite
    assert kept.step == 0 and kept.rate_factor < 0.01
    records = [json.loads(line) for line in running.folder.log.read_text("utf-8").splitlines()]
    assert [record["rate"] for record in records] == [1e7 / 2**n for n in range(1, MAX_ROLLBACKS + 1)]
    assert {record["setback"] for record in records} == {1}


def test_a_diverged_validation_is_a_setback_and_no_record(tmp_path: Path) -> None:
    running = begin(tmp_path)
    events = iter(running)
    for event in events:
        if isinstance(event, Update) and event.step == 14:
            running.run.weights["readout/c"] += np.nan
            break
    event = next(events)
    assert isinstance(event, Rollback) and (event.failed, event.step) == (14, 7)
    assert [record["step"] for record in running.run.history] == [7]
    event = next(events)
    assert isinstance(event, Update) and event.step == 8


# Epochs and lines: what the network is given


Seen = list[tuple[np.ndarray, list[np.ndarray], np.ndarray | None]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What every window's gradient was computed from: x, the state before, keep."""
    found: Seen = []
    original = Model.gradient

    def spy(self, p, g, batch, state, *more):  # type: ignore[no-untyped-def]
        keep = None if batch.keep is None else batch.keep.copy()
        found.append((batch.x.copy(), [s.copy() for s in state], keep))
        return original(self, p, g, batch, state, *more)

    monkeypatch.setattr(Model, "gradient", spy)
    return found


@pytest.mark.parametrize("state", ["carry", "reset"])
def test_the_state_is_carried_from_window_to_window_and_forgotten_at_an_epochs_end(seen: Seen, state: str) -> None:
    run = start(state=state)
    trainer, after = trainer_of(run, text(4 * 8 * 3)), []
    assert len(trainer.scheme.lanes) == 3
    for _ in range(7):
        trainer.update()
        after.append([s.copy() for s in run.state])
    for window, (_, before, _) in enumerate(seen):
        for i, s in enumerate(before):
            if window % 3 == 0:
                assert not s.any()
            else:
                assert s.any()
                np.testing.assert_array_equal(s, after[window - 1][i])
    assert (run.step, run.epoch, run.cursor) == (7, 2, 1)


@pytest.mark.parametrize(
    ("sequence", "state", "forgets"),
    [
        ("line", "auto", True),
        ("paragraph", "auto", False),
        ("file", "auto", False),
        ("line", "carry", False),
        ("file", "reset", True),
    ],
)
def test_lines_forget_the_state_at_their_end_and_running_text_does_not(
    seen: Seen, sequence: str, state: str, forgets: bool
) -> None:
    run = start(sequence, state=state)
    assert run.reset is forgets
    updates(trainer_of(run, text(2000)), 3)
    for x, _, keep in seen:
        if forgets:
            assert keep is not None and (x == 0).any()
            np.testing.assert_array_equal(keep[..., 0], x != 0)
        else:
            assert keep is None


def test_what_came_before_a_line_makes_no_difference_to_it_unless_the_state_is_carried() -> None:
    for state in ("reset", "carry"):
        losses = []
        for first in (1, 2):
            run = start(state=state, batch=1, window=2)
            ids = np.array([first, 0, 3, 4, 5, 0] * 4, np.uint8)
            trainer = trainer_of(run, ids)
            run.config = replace(run.config, rate=0.0)
            losses.append([update.nats for update in updates(trainer, 3)])
        assert losses[0][0] != losses[1][0]
        assert (losses[0][1:] == losses[1][1:]) == (state == "reset")


def test_every_character_of_the_training_part_is_learnt_from_once_an_epoch() -> None:
    ids = text(1003)
    run = start(rate=0.0, state="carry")
    trainer = trainer_of(run, ids)
    events = updates(trainer, len(trainer.scheme.lanes))
    assert sum(update.count for update in events) == run.count == 1003
    assert run.nats == pytest.approx(sum(update.nats for update in events))
    assert (run.epoch, run.cursor) == (1, 0)


def test_an_epochs_short_windows_weigh_no_more_than_their_characters() -> None:
    """The gradient is divided by a whole window's characters even where there are fewer."""
    run = start(optimizer="sgd", momentum=0.0, rate=1.0, clip=0.0, batch=3, state="reset")
    ids = np.array([1, 2, 0] * 17 + [1], np.uint8)[: 3 * 17 + 1]
    trainer = trainer_of(run, ids)
    shapes = [trainer.scheme.lanes[i][1].shape for i in range(len(trainer.scheme.lanes))]
    assert shapes == [(8, 3), (8, 3), (1, 3), (1, 1)]
    for i in range(len(trainer.scheme.lanes)):
        x, y = trainer.scheme.lanes[i]
        before, g = run.weights.flat.copy(), run.weights.like()
        keep = (x != 0)[..., None].astype(np.float32)
        rows = y.shape[1]
        zero = tuple(s[:rows] * (i > 0) for s in run.state)
        run.model.gradient(run.weights, g, Batch(x, y, keep), zero, PassContext(Workspace()))
        updates(trainer, 1)
        np.testing.assert_allclose(before - run.weights.flat, g.flat / 24, atol=1e-6)


# Budgets, patience, plateaus


def validations(events: Iterable[Any]) -> list[Validation]:
    return [event for event in events if isinstance(event, Validation)]


def test_a_budget_of_epochs_is_spent_exactly() -> None:
    running = begin(steps=None, epochs=2.0, symbols=2000)
    events = list(running)
    run, windows = running.run, len(running.trainer.scheme.lanes)
    assert (run.step, run.epoch, run.cursor) == (2 * windows, 2, 0)
    assert validations(events)[-1].step == run.step and isinstance(events[-1], Validation)
    assert running.finished == "2 of 2 epochs" and "100% done" in repr(running)
    assert list(running) == []


def test_a_budget_of_minutes_counts_the_clock() -> None:
    running = begin(steps=None, minutes=2.0)
    ticks = iter(range(0, 10**6, 10))
    running.trainer.clock = lambda: float(next(ticks))
    running.trainer.last = 0.0
    assert running.run.seconds == 0
    events = [event for event in running if isinstance(event, Update)]
    assert 12 <= len(events) <= 14
    assert 120 <= running.run.seconds <= 130


def test_validations_come_every_so_many_updates_and_at_the_end() -> None:
    events = list(begin(steps=24))
    assert [event.step for event in validations(events)] == [7, 14, 21, 24]
    assert [event.step for event in events if isinstance(event, Update)] == list(range(1, 25))


def test_patience_ends_a_run_that_gets_no_better() -> None:
    running = begin(rate=0.0, patience=3)
    found = validations(running)
    assert [event.best for event in found] == [True, False, False, False]
    assert running.finished == "no better validation in 3"
    assert running.run.best_step == 7 and running.run.step == 28


def test_without_patience_the_budget_is_spent() -> None:
    assert begin_to_end(rate=0.0, patience=0, steps=70).step == 70


def begin_to_end(**given: Any) -> Run:
    running = begin(**given)
    list(running)
    return running.run


def test_a_better_validation_renews_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    found = follow(monkeypatch, [2.0, 2.1, 1.9, 1.95, 1.92, 1.8], patience=2)
    assert [event.best for event in found] == [True, False, True, False, False]


def script(monkeypatch: pytest.MonkeyPatch, losses: list[float]) -> None:
    """Validations find these losses, whatever the network."""
    left = iter(losses)
    monkeypatch.setattr(score, "evaluate", lambda *_, **__: Score(next(left), 1))


def follow(monkeypatch: pytest.MonkeyPatch, losses: list[float], **given: Any) -> list[Validation]:
    """The validations of a run whose losses are these."""
    script(monkeypatch, losses)
    return validations(begin(**given))


def test_a_plateau_halves_the_rate() -> None:
    running = begin(rate=1e-30, schedule="plateau", validate_every=1, steps=9)
    assert Plateau.halve_after == 2
    rates = [event.rate / 1e-30 for event in running if isinstance(event, Update)]
    assert rates == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


def test_only_the_plateau_schedule_halves() -> None:
    assert begin_to_end(rate=0.0, schedule="constant", validate_every=1, steps=9).rate_factor == 1


def test_losses_of_a_validation_are_bits_per_character(monkeypatch: pytest.MonkeyPatch) -> None:
    (first, *_) = found = follow(monkeypatch, [math.log(2) * 3] * 3, steps=21, rate=0.0)
    assert [event.valid for event in found] == pytest.approx([3, 3, 3])
    monkeypatch.undo()
    running = begin(steps=7, rate=0.0)
    events = list(running)
    nats, count = (sum(getattr(e, name) for e in events if isinstance(e, Update)) for name in ("nats", "count"))
    (last,) = validations(events)
    assert last.train == pytest.approx(nats / count / math.log(2)) == first.train
    assert last.epoch == pytest.approx(7 / len(running.trainer.scheme.lanes))
    ids = running.plan.valid
    assert last.valid * math.log(2) == evaluate(Network(running.run.model, running.run.weights, True), ids).mean
    assert running.run.history == [{"step": 7, "epoch": last.epoch, "train": last.train, "valid": last.valid}]


def test_a_run_without_a_folder_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    running = begin(None, steps=8)
    list(running)
    running.save()
    assert running.folder is None and list(tmp_path.iterdir()) == []


def test_best_and_last_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, [2.0, 1.5, 1.9])
    running = begin(tmp_path, steps=21)
    found = validations(running)
    assert [event.best for event in found] == [True, True, False]
    folder = running.folder
    assert folder == Folder(tmp_path / "toy")
    assert (checkpoint.load(folder.best).step, checkpoint.load(folder.last).step) == (14, 21)
    assert not checkpoint.load(folder.best).moments
    assert [json.loads(line)["step"] for line in folder.log.read_text("utf-8").splitlines()] == [7, 14, 21]
