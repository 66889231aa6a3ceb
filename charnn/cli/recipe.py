"""--recipe: options by name. The file of recipes is read only where one is named, listed, or help asked for."""

from typing import TYPE_CHECKING, Any

import click

from . import streams
from .shell.help import Option

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

LIST = "list"


class Named(click.ParamType):  # type: ignore[type-arg]
    """The name of a recipe."""

    name = "recipe"

    def get_metavar(self, param: click.Parameter, *_: Any, **__: Any) -> str:  # as click 8.1 and later ask
        from ..training import recipes

        return f"[{'|'.join((*recipes.read(), LIST))}]"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem  # not before it is needed

        from ..training import recipes

        names = {**{name: recipe.about for name, recipe in recipes.read().items()}, LIST: "Show all recipes"}
        return [CompletionItem(name, help=about) for name, about in names.items() if name.startswith(incomplete)]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from ..training import recipes

        return value if value == LIST else recipes.named(value).name


def fields(name: str | None) -> dict[str, Any]:
    """The options of a recipe by the names of the configs' fields; none without a name."""
    from ..training import recipes

    return recipes.named(name).fields if name else {}


def words(name: str) -> str:
    """The options of a recipe as a shell reads them."""
    from ..training import recipes

    return str(recipes.named(name))


def _follow(ctx: click.Context, param: click.Parameter, name: str | None) -> str | None:
    """Make a recipe's options the defaults of all others, or write what recipes there are."""
    if name is None:
        return None
    from ..training import recipes

    if name == LIST and not ctx.resilient_parsing:
        streams.write("".join(f"{r.name}: {r.about}\n    {r}\n" for r in recipes.read().values()))
        ctx.exit()
    found = {} if name == LIST else fields(name)
    ctx.default_map = {**(ctx.default_map or {}), **found}
    return name


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
