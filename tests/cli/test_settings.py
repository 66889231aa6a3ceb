"""Options that are set apart from the command line: variables CHARNN_*, and charnn.toml."""

import json
from pathlib import Path
from typing import Any

import pytest

from charnn.runs import checkpoint
from tests.helpers.program import SHORT, TINY, invoke, ok, refused, well

STEPS = ["--steps", "2", "--validate-every", "1"]


def trained(*args: object) -> Any:
    """The run that such a command trains."""
    before = {*Path("checkpoints").glob("*")}
    well("train", "names.txt", *args)
    (folder,) = {*Path("checkpoints").glob("*")} - before
    return checkpoint.load(folder / "last.npz")


def write(text: str, where: str = ".") -> None:
    Path(where, "charnn.toml").write_text(text, "utf-8")


# what comes first


def test_an_option_comes_from_the_first_place_that_has_it(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("[train]\nhidden = 5\nlayers = 1\nrate = 0.1\nseed = 3\nskip = false\nbatch = 2\n")
    monkeypatch.setenv("CHARNN_TRAIN_HIDDEN", "6")
    monkeypatch.setenv("CHARNN_TRAIN_RATE", "0.2")
    run = trained("--rate", 0.3, "--dropout", 0, *STEPS)
    model, config = run.model.config, run.config
    assert (model.hidden, model.layers, config.rate, config.seed, model.skip) == (6, 1, 0.3, 3, False)
    assert (model.cell, config.clip) == ("lstm", 0.5)  # defaults


def test_a_recipe_that_is_typed_comes_before_what_is_set_apart(new: Path) -> None:
    write("[train]\nhidden = 5\nbatch = 3\n")
    run = trained("--recipe", "lecture", *STEPS)
    assert run.model.config.hidden == 100 and run.config.batch == 1
    write('[train]\nhidden = 5\nrecipe = "lecture"\n')
    run = trained(*STEPS, "--name", "b")
    assert run.model.config.hidden == 5 and run.model.config.activation == "tanh"


def test_a_time_that_is_typed_stands_for_all_others(new: Path) -> None:
    write("[train]\nminutes = 3\nepochs = 4\n")
    config = trained(*TINY, *STEPS).config
    assert (config.steps, config.minutes, config.epochs) == (2, None, None)


def test_a_run_that_goes_on_has_its_own_options(new: Path) -> None:
    trained(*SHORT)
    write("[train]\nhidden = 77\n")
    ok("train", "--resume", "--steps", 4)
    assert checkpoint.load("checkpoints/names/last.npz").step == 4


# where the file is


def test_the_file_beside_the_text_comes_before_that_of_the_current_folder(new: Path) -> None:
    Path("texts").mkdir()
    Path("texts/names.txt").write_text(Path("names.txt").read_text())
    write("[train]\nhidden = 5\n")
    ok("train", "texts/names.txt", *SHORT[2:], "--name", "a")
    write("[train]\nhidden = 6\n", "texts")
    result = well("train", "texts/names.txt", *SHORT[2:], "--name", "b")
    found = [checkpoint.load(f"checkpoints/{name}/last.npz").model.config.hidden for name in "ab"]
    assert found == [5, 6] and "texts/charnn.toml: --hidden 6" in result.stderr


def test_runs_are_where_the_variable_says(here: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listed = ok("list")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHARNN_RUNS", str(here / "checkpoints"))
    assert ok("list") == listed and ok("info", "--json") and ok("sample", "--seed", 1)
    monkeypatch.delenv("CHARNN_RUNS")
    write(f"runs = {json.dumps(str(here / 'checkpoints'))}\n[sample]\nlength = 3\n")
    assert ok("list") == listed and len(ok("sample", "--past-end")) == 4
    assert ok("inspect", "gradcheck", "--samples", 1)


def test_options_of_other_commands_are_set_by_their_names(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARNN_SAMPLE_SEED", "3")
    assert ok("sample") == ok("sample", "--seed", 3) != ok("sample", "--seed", 4)
    monkeypatch.setenv("CHARNN_INSPECT_GRADCHECK_SAMPLES", "1")
    assert ok("inspect", "gradcheck") == ok("inspect", "gradcheck", "--samples", 1)


# own recipes


def test_own_recipes_are_options_by_name(new: Path) -> None:
    write('[recipes.tiny]\nabout = "four units"\nhidden = 4\nlayers = 1\nvalid-share = 0.2\nminutes = "1m"\n')
    run = trained("--recipe", "tiny", *STEPS)
    assert (run.model.config.hidden, run.config.valid_share, run.config.minutes) == (4, 0.2, 1)
    assert "tiny: four units\n    --hidden 4 --layers 1" in ok("train", "--recipe", "list")
    assert "did you mean tiny?" in refused(2, "train", "names.txt", "--recipe", "tinny")


# what is refused


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[train", "no TOML"),
        pytest.param("a = " + "[" * 9_000, "no TOML", id="many brackets"),
        pytest.param("a = " + "9" * 5_000, "no TOML", id="many digits"),
        ("[trian]\nhidden = 3\n", "did you mean train?"),
        ("hidden = 3\n", "[train]"),
        ("train = 3\n", "[train]"),
        ("[train]\nhiden = 3\n", "did you mean hidden?"),
        ("[train]\nhidden = 'many'\n", "--hidden is 'many'"),
        ("[train]\nhidden = 0\n", "--hidden is 0"),
        ("[train]\nhidden = true\n", "--hidden is True"),
        ("[train]\nskip = 3\n", "true or false"),
        ("[train]\nrate = 'soon'\n", "--rate"),
        ("[train]\ncell = 'lstm'\nactivation = 'tanh'\n", "--activation is set in charnn.toml"),
        ("[recipes.a]\nhidden = 'many'\n[train]\nrecipe = 'a'\n", "'many'"),
        ("[recipes.a]\nhiden = 3\n[train]\nrecipe = 'a'\n", "hiden"),
        ("[recipes]\na = 3\n[train]\nrecipe = 'a'\n", "table of options"),
    ],
)
def test_what_is_no_setting_is_refused_with_its_file(new: Path, text: str, named: str) -> None:
    write(text)
    message = refused(2, "train", "names.txt", *STEPS)
    assert (named in message and "charnn.toml" in message) or "recipe a" in message
    assert not Path("checkpoints").exists()


def test_a_variable_that_is_no_option_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARNN_TRAIN_HIDEN", "3")
    assert "did you mean hidden?" in refused(2, "train", "names.txt")
    assert invoke("list").exit_code == 0


def test_help_says_what_comes_first() -> None:
    text = " ".join(ok("--help").split())
    assert "CHARNN_RUNS" in text and "charnn.toml" in text
