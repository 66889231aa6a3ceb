"""charnn inspect gradients"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from .. import options, streams
from . import inputs

TABLES = "norms", "eigenvalues", "saturation"


@click.command("gradients")
@click.argument("text", required=False)
@options.model
@options.root
@click.option("--lags", type=click.IntRange(1, 1000), default=50, show_default=True, help="How far to look back.")
@click.option("--table", type=click.Choice(TABLES), help="This table alone, as TSV; in a pipe norms.")
@click.option("--svg", "as_svg", is_flag=True, help="A picture of the norms, or of --table eigenvalues.")
@click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object.")
@options.unknown
@options.invalid
def command(
    text: str | None,
    model: str | None,
    root: str,
    lags: int,
    table: str | None,
    as_svg: bool,
    as_json: bool,
    unknown: str,
    invalid: str,
) -> None:
    """Show how far the gradient reaches back in time, by layer.

    The norm of dL[t]/dh[t-k] by lag k: how much the loss at t, in nats, would change with each unit of the state k
    characters before. It vanishes where it falls fast, and explodes where it grows. h is all that a layer carries on
    (of an lstm both states); at k = 0 it is the layer's output. The norm is a root mean square over up to 64 positions
    of TEXT, those left out that have forgotten their state since t-k.

    Eigenvalues of each W, the largest first: outside of 1 in magnitude, what they belong to grows from step to step. A
    cell's gates have one W each, side by side.

    Saturation: the share of activations where a layer's function is flat and lets no gradient through. For tanh,
    sigmoid and the outputs of gated cells: within 0.05 of a bound. For relu: at 0; units always there are dead.

    On a terminal tables and bars; in a pipe TSV.
    """
    if table and as_json:
        raise click.UsageError(f"--table {table} writes rows, and --json everything: leave out one of them")
    if as_svg:
        streams.refuse_picture("inspect gradients --svg", as_json)
    from ...inspection import gradients, probes
    from ...inspection.results import Gradients
    from ...terminal import console

    path, run, pieces, what = inputs.opened(model, root, text, unknown, invalid)
    ids = inputs.take(pieces, what)
    norms, saturation = gradients.gradients_by_lag(run.network, ids, lags)
    found: dict[str, Any] = {"norms": norms, "saturation": saturation, "eigenvalues": probes.spectra(run.network)}
    if (reached := max((norm.lag for norm in norms), default=lags)) < lags:
        console.note(f"at no position does the loss depend on a state more than {reached} characters before it")
    if as_svg:
        streams.write(Gradients(norms, saturation, found["eigenvalues"]).svg(table or TABLES[0]))
    elif as_json:
        streams.write_json({"file": str(path), **_plain(found)})
    elif table or not streams.is_terminal():
        for row in _rows(table or TABLES[0], found):
            streams.write("\t".join(row) + "\n")
    else:
        from ...terminal import charts

        charts.gradients(norms, saturation, found["eigenvalues"])


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """Tables as JSON has them."""
    from ...inspection.gradients import factor
    from ...inspection.probes import radius

    norms, layers = found["norms"], sorted({norm.layer for norm in found["norms"]})
    return {
        "norms": [asdict(norm) for norm in norms],
        "each step": {str(i): factor([norm for norm in norms if norm.layer == i]) for i in layers},
        "eigenvalues": {
            name: {"radius": radius(values), "values": [[v.real, v.imag] for v in values.tolist()]}
            for name, values in found["eigenvalues"].items()
        },
        "saturation": [asdict(one) for one in found["saturation"]],
    }


def _rows(table: str, found: dict[str, Any]) -> Iterator[list[str]]:
    """A table, its names first."""
    if table == "eigenvalues":
        yield ["array", "real", "imaginary", "modulus"]
        for name, values in found[table].items():
            for v in values.tolist():
                yield [name, *(f"{number:.6g}" for number in (v.real, v.imag, abs(v)))]
        return
    from dataclasses import fields

    from ...inspection.gradients import LagNorm
    from ...inspection.probes import Saturation

    yield [spec.name for spec in fields(LagNorm if table == "norms" else Saturation)]
    for one in found[table]:
        yield [f"{value:.6g}" if isinstance(value, float) else str(value) for value in asdict(one).values()]
