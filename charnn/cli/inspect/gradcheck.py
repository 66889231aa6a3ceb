"""charnn inspect gradcheck"""

from dataclasses import asdict

import click

from .. import options, streams
from . import inputs


@click.command("gradcheck")
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
def command(
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

    from ...errors import CharnnError
    from ...inspection.gradcheck import TOLERANCE, check
    from ...terminal import console

    path, run, pieces, what = inputs.opened(model, root, text, unknown, invalid)
    rng, found = np.random.default_rng(seed), []
    width = max(map(len, run.weights)) if streams.is_terminal() else 0
    for one in check(run.network, inputs.take(pieces, what), samples, rng):
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
