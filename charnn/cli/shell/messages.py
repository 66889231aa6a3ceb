"""What click refuses, in the form of all of charnn's messages: what, value, what to do, on one line."""

import click

from ...errors import did_you_mean


def one_line(error: click.ClickException) -> str:
    """The message of an error of the command line."""
    if isinstance(error, click.NoSuchOption):
        return _no_such_option(error)
    if isinstance(error, click.MissingParameter) and error.param:
        name = error.param.make_metavar(error.ctx) if error.ctx else str(error.param.name)
        return f"{name.strip('[]')} is missing{_see(error)}"
    if isinstance(error, click.BadParameter) and error.param:
        message = error.message.removesuffix(".")
        return f"{flag(error.param)}{'' if message.startswith('is ') else ':'} {message}"
    message = error.format_message().removesuffix(".")
    if isinstance(error, click.UsageError) and message.startswith("Got unexpected extra argument"):
        return f"unexpected argument {message[message.index('(') + 1 : -1]}{_see(error)}"
    return message[:1].lower() + message[1:] if message.startswith(("Option ", "No ", "Got ")) else message


def flag(param: click.Parameter) -> str:
    """A parameter as it is typed: the long name of an option."""
    return max(param.opts, key=len) if isinstance(param, click.Option) else str(param.name).upper()


def _no_such_option(error: click.NoSuchOption) -> str:
    known = [name for param in error.ctx.command.params for name in param.opts] if error.ctx else []
    command = f" of `{error.ctx.command_path}`" if error.ctx else ""
    return f"there is no option {error.option_name}{command}{did_you_mean(error.option_name, known) or _see(error)}"


def _see(error: click.UsageError) -> str:
    """Where to read on."""
    return f": `{error.ctx.command_path} --help` shows how" if error.ctx else ""
