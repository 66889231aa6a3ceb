"""Models of contexts: what they write for one, guidance, Bayes' rule, refusals."""

import json
from pathlib import Path

import numpy as np
import pytest

import charnn
from charnn.data.pair_batches import pad
from charnn.nn.pairs.encoder import LabelTable
from tests.helpers.pairs import fitted
from tests.helpers.program import ok, refused, table

OPTIONS = {"steps": 100, "validate_every": 50}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    fitted(folder, "condition", context_dropout=0.2, **OPTIONS)
    fitted(folder / "plain", "condition", context_as="text", **OPTIONS)
    return folder


def made(runs: Path, *args: object, stdin: str | None = None) -> list[str]:
    return ok("sample", "-m", runs / "condition", "--seed", 1, *args, stdin=stdin).splitlines()


@pytest.mark.quick
def test_samples_are_of_their_context(runs: Path) -> None:
    for context, letters in (("vowels", "aeiou"), ("consonants", "bcdfg")):
        found = made(runs, "--context", context, "-n", 40)
        assert len(found) == 40
        assert np.mean([set(text) <= set(letters) for text in found]) > 0.8


def test_a_context_as_a_text_is_read(runs: Path) -> None:
    found = ok("sample", "-m", runs / "plain" / "condition", "--context", "vowels", "-n", 20, "--seed", 0).split()
    assert np.mean([set(text) <= set("aeiou") for text in found]) > 0.8


def test_contexts_come_from_files_of_other_systems(runs: Path) -> None:
    found = made(runs, "--contexts", "-", "--temp", 0, stdin="\ufeffvowels\r\nconsonants\r\n")
    assert found == made(runs, "--contexts", "-", "--temp", 0, stdin="vowels\nconsonants\n")


def test_each_line_of_contexts_has_its_sample_in_order(runs: Path) -> None:
    found = made(runs, "--contexts", "-", "--temp", 0, stdin="vowels\nconsonants\nvowels\n")
    assert found[0] == found[2] == made(runs, "--context", "vowels", "--temp", 0)[0] != found[1]


def test_samples_are_the_same_however_many_workers_draw(runs: Path) -> None:
    one, two = (
        [sample.text for sample in charnn.samples(runs / "condition", context="vowels", count=70, seed=3, workers=n)]
        for n in (1, 2)
    )
    assert one == two and len(one) == 70


def test_a_sample_goes_on_from_a_prime_and_ends_before_a_stop(runs: Path) -> None:
    facts = json.loads(made(runs, "--context", "vowels", "--prime", "ab", "--json")[0])
    assert facts["text"].startswith("ab")
    assert "e" not in "".join(made(runs, "--context", "vowels", "-n", 20, "--stop", "e"))


def test_guidance_makes_a_context_show_more(runs: Path) -> None:
    def share(guidance: float) -> float:
        found = made(runs, "--context", "vowels", "-n", 100, "--guidance", guidance, "--temp", 2)
        return float(np.mean([set(text) <= set("aeiou") for text in found]))

    assert share(0.0) < share(1.0) <= share(3.0)


@pytest.mark.quick
def test_bits_with_and_without_the_context_and_labels_by_bayes(runs: Path) -> None:
    figures = json.loads(ok("eval", "-m", runs / "condition", "--json"))
    assert figures["bits_per_char"] < figures["bits_per_char_without_context"]
    assert figures["bayes_accuracy"] > 0.95
    rows = table(ok("eval", "-m", runs / "condition", "--by", "line"))
    score = charnn.evaluate(runs / "condition")
    assert sum(float(row[1]) for row in rows) == pytest.approx(score.given.bits * score.given.count, abs=0.2)
    assert sum(float(row[2]) for row in rows) == pytest.approx(score.without.bits * score.without.count, abs=0.2)


@pytest.mark.quick
@pytest.mark.parametrize(
    "options",
    [
        ("--context", "numbers"),
        ("--context", "vowels", "--past-end"),
        ("--context", "vowels", "--novelty"),
        ("--context", "vowels", "--contexts", "-"),
        ("--context", "vowels", "--adapt", "-"),
        ("--context", "vowels", "--prime", "xyz"),
    ],
)
def test_what_makes_no_sense_is_refused(runs: Path, options: tuple[str, ...]) -> None:
    code = 3 if options[-1] in ("numbers", "xyz") else 2
    assert options[-1].lstrip("-") in refused(code, "sample", "-m", runs / "condition", *options, stdin="vowels\n")


def test_guidance_needs_context_dropout_and_a_text_model_no_context(runs: Path, home: Path) -> None:
    plain = runs / "plain" / "condition"
    assert "--context-dropout" in refused(2, "sample", "-m", plain, "--context", "vowels", "--guidance", 2)
    refused(2, "sample", "-m", home / "checkpoints" / "names", "--context", "vowels")


def test_a_hidden_label_is_one_more() -> None:
    table = LabelTable(3, 2, hides=True)
    source = pad([np.array([0]), np.array([2])], np.dtype(np.uint8))
    hidden = table.hide(source, np.array([True, False]))
    assert hidden.ids[0].tolist() == [3, 2] and source.ids[0].tolist() == [0, 2]
