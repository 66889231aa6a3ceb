"""A row of the table `conflicts`, and the kinds of rows that there are several of."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Conflict(NamedTuple):
    """A row: options, when their values do not go together, why, and what to do. `says` can name values in braces,
    and `flag`, the first option as it is typed.

    With `asked` the first of the options has to be asked for: its default goes together with all others.
    """

    options: tuple[str, ...]
    when: Callable[..., Any]
    says: str
    do: str = "leave it out"
    asked: bool = False


def new_run(name: str) -> Conflict:
    """An option that a run is begun with."""
    do = "leave it out, or --resume; --minutes says how long to go on"
    return Conflict((name, "resume"), lambda _, resume: resume, f"--{name} is for new runs", do, asked=True)


def time(name: str) -> Conflict:
    """An option that a budget stands for."""
    says = f"--budget and --{name} both say how long to train"
    return Conflict((name, "budget"), lambda _, budget: budget, says, "leave one of them out", asked=True)


def both(name: str, other: str, says: str, do: str = "leave it out") -> Conflict:
    """Two options of which one alone can be given."""
    return Conflict((name, other), lambda value, beside: bool(value) and bool(beside), says, do)


def needs(name: str, other: str) -> Conflict:
    """An option that has no effect without another one."""
    flag = f"--{name.replace('_', '-')}"
    do = f"add it, or leave {flag} out"
    return Conflict((name, other), lambda _, value: value is None, f"{flag} needs --{other}", do, asked=True)


def between_layers(name: str, plain: Any) -> Conflict:
    """An option of what lies between two layers."""
    says = f"--{name.replace('_', '-')} has no effect on --layers 1, which has nothing between its layers"
    do = "leave it out, or choose --layers 2 or more"
    return Conflict((name, "layers"), lambda value, layers: value not in (None, plain) and layers == 1, says, do)


def without(name: str, other: str, choice: Any) -> Conflict:
    """An option that has no effect with this choice of another one."""
    with_ = f"--{other.replace('_', '-')}"
    says = f"{{flag}} has no effect with {with_ if choice is True else f'{with_} {choice}'}"
    return Conflict((name, other), lambda _, value: value == choice, says, asked=True)


def of_tasks(name: str, *tasks: str) -> Conflict:
    """An option of some tasks alone: of windows, of ends, of what is fed back."""
    says = "{flag} has no effect on --task {task}"
    do = f"leave it out, or choose --task {' or '.join(tasks)}"
    return Conflict((name, "task"), lambda _, task: task not in tasks, says, do, True)
