"""The command line: options -> a config -> one call -> output. NumPy is imported only once a command runs."""

import click

from ..version import __version__
from .program import Program


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="charnn")
def program() -> None:
    """Character-level recurrent networks: train them on any text, then let them write.

    \b
    charnn train corpus.txt         learn a text; the run is kept in checkpoints/
    charnn sample --temp 0.8        write with the newest run
    charnn eval < other.txt         score another text: bits per character

    Options that you leave out come from a recipe. Next come variables, like CHARNN_TRAIN_HIDDEN=64 or
    CHARNN_RUNS=models, and then a charnn.toml beside the text or in this folder. See docs/guides/runs.md.
    """
