"""The layout of help on narrow terminals."""

from textwrap import fill

import click

HANGING = 4  # columns before the second line of an example, beyond those before the first


class Formatter(click.HelpFormatter):
    """Help whose examples break between words where they are wider than the terminal."""

    def write(self, string: str) -> None:
        super().write("\n".join(map(self._narrow, string.split("\n"))))

    def _narrow(self, line: str) -> str:
        if len(line) <= self.width:
            return line
        indent = " " * (self.current_indent + HANGING)
        return fill(line, self.width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)


class Context(click.Context):
    """The context of a command, whose help is laid out like this."""

    formatter_class = Formatter
