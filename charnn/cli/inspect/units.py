"""charnn inspect units"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click

from .. import options, streams
from ..eval import escape, small
from ..program import printable
from . import inputs

WINDOW = 256  # characters that are read at a time
PICTURED = 100  # characters of a picture


def some(ctx: click.Context, param: click.Parameter, value: str | None) -> slice:
    """Units from A up to B, which is not among them: A:B, A:, :B; or A alone."""
    if value is None:
        return slice(None)
    first, colon, last = value.partition(":")
    if not all(part.isdecimal() and len(part) < 10 for part in (first, last) if part) or value in ("", ":"):
        raise click.BadParameter(f"{value!r} is no range of units: give A:B, as in 0:40, or one unit")
    start = int(first or 0)
    return slice(start, int(last) if last else None if colon else start + 1)


@click.command("units")
@click.argument("text", required=False)
@options.model
@options.root
@click.option("--layer", type=click.IntRange(0), metavar="N", help="This layer alone, 0 being the lowest.")
@click.option("--units", callback=some, metavar="A:B", help="These units of each layer, as in 0:40.")
@click.option("--gates", is_flag=True, help="The gates of lstm or gru by their names, instead of the activations.")
@click.option("--svg", "as_svg", is_flag=True, help="A picture of the first 100 characters.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object for each character.")
@options.unknown
@options.invalid
def command(
    text: str | None,
    model: str | None,
    root: str,
    layer: int | None,
    units: slice,
    gates: bool,
    as_svg: bool,
    as_json: bool,
    unknown: str,
    invalid: str,
) -> None:
    """Show what every unit does while the model reads a text.

    A row for each character: its position, the character, and the activations h of all units after it was read, layer
    by layer. In a pipe TSV, with columns named layer/unit. On a terminal shaded cells, red for positive and blue for
    negative, the brighter the larger; as many units as there is room for.
    """
    if as_svg:
        streams.refuse_picture("inspect units --svg", as_json)
    from ...errors import InputError
    from ...inspection.activations import ActivationReader

    _, run, pieces, what = inputs.opened(model, root, text, unknown, invalid)
    reader = ActivationReader(run.network, gates)
    chosen = _chosen(reader.blocks, layer, units)
    read = ((ids, reader.read(ids)) for ids in small(pieces, WINDOW) if len(ids))
    names = [block.name for block in reader.blocks]
    rows = _activations(read, run.vocabulary, {names.index(name): found for name, found in chosen.items()})
    if as_svg:
        there = _svg(chosen, rows, reader.bounded)
    elif as_json:
        there = _json(chosen, rows)
    elif streams.is_terminal():
        there = _shaded(chosen, rows, reader.bounded)
    else:
        there = _tsv(chosen, rows)
    if not there:
        raise InputError(f"{what} is empty: there is nothing to read")


def _chosen(blocks: Sequence[Any], layer: int | None, units: slice) -> dict[str, range]:
    """The units of each block to show, by its name."""
    last = blocks[-1].layer
    if layer is not None and layer > last:
        raise click.UsageError(f"--layer {layer}: the model's layers are 0 to {last}")
    found = [block for block in blocks if layer in (None, block.layer)]
    if not found:
        raise click.UsageError(f"--layer {layer} has no gates: leave --layer or --gates out")
    for block in found:
        if not (some := range(block.size)[units]) or some[-1] + 1 < (units.stop or 0):
            raise click.UsageError(f"--units: layer {block.layer} has the units 0 to {block.size - 1}")
    return {block.name: range(block.size)[units] for block in found}


Row = tuple[int, str, list[list[float]]]  # position, character, activations of each layer


def _activations(read: Iterable[tuple[Any, Any]], vocabulary: Any, chosen: dict[int, range]) -> Iterator[list[Row]]:
    """The rows of each piece that was read."""
    position = 1
    for ids, layers in read:
        shown = [layers[i][:, units.start : units.stop].tolist() for i, units in chosen.items()]
        characters = vocabulary.texts(ids.tolist())
        yield [(position + n, c, [layer[n] for layer in shown]) for n, c in enumerate(characters)]
        position += len(ids)


def _tsv(chosen: dict[str, range], pieces: Iterable[list[Row]]) -> bool:
    """Rows of numbers below the names of the units; whether there were any."""
    head = "\t".join(["position", "character", *(f"{i}/{n}" for i, units in chosen.items() for n in units)]) + "\n"
    for rows in pieces:
        lines = []
        for position, character, layers in rows:
            numbers = (f"{value:.4f}" for layer in layers for value in layer)
            lines.append("\t".join([str(position), escape(character), *numbers]) + "\n")
        streams.write(head + "".join(lines), flush=True)
        head = ""
    return not head


def _svg(chosen: dict[str, range], pieces: Iterable[list[Row]], bounded: bool) -> bool:
    """A picture of the first characters; whether there were any."""
    from itertools import chain, islice

    import numpy as np

    from ...inspection.results import Units

    rows = list(islice(chain.from_iterable(pieces), PICTURED))
    if not rows:
        return False
    shown = {
        f"layer {i}, {units.start} to {units.stop - 1}": np.array([layers[n] for _, _, layers in rows])
        for n, (i, units) in enumerate(chosen.items())
    }
    most = 1.0 if bounded else max(float(np.abs(values).max()) for values in shown.values()) or 1.0
    streams.write(Units([character for _, character, _ in rows], shown, most).svg())
    return True


def _json(chosen: dict[str, range], pieces: Iterable[list[Row]]) -> bool:
    """A JSON object a line; whether there were any."""
    there = False
    for rows in pieces:
        for position, character, layers in rows:
            values = {i: [round(v, 6) for v in layer] for i, layer in zip(chosen, layers, strict=True)}
            row = {"position": position, "character": character, "layers": values}
            streams.write_json(row)
        streams.write("", flush=True)
        there = True
    return there


def _shaded(chosen: dict[str, range], pieces: Iterable[list[Row]], bounded: bool) -> bool:
    """Shaded cells, as many units as fit; whether there were any."""
    from ...terminal import charts, console

    most = max(map(len, chosen.values()))
    shades, there = charts.Shades(len(chosen), most, bounded), False
    if shades.units < most:
        shown = ", ".join(f"{i}/{units.start} to {i}/{units[: shades.units][-1]}" for i, units in chosen.items())
        console.note(f"there is room for the units {shown}; --layer and --units A:B choose others")
    for rows in pieces:
        for position, character, layers in rows:
            shades.row(position, printable(escape(character)), [layer[: shades.units] for layer in layers])
        there = True
    return there
