"""--recipe: options by name. The file of recipes is read only where one is named, listed, or help asked for."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from . import streams
from .shell import settings
from .shell.help import Option

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from ..training.recipes import Recipe

LIST = "list"


class Named(click.ParamType):  # type: ignore[type-arg]
    """The name of a recipe."""

    name = "recipe"

    def get_metavar(self, param: click.Parameter, *_: Any, **__: Any) -> str:  # as click 8.1 and later ask
        from ..training import recipes

        return f"[{'|'.join((*recipes.read(), LIST))}]"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem  # not before it is needed

        names = {**{name: recipe.about for name, recipe in known(ctx).items()}, LIST: "Show all recipes"}
        return [CompletionItem(name, help=about) for name, about in names.items() if name.startswith(incomplete)]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if value == LIST else named(ctx, value).name


def known(ctx: click.Context | None) -> "dict[str, Recipe]":
    """All recipes by name: those of charnn, and own ones of a charnn.toml."""
    from ..training import recipes

    tables = settings.of(ctx).recipes.items() if ctx else ()
    return {**recipes.read(), **{name: recipes.from_table(name, table) for name, table in tables}}


def named(ctx: click.Context | None, name: str) -> "Recipe":
    """A recipe by its name. Raises `UsageError` where there is none."""
    from ..training import recipes

    return recipes.named(name, known(ctx))


def _follow(ctx: click.Context, param: click.Parameter, name: str | None) -> str | None:
    """Make a recipe's options the defaults of all others, or write what recipes there are."""
    if name is None:
        return None
    if name == LIST and not ctx.resilient_parsing:
        _list(known(ctx).values())
        ctx.exit()
    found = {} if name == LIST else named(ctx, name).fields
    ctx.default_map = {**(ctx.default_map or {}), **found}
    return name


def _list(recipes: "Iterable[Recipe]") -> None:
    """Write what recipes there are; on a terminal on lines that end between words."""
    if streams.is_terminal():
        from ..terminal import tables

        tables.facts((one.name, f"{one.about}\n{one}") for one in recipes)
    else:
        streams.write("".join(f"{one.name}: {one.about}\n    {one}\n" for one in recipes))


option = click.option(
    "--recipe",
    type=Named(),
    callback=_follow,
    is_eager=True,
    cls=Option,
    group="Run",
    chief=True,
    help="Use a named set of options; options you give override it. `--recipe list` shows all.",
)
