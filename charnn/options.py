"""Options of a configuration: a default, a help text, bounds and choices, checked when a configuration is made."""

from collections.abc import Collection, Iterable
from dataclasses import field, fields
from math import isfinite
from typing import Any

from .errors import UsageError


def option(default: Any, help: str, *, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """A field with its help text, its bounds (both allowed), its `choices`, or the `form` that every way of writing it
    is brought into, for the command line to read."""
    return field(default=default, metadata={"help": help, "low": low, "high": high, **more})


class Checked:
    """Dataclasses that refuse values out of bounds when they are made."""

    def __post_init__(self) -> None:
        for spec in fields(self):  # type: ignore[arg-type]
            if form := spec.metadata.get("form"):
                object.__setattr__(self, spec.name, form(getattr(self, spec.name)))
            check_value(spec.name, getattr(self, spec.name), spec.metadata)

    def _decide(self, key: str) -> None:
        """Options `of` some choices of the option `key` take their default for this one; others refuse them."""
        choice = getattr(self, key)
        for spec in fields(self):  # type: ignore[arg-type]
            of = spec.metadata.get("of")
            if of and getattr(self, spec.name) is None:
                object.__setattr__(self, spec.name, of.get(choice))
            elif of and choice not in of:
                raise no_effect(spec.name, key, choice, of)

    def refuse_idle(self, asked: Collection[str]) -> None:
        """Raise `UsageError` for one of the options asked for that works with other choices of a second one `only`."""
        for spec in fields(self):  # type: ignore[arg-type]
            key, choices = spec.metadata.get("only", ("", ()))
            if key and spec.name in asked and getattr(self, key) not in choices:
                raise no_effect(spec.name, key, getattr(self, key), choices)


def no_effect(name: str, key: str, choice: str, choices: Iterable[str]) -> UsageError:
    """That an option has no effect where another one is this choice, rather than one of some others."""
    return UsageError(
        f"--{name.replace('_', '-')} has no effect on --{key} {choice}: leave it out, or choose "
        f"--{key} {' or '.join(choices)}"
    )


def check_value(name: str, value: Any, bounds: Any) -> None:
    """Raise `UsageError` for a value out of its bounds or choices, nan and inf included."""
    flag = "--" + name.replace("_", "-")
    choices, low, high = bounds.get("choices"), bounds.get("low"), bounds.get("high")
    if choices is not None and value not in choices and not (value is None and "of" in bounds):
        raise UsageError(f"{flag} is {value!r}: choose one of {', '.join(choices)}")
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, float) and not isfinite(value):
        raise UsageError(f"{flag} is {value}: give a finite number")
    if (low is not None and value < low) or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"from {low} to {high}"
        raise UsageError(f"{flag} is {value}: give a number {limits}")
