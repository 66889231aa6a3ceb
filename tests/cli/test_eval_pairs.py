"""charnn eval for models of pairs: figures beside what the library counts, rows, refusals."""

import json
from pathlib import Path

import numpy as np
import pytest

import charnn
from charnn.evaluation.mixture import Mixing, best_mixing, interpolate, mixed
from tests.helpers.program import invoke, ok, refused, table

MIXED = "vowels\taei\nconsonants\taeio\nconsonants\tbcd\nelse\tbcd\n"


@pytest.mark.quick
def test_labels_are_counted(pair_runs: Path) -> None:
    found = json.loads(ok("eval", "-", "-m", pair_runs / "classify", "--json", stdin=MIXED))
    assert (found["accuracy"], found["count"], found["baselines"]) == (0.5, 4, {})
    by_label = {
        row[0]: row[1:] for row in table(ok("eval", "-", "-m", pair_runs / "classify", "--by", "label", stdin=MIXED))
    }
    assert by_label["vowels"] == ["0.5000", "1.0000", "0.6667", "1"]
    assert by_label["else"] == ["0.0000", "0.0000", "0.0000", "1"]
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    odd = json.loads(ok("eval", "-", "-m", pair_runs / "classify", "--json", stdin=MIXED + "more\tb§?\n"))
    assert (odd["unknown"], odd["unknown_read"], found["unknown"], found["unknown_read"]) == (2, 2, 1, 0)
    assert odd["bits_per_label"] == pytest.approx(found["bits_per_label"])


def test_the_confusion_of_labels_is_a_table(pair_runs: Path) -> None:
    found = table(ok("eval", "-", "-m", pair_runs / "classify", "--confusion", stdin=MIXED))
    assert found[0][1:] == ["consonants", "vowels", "else"]
    assert found[1] == ["consonants", "1", "1", "0"] and found[3] == ["else", "1", "0", "0"]
    two = table(ok("eval", "-", "-m", pair_runs / "classify", "--by", "label", stdin=f"{MIXED}more\tbcd\n"))
    assert two[-1] == ["else, more", "0.0000", "0.0000", "0.0000", "2"]


def test_lines_say_what_is_right_and_what_was_given(pair_runs: Path) -> None:
    found = table(ok("eval", "-", "-m", pair_runs / "classify", "--by", "line", stdin=MIXED))
    assert [row[:3] for row in found[:2]] == [["1", "vowels", "vowels"], ["0", "consonants", "vowels"]]
    assert [row[4:] for row in found] == [["1", "aei"], ["2", "aeio"], ["3", "bcd"], ["4", "bcd"]]


@pytest.mark.quick
def test_targets_are_written_and_taught(pair_runs: Path) -> None:
    text = "ae\tAE\nbcd\tBCD\nbc\tXX\n"
    result = invoke("eval", "-", "-m", pair_runs / "translate", "--by", "line", stdin=text)
    found = table(result.stdout)
    assert [row[2:5] for row in found] == [["1", "ae", "AE"], ["2", "bcd", "BCD"], ["3", "bc", "XX"]]
    score = charnn.evaluate(pair_runs / "translate", text)
    assert score.written.exact == sum(row[0] == "1" for row in found)
    assert score.taught.count == 3 + 4 + 3
    assert score.taught.bits * 10 == pytest.approx(sum(float(row[1]) for row in found), abs=0.05)
    rows = table(ok("eval", "-", "-m", pair_runs / "translate", "--by", "line", stdin="a?§\tAX\nbc\tBC\n"))
    assert [row[3:5] for row in rows] == [["a?§", "AX"], ["bc", "BC"]]
    figures = json.loads(ok("eval", "-", "-m", pair_runs / "translate", "--json", stdin=text + "??\tBC\n"))
    assert (figures["unknown_read"], figures["unknown"]) == (2, 2)
    assert {name for name in figures if "exact" in name or "error" in name} == {
        "written_exact",
        "written_character_error",
        "written_word_error",
    }


def test_the_best_of_several_targets_come_first(pair_runs: Path) -> None:
    for some in charnn.translations(pair_runs / "translate", ["aeiou", "bcdfg", "abcab"], beam=8, nbest=8):
        assert len({one.text for one in some}) == len(some) == 8
        ended = [one.bits for one in some if one.ended]
        assert ended == sorted(ended)


def test_the_held_out_part_is_scored_beside_what_there_is_to_beat(pair_runs: Path) -> None:
    result = invoke("eval", "-m", pair_runs / "classify")
    assert result.exit_code == 0 and "Bayes" in result.stderr and "count\t24\n" in result.stdout


@pytest.mark.quick
@pytest.mark.parametrize("options", [("--dynamic",), ("--by", "char"), ("--beam", 2), ("--novelty",), ("--burn-in", 3)])
def test_what_has_no_effect_on_labels_is_refused(pair_runs: Path, options: tuple[object, ...]) -> None:
    refused(2, "eval", "-", "-m", pair_runs / "classify", *options, stdin=MIXED)


def test_lines_that_are_no_pairs_are_named(pair_runs: Path) -> None:
    assert "line 2" in refused(3, "eval", "-", "-m", pair_runs / "classify", stdin="vowels\tae\nvowels\n")
    refused(3, "eval", "-", "-m", pair_runs / "classify", stdin="")


@pytest.mark.quick
def test_labels_are_mixed_with_those_of_n_grams(pair_runs: Path) -> None:
    alone, mixed = (charnn.evaluate(pair_runs / "classify", mix=mix) for mix in (None, "ngram"))
    assert mixed.bits <= alone.bits + 1e-3 and 0 <= mixed.figures["network_weight"] <= 1
    assert "network_weight" not in alone.figures
    on_all = charnn.evaluate(pair_runs / "classify", MIXED, mix="ngram")
    assert on_all.bits <= charnn.evaluate(pair_runs / "classify", MIXED).bits
    assert "--mix" in refused(2, "eval", "-m", pair_runs / "translate", "--mix", "ngram")


def test_a_mixture_is_normalised_and_its_ends_are_both_models() -> None:
    rng = np.random.default_rng(0)
    p, q = (a / a.sum(axis=1, keepdims=True) for a in (rng.random((40, 3)), rng.random((40, 3))))
    for right, weight in ((p, 1.0), (q, 0.0)):
        np.testing.assert_allclose(mixed(p, q, Mixing(weight)), right)
        found, w = interpolate(p, q, right.argmax(axis=1), False)
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert abs(w - weight) <= 0.5
    halves, w = interpolate(p, q, p.argmax(axis=1), True)
    assert halves.shape == p.shape and 0.5 <= w <= 1


def test_a_mixture_takes_back_what_both_models_are_too_sure_of() -> None:
    rng = np.random.default_rng(0)
    true = rng.dirichlet(np.ones(3), 4000)
    y = (rng.random((4000, 1)) > true.cumsum(axis=1)).sum(axis=1)
    sure = true**2 / (true**2).sum(axis=1, keepdims=True)  # half of the sharpness makes it true again
    found = best_mixing(sure, sure, y)
    assert found.sharpness == pytest.approx(0.5, abs=0.1)
    np.testing.assert_allclose(mixed(sure, sure, Mixing(0.3, 0.5)), true)
