"""charnn tokenize"""

import click

from . import options, streams


@click.command("tokenize")
@click.argument("corpus", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", help="Write a tokenised .npz; - for ids on standard output.")
@options.sequence
@options.invalid
@click.option("--valid", type=click.FloatRange(0.0001, 0.9), default=0.1, show_default=True, help="Share held out.")
@click.option("--decode", is_flag=True, help="The way back: from a tokenised file, or from ids, to the text.")
@click.option("--vocabulary", metavar="FILE", help="With --decode: tokenised file or model whose ids they are.")
def command(
    corpus: tuple[str, ...],
    output: str | None,
    sequence: str,
    invalid: str,
    valid: float,
    decode: bool,
    vocabulary: str | None,
) -> None:
    """Turn texts into numbers, and say what there is to learn.

    CORPUS is one or more text files (.gz, .bz2, .xz too), or - for standard input. A summary goes to standard error:
    characters, sequences, vocabulary, and the bits per character of counting models on the held-out part.

    \b
    charnn tokenize corpus.txt -o tokens.npz     any size, in bounded memory; charnn train tokens.npz
    charnn tokenize corpus.txt -o - | head       ids, a sequence a line; 0 is the end of a sequence
    charnn tokenize --decode tokens.npz          the text again, byte for byte
    """
    if decode:
        return _decode(corpus, vocabulary)
    if vocabulary:
        raise click.UsageError("--vocabulary goes with --decode")
    from .. import console, tokens
    from .. import corpus as texts
    from ..ngram import baselines

    sources = streams.sources(corpus)
    watch = console.watch(sources)
    if output in (None, "-"):
        found = texts.read(sources, sequence, invalid, watch)
    else:
        tokens.write(output, sources, sequence, invalid, watch)
        found = tokens.read(output)
    if output == "-":
        _print_ids(found)
    train, held_out = found.split(valid)
    counted = baselines(train, held_out, found.vocabulary.size)
    console.summary(found, counted, len(train), len(held_out))
    if output not in (None, "-"):
        console.note(f"written to {output}: `charnn train {output}` trains on it")
    return None


def _print_ids(found) -> None:  # type: ignore[no-untyped-def]
    """Every sequence's ids on a line, its EOS the last of them."""
    import numpy as np

    piece = 1 << 16
    for start in range(0, len(found.ids), piece):
        ids = np.asarray(found.ids[start : start + piece]).tolist()
        streams.write("".join(f"{i} " if i else "0\n" for i in ids))


def _decode(corpus: tuple[str, ...], vocabulary: str | None) -> None:
    """Tokenised files, or ids with a vocabulary, to text."""
    import numpy as np

    from .. import tokens
    from ..errors import InputError

    if vocabulary is None:
        for name in corpus:
            if not name.endswith(".npz"):
                raise click.UsageError(f"{name} is no tokenised file (.npz): ids need the --vocabulary they are from")
            for text in tokens.read(name).text():
                streams.write(text)
        return
    words = _vocabulary(vocabulary)
    for source in streams.sources(corpus):
        rest = b""
        for piece in source.pieces():
            rest, *tail = (rest + piece).rsplit(maxsplit=1) if not piece[-1:].isspace() else (rest + piece,)
            data, rest = rest, b"".join(tail)
            streams.write(words.decode(_numbers(data, source.name, words.size)))
        streams.write(words.decode(_numbers(rest, source.name, words.size)))
    _ = np, InputError


def _vocabulary(name: str):  # type: ignore[no-untyped-def]
    from .. import checkpoint, folders, tokens
    from ..errors import CheckpointError

    path = folders.find(name)
    try:
        return tokens.read(path).vocabulary
    except CheckpointError:
        return checkpoint.load(path).vocabulary


def _numbers(data: bytes, name: str, size: int):  # type: ignore[no-untyped-def]
    import numpy as np

    from ..errors import InputError

    try:
        ids = np.array([int(word) for word in data.split()], np.int64)
    except ValueError as error:
        raise InputError(f"{name} holds something that is no number: {error}") from None
    if ids.size and not (ids.min() >= 0 and ids.max() < size):
        raise InputError(f"{name} holds the number {ids.max()}, and the vocabulary's are 0 to {size - 1}")
    return ids
