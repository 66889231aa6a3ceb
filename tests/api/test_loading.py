"""Runs that are given by their names."""

from pathlib import Path

import numpy as np
import pytest

import charnn
from tests.helpers.pairs import fitted
from tests.helpers.program import invoke


def test_a_run_is_kept_written_described_and_read_by_its_name(runs: Path, run: charnn.Run, tmp_path: Path) -> None:
    name = runs / "names"
    assert charnn.describe(name) == charnn.describe(run)
    (text,), (expected,) = charnn.texts(name, "Anna"), charnn.texts(run, "Anna")
    np.testing.assert_array_equal(text.ids, expected.ids)
    kept = charnn.load(charnn.save(name, "again", tmp_path))
    np.testing.assert_array_equal(kept.weights.flat, run.weights.flat)
    path = tmp_path / "names.h"
    assert charnn.export(name, path).path == path and path.is_file()
    with pytest.raises(charnn.UsageError, match="the file to write is 3"):
        charnn.export(name, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("task", ["classify", "values"])
def test_texts_and_scores_of_lines_are_of_runs_on_texts(tmp_path: Path, task: str) -> None:
    run = fitted(tmp_path, task, steps=1)
    lines = {"classify": "vowels\taei\n", "values": "1 2\n2 3\n"}[task]
    for call in (charnn.texts, charnn.line_scores):
        with pytest.raises(charnn.UsageError, match=f"{call.__name__} is for models of --task text or fill, and .*npz"):
            call(charnn.load(task, tmp_path), lines)
    assert len(next(charnn.evaluator(run, lines, by="line").table())) == lines.count("\n")


def test_a_model_that_no_format_holds_is_named_by_its_file(tmp_path: Path) -> None:
    fitted(tmp_path, "values", steps=1)
    found = invoke("export", "-m", "values", "--runs", tmp_path, "x.onnx")
    assert found.exit_code == 2 and f"like {tmp_path}/values/best.npz" in found.stderr
