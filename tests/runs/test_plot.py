"""The curve of a run, with the times of its log."""

from pathlib import Path

import pytest

from charnn.errors import UsageError
from charnn.runs import checkpoint, curves, plot
from charnn.runs.curves import Curve
from charnn.runs.run import Run
from tests.helpers.snapshots import raises


@pytest.mark.parametrize("file", ["best.npz", "last.npz", "other.npz"])
def test_a_run_has_the_times_of_the_log_beside_it(run: Run, tmp_path: Path, file: str) -> None:
    folder = tmp_path / "it"
    folder.mkdir()
    checkpoint.save(folder / file, run)
    lines = [
        '{"step": 2, "seconds": 1e999}',
        '{"step": 2, "seconds": 90}',
        '{"step": 2, "seconds": -1}',
        "[]",
        "{",
        "{}",
    ]
    (folder / "log.jsonl").write_text("\n".join([*lines, '{"step": 2, "seconds": "x"}', '{"step": 3, "seconds": 9}']))
    found = plot.read(folder / file)
    own = file != "other.npz"
    assert found.name == ("it" if own else "other")
    assert [(record["step"], record.get("seconds")) for record in found.records] == [(2, 90 if own else None)]
    assert found.baselines == run.origin.baselines


def test_without_a_log_there_are_no_times(run: Run, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "last.npz", run)
    assert not any("seconds" in record for record in plot.read(tmp_path / "last.npz").records)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What would be drawn, in place of a picture."""
    found: list[tuple[object, ...]] = []
    monkeypatch.setattr(curves, "lines", lambda *args: found.append(args) or "")
    return found


RECORDS = [
    {"step": 0, "epoch": 0.0, "seconds": 60, "train": 5, "valid": 4},
    {"step": 8, "epoch": 0.5, "seconds": 90, "train": 3, "valid": 2},
]
LEVELS = {"order": 4.0, "ngram": 2.5}


@pytest.mark.parametrize(("by", "places"), [("updates", [0, 8]), ("epochs", [0, 0.5]), ("minutes", [1, 1.5])])
def test_a_single_run_is_drawn_with_the_loss_of_its_training_part(
    drawn: list[tuple[object, ...]], by: str, places: list[float]
) -> None:
    curves.loss([Curve("a", RECORDS, LEVELS)], by)
    title, _, unit, shown, levels = drawn[0]
    assert (title, unit, levels) == ("Loss of a", "bits/char", {"4-gram": 2.5})
    names = [(line.name, line.points, line.faint) for line in shown]  # type: ignore[attr-defined]
    assert names == [
        ("held out", list(zip(places, [4, 2], strict=True)), False),
        ("training", list(zip(places, [5, 3], strict=True)), True),
    ]


def test_several_runs_are_drawn_by_their_names_each_level_once(drawn: list[tuple[object, ...]]) -> None:
    other = {"order": 3.0, "ngram": 2.0}
    curves.loss([Curve("a", RECORDS, LEVELS), Curve("b", RECORDS, LEVELS), Curve("c", RECORDS, other)])
    assert [(line.name, line.colour) for line in drawn[0][3]] == [("a", 0), ("b", 1), ("c", 2)]  # type: ignore[attr-defined]
    assert drawn[0][4] == {"4-gram, a": 2.5, "3-gram, c": 2.0}
    curves.loss([Curve("a", RECORDS, LEVELS), Curve("b", RECORDS, {})])
    assert drawn[1][4] == {"4-gram": 2.5}


def test_runs_without_validations_or_times_are_named() -> None:
    with raises(UsageError, "empty has no validation"):
        curves.loss([Curve("empty", [], {})])
    with raises(UsageError, "bits/char", "bits/label", "a picture of each"):
        curves.loss([Curve("a", RECORDS, {}), Curve("b", RECORDS, {}, "bits/label")])
    with raises(UsageError, "a has no times", "minutes"):
        curves.loss([Curve("a", [{"step": 0, "train": 1, "valid": 1}], {})], "minutes")
