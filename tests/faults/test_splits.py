"""C14: corpora whose end is unlike their beginning, and the order that mends it."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from charnn.data.read import read
from charnn.runs import checkpoint
from charnn.runs.corpus import held_out
from tests.helpers.processes import charnn
from tests.helpers.program import TINY, names

SHORT = [*TINY, "--steps", "4", "--validate-every", "2"]
WARNING = "warning: the held-out part is unlike the part that is trained on: "
SHUFFLE = "; --shuffle holds out sequences from everywhere"


def greek(lines: int) -> str:
    rng = random.Random(1)
    return "".join("".join(rng.choices("αβγδε", k=6)) + "\n" for _ in range(lines))


def language(syllables: str, lines: int) -> str:
    """Words of syllables: languages of the same letters, which follow each other in other ways."""
    rng = random.Random(syllables)
    return "".join("".join(rng.choices(syllables.split(), k=3)) + "\n" for _ in range(lines))


ONE, OTHER = "ba de ki lo", "bi da ko le"
UNLIKE = {
    "sorted": "".join(sorted(names().splitlines(keepends=True))),
    "two scripts": names() + greek(100),
    "two languages": names() + names().lower().replace("a", "u").replace("e", "u"),
    "characters at the end alone": names() + "An-be\n" * 60,
    "upper case at the end": names() + names(40).upper(),
    "a language of the same letters at the end": language(ONE, 1800) + language(OTHER, 200),
    "two halves of the same letters": language(ONE, 1500) + language(OTHER, 1500),
}


@pytest.mark.parametrize("text", UNLIKE)
def test_C14_an_end_that_is_unlike_the_rest_is_said(new: Path, text: str) -> None:
    Path("text.txt").write_text(UNLIKE[text])
    done = charnn("train", "text.txt", *SHORT)
    assert done.well() == b""
    said = [line for line in done.err.splitlines() if line.startswith(WARNING)]
    assert len(said) == 1 and said[0].endswith(SHUFFLE) and len(said[0]) <= 400


@pytest.mark.parametrize("text", UNLIKE)
def test_C14_the_same_text_shuffled_is_alike(new: Path, text: str) -> None:
    Path("text.txt").write_text(UNLIKE[text])
    assert "warning" not in charnn("train", "text.txt", *SHORT, "--shuffle").well().decode() + charnn("eval").err
    done = charnn("train", "text.txt", *SHORT, "--shuffle", "--seed", 5, "--name", "other")
    assert WARNING not in done.err and done.well() == b""


@pytest.mark.parametrize(
    "text", [names(), names() * 3, names()[:300], "the cat sat on the mat. " * 90, language(ONE, 3000)]
)
def test_C14_a_text_that_is_alike_is_not_doubted(new: Path, text: str) -> None:
    Path("text.txt").write_text(text)
    done = charnn("train", "text.txt", *SHORT)
    assert done.well() == b"" and "warning" not in done.err


def test_C14_what_is_held_out_is_kept_in_the_checkpoint(new: Path) -> None:
    charnn("train", "names.txt", *SHORT, "--shuffle", "--seed", 3).well()
    run = checkpoint.load("checkpoints/names/best.npz")
    part = held_out(run)
    lines = run.vocabulary.decode(np.asarray(part)).splitlines()
    assert set(lines) < set(names().splitlines()) and not names().endswith("\n".join(lines) + "\n")
    last = json.loads(Path("checkpoints/names/log.jsonl").read_text().splitlines()[-1])["valid"]
    score = json.loads(charnn("eval", "--json").well())
    assert score["count"] == len(part) and score["bits_per_char"] == pytest.approx(last, abs=2e-3)
    assert json.loads(charnn("eval", "names.txt", "--json").well()) == score
    for more in (["--mix", "ngram"], ["--novelty"]):
        assert json.loads(charnn("eval", "--json", *more).well())["count"] == score["count"]


def test_C14_every_sequence_is_in_one_of_both_parts(new: Path) -> None:
    charnn("tokenize", "names.txt", "-o", "names.npz").well()
    for name in ("names.txt", "names.npz"):
        corpus = read(name)
        both = [corpus.vocabulary.decode(np.asarray(part)).splitlines() for part in corpus.split(0.1, 7)]
        assert sorted(both[0] + both[1]) == sorted(names().splitlines())
        again = corpus.split(0.1, 7)[1]
        assert np.array_equal(again, read("names.txt").split(0.1, 7)[1])
        assert not np.array_equal(again, corpus.split(0.1, 8)[1])


def test_C14_an_interrupted_run_goes_on_in_the_same_order(new: Path) -> None:
    for name, steps in (("whole", [12]), ("parts", [6, 12])):
        charnn(
            "train", "names.txt", *TINY, "--shuffle", "--validate-every", 3, "--steps", steps[0], "--name", name
        ).well()
        for count in steps[1:]:
            charnn("train", "--resume", "--name", name, "--steps", count).well()
    whole, parts = (Path(f"checkpoints/{name}/last.npz").read_bytes() for name in ("whole", "parts"))
    assert whole == parts
    charnn("train", "--resume", "--no-shuffle", "--steps", 20).told(2, "--shuffle", "train a new run")


def test_C14_one_sequence_has_no_order(new: Path) -> None:
    Path("book.txt").write_text("one long line " * 100)
    charnn("train", "book.txt", *SHORT, "--shuffle").told(3, "book.txt is one sequence", "leave it out")


def test_C14_pairs_are_shuffled_too(new: Path) -> None:
    Path("pairs.tsv").write_text("".join(f"{'ab'[len(n) % 3 % 2]}\t{n}\n" for n in names().split()))
    done = charnn("train", "pairs.tsv", "--task", "classify", "--hidden", 8, "--steps", 2, "--shuffle")
    assert done.well() == b""
