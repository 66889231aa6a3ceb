"""charnn eval"""

import math
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import tee
from typing import Any

import click

from . import options, readers, streams

PICTURED = {"svg": 5_000, "html": 200_000}  # characters of a picture, at most


@click.command("eval")
@click.argument("text", nargs=-1)
@options.model
@options.root
@click.option("--by", type=click.Choice(["line", "char"]), help="A TSV row for each line or character.")
@click.option("--svg", "picture", flag_value="svg", help="With --by char: the shaded text as a picture.")
@click.option("--html", "picture", flag_value="html", help="With --by char: the shaded text as a web page.")
@click.option("--json", "as_json", is_flag=True, help="The score as a JSON object.")
@click.option(
    "--burn",
    type=click.IntRange(1),
    metavar="N",
    help="Where the state is carried on: read pieces of the text side by side, each from N characters before it. "
    "Many times as fast, and a figure that is not exact.",
)
@click.option("--dynamic", is_flag=True, help="The model learns from what it has just read, scored before that.")
@click.option("--dynamic-rate", type=float, metavar="R", help="How fast it learns (default: 0.0005).")
@click.option("--segment", type=int, metavar="N", help="Characters that it learns from at once (default: 32).")
@click.option(
    "--mix",
    type=click.Choice(["ngram"]),
    help="Mix the model with the n-gram model of its training text, in log space, by a weight fitted on the held-out "
    "part (where that is scored: on its other half).",
)
@click.option("--novelty", is_flag=True, help="How much of the text stands word for word in the training text.")
@options.unknown
@options.invalid
def command(
    text: tuple[str, ...],
    model: str | None,
    root: str,
    by: str | None,
    picture: str | None,
    as_json: bool,
    burn: int | None,
    dynamic: bool,
    dynamic_rate: float | None,
    segment: int | None,
    mix: str | None,
    novelty: bool,
    unknown: str,
    invalid: str,
) -> None:
    """Say how well a model predicts texts that it reads character by character, the end of each sequence among them.

    TEXT is one or more files, or -; without it standard input if that is a file or a pipe, else the part of its corpus
    that the model was not trained on. Rows of --by line: bits/char, bits, number and text of the line; of --by char:
    bits, line, column, character. On a terminal --by char shades the text: the redder, the less expected.

    \b
    charnn eval
    charnn eval --by line < log | sort -rn | head      the oddest lines of a log
    charnn eval --by char letter.txt
    charnn eval --dynamic novel.txt                    the model goes on learning as it reads
    """
    if by and as_json:
        raise click.UsageError(f"--by {by} writes rows, and --json one score: leave out one of them")
    if by and burn:
        raise click.UsageError(f"--by {by} is exact: leave --burn out")
    if by and novelty:
        raise click.UsageError(f"--by {by} writes rows, and --novelty figures of the whole: leave out one of them")
    if picture and by != "char":
        raise click.UsageError(f"--{picture} shows the text character by character: add --by char")
    if picture:
        streams.refuse_picture(f"eval --by char --{picture}")
    readers.check(burn, dynamic, dynamic_rate, segment, mix)
    import numpy as np

    from ..errors import InputError
    from ..evaluation.score import Score, surprisal
    from ..runs import checkpoint, corpus, folder
    from ..terminal import console

    np.seterr(over="ignore", invalid="ignore")  # the score of a network beyond all bounds says so
    path = folder.find(model, root)
    run = checkpoint.load(path)
    if burn and run.reset:
        raise click.UsageError(f"{path} forgets its state at the end of a sequence, so eval is as fast without --burn")
    own = not text and not streams.is_piped()
    if own:
        texts, what = iter([iter([corpus.held_out(run)])]), "held-out part"
    else:
        sources = streams.streamed(text or ("-",))
        what = ", ".join("standard input" if source.name == "-" else source.name for source in sources)
        texts = (readers.symbols(run, source, unknown, invalid) for source in sources)
    seen: list[Any] = []
    texts = (readers.recording(pieces, seen) for pieces in texts) if novelty else texts
    about = f", approximately: each piece read from {burn} characters before it" if burn else ""
    console.note(f"{path} on {what}{about}")
    make = partial(readers.reader, run, dynamic, dynamic_rate, segment)
    mixing = readers.Mixing(run, make, own) if mix else None
    plain = partial(surprisal, run.network)
    way: readers.Scorer = mixing or (readers.learning(make) if dynamic else plain)
    total, shaded = Score(), Shaded(run.vocabulary, picture or "")
    for pieces in texts:  # each from EOS and the zero state on, by the model as it was trained
        if way is plain and (burn or (own and not by)):
            total += _score(run, pieces, burn)
            continue
        rows = shaded if picture else Rows(run.vocabulary, by)
        read, scored = tee(
            small(pieces) if way is plain or by else console.reading(small(pieces, readers.SYMBOLS_PER_LOOK))
        )
        for ids, (nats, hits) in zip(read, way(scored), strict=True):
            total += Score.of(nats, hits)
            if by:
                rows.add(ids, nats / math.log(2))
        rows.close()
    if picture:
        shaded.write(what)
    if by:
        return
    if total.count:
        more = {**(mixing.figures if mixing else {}), **(readers.copied(run, seen) if novelty else {})}
        _print(total, run, own, as_json, more)
    else:
        raise InputError(f"{what} is empty: there is nothing to score")


