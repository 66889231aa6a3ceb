"""Options that are set apart from the command line: by variables CHARNN_*, and in a charnn.toml.

An option comes from the first of these that has it: the command line, a recipe that is named there, a variable,
charnn.toml, the default. `--resume` takes the options of its run instead of those that are set apart.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from ...errors import UsageError, did_you_mean
from ...io.handle import read_text
from ...options import flag
from . import messages
from .types import File

FILE = "charnn.toml"
MAX_BYTES = 1 << 20  # of that file
PART = r"""(?:"[^"\n]*"|'[^'\n]*'|[\w-]+)"""  # of a key
LONG_KEY = rf"(?m)^[ \t]*\[*[ \t]*(?:{PART}[ \t]*\.[ \t]*){{16}}"  # read in quadratic time by Python
ALL = "runs"  # an option that all commands share: CHARNN_RUNS, and a line before the tables of charnn.toml
RECIPES = "recipes"  # a table of own recipes
TIMES = {"budget", "minutes", "epochs", "steps"}  # one of which stands for the others
KEY = __name__
TYPED_ALONE = {"resume", "interactive", "yes", "output"}  # what a file that lies somewhere does not decide
SHOWN = 12  # options that a message lists
TYPED = click.core.ParameterSource.COMMANDLINE
APART = click.core.ParameterSource.ENVIRONMENT  # what options have as their source that come from here


@dataclass
class Settings:
    """A charnn.toml, if there is one, and what was taken from it: options by name."""

    path: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    taken: dict[str, Any] = field(default_factory=dict)

    def table(self, words: Collection[str]) -> Mapping[str, Any]:
        """The table of a command, given by its words, with what is set for all commands."""
        found: Any = self.values
        for word in words:
            found = found.get(word, {}) if isinstance(found, Mapping) else {}
        shared = {ALL: self.values[ALL]} if ALL in self.values else {}
        return {**shared, **(found if isinstance(found, Mapping) else {})}

    @property
    def recipes(self) -> Mapping[str, Any]:
        """Own recipes: tables of options, by name."""
        found = self.values.get(RECIPES, {})
        return found if isinstance(found, Mapping) else {}

    def __str__(self) -> str:
        """What was taken, in a line; nothing where nothing was."""
        words = " ".join(f"{flag(name)} {value}" for name, value in self.taken.items())
        return f"{self.path}: {words}" if words else ""


def of(ctx: click.Context) -> Settings:
    """What a command found."""
    found: Settings = ctx.meta.get(KEY) or Settings()
    return found


def find(command: click.Command, ctx: click.Context, args: list[str]) -> None:
    """Read the charnn.toml beside the first text of a command, or in the current folder."""
    try:
        typed = command.make_parser(ctx).parse_args(list(args))[0]
    except click.UsageError:  # which is raised once more, and reported
        typed = {}
    folders = [Path()]
    for param in command.params:
        if isinstance(param, click.Argument) and isinstance(param.type, File):
            given = typed.get(str(param.name))
            first = given if isinstance(given, str) else next(iter(given or ()), None) if _many(given) else None
            folders[:0] = [Path(first).parent] if isinstance(first, str) else []
    path = next((path for folder in folders if (path := folder / FILE).is_file()), None)
    try:
        ctx.meta[KEY] = Settings(path, _read(path, ctx)) if path else Settings()
    except UsageError:
        if not ctx.resilient_parsing:  # a shell that completes a line reports nothing
            raise


def _many(given: Any) -> bool:
    return isinstance(given, list | tuple)


def _read(path: Path, ctx: click.Context) -> dict[str, Any]:
    """The tables of a file. Raises `UsageError` for what is no TOML, and for tables that are of no command."""
    import tomllib  # not before there is a file

    try:
        if re.search(LONG_KEY, text := read_text(path, MAX_BYTES)):
            raise ValueError("a key has more than 16 parts")
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of UTF-8 and of numbers too long for Python, too
        raise UsageError(f"{path} is no TOML: {error}") from None
    root = ctx.find_root().command
    known = [*(root.list_commands(ctx) if isinstance(root, click.Group) else ()), RECIPES, ALL]
    for name, value in found.items():
        if name not in known or isinstance(value, Mapping) != (name != ALL):
            near = did_you_mean(name, known) if name not in known else ""
            rest = near or f": give tables like [train] and [{RECIPES}.NAME], or {ALL}"
            raise UsageError(f"{path} has {name}{rest}")
        group = root.get_command(ctx, name) if isinstance(root, click.Group) and name != RECIPES else None
        if isinstance(group, click.Group):
            _check_group(path, name, value, list(group.commands))
    return found


