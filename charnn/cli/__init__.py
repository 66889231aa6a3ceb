"""The command line: options -> a config -> one call -> output. NumPy is imported only once a command runs."""

import click

from ..version import __version__
from .program import Program


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="charnn")
def program() -> None:
    """Character-level recurrent networks: train on any text, then let them write.

    \b
    charnn train corpus.txt         learns it, and keeps the model in checkpoints/
    charnn sample --temp 0.8        lets the newest model write
    charnn eval < other.txt         says how well it predicts another text

    An option that is not typed comes from a recipe that is; else from a variable, like CHARNN_TRAIN_HIDDEN=64 or
    CHARNN_RUNS=models; else from charnn.toml beside the text or here. See docs/guides/runs.md.
    """
