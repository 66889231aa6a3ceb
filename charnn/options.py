"""Options of a configuration: a default, a help text, bounds and choices, checked when a configuration is made."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from functools import wraps
from math import isfinite
from numbers import Integral, Real
from types import MappingProxyType, NoneType
from typing import Any, TypeVar, get_args

from .errors import UsageError, brief, expect


def option(default: Any, help: str, *, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """A field with its help text and its bounds, both allowed, for the command line to read. `more` are:

    choices: the values allowed, or a table of them (`choices.Choice`) that says which options each has
    of: the option whose choice has this one; with all other choices the value is None
    only: the same, but the value stays; only asking for it is refused
    form: what every way of writing a value is brought into
    says: how a description names a value that is not the default
    needs: the option that has to be given too
    was: an earlier name, which stays allowed
    """
    start = None if "of" in more else default
    return field(default=start, metadata={"help": help, "default": default, "low": low, "high": high, **more})


@dataclass(frozen=True)
class Checked:
    """Dataclasses that refuse values out of bounds when they are made."""

    def __init_subclass__(cls) -> None:
        """Make a field of each option that a row of a table of choices has of its own."""
        for key, spec in list(vars(cls).items()):
            table = spec.metadata.get("choices") if isinstance(spec, Field) else None
            for choice in table.values() if isinstance(table, Mapping) else ():
                for name, own in choice.own.items():
                    if name not in cls.__annotations__:
                        cls.__annotations__[name] = type(own.metadata["default"]) | None
                        setattr(cls, name, field(default=None, kw_only=True, metadata={**own.metadata, "of": key}))

    def __post_init__(self) -> None:
        for spec in fields(self):
            if form := spec.metadata.get("form"):
                try:
                    object.__setattr__(self, spec.name, form(getattr(self, spec.name)))
                except (TypeError, AttributeError):
                    raise _of_no_type(spec.name, getattr(self, spec.name), spec.type) from None
            self._check_type(spec.name, spec.type)
            value, bounds = getattr(self, spec.name), spec.metadata
            key = bounds.get("of")
            if key and (own := choices(type(self), key)[getattr(self, key)].own.get(spec.name)):
                bounds = own.metadata
            if value is not None or spec.default is not None:
                check_value(spec.name, value, bounds)
            if key:
                self._fill_default(spec.name, key, bounds["default"])

    def _check_type(self, name: str, hint: Any) -> None:
        """Raise `UsageError` for a value of another type. NumPy's numbers become Python's."""
        value: Any = getattr(self, name)
        kinds: tuple[Any, ...] = get_args(hint) or (hint,)
        if kinds == (NoneType,) or type(value) in kinds or (float in kinds and type(value) is int):
            return
        if int in kinds and isinstance(value, Integral) and not isinstance(value, bool):
            object.__setattr__(self, name, int(value))
        elif float in kinds and isinstance(value, Real) and not isinstance(value, bool):
            object.__setattr__(self, name, float(value))
        else:
            raise _of_no_type(name, value, hint)

    def _fill_default(self, name: str, key: str, default: Any) -> None:
        """An option of some choices takes its default where one of them is made; others refuse it."""
        having = having_effect(type(self), key, name)
        if getattr(self, key) not in having:
            if getattr(self, name) is not None:
                raise no_effect(name, key, getattr(self, key), having)
        elif getattr(self, name) is None:
            object.__setattr__(self, name, default)

    def options_of(self, key: str) -> dict[str, Any]:
        """The options that the choice made by the option `key` has: keyword arguments of its code."""
        return {name: getattr(self, name) for name in choices(type(self), key)[getattr(self, key)].options}

    def refuse_idle(self, asked: Collection[str]) -> None:
        """Raise `UsageError` for one of the options asked for that works with other choices of a second one `only`."""
        for spec in fields(self):
            key, needed = spec.metadata.get("only"), spec.metadata.get("needs")
            if needed and spec.name in asked and not getattr(self, needed):
                raise UsageError(f"{flag(spec.name)} needs {flag(needed)}: add it, or leave {flag(spec.name)} out")
            if key and spec.name in asked:
                having = having_effect(type(self), key, spec.name)
                if getattr(self, key) not in having:
                    raise no_effect(spec.name, key, getattr(self, key), having)


def _of_no_type(name: str, value: Any, hint: Any) -> UsageError:
    kinds = [kind.__name__ for kind in get_args(hint) or (hint,) if kind is not type(None)]
    return UsageError(f"{flag(name)} is {brief(value)}, of type {type(value).__name__}: give {' or '.join(kinds)}")


C = TypeVar("C", bound=Checked)


def choices(kind: type, key: str) -> Any:
    """What an option of a configuration can be."""
    return bounds(kind, key)["choices"]


def having_effect(kind: type, key: str, name: str) -> list[str]:
    """The choices of the option `key` with which another option has an effect."""
    return [choice for choice, row in choices(kind, key).items() if name in row.options]


def help_text(kind: type, spec: Any) -> str:
    """What an option is, the choices that it has an effect with, and its default where it depends on them."""
    about, name = spec.metadata, spec.name
    key = about.get("of") or about.get("only")
    if not key:
        return str(about["help"])
    having, table = having_effect(kind, key, name), choices(kind, key)
    found = {choice: table[choice].own.get(name, spec).metadata["default"] for choice in having if "of" in about}
    defaults = dict.fromkeys(default for default in found.values() if default is not None)
    if len(defaults) > 1:
        default = "; default: " + ", ".join(f"{default} for {choice}" for choice, default in found.items())
    else:
        default = "".join(f"; default: {default}" for default in defaults)
    return f"{about['help']} (--{key} {' or '.join(having)}{default})"


def no_effect(name: str, key: str, choice: str, choices: Iterable[str]) -> UsageError:
    """That an option has no effect where another one is this choice, rather than one of some others."""
    return UsageError(
        f"{flag(name)} has no effect on {flag(key)} {choice}: leave it out, or choose {flag(key)} "
        f"{' or '.join(choices)}"
    )


UNITS = {"h": 3600, "m": 60, "s": 1}  # seconds
PARTS = re.compile("".join(rf"(?:(?P<{unit}>\d+(?:\.\d+)?){unit})?" for unit in UNITS))


def duration(text: str) -> float | None:
    """A time like 90s, 10m, 1h30m, or a number of minutes, in seconds; None for anything else."""
    parts = PARTS.fullmatch(text + "m" if re.fullmatch(r"\d+(\.\d+)?", text) else text)
    return sum(float(parts[unit] or 0) * each for unit, each in UNITS.items()) if parts and text else None


def flag(name: str) -> str:
    """An option's name on the command line."""
    return "--" + name.replace("_", "-")


