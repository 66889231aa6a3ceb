"""Recipes: options of `charnn train` by name. They are data, in recipes.json, by the names of the command line."""

import json
import shlex
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from ..config import ModelConfig, TrainConfig
from ..errors import UsageError

FILE = Path(__file__).with_name("recipes.json")


@dataclass(frozen=True)
class Recipe:
    """What a recipe is for, in a line, and values of options; any of `ModelConfig` and `TrainConfig`."""

    name: str
    about: str
    options: dict[str, Any]

    @property
    def fields(self) -> dict[str, Any]:
        """The options by the names of the configs' fields."""
        return {name.replace("-", "_"): value for name, value in self.options.items()}

    def __str__(self) -> str:
        """The options as a shell reads them."""
        words = []
        for name, value in self.options.items():
            on_off = f"--{name}" if value else f"--no-{name}"
            words.append(on_off if isinstance(value, bool) else f"--{name} {shlex.quote(str(value))}")
        return " ".join(words)


@cache
def read() -> dict[str, Recipe]:
    """All recipes by their names, as the file has them."""
    return {name: Recipe(name, **recipe) for name, recipe in json.loads(FILE.read_text("utf-8")).items()}


def named(name: str) -> Recipe:
    """The recipe of this name. Raises `UsageError` where there is none, and for options that it cannot have."""
    if name not in read():
        raise UsageError(f"there is no recipe {name}: choose one of {', '.join(read())}")
    found, options = read()[name], {spec.name for kind in (ModelConfig, TrainConfig) for spec in fields(kind)}
    if stray := found.fields.keys() - options:
        raise UsageError(f"{FILE} has {min(stray)} in {name}, which is no option of a network or its training")
    return found
