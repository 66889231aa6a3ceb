"""Types of options' values, whose messages say what to give."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from ...options import plain, within

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class OneOf(click.Choice):  # type: ignore[type-arg]
    """One of some words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value not in self.choices:
            self.fail(f"is {value!r}: choose one of {', '.join(map(str, self.choices))}", param, ctx)
        return value


class Number(click.ParamType):  # type: ignore[type-arg]
    """A number, within bounds if there are any; both are allowed."""

    def __init__(self, kind: type[int] | type[float], low: float | None = None, high: float | None = None):
        self.kind, self.low, self.high = kind, low, high
        self.name = "integer" if kind is int else "float"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            number = self.kind(value)
        except (ValueError, OverflowError):
            self.fail(f"is {value!r}: give a {'whole number' if self.kind is int else 'number'}", param, ctx)
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            self.fail(f"is {plain(number)}: {within(self.low, self.high)}", param, ctx)
        return number


def of(kind: Any, choices: Iterable[str] | None = None) -> Any:
    """The type of an option: one of some words, a number, or whatever `kind` is."""
    if choices:
        return OneOf(list(choices))
    return Number(kind) if kind in (int, float) else kind


class File(click.ParamType):  # type: ignore[type-arg]
    """A file or a folder, which a shell completes; - and names that are none are taken too."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":  # of a variable that is not set, say
            self.fail("is '': give a name, or leave it out", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem  # not before it is needed

        return [CompletionItem(incomplete, type="file")]


class RunName(File):
    """A run's name, folder or file: a shell completes the names of all runs, or files where none begins so."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        from ...runs import names

        found = names.below(ctx.params.get("runs") or names.RUNS)
        return [CompletionItem(name) for name in found if name.startswith(incomplete)] or super().shell_complete(
            ctx, param, incomplete
        )
