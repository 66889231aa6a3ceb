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
    if isinstance(error, click.BadOptionUsage):
        takes = "takes no value" if "not take" in message else "needs a value"
        return f"{error.option_name} {takes}{_see(error)}"
    if isinstance(error, click.UsageError) and message.startswith("Got unexpected extra argument"):
        return _unexpected(message[message.index("(") + 1 : -1], error)
    return message


def flag(param: click.Parameter) -> str:
    """A parameter as it is typed: the long name of an option."""
    return max(param.opts, key=len) if isinstance(param, click.Option) else str(param.name).upper()


def _unexpected(words: str, error: click.UsageError) -> str:
    """What is said of an argument that a command does not take; one that names a run may be meant for -m."""
    from ...runs import names

    ctx = error.ctx
    takes_run = ctx is not None and any(param.name == "model" for param in ctx.command.params)
    if ctx and takes_run and words in names.below(ctx.params.get("runs") or names.RUNS):
        return f"unexpected argument {words}: did you mean -m {words}?"
    return f"unexpected argument {words}{_see(error)}"


def _no_such_option(error: click.NoSuchOption) -> str:
    known = [name for param in error.ctx.command.params for name in param.opts] if error.ctx else []
    command = f" of `{error.ctx.command_path}`" if error.ctx else ""
    return f"there is no option {error.option_name}{command}{did_you_mean(error.option_name, known) or _see(error)}"


def _see(error: click.UsageError) -> str:
    """Where to read on."""
    return f": `{error.ctx.command_path} --help` shows how" if error.ctx else ""
