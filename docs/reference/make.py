"""Write docs/reference/cli.md, the man page, and docs/reference/python.md from the program itself.

Usage: python docs/reference/make.py [--check]. With --check nothing is written: the exit code is 1 if a page differs.
"""

import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import charnn
from charnn.cli import program
from charnn.cli.shell.help import Command
from charnn.version import __version__

FOLDER = Path(__file__).parent


Entry = tuple[str, click.Command, click.Context]


def entries() -> Iterator[Entry]:
    """The program, then each command below it with its whole name; a group comes before its commands."""
    root = click.Context(program, info_name="charnn")
    yield "charnn", program, root
    yield from below(program, root, "charnn")


def below(group: click.Group, context: click.Context, above: str) -> Iterator[Entry]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, context, name)
        yield f"{above} {name}", command, inner
        if isinstance(command, click.Group):
            yield from below(command, inner, f"{above} {name}")


def paragraphs(text: str) -> Iterator[tuple[bool, str]]:
    """The paragraphs of a help text, and whether each is preformatted (click's \\b)."""
    for part in re.split(r"\n\s*\n", (text or "").strip()):
        lines = [line.rstrip() for line in part.splitlines()]
        if lines[0].strip() == "\b":
            yield True, "\n".join(line.strip() for line in lines[1:])
        else:
            yield False, " ".join(line.strip() for line in lines)


def options(command: click.Command, context: click.Context) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The headings of a command's options, and under each every option as it is written and its help."""
    grouped = isinstance(command, Command)
    found = command.grouped(context) if grouped else {"Options": command.get_params(context)}
    for title, parameters in found.items():
        shown = (parameter for parameter in parameters if isinstance(parameter, click.Option))
        records = [record for parameter in shown if (record := parameter.get_help_record(context))]
        if records:
            yield title, records


def usage(name: str, command: click.Command, context: click.Context) -> str:
    return " ".join([name, *command.collect_usage_pieces(context)])


def markdown() -> str:
    """The page for docs."""
    out = ["# Commands", "", "Written from the program by `python docs/reference/make.py`.", ""]
    for name, command, context in entries():
        out += [f"## {name}", "", f"```\n{usage(name, command, context)}\n```", ""]
        for verbatim, text in paragraphs(command.help or ""):
            out += [f"```\n{text}\n```" if verbatim else text, ""]
        for title, records in options(command, context):
            rows = [f"| `{cell(left)}` | {cell(right)} |" for left, right in records]
            out += [f"| {title} | |", "|---|---|", *rows, ""]
    return "\n".join(out).rstrip() + "\n"


def cell(text: str) -> str:
    """Text in a cell of a table."""
    return text.replace("|", "\\|")


def man() -> str:
    """The man page."""
    out = [f'.TH CHARNN 1 "" "charnn {__version__}" "User Commands"', ".SH NAME"]
    out += ["charnn \\- character-level recurrent networks from the shell"]
    for name, command, context in entries():
        title = "SYNOPSIS" if command is program else f'"{name.upper()}"'
        out += [f".SH {title}", f".B {escaped(usage(name, command, context))}"]
        out += [".SH DESCRIPTION"] if command is program else []
        for verbatim, text in paragraphs(command.help or ""):
            out += [".PP", ".nf", escaped(text), ".fi"] if verbatim else [".PP", escaped(text)]
        for title, records in options(command, context):
            out += [f".SS {title}"]
            for left, right in records:
                out += [".TP", f".B {escaped(left)}", escaped(right)]
    return "\n".join(out) + "\n"


def escaped(text: str) -> str:
    """Text that means itself to troff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def python() -> str:
    """The page of public names: functions first, then classes, each with its docstring."""
    out = ["# Python", "", "Every name of `charnn.__all__`. Written by `python docs/reference/make.py`.", ""]
    named = {name: getattr(charnn, name) for name in sorted(charnn.__all__)}
    for title, of_kind in (("Functions", inspect.isfunction), ("Classes", inspect.isclass)):
        out += [f"## {title}", ""]
        for name, found in named.items():
            if of_kind(found):
                out += [f"### {name}", "", *described(name, found)]
    return "\n".join(out).rstrip() + "\n"


def described(name: str, found: Any) -> list[str]:
    """The signature of a function or the fields of a class, and what the docstring says."""
    lines = []
    if dataclasses.is_dataclass(found):
        rows = [(spec.name, spec.metadata.get("help", "")) for spec in dataclasses.fields(found)]
        if any(text for _, text in rows):
            lines = ["| field | meaning |", "|---|---|", *(f"| `{field}` | {cell(text)} |" for field, text in rows), ""]
    elif inspect.isfunction(found):
        lines = [f"```\n{name}({', '.join(arguments(found))})\n```", ""]
    return [*lines, plain(inspect.getdoc(found) or ""), ""]


def arguments(function: Any) -> list[str]:
    """The arguments of a function with their defaults, without types."""
    parameters = inspect.signature(function).parameters.values()
    bare = (str(parameter.replace(annotation=inspect.Parameter.empty)) for parameter in parameters)
    return [re.sub(r"<built-in function (\w+)>", r"\1", text) for text in bare]


def plain(text: str) -> str:
    """A docstring whose examples stand in a block."""
    parts = re.split(r"\n\n+", re.sub(r"  # doctest: \S+", "", text))
    return "\n\n".join(f"```\n{part}\n```" if part.startswith(">>>") else part for part in parts)


PAGES = {FOLDER / "cli.md": markdown, FOLDER.parent / "charnn.1": man, FOLDER / "python.md": python}


def main(check: bool) -> int:
    wrong = 0
    for path, written in PAGES.items():
        text = written()
        if check:
            wrong += not path.exists() or path.read_text("utf-8") != text
        else:
            path.write_text(text, "utf-8")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
