"""Corpora that were read before, given to tasks, and to runs, that read others."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from tests.api.conftest import NAMES
from tests.helpers.pairs import TINY, write


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    folder = tmp_path_factory.mktemp("corpora")
    given = {task: write(folder, task) for task in ("classify", "translate")}
    read = {task: charnn.train(path, task=task, runs=None, **TINY).corpus for task, path in given.items()}
    return {**read, "text": charnn.read(NAMES)}


@pytest.mark.parametrize(
    ("corpus", "task", "message"),
    [
        ("classify", "translate", "classify.tsv was read as characters and label, the right side first, and"),
        ("classify", "condition", "and label and characters is asked for"),
        ("classify", "text", "was read as pairs, and --task text needs a text"),
        ("classify", "fill", "was read as pairs"),
        ("classify", "values", "--task values takes no corpus that was read before"),
        ("text", "values", "--task values takes no corpus that was read before"),
        ("text", "classify", "names.txt was read as a text, and characters and label"),
    ],
)
def test_a_corpus_of_another_task_is_refused(corpora: Mapping[str, Any], corpus: str, task: str, message: str) -> None:
    with pytest.raises(charnn.UsageError, match=message):
        charnn.train(corpora[corpus], task=task, runs=None)


def test_a_corpus_goes_on_with_its_own_task(corpora: Mapping[str, Any], tmp_path: Path) -> None:
    list(charnn.train(corpora["classify"], runs=tmp_path, task="classify", **{**TINY, "steps": 1}))
    assert charnn.resume("classify", corpora["classify"], runs=tmp_path).run.step == 1
    with pytest.raises(charnn.UsageError, match="was read as a text"):
        charnn.resume("classify", corpora["text"], runs=tmp_path)


def test_a_text_is_kept_and_a_corpus_is_not(tmp_path: Path) -> None:
    with pytest.raises(charnn.UsageError, match="keep_text is for texts, and this is a corpus already"):
        charnn.train(charnn.read(NAMES), runs=tmp_path, keep_text=True)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("call", [charnn.evaluate, charnn.units, charnn.gradcheck])
def test_pairs_are_read_by_a_model_of_such_pairs(corpora: Mapping[str, Any], call: Any) -> None:
    pairs = corpora["classify"]
    run = charnn.train(pairs, task="classify", runs=None, **TINY).run
    with pytest.raises(charnn.UsageError, match="was read as characters and characters"):
        call(run, corpora["translate"])
    other = replace(pairs, vocabulary=replace(pairs.vocabulary, units=(*pairs.vocabulary.units, "z")))
    with pytest.raises(charnn.InputError, match="another vocabulary"):
        call(run, other)


def test_overlaps_are_those_with_the_corpus_of_the_run(run: charnn.Run) -> None:
    corpus = charnn.read(NAMES)
    (found,), (expected,) = charnn.overlaps(run, ["Annabel"], corpus), charnn.overlaps(run, ["Annabel"])
    assert found.longest == expected.longest and np.array_equal(found.grams, expected.grams)
    with pytest.raises(charnn.InputError, match="differs from the one"):
        charnn.overlaps(run, ["Annabel"], charnn.read(NAMES, sequence="file"))
    with pytest.raises(charnn.UsageError, match="the corpus is 3"):
        charnn.overlaps(run, ["Annabel"], 3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sequence": "lines"}, "--sequence is 'lines': choose one of auto, line, paragraph, file"),
        ({"invalid": "ignore"}, "--invalid is 'ignore': choose one of error, keep, replace"),
        ({"characters": 5}, "--characters is 5, of type int: give str"),
    ],
)
def test_a_mistyped_option_of_reading_writes_nothing(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(charnn.UsageError, match=message):
        charnn.read(NAMES, **changes)
    good = charnn.tokenize(tmp_path / "names.npz", NAMES)
    with pytest.raises(charnn.UsageError, match=message):
        charnn.tokenize(tmp_path / "names.npz", NAMES, **changes)
    assert charnn.read(tmp_path / "names.npz").sha256 == good.sha256
