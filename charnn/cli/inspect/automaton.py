"""charnn inspect automaton"""

import click

from ...conflicts import check
from ...verbs import AutomatonConfig
from .. import inputs, options, streams
from ..shell.help import Command
from ..shell.types import File
from . import showing


@click.command("automaton", cls=Command)
@click.argument("text", required=False, type=File())
@options.model
@options.runs
@options.numbers(AutomatonConfig, "states", "end", "seed")
@click.option("--dot", is_flag=True, help="The graph in the language of Graphviz.")
@click.option("--svg", is_flag=True, help="A picture of the graph.")
@click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object.")
@options.unknown
@options.invalid
def command(
    text: str | None,
    model: str | None,
    runs: str,
    states: int,
    end: float,
    seed: int,
    dot: bool,
    svg: bool,
    as_json: bool,
    unknown: str,
    invalid: str,
) -> None:
    """Read a finite automaton from a model of lines.

    The model reads the first 4,000 characters of TEXT. Its states are put into clusters. Their number is the smallest
    for which each character leads from a cluster to one other, and ends are likely in all of a cluster or in none. The
    automaton of these moves is minimised. A row for each state: whether it accepts, the probability of an end, and
    the state that each character leads to. S1 is the start.
    """
    check({"dot": dot, "svg": svg, "json": as_json})
    if svg:
        streams.refuse_picture("inspect automaton --svg")
    from ... import api
    from ...terminal import console

    run, texts = inputs.opened("inspect automaton", model, runs, [text] if text else [], unknown, invalid)
    found = api.automaton(run, texts, states, end=end, seed=seed)
    console.note(f"{len(found.ends)} states; {found.agreement:.1%} of the network's moves and ends are theirs")
    if dot:
        streams.write(found.dot())
    else:
        showing.write(found, run.path, svg, as_json)
