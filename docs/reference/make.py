"""Write docs/reference/cli.md and the man page from the program itself.

Usage: python docs/reference/make.py [--check]. With --check nothing is written: the exit code is 1 if a page differs.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from charnn import __version__
from charnn.cli import program

FOLDER = Path(__file__).parent
PAGES = {FOLDER / "cli.md": "markdown", FOLDER.parent / "charnn.1": "man"}


def commands(
    group: click.Group, context: click.Context, above: str
) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Each command below a group with its whole name, groups themselves first."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, context, name)
        yield f"{above} {name}", command, inner
        if isinstance(command, click.Group):
            yield from commands(command, inner, f"{above} {name}")


def paragraphs(text: str) -> Iterator[tuple[bool, str]]:
    """The paragraphs of a help text, and whether each is preformatted (click's \\b)."""
    for part in re.split(r"\n\s*\n", (text or "").strip()):
        lines = [line.rstrip() for line in part.splitlines()]
        if lines[0].strip() == "\b":
            yield True, "\n".join(line.strip() for line in lines[1:])
        else:
            yield False, " ".join(line.strip() for line in lines)


def options(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Each option as it is written, and its help."""
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and isinstance(parameter, click.Option) and not parameter.hidden:
            yield record


def usage(name: str, command: click.Command, context: click.Context) -> str:
    return " ".join([name, *command.collect_usage_pieces(context)])


def markdown() -> str:
    """The page for docs."""
    root = click.Context(program, info_name="charnn")
    out = ["# Commands", "", "Written from the program by `python docs/reference/make.py`.", ""]
    for name, command, context in [("charnn", program, root), *commands(program, root, "charnn")]:
        out += [f"## {name}", "", f"```\n{usage(name, command, context)}\n```", ""]
        for verbatim, text in paragraphs(command.help or ""):
            out += [f"```\n{text}\n```" if verbatim else text, ""]
        rows = [
            f"| `{left.replace('|', chr(92) + '|')}` | {right.replace('|', chr(92) + '|')} |"
            for left, right in options(command, context)
        ]
        out += ["| option | meaning |", "|---|---|", *rows, ""] if rows else []
    return "\n".join(out).rstrip() + "\n"


def man() -> str:
    """The man page."""
    root = click.Context(program, info_name="charnn")
    out = [f'.TH CHARNN 1 "" "charnn {__version__}" "User Commands"', ".SH NAME"]
    out += [
        "charnn \\- character-level recurrent networks from the shell",
        ".SH SYNOPSIS",
        usage("charnn", program, root),
    ]
    for name, command, context in [("charnn", program, root), *commands(program, root, "charnn")]:
        out += (
            [".SH DESCRIPTION"]
            if command is program
            else [f'.SH "{name.upper()}"', f".B {escaped(usage(name, command, context))}"]
        )
        for verbatim, text in paragraphs(command.help or ""):
            out += [".PP", ".nf", escaped(text), ".fi"] if verbatim else [".PP", escaped(text)]
        for left, right in options(command, context):
            out += [".TP", f".B {escaped(left)}", escaped(right)]
    return "\n".join(out) + "\n"


def escaped(text: str) -> str:
    """Text that means itself to troff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def main(check: bool) -> int:
    wrong = 0
    for path, kind in PAGES.items():
        text = {"markdown": markdown, "man": man}[kind]()
        if check:
            wrong += not path.exists() or path.read_text("utf-8") != text
        else:
            path.write_text(text, "utf-8")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
