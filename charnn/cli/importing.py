"""charnn import"""

import click

from . import options, streams
from .shell.help import Command
from .shell.types import File

VOCABULARY = (
    "JSON: the characters in the order of their ids, or an object from characters to ids. The empty text is the end of "
    "a sequence. A file that charnn exported needs none."
)


@click.command("import", cls=Command)
@click.argument("file", type=File())
@click.option("--vocabulary", type=File(), metavar="FILE", help=VOCABULARY)
@click.option("--name", help="Name of the run; the file's by default.")
@options.runs
@options.choice("--sequence", ("auto", "line", "paragraph", "file"), "What a sequence of the model is.")
@options.choice("--state", ("auto", "carry", "reset"), "Whether the state is carried over a sequence's end.")
@options.choice("--activation", ("tanh", "relu"), "What the units of an nn.RNN compute: the file does not say.")
def command(
    file: str, vocabulary: str | None, name: str | None, runs: str, sequence: str, state: str, activation: str
) -> None:
    """Read a network of PyTorch from a .safetensors file, as a run that can be sampled, scored and inspected.

    The file has an nn.LSTM, nn.GRU or nn.RNN, of one direction, below an nn.Linear; and may have an nn.Embedding. Where
    the vocabulary has no end of a sequence, the line end is it, or there is none (--sequence file).

    \b
    charnn import model.safetensors --vocabulary chars.json --name theirs
    charnn sample -m theirs
    """
    from pathlib import Path

    from ..exchange import importing
    from ..runs.folder import Folder
    from ..terminal import console

    run = importing.import_torch(file, vocabulary, sequence, state, activation)
    folder = Folder.keep(run, runs, name or Path(file).stem)
    config = run.model.config
    streams.write(f"{folder.path}\n")
    console.note(
        f"{config.layers} x {config.hidden} {config.cell}, {run.weights.count:,} parameters, "
        f"{run.vocabulary.size} symbols; `charnn sample {console.named(folder, '-m')}` writes"
    )
