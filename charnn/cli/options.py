"""Options of commands, read from the config dataclasses, so that help, defaults and code cannot disagree."""

import types
from collections.abc import Callable, Collection
from dataclasses import MISSING, fields
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import click

from ..config import EvalConfig, ModelConfig, ReadConfig, SampleConfig, TrainConfig
from ..options import C, Checked, bounds, help_text, old_names, own
from .shell import settings
from .shell import types as value_types
from .shell.groups import CHIEF, RUN, group_of
from .shell.help import Option

F = TypeVar("F", bound=Callable[..., Any])
RENAMED = {"out": "runs", **old_names(TrainConfig, EvalConfig)}  # options of version 0.1, and what they are called now
SHORT = {"count": ("-n", "--count"), "temp": ("--temp", "--temperature"), "otherwise": ("--else", "--otherwise")}

model = click.option(
    "-m",
    "--model",
    type=value_types.RunName(),
    metavar="RUN",
    help="Run's name, folder or file; the newest run by default.",
    cls=Option,
    group=RUN,
)
runs = click.option(
    "--runs",
    type=value_types.File(),
    default="checkpoints",
    metavar="DIR",
    show_default=True,
    help="Folder of all runs.",
    cls=Option,
    group=RUN,
)


def present(name: str) -> str:
    """An option's present name, where it is spelt as version 0.1 spelt it."""
    old = name.replace("-", "_")
    return RENAMED[old].replace("_", "-") if old in RENAMED else name


def grouped(group: str, *names: str, **kwargs: Any) -> Callable[[F], F]:
    """An option of a group."""
    return click.option(*names, cls=Option, group=group, **kwargs)


def choice(flag: str, choices: tuple[str, ...], help: str) -> Callable[[F], F]:
    """An option whose first choice is the default."""
    return click.option(flag, type=value_types.OneOf(choices), default=choices[0], show_default=True, help=help)


def config_options(*kinds: type[Checked], only: Collection[str] = ()) -> Callable[[F], F]:
    """An option for every field of these dataclasses, or for some of them."""

    def decorate(function: F) -> F:
        for kind in reversed(kinds):
            hints = get_type_hints(kind)
            for spec in reversed(fields(kind)):
                if only and spec.name not in only:
                    continue
                assert spec.default is not MISSING
                flag = "--" + spec.name.replace("_", "-")
                names = SHORT.get(spec.name, (flag,))
                kwargs: dict[str, Any] = {"default": spec.default, "help": _sentence(help_text(kind, spec))}
                kwargs |= {"cls": Option, "group": group_of(kind, spec), "chief": spec.name in CHIEF}
                if (hint := _without_none(hints[spec.name])) is bool:
                    switch = spec.default or kind in (ModelConfig, TrainConfig)  # what a recipe may have switched on
                    names = (f"{flag}/--no-{flag[2:]}",) if switch else (flag,)
                    kwargs["is_flag"] = True
                else:
                    kwargs["type"] = value_types.of(hint, spec.metadata.get("choices"))
                if "form" in spec.metadata:
                    kwargs |= {"callback": _written(spec.metadata["form"]), "type": str}
                    kwargs["metavar"] = "TIME" if hint is float else None
                kwargs["show_default"] = spec.default is not None and spec.default != ""
                function = click.option(*names, spec.name, **kwargs)(function)
        return function

    return decorate


def numbers(kind: type[Checked], *names: str) -> Callable[[F], F]:
    """Options for some numbers of a dataclass, refused beyond their bounds before anything is read."""

    def decorate(function: F) -> F:
        for name in reversed(names):
            about = bounds(kind, name)
            number = value_types.Number(get_type_hints(kind)[name], about["low"], about["high"])
            default, help = about["default"], _sentence(about["help"])
            function = click.option(f"--{name}", type=number, default=default, show_default=True, help=help)(function)
        return function

    return decorate


unknown, invalid = config_options(SampleConfig, only=("unknown",)), config_options(ReadConfig, only=("invalid",))


def _written(form: Callable[[Any], Any]) -> Callable[..., Any]:
    """A callback that brings an option's value into this form."""
    return lambda ctx, param, value: form(value)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (kind for kind in get_args(hint) if kind is not type(None))
    return hint


def given(ctx: click.Context) -> dict[str, Any]:
    """The options that were given on the command line or set apart, not left at their defaults."""
    sources = settings.TYPED, settings.APART
    return {name: value for name, value in ctx.params.items() if ctx.get_parameter_source(name) in sources}


def config(params: dict[str, Any], kind: type[C]) -> C:
    """A config of the options that are its fields. Raises `UsageError` where some were given that have no effect."""
    found = kind(**own(kind, params))
    found.refuse_idle(given(click.get_current_context()))
    return found
