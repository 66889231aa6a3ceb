"""charnn inspect"""

import click

from ..program import Group
from . import attention, automaton, composition, drift, gradcheck, gradients, markov, paths, trace, units


@click.group("inspect", cls=Group)
def command() -> None:
    """Look inside a model: its gradients, units and attention, its automaton, and whether its gradients are right.

    TEXT is a file, or -; without it standard input if that is a file or a pipe, else the part of its corpus that the
    model was not trained on. Layers and units count from 0, as in the names of the weights.

    \b
    charnn inspect gradients
    charnn inspect units letter.txt --layer 0
    charnn inspect automaton --svg > states.svg
    charnn inspect drift --steps 20
    charnn inspect trace "cat"
    charnn inspect markov --orders 8 --states 16
    charnn inspect gradcheck
    """


for one in (gradients, units, attention, automaton, composition, drift, paths, trace, markov, gradcheck):
    command.add_command(one.command)
