"""charnn inspect markov"""

import click

from ...verbs import MarkovConfig
from .. import options, streams
from ..shell.help import Command


@click.command("markov", cls=Command)
@options.model
@options.runs
@options.numbers(MarkovConfig, "orders", "states", "rounds")
@click.option("--json", "as_json", is_flag=True, help="A JSON object for each model.")
def command(model: str | None, runs: str, orders: int, states: int, rounds: int, as_json: bool) -> None:
    """Compare a model with Markov models and a hidden Markov model.

    A Markov model of order tau sees the last tau characters alone: P(x[t] | x[t-1] ... x[t-tau]). A hidden Markov model
    (HMM) keeps one of so many states. Both are counted on the training part. A row for each model: its bits per
    character on the held-out part, of which the first 200,000 characters are read. The HMM is fitted to the first
    200,000 characters of the training part, by the algorithm of Baum and Welch.
    """
    from dataclasses import asdict

    from ... import api

    rows = api.markov(model, orders, states=states, rounds=rounds, runs=runs)
    if not as_json:
        streams.write_row("model", "bits")
    for one in rows:
        if as_json:
            streams.write_json(asdict(one))
        else:
            streams.write_row(one.model, f"{one.bits:.4f}")
        streams.flush()
