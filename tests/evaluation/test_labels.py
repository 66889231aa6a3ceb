"""Scores of classes, against sums written out, and n-grams by Bayes' rule."""

import math
from typing import Any

import numpy as np
import pytest

from charnn.evaluation import bayes
from charnn.evaluation.bayes import spaced
from charnn.evaluation.labels import BINS, LabelScore
from charnn.evaluation.pairs import edits


def one(seed: int = 0, N: int = 200, L: int = 4) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(L), N)
    return p, np.array([rng.choice(L, p=row) for row in p])


def test_scores_of_one_label_are_those_of_their_definitions() -> None:
    p, y = one()
    score, given = LabelScore.of_one(p, y), p.argmax(axis=1)
    assert score.accuracy == (given == y).mean() and score.count == 200
    assert score.bits == pytest.approx(-np.log2(p[np.arange(200), y]).mean())
    found = []
    for label in range(4):
        tp, fp, fn = (
            ((given == label) & (y == label)).sum(),
            ((given == label) & (y != label)).sum(),
            ((given != label) & (y == label)).sum(),
        )
        assert score.precision[label] == pytest.approx(tp / (tp + fp))
        assert score.recall[label] == pytest.approx(tp / (tp + fn))
        found.append(2 * tp / (2 * tp + fp + fn))
        assert score.f1[label] == pytest.approx(found[-1])
        assert score.confusion[label].tolist() == [*np.bincount(given[y == label], minlength=4), 0]
    assert score.macro_f1 == pytest.approx(np.mean(found))
    top, total = p.max(axis=1), 0.0
    for i in range(BINS):
        there = (top >= i / BINS) & (top < (i + 1) / BINS)
        total += abs(top[there].sum() - (given == y)[there].sum())
    assert score.calibration_error == pytest.approx(total / 200)


def test_parts_add_up_to_the_whole() -> None:
    p, y = one()
    whole, sum_ = LabelScore.of_one(p, y), LabelScore.of_one(p[:50], y[:50]) + LabelScore.of_one(p[50:], y[50:])
    for name in ("nats", "hits", "there", "found", "both", "confusion", "bins"):
        np.testing.assert_allclose(getattr(sum_, name), getattr(whole, name))


def test_a_label_that_the_model_does_not_know_is_an_error_without_nats() -> None:
    p, y = one()
    known = LabelScore.of_one(p, y)
    more = LabelScore.of_one(np.vstack([p, p[:1]]), np.append(y, 4))
    assert more.hits == known.hits and more.count == 201 and more.nats == pytest.approx(known.nats)
    assert more.there[4] == 1 and more.recall[4] == 0
    assert more.macro_f1 < known.macro_f1


def test_certain_and_wrong_is_finite() -> None:
    score = LabelScore.of_one(np.array([[1.0, 0.0]]), np.array([1]))
    assert 700 < score.nats < 750 and score.accuracy == 0 and score.calibration_error == 1
    assert math.isnan(LabelScore.of_one(np.empty((0, 2)), np.empty(0, int)).accuracy)


def test_scores_of_several_labels_are_those_of_their_definitions() -> None:
    p = np.array([[0.9, 0.2, 0.6], [0.4, 0.7, 0.1], [0.1, 0.1, 0.2]])
    y = np.array([[1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]], bool)
    score = LabelScore.of_several(p, y)
    right = [0.9, 0.8, 0.6, 0.4, 0.7, 0.9, 0.9, 0.9, 0.8]
    assert score.nats == pytest.approx(-np.log(right).sum()) and score.hits == 1
    assert score.there.tolist() == [2, 1, 1, 1] and score.found.tolist() == [1, 1, 1, 0]
    assert score.both.tolist() == [1, 1, 1, 0] and score.macro_f1 == pytest.approx((2 / 3 + 1 + 1 + 0) / 4)
    assert LabelScore.of_several(p, y, 0.15).found.tolist() == [2, 2, 2, 0]


def test_no_ngram_spans_two_texts() -> None:
    texts = [np.array([3, 4]), np.array([], int), np.array([5])]
    stream, starts, inside = spaced(texts, 3)
    assert stream.tolist() == [3, 4, 0, 0, 0, 0, 5, 0, 0] and starts.tolist() == [0, 4, 6]
    assert inside.astype(int).tolist() == [1, 1, 1, 0, 1, 0, 1, 1, 0]
    assert spaced(texts, 1)[0].tolist() == [3, 4, 0, 0, 5, 0]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_bayes_says_of_each_text_alone_what_counting_by_label_does(order: int) -> None:
    rng = np.random.default_rng(0)
    y = np.array([0] * 60 + [1] * 30 + [2] * 10)
    texts = [rng.integers(1 + 2 * label, 5 + label, rng.integers(0, 8)) for label in y]
    model = bayes.fit(texts, y, 4, 9, order)  # the last label is that of no text
    found = model.log_probabilities(texts[::7])
    for row, text in zip(found, texts[::7], strict=True):
        np.testing.assert_allclose(model.log_probabilities([text])[0], row, rtol=1e-12)
    right = found[:, :3].argmax(axis=1) == y[::7]
    assert right.mean() > (0.6 if order == 1 else 0.7)
    for label in range(3):  # probabilities of all texts of at most one symbol sum to no more than 1
        short = [np.array([], int), *(np.array([v]) for v in range(1, 9))]
        assert np.exp(model.log_probabilities(short)[:, label] - model.prior[label]).sum() <= 1


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [("", "", 0), ("a", "", 1), ("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ab", "ba", 2)],
)
def test_edits_of_known_pairs(a: str, b: str, expected: int) -> None:
    assert edits(a, b) == expected == edits(b, a)


def test_edits_are_those_of_the_table_filled_cell_by_cell() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        a, b = (rng.integers(0, 3, rng.integers(0, 9)).tolist() for _ in range(2))
        d = [[i + j if not i * j else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
        for i in range(1, len(a) + 1):
            for j in range(1, len(b) + 1):
                d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
        assert edits(a, b) == d[-1][-1]
    assert edits(["the", "cat", "sat"], ["the", "cat"]) == 1
