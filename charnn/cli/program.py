"""The group of commands: finds them by name, and turns whatever goes wrong into one line and an exit code."""

import contextlib
import errno
import os
import re
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NoReturn

import click

from ..errors import CharnnError, CharnnWarning, did_you_mean
from ..parallel import launcher
from ..terminal import plain
from .shell import layout

COMMANDS = {  # the module of each, and what it does: `--help` answers without importing them
    "train": ("train", "Learn a text."),
    "sample": ("sample", "Let a model write."),
    "next": ("next", "Say which characters may come next."),
    "eval": ("eval", "Say how well a model predicts a text."),
    "classify": ("lines.classify", "Sort lines into classes."),
    "translate": ("lines.translate", "Rewrite lines."),
    "fill": ("lines.fill", "Fill gaps in lines."),
    "proof": ("lines.proof", "Find unlikely characters in lines, and likelier ones."),
    "list": ("runs.list", "List all runs."),
    "info": ("info", "Describe a model, or several side by side."),
    "plot": ("plot", "Draw the loss of runs."),
    "mv": ("runs.mv", "Give a run another name."),
    "rm": ("runs.rm", "Remove runs."),
    "inspect": ("inspect", "Look inside a model: gradients, units, attention, states."),
    "tokenize": ("tokenize", "Turn texts into numbers, and show what a text holds."),
    "export": ("export", "Write a model for PyTorch, ONNX, a web page or C."),
    "import": ("importing", "Read a model of PyTorch."),
    "bench": ("bench", "Measure how fast this machine trains, evaluates and samples."),
    "completion": ("shell.completion", "Let a shell complete commands, options and names."),
}

ON_ALL_RANKS = ("train",)
RANK_0_SPEAKS = 1.0  # seconds
SENTENCE = 200  # characters of the first sentence of a help, at most


class Ended(BaseException):
    """The program is to end as by this signal, once everything half made is removed."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


class Group(click.Group):
    """Commands by name."""

    context_class = layout.Context

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        unknown = args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None
        if unknown and not ctx.resilient_parsing:  # a shell that completes a line reports nothing
            rest = did_you_mean(args[0], self.list_commands(ctx)) or f": `{ctx.command_path} --help` lists all"
            raise click.UsageError(f"there is no command {args[0]}{rest}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The first sentence of each command's help, whole."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(SENTENCE)) for name, command in found if command])


class Program(Group):
    """Commands live in modules of their own, imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f".{COMMANDS[name][0]}", __package__).command
        from .options import present

        command.context_settings["token_normalize_func"] = present
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if launcher.rank() and name not in ON_ALL_RANKS:  # rank 0 alone does the work, and answers
            ctx.exit()
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in COMMANDS.items()])

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        finally:  # else Python's own attempt at exit fails, and makes the exit code 120
            try:
                sys.stderr.flush()
            except (OSError, ValueError, AttributeError):
                quiet(sys.stderr)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with reporting_errors():  # --help and --version write here
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with reporting_errors(), showing_warnings():
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
            return result


@contextlib.contextmanager
def reporting_errors() -> Iterator[None]:
    """Ends the program, and says why, where something goes wrong."""
    try:
        yield
    except KeyboardInterrupt:
        die(signal.SIGINT)
    except Ended as ended:
        die(ended.number)
    except click.exceptions.Exit:
        raise
    except click.Abort as abort:  # of a question
        if isinstance(abort.__context__, KeyboardInterrupt):
            die(signal.SIGINT)
        refuse(click.UsageError("there is no answer: answer y or n, or add --yes"))
    except click.ClickException as error:
        try:
            refuse(error)
        except OSError as other:  # no file can be opened, not even for what a message needs
            fail(other)
    except Exception as error:
        if os.environ.get("CHARNN_DEBUG"):
            raise
        fail(error)


@contextlib.contextmanager
def showing_warnings() -> Iterator[None]:
    """Writes the library's warnings as lines to standard error, each once; others as ever."""
    others, seen = warnings.showwarning, set[str]()

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        from ..terminal import console

        if issubclass(category, CharnnWarning):
            if (told := str(message)) not in seen:
                console.note(told)
            seen.add(told)
        else:
            others(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", CharnnWarning)
        warnings.showwarning = show
        yield


def refuse(error: click.ClickException) -> NoReturn:
    """End with a line that says what is wrong on the command line; without a command with the help."""
    from .shell.messages import one_line

    if launcher.rank() == 0:  # all ranks have the same command line
        asked = isinstance(error, click.UsageError) and error.ctx and error.message == error.ctx.get_help()
        message = error.message if asked else told(plain.message(f"charnn: {one_line(error)}"))
        with contextlib.suppress(OSError):
            click.echo(message, err=True)
    exit_all_ranks(error.exit_code)


def told(message: str) -> str:
    """A message on one line; on a terminal on lines that end between words."""
    if sys.stderr is None or not sys.stderr.isatty():
        return message
    import shutil
    import textwrap

    width = shutil.get_terminal_size().columns
    return textwrap.fill(message, max(20, width), break_on_hyphens=False, break_long_words=False)


def fail(error: BaseException) -> NoReturn:
    """End with the error's exit code, after one line that says what is wrong and what to do."""
    if isinstance(error, BrokenPipeError):  # the reader has enough: no error, and nothing to say
        quiet(sys.stdout)
        sys.exit(128 + signal.SIGPIPE)
    if isinstance(error, CharnnError):
        message, code = re.sub("^-(?=[ ,:])", "standard input", str(error)), error.exit_code
    elif isinstance(error, MemoryError):
        message, code = f"not enough memory: {error}; try a smaller --hidden, --batch or --window", 1
    elif isinstance(error, OSError):
        where = error.filename or ("standard output" if error.errno in (errno.ENOSPC, errno.EBADF, errno.EIO) else "")
        message, code = f"{where}: {error.strerror or error}".removeprefix(": "), 1
        quiet(sys.stdout)
    else:
        message, code = f"internal error: {error!r}. Please report it; CHARNN_DEBUG=1 shows the traceback", 1
    yield_to_rank_0()
    rank = f"rank {launcher.rank()}: " if launcher.rank() else ""
    with contextlib.suppress(OSError):
        click.echo(told(plain.message(f"charnn: {rank}{message}")), err=True)
    exit_all_ranks(code)


def yield_to_rank_0() -> None:
    """Under mpiexec what is wrong is mostly wrong on all ranks: rank 0 says it, and ends the others."""
    if launcher.rank():
        time.sleep(RANK_0_SPEAKS)


def exit_all_ranks(code: int) -> NoReturn:
    """End this program, on all ranks."""
    launcher.abort(code)
    sys.exit(code)


def quiet(file: Any) -> None:
    """Let what is still buffered go nowhere, so that Python does not complain about it at exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())


def die(number: int) -> NoReturn:
    """End as by the signal itself, so that a shell's loop stops too."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    sys.exit(128 + number)  # where the signal is blocked
