"""charnn completion"""

import click

from .. import streams
from .help import Command
from .types import OneOf

SHELLS = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/charnn.fish"}


@click.command("completion", cls=Command)
@click.argument("shell", type=OneOf([*SHELLS]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Write what lets a SHELL complete commands, options, and names of runs, recipes and files.

    \b
    eval "$(charnn completion bash)"        in ~/.bashrc
    eval "$(charnn completion zsh)"         in ~/.zshrc, after compinit
    charnn completion fish > ~/.config/fish/completions/charnn.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    streams.write(f"{kind(ctx.find_root().command, {}, 'charnn', '_CHARNN_COMPLETE').source()}\n")
