"""charnn inspect automaton"""

import click

from ...conflicts import check
from ...verbs import AutomatonConfig
from .. import options, streams
from ..shell.help import Command
from . import showing


@click.command("automaton", cls=Command)
@showing.asked(
    "A picture of the graph.",
    options.numbers(AutomatonConfig, "states", "end", "seed"),
    click.option("--dot", is_flag=True, help="The graph in the language of Graphviz."),
)
def command(asked: showing.Asked, states: int, end: float, seed: int, dot: bool) -> None:
    """Read a finite automaton from a model of lines.

    The model reads the first 4,000 characters of TEXT. Its states are put into clusters. Their number is the smallest
    for which each character leads from a cluster to one other, and ends are likely in all of a cluster or in none. The
    automaton of these moves is minimised. A row for each state: whether it accepts, the probability of an end, and
    the state that each character leads to. S1 is the start.
    """
    check({"dot": dot, "svg": asked.svg, "json": asked.as_json})
    if asked.svg:
        streams.refuse_picture("inspect automaton --svg")
    from ... import api
    from ...terminal import console

    run, given = showing.texts("inspect automaton", asked)
    found = api.automaton(run, given, states, end=end, seed=seed)
    console.note(f"{len(found.ends)} states; {found.agreement:.1%} of the network's moves and ends are theirs")
    if dot:
        streams.write(found.dot())
    else:
        showing.write(found, run.path, asked.svg, asked.as_json)
