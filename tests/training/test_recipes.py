"""Recipes: every one of them trains, and on the command line they are defaults that what is given wins over."""

import json
import re
from configparser import ConfigParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from charnn.config import ModelConfig, TrainConfig
from charnn.runs import checkpoint
from charnn.training import recipes
from tests.helpers.program import invoke, names, ok, refused

SHORT = ["--steps", "2", "--validate-every", "1", "--workers", "1"]


@pytest.fixture
def new(new: Path) -> Path:
    """With more names."""
    (new / "names.txt").write_text(names(2000), "utf-8")
    return new


def options(name: str = "names") -> dict[str, Any]:
    run = checkpoint.load(f"checkpoints/{name}/last.npz")
    return {**asdict(run.model.config), **asdict(run.config)}


@pytest.mark.parametrize("name", recipes.read())
def test_every_recipe_trains_with_just_its_options(new: Path, name: str) -> None:
    recipe = recipes.named(name)
    assert recipe.about and recipe.options and len(recipe.about) < 110
    result = invoke("train", "names.txt", "--recipe", name, "--batch", recipe.fields.get("batch", 2), *SHORT)
    assert result.exit_code == 0, result.stderr
    assert re.search(rf"^recipe +{name} *$", result.stderr, re.MULTILINE)
    found, plain = options(), {**asdict(ModelConfig(cell=recipe.fields["cell"])), **asdict(TrainConfig())}
    run = checkpoint.load("checkpoints/names/last.npz")
    assert run.step == 2
    said = {**recipe.fields, "steps": 2, "validate_every": 1, "workers": 1}
    assert {key: found[key] for key in said if key != "window"} == {k: v for k, v in said.items() if k != "window"}
    assert found["window"] <= said.get("window", plain["window"])  # the text is short
    others = plain.keys() - said.keys() - {"batch", "window", "dropout"}
    assert {key: found[key] for key in others} == {key: plain[key] for key in others}


def test_recipes_are_in_the_package() -> None:
    setup = ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg", "utf-8")
    assert recipes.FILE.name in setup["options.package_data"]["charnn.training"].split(", ")


def test_the_listing_is_a_result_that_can_be_typed(new: Path) -> None:
    lines = ok("train", "--recipe", "list").splitlines()
    assert lines[::2] == [f"{name}: {recipe.about}" for name, recipe in recipes.read().items()]
    typed = lines[1::2][list(recipes.read()).index("lecture")].split()
    ok("train", "names.txt", "--name", "typed", *typed, *SHORT)
    ok("train", "names.txt", "--recipe", "lecture", *SHORT)
    assert options("typed") == options("names") and "--no-skip" in typed


@pytest.mark.parametrize("first", [True, False])
def test_what_is_given_wins_wherever_it_stands(new: Path, first: bool) -> None:
    given = ["--hidden", "8", "--skip", "--optimizer", "adam"]
    recipe = ["--recipe", "lecture"]
    ok("train", "names.txt", *(given + recipe if first else recipe + given), *SHORT)
    found, fields = options(), recipes.named("lecture").fields
    assert (found["hidden"], found["skip"], found["optimizer"]) == (8, True, "adam")
    assert (found["layers"], found["activation"], found["clip"]) == (fields["layers"], "tanh", fields["clip"])


def test_help_names_the_recipes_and_shows_the_defaults_that_they_make() -> None:
    text = " ".join(ok("train", "--help").split())
    assert f"--recipe [{'|'.join(recipes.read())}|list]" in text
    changed = " ".join(ok("train", "--recipe", "lecture", "--help").split())
    assert "[default: 256]" in text and "[default: 100]" in changed.split("--hidden INTEGER")[1].split("--layers")[0]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["names.txt", "--recipe", "soup"], "soup"),
        (["--resume", "--recipe", "small"], "--recipe"),
        (["names.txt", "--recipe", "lecture", "--cell", "lstm"], "--cell elman or jordan or conv (--recipe lecture"),
    ],
)
def test_what_makes_no_sense_is_refused(new: Path, args: list[str], message: str) -> None:
    assert message in refused(2, "train", *args)
    assert sorted(path.name for path in new.iterdir()) == ["names.txt"]


@pytest.mark.parametrize(
    ("found", "message"),
    [({"hiden": 3}, "hiden"), ({"hidden": "many"}, "'many'")],
)
def test_a_recipe_that_is_none_is_refused(
    new: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, Any], message: str
) -> None:
    file = new / "recipes.json"
    file.write_text(json.dumps({"mine": {"about": "a mistake", "options": found}}))
    monkeypatch.setattr(recipes, "FILE", file)
    recipes.read.cache_clear()
    try:
        assert message in refused(2, "train", "names.txt", "--recipe", "mine")
    finally:
        recipes.read.cache_clear()
