"""charnn inspect gradients"""

import click

from ...conflicts import check
from ...errors import UsageError
from ...verbs import GradientsConfig
from .. import inputs, options, streams
from ..shell.help import Command
from ..shell.types import OneOf
from . import showing

TABLES = "norms", "eigenvalues", "saturation"


@click.command("gradients", cls=Command)
@showing.asked(
    "A picture of the norms, or of --table eigenvalues.",
    options.numbers(GradientsConfig, "lags"),
    click.option("--table", type=OneOf(TABLES), help="This table alone, as TSV; in a pipe norms."),
)
def command(asked: showing.Asked, lags: int, table: str | None) -> None:
    """Show how far the gradient reaches back in time, by layer.

    The norm of dL[t]/dh[t-k] by lag k: how much the loss at t, in nats, would change with each unit of the state k
    characters before. It vanishes where it falls fast, and explodes where it grows. h is all that a layer carries on
    (of an lstm both states); at k = 0 it is the layer's output. The norm is a root mean square over up to 64 positions
    of TEXT, those left out that have forgotten their state since t-k.

    Predicted is the norm by W alone, dL[t]/dh[t] (W^T)^k: it goes as the k-th powers of W's eigenvalues. The two agree
    with --activation linear in one layer; else the rest is the activation's slope, and other layers. Gated cells have
    no prediction.

    Eigenvalues of each W, the largest first: outside of 1 in magnitude, what they belong to grows from step to step. A
    cell's gates have one W each, side by side.

    Saturation: the share of activations where a layer's function is flat and lets no gradient through. For tanh,
    sigmoid and the outputs of gated cells: within 0.05 of a bound. For relu: at 0; units always there are dead.

    For a model of pairs: the norm of dL/da[t], of the loss of a target by what a symbol of its source adds to the
    first layer; k is the distance of t from the end of the source. For a model of --task fill L is the loss of one
    character; k counts from its neighbours on, before it (layer 0) and after it (layer 1).

    On a terminal tables and bars; in a pipe TSV.
    """
    check({"table": table, "json": asked.as_json})
    if asked.svg:
        streams.refuse_picture("inspect gradients --svg", asked.as_json)
    from ... import api
    from ...terminal import console

    run, given = showing.read("inspect gradients", asked)
    found = api.gradients(run, given, lags, unknown=asked.unknown, invalid=asked.invalid)
    shown = table or TABLES[0]
    if (asked.svg or table or not (asked.as_json or streams.is_terminal())) and shown not in found.tables:
        raise UsageError(f"{run.path} has no {shown}: choose --table {' or '.join(found.tables)}")
    console.note(f"{run.path} on {inputs.named(given)}")
    if found.about:
        console.note(found.about)
    elif found.norms and found.reach < lags:
        console.note(f"at no position does the loss depend on a state more than {found.reach} characters before it")
    if asked.svg:
        streams.write(found.svg(shown))
    elif asked.as_json:
        streams.write_json({"file": str(run.path), **found.plain()})
    elif table or not streams.is_terminal():
        for row in found.table(shown):
            streams.write_row(*(f"{value:.6g}" if isinstance(value, float) else str(value) for value in row))
    else:
        from ...terminal import charts

        charts.gradients(found)
