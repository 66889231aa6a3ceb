"""What a run says of itself, and what it keeps."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charnn.errors import UsageError
from charnn.machine import environment
from charnn.runs import run as runs
from charnn.runs.run import Run, Start, moment_names
from charnn.runs.verbs import assert_used_for
from tests.helpers.snapshots import raises


def test_a_run_is_shown_in_a_line(run: Run) -> None:
    assert run.best is not None
    facts = f"lstm 1 x 4, {run.weights.count:,} parameters, 2 updates"
    best = f"{run.best / math.log(2):.4f} bits/char"
    assert repr(replace(run, path=None)) == f"<Run names: names.txt, {facts}, {best}>"
    assert repr(replace(run, best=None, path=Path("a/b.npz"))) == f"<Run b: names.txt, {facts}>"


@pytest.mark.parametrize(
    ("path", "name"), [("runs/it/best.npz", "it"), ("it/last.npz", "it"), ("runs/other.npz", "other"), (None, "names")]
)
def test_the_name_is_that_of_the_folder_or_the_file(run: Run, path: str | None, name: str) -> None:
    assert replace(run, path=path and Path(path)).name == name


@pytest.mark.parametrize(
    ("state", "sequence", "reset"),
    [
        ("auto", "line", True),
        ("auto", "file", False),
        ("auto", "paragraph", False),
        ("reset", "line", True),
        ("reset", "file", True),
        ("carry", "line", False),
        ("carry", "file", False),
        ("continuous", "line", False),
    ],
)
def test_lines_forget_the_state_unless_told_otherwise(run: Run, state: str, sequence: str, reset: bool) -> None:
    config, vocabulary = replace(run.config, state=state), replace(run.vocabulary, sequence=sequence)
    assert replace(run, config=config, vocabulary=vocabulary).reset == reset


def test_a_long_history_is_thinned_but_keeps_the_best(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MAX_HISTORY", 5)
    one = replace(run, history=[], best_step=1)
    for step in range(5):
        one.note({"step": step})
    assert [record["step"] for record in one.history] == [0, 1, 2, 3, 4]
    one.note({"step": 5})
    assert [record["step"] for record in one.history] == [0, 1, 2, 4, 5]
    assert one.validated == 5 and one.best_record == {"step": 1}
    assert replace(run, history=[]).validated == 0


def test_a_history_is_of_10_000_validations_at_most(run: Run) -> None:
    one = replace(run, history=[{"step": step} for step in range(9_999)], best_step=0)
    one.note({"step": 9_999})
    assert len(one.history) == 10_000
    one.note({"step": 10_000})
    assert len(one.history) == 5_001


def test_a_run_is_drawn_once_it_was_validated(run: Run) -> None:
    picture = run._repr_svg_()
    assert picture is not None and picture.startswith("<svg") and "names.txt" in picture
    assert replace(run, history=[])._repr_svg_() is None


def test_two_states_of_a_run_are_the_same_run(run: Run) -> None:
    assert replace(run, step=9, best=None).identity == run.identity
    assert replace(run, config=replace(run.config, seed=1)).identity != run.identity
    assert replace(run, origin=replace(run.origin, sha256="0" * 64)).identity != run.identity


def test_what_changed_around_a_run_is_told() -> None:
    def changes(**was: str) -> str:
        now = environment()
        return Run(*[None] * 5, environment={**now, **was}).environment_changes  # type: ignore[arg-type]

    assert changes() == ""
    assert changes(numpy="1.0") == f"numpy 1.0 (now {environment()['numpy']})"
    assert changes(**{"blas kernel": ""}) == ""  # of version 0.1
    assert changes(**{"blas kernel": "", "numpy": "1.0"}).startswith("numpy 1.0")
    assert changes(**{"blas kernel": "Z80"}).startswith("blas kernel Z80")


def test_arrays_move_with_their_values(run: Run) -> None:
    made: list[np.ndarray] = []

    def allocate(size: int) -> np.ndarray:
        made.append(np.empty(size, np.uint8))
        return made[-1]

    one = replace(run, iterate=run.weights, state=tuple(s + 1 for s in run.state))
    one.move(allocate)
    assert len(made) == 2 + len(run.moments) + len(run.state)
    assert np.array_equal(one.weights.flat, run.weights.flat) and one.changing is one.iterate
    assert np.shares_memory(one.weights.flat, made[0]) and replace(run, iterate=None).changing is run.weights
    assert all(np.array_equal(new, old + 1) for new, old in zip(one.state, run.state, strict=True))
    assert len(one.moments) == len(moment_names(run.config)) == 2


def test_a_run_is_used_for_what_its_task_does(run: Run) -> None:
    assert_used_for(run, "sample")
    with raises(UsageError, "charnn classify is not for a model of --task text", "names", "charnn sample"):
        assert_used_for(run, "classify")


def test_a_new_run_has_done_nothing(run: Run) -> None:
    new = Run(run.model, run.config, run.vocabulary, run.origin, run.weights)
    assert (new.step, new.epoch, new.cursor, new.rollbacks, new.count, new.bad_validations) == (0,) * 6
    assert new.best_step == 0 and not Start("", (), 1.0, run.origin, run.task, 0.1, 0, None).shuffle
    assert (new.seconds, new.rate_factor, new.nats, new.best) == (0.0, 1.0, 0.0, None)
    assert (new.history, new.moments, new.state, new.iterate) == ([], (), (), None)
