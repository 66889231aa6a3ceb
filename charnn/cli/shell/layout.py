"""The layout of help on narrow terminals."""

from textwrap import fill

import click

HANGING = 4  # columns before the second line of an example


class Formatter(click.HelpFormatter):
    """Help whose examples break between words where they are wider than the terminal."""

    def write_text(self, text: str) -> None:
        start, indent = len(self.buffer), " " * (self.current_indent + HANGING)
        super().write_text(text)
        lines = "".join(self.buffer[start:]).split("\n")
        self.buffer[start:] = "\n".join(
            fill(line, self.width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
            if len(line) > self.width
            else line
            for line in lines
        )


class Context(click.Context):
    """The context of a command, whose help is laid out like this."""

    formatter_class = Formatter
