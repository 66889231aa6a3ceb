"""Recipes: options of `charnn train` by name. They are data, in recipes.json, by the names of the command line."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from ..config import ModelConfig, TrainConfig
from ..errors import UsageError, did_you_mean
from ..options import own

KINDS = ModelConfig, TrainConfig  # whose options a recipe has
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


def from_table(name: str, table: Any) -> Recipe:
    """A recipe of one's own, from a table of options by their names, and `about`. Raises `UsageError`."""
    from ..io.header import typed  # not before it is needed: it imports NumPy

    if not isinstance(table, dict):
        raise UsageError(f"the recipe {name} is {table!r}: give a table of options")
    found = Recipe(name, str(table.get("about", "an own recipe")), {k: v for k, v in table.items() if k != "about"})
    for kind in KINDS:
        formed = {spec.name for spec in fields(kind) if "form" in spec.metadata}  # which their form checks
        try:
            typed(kind, {key: value for key, value in own(kind, found.fields).items() if key not in formed})
        except ValueError as error:
            raise UsageError(f"the recipe {name} cannot be used: {error}") from None
    return found


def named(name: str | Recipe, known: Mapping[str, Recipe] | None = None) -> Recipe:
    """The recipe of this name, of those known, or a recipe itself.

    Raises `UsageError` where there is none, and for options that it cannot have.
    """
    known = read() if known is None else known
    if isinstance(name, str) and name not in known:
        raise UsageError(
            f"there is no recipe {name}{did_you_mean(name, known) or ': choose one of ' + ', '.join(known)}"
        )
    found = known[name] if isinstance(name, str) else name
    options = {spec.name for kind in KINDS for spec in fields(kind)}
    if stray := found.fields.keys() - options:
        raise UsageError(f"the recipe {found.name} has {min(stray)}, which is no option of a network or its training")
    return found
