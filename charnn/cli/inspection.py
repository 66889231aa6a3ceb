"""charnn inspect"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from . import options, streams, subject, units

TABLES = "norms", "eigenvalues", "saturation"


@click.group("inspect")
def command() -> None:
    """Look inside a model: its gradients, its units, and whether its gradients are right.

    TEXT is a file, or -; without it standard input if that is a file or a pipe, else the part of its corpus that the
    model was not trained on. Layers and units count from 0, as in the names of the weights.

    \b
    charnn inspect gradients
    charnn inspect units letter.txt --layer 0
    charnn inspect gradcheck
    """


command.add_command(units.command)


@command.command("gradients")
@click.argument("text", required=False)
@options.model
@options.root
@click.option("--lags", type=click.IntRange(1, 1000), default=50, show_default=True, help="How far to look back.")
@click.option("--table", type=click.Choice(TABLES), help="This table alone, as TSV; in a pipe norms.")
@click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object.")
@options.unknown
@options.invalid
def gradients(
    text: str | None,
    model: str | None,
    root: str,
    lags: int,
    table: str | None,
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
    from ..inspection import inspection
    from ..terminal import console

    path, run, pieces, what = subject.opened(model, root, text, unknown, invalid)
    ids = subject.take(pieces, what)
    norms, saturation = inspection.gradients(run.model, run.weights, ids, lags, reset=run.reset)
    found: dict[str, Any] = {"norms": norms, "saturation": saturation, "eigenvalues": inspection.spectra(run.weights)}
    if (reached := max((norm.lag for norm in norms), default=lags)) < lags:
        console.note(f"at no position does the loss depend on a state more than {reached} characters before it")
    if as_json:
        streams.write_json({"file": str(path), **_plain(found)})
    elif table or not streams.is_terminal():
        for row in _rows(table or TABLES[0], found):
            streams.write("\t".join(row) + "\n")
    else:
        from ..terminal import plots

        plots.gradients(norms, saturation, found["eigenvalues"])


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """Tables as JSON has them."""
    from ..inspection.inspection import factor, radius

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

    from ..inspection.inspection import Norm, Saturation

    yield [spec.name for spec in fields(Norm if table == "norms" else Saturation)]
    for one in found[table]:
        yield [f"{value:.6g}" if isinstance(value, float) else str(value) for value in asdict(one).values()]


@command.command("gradcheck")
@click.argument("text", required=False)
@options.model
@options.root
@click.option(
    "--samples", type=click.IntRange(1, 1_000_000), default=20, show_default=True, help="Weights of each array."
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Which ones.")
@click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object.")
@options.unknown
@options.invalid
def gradcheck(
    text: str | None,
    model: str | None,
    root: str,
    samples: int,
    seed: int,
    as_json: bool,
    unknown: str,
    invalid: str,
) -> None:
    """Check the derived gradient against finite differences, in float64.

    Moves weights of each array a little, and compares what becomes of the loss of a short window of TEXT with the
    gradient that training takes, once with the state carried on and once with resets; dropout is off. A row for each
    array: weights compared, weights left out since they lie at a kink of relu, where there is no derivative, and the
    largest relative error, |a - d| / max(|a|, |d|, 1e-5 L), of a gradient a beside a difference d; L is the loss.

    The exit code is 1 if any is above 1e-4.
    """
    import numpy as np

    from ..errors import CharnnError
    from ..inspection.gradcheck import TOLERANCE, check
    from ..terminal import console

    path, run, pieces, what = subject.opened(model, root, text, unknown, invalid)
    rng, found = np.random.default_rng(seed), []
    width = max(map(len, run.weights)) if streams.is_terminal() else 0
    for one in check(run.model, run.weights, subject.take(pieces, what), samples, rng):
        found.append(one)
        if not as_json:
            heads = f"{'array':<{width}}\tweights\tkinks\terror\n" if len(found) == 1 else ""
            row = f"{one.array:<{width}}\t{one.weights}\t{one.kinks}\t{one.error:.1e}\n"
            streams.write(heads + row, flush=True)
    wrong = [one.array for one in found if not one.good]
    if as_json:
        rows = [asdict(one) for one in found]
        streams.write_json({"arrays": rows, "tolerance": TOLERANCE, "good": not wrong})
    worst = max(one.error for one in found)
    if wrong:
        raise CharnnError(
            f"{path}: finite differences do not confirm the gradient of {', '.join(wrong)}: {worst:.1e} off"
        )
    console.note(f"finite differences confirm the gradient: {worst:.1e} off at most, and {TOLERANCE:g} allowed")