def typed(name: str, value: Any) -> str:
    """An option's name as it is typed for a value: --no-bias where a switch is off."""
    return f"--no-{flag(name)[2:]}" if value is False else flag(name)


def old_names(*kinds: type) -> dict[str, str]:
    """Earlier names of these configurations' options, and what each is called now."""
    return {spec.metadata["was"]: spec.name for kind in kinds for spec in fields(kind) if "was" in spec.metadata}


def bounds(kind: type, name: str) -> Mapping[str, Any]:
    """The bounds and choices of an option."""
    found: Mapping[str, Any] = kind.__dataclass_fields__[name].metadata  # type: ignore[attr-defined]
    return found


def check_value(name: str, value: Any, bounds: Any) -> None:
    """Raise `UsageError` for a value out of its bounds or choices, nan and inf included."""
    choices, low, high = bounds.get("choices"), bounds.get("low"), bounds.get("high")
    if choices is not None and value not in choices:
        raise UsageError(f"{flag(name)} is {value!r}: choose one of {', '.join(choices)}")
    if value is None or isinstance(value, str | bool):
        return
    if not issubclass(kind := type(value), Real):
        raise UsageError(f"{flag(name)} is {brief(value)}, of type {kind.__name__}: give a number")
    if isinstance(value, float) and not isfinite(value):
        raise UsageError(f"{flag(name)} is {value}: give a finite number")
    if (low is not None and value < low) or (high is not None and value > high):
        raise UsageError(f"{flag(name)} is {plain(value)}: {within(low, high)}")


