"""Pairs from Python: lists of them, models of them, answers to a text and to several."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from tests.helpers.pairs import TINY, fitted, lines, write

PAIRS = [(left, right) for left, right in (line.split("\t") for line in lines("classify").splitlines())]


@pytest.fixture(scope="module")
def run() -> charnn.Run:
    return charnn.fit(PAIRS, task="classify", runs=None, **TINY)


@pytest.mark.quick
def test_a_list_of_pairs_is_learnt_as_a_file_of_them(run: charnn.Run, tmp_path: Path) -> None:
    other = charnn.fit(write(tmp_path, "classify"), task="classify", runs=None, **TINY)
    assert (run.weights.flat == other.weights.flat).all()
    assert run.origin.sha256 == other.origin.sha256


@pytest.mark.quick
def test_a_text_has_one_answer_and_a_list_as_many_as_texts(run: charnn.Run) -> None:
    one = charnn.classify(run, "aei")
    assert one.label == "vowels" and 0.5 < one.probability <= 1
    assert [found.label for found in charnn.classify(run, ["aei", "bcd"])] == ["vowels", "consonants"]
    (both,) = charnn.classify(run, ["aei"], top=2)
    assert [*both.likeliest] == ["vowels", "consonants"] and sum(both.likeliest.values()) == pytest.approx(1)
    assert charnn.classify(run, []) == []


def test_a_score_of_lines_and_of_the_held_out_part(run: charnn.Run) -> None:
    assert charnn.evaluate(run, "vowels\taei\nconsonants\tbcd\n").accuracy == 1
    score = charnn.evaluate(run, charnn.train(PAIRS, task="classify", runs=None, **TINY).corpus)
    assert score.count == 24 and score.figures["accuracy"] == score.accuracy


def test_what_no_line_can_have_is_refused() -> None:
    for pair in (("a\tb", "c"), ("a\nb", "c"), ("a", "b\nc"), ("a", "b\r")):
        with pytest.raises(charnn.InputError, match="pair 2"):
            charnn.train([("a", "b"), pair], task="classify", runs=None)
    with pytest.raises(charnn.InputError, match="pair 1 begins with a byte order mark: leave it out"):
        charnn.train([("\ufeffa", "b"), ("\ufeffc", "d")], task="classify", runs=None)


@pytest.mark.quick
def test_pairs_are_scored_in_the_form_that_they_are_trained_in(run: charnn.Run) -> None:
    expected = charnn.evaluate(run, "vowels\taei\nconsonants\tbcd\n").figures
    pairs = [("vowels", "aei"), ("consonants", "bcd")]
    for given in (pairs, tuple(pairs), [*map(list, pairs)]):
        assert charnn.evaluate(run, given).figures == expected
    assert all(one.good for one in charnn.gradcheck(run, pairs, samples=2))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([("a", "b"), ("a", "b", "c")], "pair 2 is .*: give two texts"),
        ([("a", "b"), 3], "pair 2 is 3: give two texts"),
        ([["a", 3]], "pair 1 is .*: give two texts"),
    ],
)
def test_a_pair_that_is_none_is_named(run: charnn.Run, given: Any, message: str) -> None:
    with pytest.raises(charnn.UsageError, match=message):
        charnn.evaluate(run, given)
    with pytest.raises(charnn.UsageError, match=message):
        charnn.train(given, task="classify", runs=None)


def test_an_array_of_pairs_is_to_be_made_a_list(run: charnn.Run) -> None:
    pairs: Any = np.array(PAIRS)
    with pytest.raises(charnn.UsageError, match="the pairs are an array: give a list of them, as tolist"):
        charnn.train(pairs, task="classify", runs=None)
    with pytest.raises(charnn.UsageError, match=r"^the lines is array.*, of type ndarray: give .* list or tuple"):
        charnn.evaluate(run, pairs)


def test_a_corpus_of_pairs_in_a_list_is_given_again(tmp_path: Path) -> None:
    run = charnn.fit([[*pair] for pair in PAIRS], task="classify", runs=tmp_path, **{**TINY, "steps": 1})
    assert run.name == "pairs"
    for call in (charnn.evaluate, charnn.units):
        with pytest.raises(charnn.UsageError, match="was given as a list of pairs: give that, or a file"):
            call(run)
    with pytest.warns(charnn.CharnnWarning, match="pairs is the corpus of this model: the part held out"):
        assert charnn.evaluate(run, PAIRS).count == 24
    assert charnn.resume("pairs", PAIRS, runs=tmp_path).run.step == 1


def test_a_text_without_an_answer_is_named(run: charnn.Run) -> None:
    with pytest.raises(charnn.InputError, match="text 2 of 2"):
        charnn.classify(run, ["a", "a" * 60_000])


def test_a_model_of_labels_is_for_labels(run: charnn.Run) -> None:
    calls = (charnn.translate, charnn.fill, charnn.generate, charnn.surprisal, charnn.next_characters, charnn.attention)
    for call in calls:
        with pytest.raises(charnn.UsageError, match="classify"):
            call(run, "aei") if call is not charnn.generate else call(run)


@pytest.fixture(scope="module")
def several() -> charnn.Run:
    """A run that tells whether a word has an a, and whether it has a b: none, one or both."""
    words = [f"{first}{second}{third}" for first in "abcd" for second in "abcd" for third in "abcd"] * 4
    pairs = [(",".join(letter for letter in "ab" if letter in word), word) for word in words]
    options = {**TINY, "steps": 150, "validate_every": 75, "pooling": "max", "symbol_dropout": 0.0}
    return charnn.fit(pairs, task="classify", labels="several", runs=None, **options)


@pytest.mark.quick
def test_a_text_has_any_number_of_labels(several: charnn.Run) -> None:
    found = charnn.classify(several, ["cdc", "cac", "cbd", "abc"])
    assert [one.label for one in found] == ["", "a", "b", "a,b"]
    (one,) = charnn.classify(several, ["abc"], top=2)
    assert {*one.likeliest} == {"a", "b"}
    assert one.probability == pytest.approx(one.likeliest["a"] * one.likeliest["b"])
    (none,) = charnn.classify(several, ["cdc"], threshold=0.9999999, otherwise="nothing")
    assert none.label == "nothing"


def test_all_labels_of_a_text_have_to_be_right(several: charnn.Run) -> None:
    score = charnn.evaluate(several, "a,b\tabc\na\tabc\n\tcdc\nc\tcdc\n")
    assert (score.count, score.hits) == (4, 2)
    with pytest.raises(charnn.UsageError, match="--mix"):
        charnn.evaluate(several, "a\tabc\n", mix="ngram")


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, charnn.Run]:
    """Runs of other tasks, hardly trained."""
    folder = tmp_path_factory.mktemp("others")
    return {task: fitted(folder, task, steps=1) for task in ("translate", "condition")}


def test_one_text_is_translated_as_one(others: dict[str, charnn.Run]) -> None:
    (found,) = charnn.translations(others["translate"], "abc", beam=2, nbest=2)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("call", "task", "given", "message"),
    [
        (charnn.samples, "condition", {"contexts": "vowels"}, "contexts is 'vowels': give a list of texts"),
        (charnn.samples, "condition", {"contexts": 3}, "contexts is 3: give a list of texts"),
        (charnn.samples, "condition", {"contexts": [3]}, "one of contexts is 3, of type int: give str or None"),
        (charnn.stream, "condition", {"prime": 3}, "the prime is 3, of type int: give str"),
        (charnn.attention, "translate", {"source": [1, 2]}, r"source is \[1, 2\], of type list: give str"),
        (charnn.attention, "translate", {"source": "a", "target": b"A"}, "target is b'A', of type bytes: give str"),
    ],
)
def test_texts_and_lists_of_them_are_not_mistaken(
    others: dict[str, charnn.Run], call: Callable[..., Any], task: str, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(charnn.UsageError, match=message):
        call(others[task], **given)


@pytest.mark.parametrize("given", [{"count": 0, "context": "vowels"}, {"contexts": []}])
def test_no_sample_is_drawn_where_none_is_wanted(others: dict[str, charnn.Run], given: dict[str, Any]) -> None:
    assert [*charnn.stream(others["condition"], **given)] == [*charnn.samples(others["condition"], **given)] == []


def test_nothing_to_read_is_said_so(run: charnn.Run, tmp_path: Path) -> None:
    (tmp_path / "empty.tsv").touch()
    with pytest.raises(charnn.InputError, match=r"empty\.tsv is empty: there is nothing to read"):
        charnn.units(run, tmp_path / "empty.tsv")
    for call in (charnn.evaluate, charnn.units, charnn.gradients):
        with pytest.raises(charnn.UsageError, match="no text is given: name a file"):
            call(run, [])


@pytest.mark.parametrize("call", [charnn.gradients, charnn.gradcheck])
def test_a_label_that_is_not_known_has_no_gradient(run: charnn.Run, call: Callable[..., Any]) -> None:
    with pytest.raises(charnn.InputError, match="has labels that the model does not know: give lines of consonants, v"):
        call(run, [("digits", "123")])
