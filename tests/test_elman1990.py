"""Elman (1990) done again: the four networks of docs/elman-1990.md find the structure, and the page says so."""

import importlib.util
import math
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import numpy as np
import pytest

import charnn
from charnn.cli import train as train_command
from charnn.inspection.activations import ActivationReader

DOCS = Path(__file__).parents[1] / "docs"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("elman_1990", DOCS / "elman_1990.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


elman = load()
make = elman.make
EXPERIMENTS = elman.experiments()
slow = pytest.mark.slow  # the sentences: some 4 seconds of a free core
TRAINED = ["xor", "letters", "words", pytest.param("sentences", marks=slow)]


@cache
def trained(name: str) -> charnn.Run:
    run: charnn.Run = elman.train(EXPERIMENTS[name])
    return run


@cache
def measured(name: str) -> tuple[np.ndarray, np.ndarray]:
    bits, best = elman.measure(trained(name), EXPERIMENTS[name])
    return bits, best


# the best possible predictor


def brute(templates: list[list[list[str]]], stream: str) -> float:
    """P(a stream begins so), by going through every way to cut it into pieces."""
    if not stream:
        return 1.0
    total = 0.0
    for template in templates:
        piece = stream[: len(template)]
        if all(x in choices for x, choices in zip(piece, template, strict=False)):
            share = math.prod(1 / len(choices) for choices in template[: len(piece)])
            total += share / len(templates) * brute(templates, stream[len(template) :])
    return total


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_best_predictor_is_bayes_rule_over_all_ways_to_cut_the_stream(name: str) -> None:
    templates, text = EXPERIMENTS[name].templates, EXPERIMENTS[name].read[:14]
    bits = make.surprisal(templates, text)
    for end in range(1, len(text) + 1):
        assert 2 ** -sum(bits[:end]) == pytest.approx(brute(templates, text[:end]))


@pytest.mark.long
@pytest.mark.parametrize("name", TRAINED)
def test_nothing_beats_the_best_predictor_by_more_than_luck(name: str) -> None:
    bits, best = measured(name)
    assert len(bits) == len(best) == len(EXPERIMENTS[name].read)
    assert bits.mean() > best.mean()


def test_the_best_predictor_reaches_the_entropy_of_the_source() -> None:
    # No mark stands where a sentence ends, and yet that costs nothing but at the end of the stream.
    probabilities = make.sentence_probabilities()
    sentences = elman._corpus("sentences").split("\n")
    best = make.surprisal(EXPERIMENTS["sentences"].templates, EXPERIMENTS["sentences"].read)
    assert sum(best) == pytest.approx(-sum(math.log2(probabilities[s]) for s in sentences), abs=8)
    words = sum(p * len(s.split()) for s, p in probabilities.items())
    assert np.mean(best) == pytest.approx(make.sentence_entropy() / words, rel=0.01)
    words_best = make.surprisal(EXPERIMENTS["words"].templates, elman._corpus("words"))
    assert sum(words_best) == pytest.approx(1270 * math.log2(15), abs=8)


def test_a_symbol_that_cannot_come_is_refused() -> None:
    with pytest.raises(ValueError, match="'u' cannot come at 3"):
        make.surprisal(EXPERIMENTS["letters"].templates, "diiu")


# the four experiments


def test_what_is_measured_was_not_learnt() -> None:
    for experiment in EXPERIMENTS.values():
        assert experiment.read[:200] not in experiment.learnt and len(experiment.read) > 2000


def test_exclusive_or_two_thirds_of_a_bit_for_each() -> None:
    bits, best = measured("xor")
    assert best.mean() == pytest.approx(2 / 3, abs=1e-3)
    assert bits.mean() < 0.70
    first, second, third = (elman.errors(bits[place::3]).mean() for place in range(3))
    assert 0.24 < first < 0.28 and 0.24 < second < 0.28 and third < 0.01


def test_letters_vowels_are_free_and_consonants_cost_log2_3() -> None:
    bits, best = measured("letters")
    consonant = np.array([letter in "bdg" for letter in EXPERIMENTS["letters"].read])
    assert bits.mean() == pytest.approx(make.letters_floor(), abs=0.02)
    assert bits[~consonant].mean() < 0.02 and bits[~consonant].max() < 1
    assert bits[consonant].mean() == pytest.approx(math.log2(3), abs=0.03)
    assert best[~consonant].max() == 0


def test_words_begin_where_surprisal_peaks() -> None:
    bits, best = measured("words")
    starts, length = elman.onsets(), len(bits)
    found = elman.f1(elman.peaks(bits), starts, length)
    assert found > 0.83
    assert found > elman.f1(elman.peaks(best), starts, length) - 0.08
    assert elman.f1(elman.peaks(np.random.default_rng(0).permutation(bits)), starts, length) < 0.35
    inside = np.arange(length) - np.repeat(starts, np.diff([*starts, length]))
    first, second, third = (bits[inside == place].mean() for place in range(3))
    assert first > 3 > 1 > second > third


def test_peaks_are_above_their_neighbours_and_the_mean() -> None:
    assert elman.peaks(np.array([9.0, 0, 5, 0, 1, 0, 5, 5, 0, 9])) == [2, 6]
    assert elman.f1([0, 2, 3, 9], [2, 4, 9], 10) == pytest.approx(0.5)


def test_onsets_are_those_of_the_text_that_is_read() -> None:
    text, starts = EXPERIMENTS["words"].read, elman.onsets()
    words = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    assert set(words) == set(make.WORDS) and len(words) > 1000


@slow
def test_sentences_are_predicted_within_2_percent_of_the_best() -> None:
    bits, best = measured("sentences")
    assert bits.mean() < 1.02 * best.mean()


@slow
def test_words_cluster_into_nouns_and_verbs_and_nouns_into_animates_and_inanimates() -> None:
    pytest.importorskip("scipy", reason="the tree is SciPy's: pip install 'charnn[docs]'")
    root = elman.tree(elman.means(trained("sentences"), EXPERIMENTS["sentences"].read))
    assert elman.halves(root) == {elman.NOUNS, elman.VERBS}
    nouns = elman.branch(root, elman.NOUNS)
    assert elman.halves(nouns) == {elman.ANIMATES, elman.NOUNS - elman.ANIMATES}
    assert elman.is_elmans(root)
    picture = ElementTree.fromstring(elman.dendrogram(root))
    assert set(elman.WORDS) <= {element.text for element in picture.iter()}


@slow
def test_mean_states_are_those_of_the_words() -> None:
    # Read one by one, and gathered by hand.
    run, text = trained("sentences"), EXPERIMENTS["sentences"].read[:300]
    reader = ActivationReader(run.network)
    states: dict[str, list[np.ndarray]] = {}
    for symbol in text:
        states.setdefault(symbol, []).append(reader.read(run.vocabulary.ids(symbol))[0][0])
    found = elman.means(run, text)
    for place, word in enumerate(elman.WORDS):
        np.testing.assert_allclose(found[place], np.mean(states[elman.SYMBOLS[word]], axis=0), atol=1e-5)


def test_categories_are_apart_and_complete() -> None:
    assert set(elman.WORDS) == elman.NOUNS | elman.VERBS and not elman.NOUNS & elman.VERBS
    assert {"man", "cat", "lion"} < elman.ANIMATES < elman.NOUNS and "book" not in elman.ANIMATES


# the page


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_page_has_the_command_the_figures_and_the_picture(name: str) -> None:
    page = (DOCS / "elman-1990.md").read_text("utf-8")
    (block,) = re.findall(rf"(?s)<!-- {name}: .*? -->\n(.*?)<!-- end of {name} -->", page)
    line = elman.command(name, EXPERIMENTS[name])
    assert f"    {line}\n" in block and "| network, seed 0 |" in block
    assert f"](elman-1990-{name}.svg)" in page
    assert ElementTree.parse(DOCS / f"elman-1990-{name}.svg").getroot().tag.endswith("svg")
    # The command trains the same network: what click makes of it is what the script passes.
    given = train_command.command.make_context("train", shlex.split(line)[2:]).params
    for option, value in {**EXPERIMENTS[name].options, "workers": 1}.items():
        assert (given[option] == value and type(given[option]) is type(value)) or float(given[option]) == value, option


@pytest.mark.parametrize("name", TRAINED)
def test_the_figures_on_the_page_are_about_those_measured(name: str) -> None:
    page = (DOCS / "elman-1990.md").read_text("utf-8")
    ((best, own),) = re.findall(rf"(?s)<!-- {name}: .*?\| bits per \w+ \| ([\d.]+) \| ([\d.]+)", page)
    bits, floor = measured(name)
    assert float(best) == pytest.approx(floor.mean(), abs=1e-4)
    assert float(own) == pytest.approx(bits.mean(), rel=0.02)  # other machines round otherwise


def test_the_command_line_makes_the_same_network(tmp_path: Path) -> None:
    elman.main(["--texts", str(tmp_path)])
    line = elman.command("words", EXPERIMENTS["words"])
    subprocess.run([sys.executable, "-m", *shlex.split(line)], cwd=tmp_path, check=True, capture_output=True)
    run = charnn.load(tmp_path / "checkpoints" / "words" / "last.npz")
    np.testing.assert_array_equal(run.weights.flat, trained("words").weights.flat)


def test_texts_are_written_for_the_command_line(tmp_path: Path) -> None:
    elman.main(["--texts", str(tmp_path)])
    for name, experiment in EXPERIMENTS.items():
        assert (tmp_path / f"{name}.txt").read_text("ascii") == experiment.learnt + "\n"
        assert (tmp_path / f"{name}-read.txt").read_text("ascii") == experiment.read


def test_the_page_keeps_all_but_what_is_inserted() -> None:
    page = "a\n<!-- x: python docs/elman_1990.py -->\nold\n<!-- end of x -->\nb\n"
    assert elman.insert(page, "x", "new \\1\n") == page.replace("old", "new \\1")
    assert elman.insert(page, "y", "new\n") == page