def within(low: float | None, high: float | None) -> str:
    """What to do about a number out of these bounds."""
    limits = f"at least {plain(low)}" if high is None else f"from {plain(low)} to {plain(high)}"
    return f"give a number {limits}"


def plain(number: float | None) -> str:
    """A number without an exponent or a fraction that it has no need of."""
    return f"{number:.12g}" if isinstance(number, float) else str(number)


def with_old_names(kind: type[C]) -> type[C]:
    """Let a configuration be made by earlier names of its options too."""
    init = vars(kind)["__init__"]

    @wraps(init)
    def made(self: C, *values: Any, **options: Any) -> None:
        init(self, *values, **renamed(options, kind))

    setattr(kind, "__init__", made)  # noqa: B010 - mypy takes no other
    return kind


def renamed(options: Mapping[str, Any], *kinds: type) -> dict[str, Any]:
    """Options by their present names. Raises `UsageError` for one that is given by both."""
    names = old_names(*kinds)
    for old in names.keys() & options.keys():
        if names[old] in options:
            raise UsageError(f"{flag(names[old])} is given twice, once as {flag(old)}: leave out one of them")
    return {names.get(name, name): value for name, value in options.items()}


def own(kind: type, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some options that are fields of a configuration."""
    names = {spec.name for spec in fields(kind)}
    return {name: value for name, value in options.items() if name in names}


def changed(config: Checked, defaults: Mapping[str, Any] = MappingProxyType({})) -> Iterator[tuple[str, Any]]:
    """The options that are not at their defaults, those of a choice not at what they are with it.

    `defaults` are those of a task, in place of the usual ones.
    """
    tables = [spec for spec in fields(config) if isinstance(spec.metadata.get("choices"), Mapping)]
    chosen = {spec.name: getattr(config, spec.name) for spec in tables}
    usual = type(config)(**{**own(type(config), defaults), **chosen})
    for spec in fields(config):
        value = getattr(config, spec.name)
        if value != (defaults.get(spec.name, spec.default) if spec in tables else getattr(usual, spec.name)):
            yield spec.name, value


def as_typed(config: Checked, defaults: Mapping[str, Any] = MappingProxyType({})) -> list[str]:
    """The options that are not at their defaults, or at those of a task, as words of a command line."""
    words = []
    for name, value in changed(config, defaults):
        if isinstance(value, bool):
            words.append(typed(name, value))
        else:
            words += [flag(name), f"{value:.12g}" if isinstance(value, float) else str(value)]
    return words


def change(config: C, options: Mapping[str, Any]) -> C:
    """A configuration with some options changed. Raises `UsageError` for one that it does not have."""
    options = known(options, type(config))
    changed = replace(config, **options)
    changed.refuse_idle(options)
    return changed


def made(kind: type[C], config: C | None, options: Mapping[str, Any]) -> C:
    """A configuration of a kind, the default one for None, with some options changed. Raises what `change` does."""
    expect("config", config, kind, NoneType)
    return change(config or kind(), options)


def known(options: Mapping[str, Any], *kinds: type) -> dict[str, Any]:
    """Options by their present names. Raises `UsageError` for one that no configuration of these kinds has."""
    found, there = renamed(options, *kinds), {spec.name for kind in kinds for spec in fields(kind)}
    if stray := sorted(found.keys() - there):
        raise UsageError(f"there is no option {stray[0]}; there are {', '.join(sorted(there))}")
    return found
