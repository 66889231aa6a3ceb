"""The one family of errors that crosses to the user: each says what is wrong, where, and what to do next."""

from collections.abc import Iterable, Sequence
from typing import Any


class CharnnError(Exception):
    """An operation failed (I/O, disk full, memory). `exit_code` is what the command line returns."""

    exit_code = 1


class UsageError(CharnnError):
    """What was asked for makes no sense: an option's value, or a model that is not there."""

    exit_code = 2


class InputError(CharnnError):
    """A corpus or a text was rejected: bad bytes, unknown characters, too short, changed."""

    exit_code = 3


class CheckpointError(CharnnError):
    """A model file was rejected: not one of ours, damaged, incompatible."""

    exit_code = 3


class DivergenceError(CharnnError):
    """Training diverged and did not recover from several roll-backs."""

    exit_code = 4


class CharnnWarning(UserWarning):
    """The work goes on, but not quite as it was asked for. The command line writes it to standard error."""


def some_of(texts: Sequence[str], most: int = 8) -> str:
    """The first of some texts, and how many more there are."""
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def brief(value: object) -> str:
    """The beginning of how Python writes a value, in one line."""
    return " ".join(f"{value!r:.40}".split())


def expect(name: str, value: object, *kinds: type) -> None:
    """Raise `UsageError` for an argument of another type, which names it."""
    if not isinstance(value, kinds):
        wanted = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
        raise UsageError(f"{name} is {brief(value)}, of type {type(value).__name__}: give {wanted}")


def listed(name: str, value: Any, *kinds: type) -> list[Any]:
    """A list of texts, each of these types. Raises `UsageError` for anything else, a str among it: it is one text."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise UsageError(f"{name} is {brief(value)}: give a list of texts")
    found = [*value]
    for one in found:
        expect(f"one of {name}", one, *kinds)
    return found


def similar_words(word: str, known: Iterable[str]) -> list[str]:
    """Up to three of the known words that are spelt almost as one that is not known, the nearest first."""
    from difflib import get_close_matches  # not before it is needed

    names = {name.lstrip("-"): name for name in known}
    return [names[name] for name in get_close_matches(word.lstrip("-"), names, cutoff=0.65)]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that names the nearest of the known words, to follow a message; nothing where none is near."""
    found = similar_words(word, known)
    return f": did you mean {', '.join(found[:-1])}{' or ' if found[1:] else ''}{found[-1]}?" if found else ""
