"""Models and tokenised files written by version 0.1 load, score, sample and go on training."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

import charnn
from tests.helpers.program import ok

FOLDER = Path(__file__).parent / "fixtures" / "version-0.1"
EXPECTED = json.loads((FOLDER / "expected.json").read_text("utf-8"))
TEXT, STEPS = "anna\nberta\ndora\n", 8  # what is scored, and the updates behind each model

models = pytest.mark.parametrize("name", EXPECTED)


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In a folder with the corpus, and each model as a run that was stopped."""
    monkeypatch.chdir(tmp_path)
    for name in ("small.txt", "small.npz"):
        shutil.copy(FOLDER / name, name)
    for name in EXPECTED:
        folder = Path("checkpoints", name)
        folder.mkdir(parents=True)
        shutil.copy(FOLDER / f"{name}.npz", folder / "last.npz")
        shutil.copy(FOLDER / f"{name}.npz", folder / "best.npz")
    return tmp_path


@models
def test_model_of_0_1_gives_the_same_score_and_sample(name: str) -> None:
    run = charnn.load(FOLDER / f"{name}.npz")
    assert charnn.evaluate(run, TEXT).nats == pytest.approx(EXPECTED[name]["nats"], abs=1e-4)
    assert charnn.generate(run, 1, temp=0.0, length=12) == [EXPECTED[name]["greedy"]]


@models
def test_commands_read_a_model_of_0_1(name: str, new: Path) -> None:
    told = json.loads(ok("info", "-m", name, "--json"))
    assert told["step"] == len(told["held out"]) == STEPS
    assert told["model"]["cell"] in name and told["symbols"] == len({*Path("small.txt").read_text("utf-8")})
    assert told["sha256"] == hashlib.sha256(Path("small.txt").read_bytes()).hexdigest()
    scored = json.loads(ok("eval", "-m", name, "-", "--json", stdin=TEXT))
    assert scored["nats"] == pytest.approx(EXPECTED[name]["nats"], abs=1e-4)
    assert ok("sample", "-m", name, "-n", 1, "--temp", 0, "--length", 12) == EXPECTED[name]["greedy"] + "\n"


@models
@pytest.mark.parametrize("corpus", ["small.txt", "small.npz"])
def test_model_of_0_1_goes_on_training(name: str, corpus: str, new: Path) -> None:
    path = Path("checkpoints", name, "last.npz")
    before = charnn.load(path)
    ok("train", corpus, "--resume", "--name", name, "--steps", STEPS + 4)
    run = charnn.load(path)
    assert run.step == STEPS + 4 and run.model.config == before.model.config
    assert run.history[:STEPS] == before.history and len(run.history) == STEPS + 4
    assert charnn.evaluate(run, TEXT).nats != charnn.evaluate(before, TEXT).nats
    assert ok("train", corpus, "--resume", "--name", name, "--steps", STEPS + 5) == ""  # what was saved goes on, too
    assert charnn.load(path).step == STEPS + 5


def test_tokenised_file_of_0_1_is_the_text_that_it_was_made_from(new: Path) -> None:
    text = Path("small.txt").read_text("utf-8")
    corpus = charnn.read(FOLDER / "small.npz")
    assert corpus.vocabulary.decode(corpus.ids) == text
    assert ok("tokenize", "--decode", "small.npz") == text