def _check_group(path: Path, group: str, tables: Mapping[str, Any], commands: list[str]) -> None:
    """Raise `UsageError` for what is no table of one of the commands of a group."""
    for name, value in tables.items():
        if name not in commands or not isinstance(value, Mapping):
            near = did_you_mean(name, commands) if name not in commands else ""
            raise UsageError(f"{path} has {group}.{name}{near or f': give tables like [{group}.{commands[0]}]'}")


def apply(command: click.Command, ctx: click.Context) -> None:
    """Set options that were not typed. Raises `UsageError` for one that the command does not have, or a wrong value."""
    settings, words = of(ctx), ctx.command_path.split()[1:]
    prefix = "_".join(["CHARNN", *words]).upper().replace("-", "_") + "_"
    variables = dict(_variables(prefix))
    options = {key: p for p in command.params if isinstance(p, click.Option) and _can_be_set(p) for key in _keys(p)}
    table = {name.replace("-", "_"): value for name, value in settings.table(words).items()}
    for found, where in ((variables, "the environment"), (table, settings.path)):
        for name in found.keys() - options.keys() - {ALL, *_groups(command)}:
            near = did_you_mean(name, options) or _listed(ctx, options)
            raise UsageError(f"{where} sets {name}, which is no option of `{ctx.command_path}`{near}")
    kept = _decided(ctx)
    for name, param in options.items():
        if param.name in kept or (ctx.params.get("resume") and name != ALL):
            continue
        if name in variables or name in table:
            value, where = (variables[name], "the environment") if name in variables else (table[name], settings.path)
            ctx.params[str(param.name)] = _converted(ctx, param, value, where)
            ctx.set_parameter_source(str(param.name), APART)
            if name not in variables:
                settings.taken[name] = value


def explained(ctx: click.Context, error: UsageError) -> UsageError:
    """The same error, with the options it names that were not typed, and where they are set."""
    taken, path = of(ctx).taken, of(ctx).path
    apart = [name for name in ctx.params if ctx.get_parameter_source(name) == APART]
    named = [name for name in apart if f"{flag(name)} " in f"{error} "]
    told = ", ".join(f"{flag(name)} is set in {path if name in taken else 'the environment'}" for name in named)
    return UsageError(f"{error} ({told})") if told else error


def _variables(prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in os.environ.items():
        if name.startswith(prefix):
            yield name.removeprefix(prefix).lower(), value
    if (runs := os.environ.get(f"CHARNN_{ALL.upper()}")) is not None:
        yield ALL, runs


def _can_be_set(param: click.Option) -> bool:
    """Options with a value, or of yes and no; none that shows something and ends, but a recipe."""
    plain = (not param.is_flag or param.is_bool_flag) and param.expose_value
    return plain and param.name not in TYPED_ALONE


def _keys(param: click.Option) -> list[str]:
    """What an option is called in a file and, in capitals, in a variable: as it is typed, with _ between words."""
    return [name.removeprefix("--").replace("-", "_") for name in param.opts if name.startswith("--")]


def _groups(command: click.Command) -> list[str]:
    return list(command.commands) if isinstance(command, click.Group) else []


def _listed(ctx: click.Context, options: Mapping[str, Any]) -> str:
    """What options there are, or where to read of them."""
    if len(options) > SHOWN:
        return f": `{ctx.command_path} --help-all` shows all"
    return f": give one of {', '.join(options)}" if options else ": leave it out"


def _decided(ctx: click.Context) -> set[str]:
    """Options that were typed, and those of a recipe that was; one of a time decides the others."""
    found = {name for name in ctx.params if ctx.get_parameter_source(name) == TYPED}
    if "recipe" in found:
        found |= set(ctx.default_map or {})
    return found | TIMES if found & TIMES else found


def _converted(ctx: click.Context, param: click.Option, value: Any, where: Any) -> Any:
    """A value as the command line would have it."""
    try:
        if param.is_flag and isinstance(value, str) and value.strip().lower() not in click.BOOL.bool_states:
            raise click.BadParameter(f"is {value!r}: give true or false", ctx, param)
        if not isinstance(value, str) and isinstance(value, bool) != param.is_flag:
            raise click.BadParameter(f"is {value}: give {'true or false' if param.is_flag else 'a value'}", ctx, param)
        return param.process_value(ctx, value if isinstance(value, bool) else str(value))
    except click.BadParameter as error:
        raise UsageError(f"{messages.one_line(error)} (in {where})") from None
    except UsageError as error:
        raise UsageError(f"{error} (in {where})") from None
