"""`python -m tests.faults.attack`: count attacks of each kind, and tell of those that the program did not hold."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import click

from . import damage, inputs, judge, stock, surroundings
from .server import Attack, prepare, run

MOST = 2000  # characters that are shown of an attack
Make = Callable[[Random, Path], Attack]
KINDS: dict[str, Make] = {
    one.__name__: one
    for one in (
        damage.bits,
        damage.header,
        damage.numbers,
        damage.archive,
        damage.weights,
        inputs.texts,
        inputs.exchanged,
        inputs.options,
        inputs.settings,
        inputs.completion,
        surroundings.streams,
        surroundings.limits,
        surroundings.places,
        surroundings.runs,
        surroundings.signals,
    )
}


def attacks(kinds: Sequence[str], seed: int, numbers: range) -> Iterator[tuple[str, int, Attack, list[str]]]:
    """Carry out attacks: the kind and the number of each, the attack, and what it shows to be wrong.

    An attack depends on its kind, its number and the seed alone.
    """
    prepare()
    with tempfile.TemporaryDirectory() as base:
        good, place = Path(base) / "good", Path(base) / "here"
        good.mkdir()
        stock.make(good)
        before = {path.name: path.read_bytes() for path in good.iterdir()}
        for number in numbers:
            for kind in kinds:
                shutil.copytree(good, place)
                rng = Random(f"{seed} {kind} {number}")
                attack = KINDS[kind](rng, place)
                end = run(attack, place)
                found = judge.faults(attack, end)
                if not attack.sent:
                    found += judge.leftovers(place, before)
                yield kind, number, attack, [f"{one}: {end.err[-600:]!r}" for one in found]
                shutil.rmtree(place)


@click.command()
@click.option("--kind", "kinds", type=click.Choice([*KINDS]), multiple=True, help="Kinds of attacks; all by default.")
@click.option("--seed", default=0, show_default=True, help="Seed of all attacks.")
@click.option("--first", default=0, show_default=True, help="Number of the first attack of each kind, to go on from.")
@click.option("--count", default=20, show_default=True, help="Attacks of each kind.")
def main(kinds: tuple[str, ...], seed: int, first: int, count: int) -> None:
    """Attack charnn, and say what it did not hold; exit code 1 if there is anything."""
    made = failed = 0
    for kind, number, attack, found in attacks(kinds or [*KINDS], seed, range(first, first + count)):
        made += 1
        for one in found:
            click.echo(f"{kind} {number}: {one}\n    {attack!r}"[:MOST])
        failed += bool(found)
    click.echo(f"{made:,} attacks (seed {seed}, {count:,} of each kind from number {first:,}), {failed:,} not held")
    raise SystemExit(failed > 0)


if __name__ == "__main__":
    main()
