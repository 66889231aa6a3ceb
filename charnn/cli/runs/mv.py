"""charnn mv"""

import click

from .. import options
from ..shell.help import Command
from ..shell.types import RunName


@click.command("mv", cls=Command)
@click.argument("run", type=RunName())
@click.argument("name")
@options.runs
def command(run: str, name: str, runs: str) -> None:
    """Give a run another name. It stays in the folder where it is.

    \b
    charnn mv names-2 names-wide
    """
    from ...runs import folder
    from ...terminal import console

    found = folder.find_run(run, runs)
    console.note(f"{found.path}/ is {found.rename(name).path}/ now")
