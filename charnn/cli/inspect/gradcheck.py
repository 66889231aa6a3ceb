"""charnn inspect gradcheck"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ...verbs import GradcheckConfig
from .. import inputs, options, streams
from ..shell.help import Command
from . import showing

if TYPE_CHECKING:
    from ...api import CheckedGradient


@click.command("gradcheck", cls=Command)
@showing.asked(None, options.numbers(GradcheckConfig, "samples", "seed"))
def command(asked: showing.Asked, samples: int, seed: int) -> None:
    """Check the derived gradient against finite differences, in float64.

    The command moves weights of each array a little, and reads a short window of TEXT again. The change of the loss is
    the difference d, and the gradient of training is a. Both are taken twice: the state is carried on, then reset at
    the end of each sequence. Dropout is off.

    A row for each array has the weights that were compared, those that were left out, and the largest relative error
    |a - d| / max(|a|, |d|, 1e-5 L), where L is the loss. Weights at a kink of relu are left out, since no derivative
    exists there.

    The exit code is 1 if any is above 1e-4.
    """
    from ... import api
    from ...errors import CharnnError
    from ...inspection.gradcheck import TOLERANCE
    from ...terminal import console

    run, given = showing.read("inspect gradcheck", asked)
    checked = api.gradcheck(run, given, samples=samples, seed=seed, unknown=asked.unknown, invalid=asked.invalid)
    console.note(f"{run.path} on {inputs.named(given)}")
    found = [*checked] if asked.as_json else [*_written(checked, max(map(len, run.weights)))]
    wrong, worst = [one.array for one in found if not one.good], max(one.error for one in found)
    if asked.as_json:
        streams.write_json({"arrays": [asdict(one) for one in found], "tolerance": TOLERANCE, "good": not wrong})
    if wrong:
        raise CharnnError(
            f"{run.path}: finite differences do not confirm the gradient of {', '.join(wrong)}: {worst:.1e} off"
        )
    console.note(f"finite differences confirm the gradient: {worst:.1e} off at most, and {TOLERANCE:g} allowed")


def _written(found: Iterable["CheckedGradient"], width: int) -> Iterator["CheckedGradient"]:
    """Pass arrays on, and write a row for each as it is checked; on a terminal names are filled up to a width."""
    width = width if streams.is_terminal() else 0
    streams.write_row(f"{'array':<{width}}", "weights", "kinks", "error")
    for one in found:
        streams.write_row(f"{one.array:<{width}}", str(one.weights), str(one.kinks), f"{one.error:.1e}")
        streams.flush()
        yield one
