"""charnn rm"""

import sys

import click

from .. import options
from ..shell.help import Command
from ..shell.types import RunName


@click.command("rm", cls=Command)
@click.argument("names", metavar="RUN...", nargs=-1, required=True, type=RunName())
@options.runs
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(names: tuple[str, ...], runs: str, yes: bool) -> None:
    """Remove runs: their models and logs, and their folders where nothing else lies in them.

    On a terminal each run is asked for; elsewhere --yes is needed. A run that is being trained is not removed.

    \b
    charnn rm names-2
    charnn rm --yes names-2 names-3
    """
    from ...errors import UsageError
    from ...runs import folder, listing
    from ...terminal import console
    from ...terminal.plain import visible
    from ...terminal.words import size

    found = [folder.find_run(name, runs) for name in names]
    found = [*{one.path.resolve(): one for one in found}.values()]  # each once
    if not yes and not (sys.stdin is not None and sys.stdin.isatty()):
        raise UsageError("nobody can be asked, since standard input is no terminal: add --yes to remove runs")
    for one in found:
        if not yes:
            facts = listing.summary(one)
            told = f"{one.path}/ ({facts.steps:,} updates, {size(facts.bytes)})"
            if not click.confirm(visible(f"remove {told}?"), err=True):
                continue
        others = ", ".join(path.name for path in one.remove())
        console.note(f"removed {one.path}/" if not others else f"removed the run in {one.path}/; {others} stays there")
