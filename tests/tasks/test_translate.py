"""The task translate: which validation is best, and how much of the held-out part is written at each."""

from pathlib import Path

import pytest

import charnn
from charnn.config import TaskConfig
from charnn.tasks import translate
from charnn.tasks.translate import Translate
from tests.helpers.pairs import TINY, write

TASK = Translate(TaskConfig("translate"))


@pytest.mark.quick
def test_more_exact_targets_are_better_and_a_lower_loss_if_as_many() -> None:
    best = {"exact": 0.5, "valid": 1.0, "character_error": 0.2}
    assert TASK.better({"exact": 0.6, "valid": 2.0, "character_error": 0.9}, best)
    assert TASK.better({"exact": 0.5, "valid": 0.9, "character_error": 0.9}, best)
    assert not TASK.better({"exact": 0.5, "valid": 1.0, "character_error": 0.1}, best)
    assert not TASK.better({"exact": 0.4, "valid": 0.1, "character_error": 0.1}, best)


def test_validations_are_never_more_than_a_line_below_the_best() -> None:
    best, most = {"exact": 0.9, "valid": 1.0, "lines": 100}, 0.9
    for worse in range(1, 9):
        new = {"exact": 0.9 - worse / 100, "valid": 1 - worse / 100, "lines": 100}
        if TASK.better(new, best, most):
            best = new
    assert best["exact"] == 0.89


@pytest.mark.parametrize(
    ("exact", "loss", "better"),
    [
        (0.51, 1.1, False),
        (0.51, 0.9, True),
        (0.49, 0.9, True),
        (0.49, 1.1, False),
        (0.52, 9.0, True),
        (0.48, 0.1, False),
    ],
)
def test_a_difference_of_one_line_says_less_than_the_loss(exact: float, loss: float, better: bool) -> None:
    best = {"exact": 0.5, "valid": 1.0, "lines": 100}
    assert TASK.better({"exact": exact, "valid": loss, "lines": 100}, best) == better


@pytest.mark.quick
def test_fewer_targets_are_written_where_they_are_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    monkeypatch.setattr(translate, "WRITTEN_SYMBOLS", 20)
    monkeypatch.setattr(
        translate,
        "best_targets",
        lambda run, part, workers=1: written.append(len(part.rows)) or part.target_texts,
    )
    session = charnn.train(write(tmp_path, "translate"), task="translate", runs=None, **{**TINY, "steps": 1})
    for event in session:
        if isinstance(event, charnn.Validation):
            assert event.figures["exact"] == 1
    lengths = [len(text) + 1 for text in session.plan.valid.target_texts]
    assert sum(lengths[: written[0]]) < 20 <= sum(lengths[: written[0] + 1])
