"""Scores of networks of pairs: the same for any order, any batch and any number of processes."""

from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig, TaskConfig
from charnn.data.units import PairVocabulary
from charnn.evaluation import pairs as pairs_module
from charnn.evaluation.pairs import Written, probabilities, taught
from charnn.nn.parameters import Parameters
from charnn.nn.task_model import TaskModel, classifier, translator
from charnn.nn.workspace import Workspace

VOCABULARY = PairVocabulary(("a", "b", "c"), ("x", "y", "z"))


def made(task: str) -> tuple[TaskModel, Parameters]:
    build: Any = {"classify": classifier, "translate": translator}[task]
    model = build(ModelConfig(hidden=6, layers=1, skip=False, dropout=0.3), TaskConfig(task), VOCABULARY)
    return model, model.initial(np.random.default_rng(0), np.float64)


def texts(seed: int, count: int = 40) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 4, rng.integers(0, 9)).astype(np.uint8) for _ in range(count)]


@pytest.mark.parametrize("workers", [1, 3])
def test_probabilities_are_those_of_each_source_alone(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs_module, "MIN_SYMBOLS_PER_WORKER", 0)
    model, p = made("classify")
    sources = texts(1)
    found = probabilities(model, p, sources, workers)
    for row, source in zip(found, sources, strict=True):
        np.testing.assert_allclose(probabilities(model, p, [source])[0], row, rtol=1e-9)
    assert len(probabilities(model, p, [])) == 0


@pytest.mark.parametrize("workers", [1, 3])
def test_targets_are_scored_as_each_is_alone(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs_module, "MIN_SYMBOLS_PER_WORKER", 0)
    model, p = made("translate")
    sources, targets = texts(1), texts(2)
    found = taught(model, p, sources, targets, workers)
    for i, (source, target) in enumerate(zip(sources, targets, strict=True)):
        batch = model.network.batch([source], [target], source.dtype)
        nats, hits = model.network.score(p, batch, Workspace())
        assert found.nats[i] == pytest.approx(nats.sum(), rel=1e-9)
        assert (found.counts[i], found.hits[i]) == (len(target) + 1, hits.sum())
    assert found.score.count == sum(len(target) + 1 for target in targets)
    assert found.score.nats == pytest.approx(found.nats.sum())


def test_what_was_written_is_compared_by_lines_characters_and_words() -> None:
    found = Written.of(["the cat", "", "a b c", "same"], ["the cats", "x y", "a c", "same"])
    assert found == Written(exact=1, edits=1 + 3 + 2, characters=8 + 3 + 3 + 4, word_edits=1 + 2 + 1, words=7, count=4)
    assert (found.accuracy, found.character_error, found.word_error) == (1 / 4, 6 / 18, 4 / 7)
