"""Help in groups: the options that matter first, the others under headings, or by name until --help-all."""

from collections.abc import Iterable
from typing import Any

import click

from ...errors import UsageError
from . import layout, settings

TITLES = 28  # columns of titles that stand before names of options
OPTIONS, MORE = "Options", "More options, explained by --help-all"


class Option(click.Option):
    """An option of a group. A `chief` one is among those that help shows first."""

    def __init__(self, *args: Any, group: str = "", chief: bool = False, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.group, self.chief = group, chief


class Command(click.Command):
    """A command whose help has its options in groups, in the order of `groups`; those of other groups come first.

    If some are chief, help explains those alone and names the others, and --help-all explains all. Options that were
    not typed can be set apart: see `settings`.
    """

    context_class = layout.Context

    def __init__(self, *args: Any, groups: Iterable[str] = (), **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.groups = tuple(groups)
        self.brief = any(getattr(param, "chief", False) for param in self.params)
        if self.brief:
            show_all: dict[str, Any] = {"is_flag": True, "is_eager": True, "expose_value": False, "callback": _help_all}
            self.params.append(click.Option(["--help-all"], help="Show all options, and exit.", **show_all))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        settings.find(self, ctx, args)
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            settings.apply(self, ctx)
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise settings.explained(ctx, error) from None

    def grouped(self, ctx: click.Context) -> dict[str, list[click.Parameter]]:
        """The options that are not hidden, by the headings of their groups, in the order of the help."""
        found: dict[str, list[click.Parameter]] = {OPTIONS: [], **{title: [] for title in self.groups}}
        for param in self.get_params(ctx):
            if param.get_help_record(ctx) is not None:
                found.get(getattr(param, "group", ""), found[OPTIONS]).append(param)
        return {title: params for title, params in found.items() if params}

    def chief(self, ctx: click.Context) -> list[click.Parameter]:
        """The options that help shows first, and those of no group."""
        first = [param for params in self.grouped(ctx).values() for param in params if getattr(param, "chief", False)]
        return first + self.grouped(ctx).get(OPTIONS, [])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if not self.brief or ctx.meta.get(__name__):
            for title, params in self.grouped(ctx).items():
                with formatter.section(title):
                    formatter.write_dl(_records(params, ctx))
            return
        with formatter.section(OPTIONS):
            formatter.write_dl(_records(self.chief(ctx), ctx))
        formatter.write(f"\n{MORE}:\n")
        for title, params in self.grouped(ctx).items():
            names = [max(param.opts, key=len) for param in params if not getattr(param, "chief", False)]
            if names and title != OPTIONS:
                formatter.write(_filled(title, names, formatter.width))


def _filled(title: str, names: Iterable[str], width: int) -> str:
    """Names after a title, on lines that break between them."""
    from textwrap import fill

    first, rest = f"  {title:<{TITLES}}", " " * (TITLES + 2)
    lines = fill(" ".join(names), width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return f"{lines}\n"


def _records(params: Iterable[click.Parameter], ctx: click.Context) -> list[tuple[str, str]]:
    return [record for param in params if (record := param.get_help_record(ctx))]


def _help_all(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Show the help with all options."""
    if value and not ctx.resilient_parsing:
        ctx.meta[__name__] = True
        click.echo(ctx.get_help(), color=ctx.color)
        ctx.exit()
