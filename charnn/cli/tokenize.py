"""charnn tokenize"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from ..config import ReadConfig, TaskConfig, TrainConfig
from ..conflicts import check
from ..io.text import file_source
from ..options import flag, own
from . import options, streams
from .shell.help import Command
from .shell.types import File
from .signals import unwinding


@click.command("tokenize", cls=Command)
@click.argument("corpus", nargs=-1, required=True, type=File())
@click.option("-o", "--output", type=File(), metavar="FILE", help="Write a tokenised .npz; - for ids on stdout.")
@options.config_options(ReadConfig)
@options.config_options(TrainConfig, only=("valid_share",))
@options.config_options(TaskConfig, only=("task", "columns", "labels", "context_as", "target_units", "autoencode"))
@click.option("--decode", is_flag=True, help="The way back: from a tokenised file, or from ids, to the text.")
@click.option("--vocabulary", type=File(), metavar="FILE", help="With --decode: the file or model whose ids they are.")
def command(
    corpus: tuple[str, ...],
    output: str | None,
    sequence: str,
    invalid: str,
    characters: str,
    valid_share: float,
    decode: bool,
    vocabulary: str | None,
    **_: Any,
) -> None:
    """Turn texts into numbers, and say what there is to learn.

    CORPUS is one or more text files (.gz, .bz2, .xz too), or - for standard input. A summary goes to standard error:
    characters, sequences, vocabulary, and the bits per character of counting models on the held-out part.

    \b
    charnn tokenize corpus.txt -o tokens.npz   for `charnn train tokens.npz`
    charnn tokenize corpus.txt -o - | head     ids, a sequence a line; 0 ends one
    charnn tokenize --decode tokens.npz        the text again, byte for byte
    charnn tokenize pairs.tsv --task translate -o pairs.npz
    """
    check({"output": output, "decode": decode, "vocabulary": vocabulary})
    if decode:
        return _decode(corpus, vocabulary)
    if output not in (None, "-"):
        if not output.endswith(".npz"):
            raise click.UsageError(f"--output {output}: tokenised files are known by their names, which end in .npz")
        if any(name.endswith(".npz") for name in corpus):
            raise click.UsageError(f"{corpus[0]} is tokenised already: leave out --output")
    config = TrainConfig(valid_share=valid_share)
    from ..tasks.base import make
    from ..terminal import console

    task = make(TaskConfig(**own(TaskConfig, options.given(click.get_current_context()))))
    reading = {"sequence": sequence, "invalid": invalid, "characters": characters}
    if output not in (None, "-"):
        streams.refuse_overwriting(output, corpus)
        _refuse_replacing(output)
    sources = streams.sources(corpus)
    watch = console.watch(sources)
    if output not in (None, "-"):
        with unwinding():
            task.tokenize(Path(output), sources, watch=watch, **reading)
        found = task.read([file_source(output)])
    else:
        found = task.read(sources, watch, **reading)
    if output == "-":
        for line in task.ids(found):
            streams.write(line)
    with console.working("counting n-grams"):
        summary = task.summary(found, config)
    console.rows(summary)
    if output not in (None, "-"):
        console.note(f"written to {output}: `charnn train {output}{_asked()}` trains on it")
    return None


def _refuse_replacing(output: str) -> None:
    """Raise `UsageError` for a file with anything in it but tokens: a model, say, would be lost."""
    from ..data import tokenized
    from ..errors import CheckpointError
    from ..io import npz

    if not Path(output).is_file() or not Path(output).stat().st_size:
        return
    try:
        kind = str(npz.Reader(output).header().get("format"))
    except CheckpointError:
        kind = ""
    if kind not in (tokenized.FORMAT, tokenized.PAIRS):
        raise click.UsageError(f"--output {output} is there already, and is no tokenised file: name another file")


def _asked() -> str:
    """The options of a task, as they were given."""
    given = own(TaskConfig, options.given(click.get_current_context()))
    return "".join(f" {flag(name)}{'' if value is True else f' {value}'}" for name, value in given.items())


def _decode(corpus: tuple[str, ...], vocabulary: str | None) -> None:
    """Tokenised files, or ids with the vocabulary they are from, to text."""
    if vocabulary is None:
        for name in corpus:
            if not name.endswith(".npz"):
                raise click.UsageError(f"{name} is no tokenised file (.npz): ids need the --vocabulary they are from")
            for text in _text(name):
                streams.write(text)
        return
    words = _vocabulary(vocabulary)
    for source in streams.sources(corpus):
        for data in _whole_words(source.pieces()):
            streams.write(words.decode(_numbers(data, source.name, words.size)))


def _text(name: str) -> Iterator[str]:
    """The text in a tokenised file, piece by piece."""
    from ..data import tokenized, tokenized_pairs
    from ..io import npz

    pairs = npz.Reader(name).header().get("format") == tokenized.PAIRS
    return tokenized_pairs.read(name).text() if pairs else tokenized.read(name).text()


def _vocabulary(name: str) -> Any:
    """The vocabulary of a tokenised text, or of a model of texts."""
    from ..data import tokenized
    from ..data.vocabulary import Vocabulary
    from ..io import npz
    from ..runs import checkpoint, folder

    path = folder.find(name)
    tokens = str(npz.Reader(path).header().get("format")) in (tokenized.FORMAT, tokenized.PAIRS)
    found = tokenized.read(path).vocabulary if tokens else checkpoint.load(path).vocabulary
    if not isinstance(found, Vocabulary):
        raise click.UsageError(f"--vocabulary {path} is of no text: name a tokenised text, or a model of --task text")
    return found


def _whole_words(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, cut only at white space."""
    rest = b""
    for piece in pieces:
        data = rest + piece
        cut = max(data.rfind(b" "), data.rfind(b"\n")) + 1
        yield data[:cut]
        rest = data[cut:]
    yield rest


def _numbers(data: bytes, name: str, size: int) -> Any:
    """Numbers in decimal, (N,). Raises `InputError` for anything else, and for one that is no id."""
    import numpy as np

    from ..errors import InputError

    try:
        ids = np.array([int(word) for word in data.split()], np.int64)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{name} holds something that is no id: {error}") from None
    if ids.size and not (ids.min() >= 0 and ids.max() < size):
        wrong = ids.min() if ids.min() < 0 else ids.max()
        raise InputError(f"{name} holds the number {wrong}, and the vocabulary's are 0 to {size - 1}")
    return ids