def _score(run: Any, pieces: Iterable[Any], burn: int | None) -> Any:
    """The score of a text as a whole, by all cores."""
    import numpy as np

    from ..evaluation.score import evaluate
    from ..machine import cores

    parts = list(pieces) or [np.empty(0, run.vocabulary.dtype)]
    ids = np.concatenate(parts) if len(parts) > 1 else parts[0]
    return evaluate(run.network, ids, burn=burn, workers=cores())


def _print(total: Any, run: Any, own: bool, as_json: bool, more: dict[str, float]) -> None:
    from ..terminal import console

    figures = {
        "nats_per_char": total.mean,
        "bits_per_char": total.bits,
        "perplexity": total.perplexity,
        "accuracy": total.accuracy,
        "count": total.count,
        "nats": total.nats,
        **more,
    }
    if as_json:
        baselines = run.origin.baselines if own else {"uniform": run.origin.baselines["uniform"]}
        streams.write_json({**figures, "baselines": baselines})
        return
    for name, value in figures.items():
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
        streams.write(f"{name.replace('_per_', '/')}\t{shown}\n")
    console.score(total, run.origin.baselines, own)


def small(pieces: Iterable[Any], size: int = 1 << 16) -> Iterator[Any]:
    """Pieces cut so that rows come soon, and memory stays small."""
    from ..io import lazy

    return (piece for ids in pieces for piece in lazy.pieces(ids, size))


class Shaded:
    """Characters with their surprisal, for one picture of all texts."""

    def __init__(self, vocabulary: Any, picture: str):
        self.vocabulary, self.most = vocabulary, PICTURED.get(picture, 0)
        self.picture, self.characters, self.bits = picture, list[str](), list[float]()

    def add(self, ids: Any, bits: Any) -> None:
        """The next symbols of the stream, and what each cost."""
        room = self.most - len(self.bits)
        self.characters += [*self.vocabulary.texts(ids[:room].tolist())]
        self.bits += bits[:room].tolist()

    def close(self) -> None:
        pass

    def write(self, what: str) -> None:
        """The picture of all that came, or of its start. Raises `InputError` where nothing came."""
        from ..errors import InputError
        from ..evaluation.characters import CharacterScores
        from ..terminal import console

        if not self.bits:
            raise InputError(f"{what} is empty: there is nothing to draw")
        if len(self.bits) == self.most:
            console.note(f"the picture shows the first {self.most:,} characters")
        found = CharacterScores(self.characters, self.bits)
        streams.write(found.svg() if self.picture == "svg" else found.html())


class Rows:
    """Lines or characters with their surprisal, written as they are complete."""

    def __init__(self, vocabulary: Any, by: str | None):
        import sys

        self.vocabulary, self.by = vocabulary, by
        self.shade = by == "char" and sys.stdout is not None and sys.stdout.isatty()
        self.line, self.column = 1, 1
        self.text, self.bits = "", 0.0

    def add(self, ids: Any, bits: Any) -> None:
        """The next symbols of the stream, and what each cost."""
        if self.shade:
            from ..terminal import console

            console.shaded(zip(self._characters(ids), bits.tolist(), strict=True))
            return
        out = []
        for character, cost in zip(self._characters(ids), bits.tolist(), strict=True):
            if self.by == "char":
                out.append(f"{cost:.4f}\t{self.line}\t{self.column}\t{escape(character)}\n")
            else:
                self.text, self.bits = self.text + character, self.bits + cost
                if character in ("\n", self.vocabulary.newline):
                    out.append(self._row())
            self.column += 1
            if character == self.vocabulary.newline:
                self.line, self.column = self.line + 1, 1
        streams.write("".join(out), flush=True)

    def close(self) -> None:
        """A last line without its end."""
        if self.by == "line" and (self.text or self.bits):
            streams.write(self._row())

    def _characters(self, ids: Any) -> Iterator[str]:
        end = self.vocabulary.end
        return (chr(self.vocabulary.characters[i - 1]) if i else end for i in ids.tolist())

    def _row(self) -> str:
        text, bits = self.text, self.bits
        self.text, self.bits = "", 0.0
        shown = escape(text.removesuffix(self.vocabulary.newline))
        return f"{bits / len(text) if text else bits:.4f}\t{bits:.2f}\t{self.line}\t{shown}\n"


def escape(text: str) -> str:
    """Text that fits in one cell of a TSV row: backslash, tab and line ends escaped."""
    for character, shown in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(character, shown)
    return text
