"""The corpora hold what their README says, and corpora/make.py writes them again byte for byte."""

import hashlib
import importlib.util
import math
import re
import string
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[1] / "corpora"


def load_make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("corpora_make", FOLDER / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = load_make()


def read(name: str) -> str:
    text = (FOLDER / name).read_bytes().decode("utf-8")
    assert text.endswith("\n") and "\r" not in text
    return text[:-1]


def test_regenerating_gives_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make.main(["--folder", str(tmp_path / "new")])
    written = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert written == sorted(path.name for path in FOLDER.glob("elman-*.txt")) == sorted(make.CORPORA)
    for name in written:
        assert (tmp_path / "new" / name).read_bytes() == (FOLDER / name).read_bytes(), name
    assert capsys.readouterr().out.splitlines()[0] == "elman-xor.txt\t3001\t0.6667"


def test_xor_third_bit_is_the_exclusive_or_of_the_two_before() -> None:
    bits = [int(character) for character in read("elman-xor.txt")]
    assert len(bits) == 3000
    assert all(c == a ^ b for a, b, c in zip(bits[::3], bits[1::3], bits[2::3], strict=True))
    pairs = list(zip(bits[::3], bits[1::3], strict=True))
    for pair in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        assert abs(pairs.count(pair) - 250) < 4 * math.sqrt(1000 * 3 / 16)


def test_each_consonant_is_followed_by_its_vowels() -> None:
    text = read("elman-letters.txt")
    assert re.fullmatch("(ba|dii|guuu){1000}", text)
    for consonant in "bdg":
        assert abs(text.count(consonant) - 1000 / 3) < 4 * math.sqrt(1000 * 2 / 9)


def test_words_have_the_sizes_of_the_paper() -> None:
    sentences = make.word_sentences(Random(make.CORPORA["elman-words.txt"].seed))
    stream = [word for sentence in sentences for word in sentence]
    assert len(sentences) == 200 and {len(sentence) for sentence in sentences} == set(range(4, 10))
    assert len(stream) == 1270 and set(stream) == set(make.WORDS) and len(set(make.WORDS)) == 15
    text = read("elman-words.txt")
    assert text == "".join(stream) and len(text) == 4963


def test_a_letter_stream_splits_into_words_in_one_way() -> None:
    # Sardinas and Patterson (1953): a code is uniquely decodable when no dangling suffix is a code word.
    code = set(make.WORDS)
    suffixes = {b[len(a) :] for a in code for b in code if a != b and b.startswith(a)}
    seen: set[str] = set()
    while suffixes - seen:
        seen |= suffixes
        pairs = [(a, b) for word in code for tail in suffixes for a, b in ((word, tail), (tail, word))]
        suffixes = {b[len(a) :] for a, b in pairs if b.startswith(a)}
    assert seen and not seen & code and "" not in seen


def test_each_sentence_fits_a_template() -> None:
    sentences = read("elman-sentences.txt").split("\n")
    assert len(sentences) == 10_000 and sum(len(sentence.split(" ")) for sentence in sentences) == 27_534
    assert set(sentences) == set(make.sentence_probabilities())
    for sentence in set(sentences):
        found = sentence.split(" ")
        assert any(
            len(found) == len(template)
            and all(word in make.CATEGORIES[name] for word, name in zip(found, template, strict=True))
            for template in make.TEMPLATES
        ), sentence


def test_sentences_have_29_words_in_12_categories_and_16_templates() -> None:
    assert len(make.CATEGORIES) == 12 and len(set(make.TEMPLATES)) == len(make.TEMPLATES) == 16
    assert len({word for choices in make.CATEGORIES.values() for word in choices}) == 29
    assert len(set(read("elman-sentences.txt").split())) == 29
    assert {name for template in make.TEMPLATES for name in template} == set(make.CATEGORIES)


def test_sentence_entropy_is_that_of_the_templates_and_their_words() -> None:
    probabilities = make.sentence_probabilities()
    assert math.fsum(probabilities.values()) == pytest.approx(1)
    # No sentence comes from two templates, so the choice of template and the choices of words simply add up.
    sizes = [[len(make.CATEGORIES[name]) for name in template] for template in make.TEMPLATES]
    assert len(probabilities) == sum(math.prod(row) for row in sizes)
    expected = math.log2(16) + sum(math.log2(math.prod(row)) for row in sizes) / 16
    assert make.sentence_entropy() == pytest.approx(expected)


def test_a_sentence_of_two_templates_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "CATEGORIES", {"A": ("x",), "B": ("x", "y")})
    monkeypatch.setattr(make, "TEMPLATES", (("A",), ("B",)))
    assert make.sentence_probabilities() == {"x": 0.75, "y": 0.25}
    assert make.sentence_entropy() == pytest.approx(2 - 0.75 * math.log2(3))
    assert make.sentences_floor() == pytest.approx((2 - 0.75 * math.log2(3)) / 2)


def test_floors_are_met_by_the_source_on_its_own_text() -> None:
    letters, words = read("elman-letters.txt"), read("elman-words.txt")
    sentences = read("elman-sentences.txt").split("\n")
    probabilities = make.sentence_probabilities()
    bits = -sum(math.log2(probabilities[sentence]) for sentence in sentences)
    assert make.xor_floor() == 2 * 1000 / len(read("elman-xor.txt"))
    assert make.letters_floor() == pytest.approx(1000 * math.log2(3) / len(letters), rel=0.01)
    assert make.words_floor() == pytest.approx(1270 * math.log2(15) / len(words), rel=0.01)
    assert make.sentences_floor() == pytest.approx(bits / sum(len(line) + 1 for line in sentences), rel=0.01)


def test_names_are_unique_title_case_and_shuffled_once_for_all() -> None:
    names = read("names.txt").split("\n")
    assert len(names) >= 2000
    assert len(set(names)) == len(names)
    assert names == sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    assert all(re.fullmatch("[A-Z][a-z]+", name) for name in names)
    assert {name[0] for name in names} == set(string.ascii_uppercase)


def test_readme_states_the_sizes_and_floors() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+\.txt)` \|.*\| ([\d,]+) \| ([\d,]+) \| ([\d.]*) *\|$", text, re.MULTILINE)
    assert sorted(row[0] for row in rows) == sorted(path.name for path in FOLDER.glob("*.txt"))
    for name, lines, characters, floor in rows:
        content = read(name) + "\n"
        assert (int(lines.replace(",", "")), int(characters.replace(",", ""))) == (
            content.count("\n"),
            len(content),
        ), name
        assert floor == (f"{make.CORPORA[name].floor():.4f}" if name in make.CORPORA else ""), name
