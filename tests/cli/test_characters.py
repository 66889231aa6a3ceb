"""`--characters`: symbols for characters that a corpus does not have; and `sample --adapt --keep`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import charnn
from tests.helpers.program import TINY, ok, refused, well

TEXT = "".join(f"{word}\n" for word in ["anbe", "do", "la", "an la", "dolabe", "be", "ando"] * 40)
BRIEF = [*TINY, "--cell", "lstm", "--steps", "20", "--validate-every", "10"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT, "utf-8")
    yield tmp_path


@pytest.mark.parametrize("source", ["text.txt", "-"])
def test_a_network_has_symbols_for_more_characters(source: str) -> None:
    ok("train", source, *BRIEF, "--characters", "éa\nz", "--name", "more", stdin=TEXT)
    run = charnn.load("more")
    assert "".join(map(chr, run.vocabulary.characters)) == " abdelnozé"
    assert charnn.evaluate(run, "zé\n").count == 3 and charnn.evaluate(run).count > 50
    ok("train", "--resume", "--name", "more", "--steps", 40)
    assert charnn.load("more").vocabulary == run.vocabulary
    if source == "text.txt":
        ok("train", source, "--resume", "--name", "more", "--steps", 60)


def test_a_tokenised_file_has_them_too() -> None:
    ok("tokenize", "text.txt", "-o", "tokens.npz", "--characters", "é")
    assert ord("é") in charnn.read("tokens.npz").vocabulary.characters
    assert charnn.tokenize("more.npz", "text.txt", characters="é").vocabulary == charnn.read("tokens.npz").vocabulary
    ok("train", "tokens.npz", *BRIEF, "--characters", "éa\n")
    assert "U+00DF" in refused(2, "train", "tokens.npz", *BRIEF, "--characters", "éß")


def test_a_resumed_run_has_the_characters_that_it_has() -> None:
    ok("train", "text.txt", *BRIEF, "--name", "it")
    assert "--characters is for new runs" in refused(2, "train", "--resume", "--characters", "é")


def test_what_adapting_learnt_is_kept() -> None:
    ok("train", "text.txt", *BRIEF, "--name", "it")
    Path("letter.txt").write_text("bebebe\n" * 50, "utf-8")
    before = Path("checkpoints/it/best.npz").read_bytes()
    drawn = well("sample", "-m", "it", "--adapt", "letter.txt", "--adapt-rate", 0.01, "--keep", "mine", "--seed", 1)
    assert "kept in checkpoints/mine/" in drawn.stderr and Path("checkpoints/it/best.npz").read_bytes() == before
    assert ok("sample", "-m", "mine", "--seed", 1) == drawn.stdout
    letter = "bebebe\n" * 5
    assert charnn.evaluate(charnn.load("mine"), letter).mean < charnn.evaluate(charnn.load("it"), letter).mean
    again = well("sample", "-m", "it", "--adapt", "letter.txt", "--keep", "mine")
    assert "kept in checkpoints/mine-2/" in again.stderr
    assert "--keep needs --adapt" in refused(2, "sample", "-m", "it", "--keep", "mine")
