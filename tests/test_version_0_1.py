"""Models and tokenised files written by version 0.1 load, score, sample and go on training."""

import json
from pathlib import Path

import pytest

import charnn

FOLDER = Path(__file__).parent / "fixtures" / "version-0.1"
EXPECTED = json.loads((FOLDER / "expected.json").read_text("utf-8"))


@pytest.mark.parametrize("name", EXPECTED)
def test_model_of_0_1_gives_the_same_score_and_sample(name: str) -> None:
    run = charnn.load(FOLDER / f"{name}.npz")
    assert charnn.evaluate(run, "anna\nberta\ndora\n").nats == pytest.approx(EXPECTED[name]["nats"], abs=1e-4)
    assert charnn.generate(run, 1, temp=0.0, length=12) == [EXPECTED[name]["greedy"]]


def test_tokenised_file_of_0_1_is_the_text_that_it_was_made_from() -> None:
    corpus = charnn.read(FOLDER / "small.npz")
    assert corpus.vocabulary.decode(corpus.ids) == (FOLDER / "small.txt").read_text("utf-8")
