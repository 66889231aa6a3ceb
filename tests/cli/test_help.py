"""Help: groups of options, what comes first, and lines that fit."""

from collections.abc import Iterator
from dataclasses import fields

import click
import pytest

from charnn.choices import CELLS
from charnn.cli import program
from charnn.cli.shell.groups import BUDGET, TEXT, VARIANTS
from charnn.cli.shell.help import MORE, Command, Option
from charnn.config import ModelConfig, ReadConfig, TaskConfig, TrainConfig
from charnn.errors import UsageError
from tests.helpers.program import invoke, ok, refused


def commands(group: click.Group = program, *above: str) -> Iterator[tuple[str, ...]]:
    """The words of every command."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*above, name)
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)


def test_options_of_every_command_can_be_set_apart() -> None:
    for words in commands():
        command: click.Command = program
        for word in words:
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), word) or command
        assert isinstance(command, click.Group | Command), words


def groups_of(name: str) -> dict[str, list[str]]:
    """The groups of a command's options, by their names."""
    command = program.get_command(click.Context(program), name)
    assert isinstance(command, Command)
    found = command.grouped(click.Context(command))
    return {title: [str(param.name) for param in params] for title, params in found.items()}


@pytest.mark.parametrize("words", [(), *commands(), ("train", "--help-all")], ids=" ".join)
def test_no_line_of_help_is_wider_than_a_terminal(words: tuple[str, ...]) -> None:
    text = ok(*words) if words[-1:] == ("--help-all",) else ok(*words, "--help")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("command", ["train", "sample"])
def test_every_option_stands_in_one_group(command: str) -> None:
    names = [name for group in groups_of(command).values() for name in group]
    assert len(names) == len(set(names)) and {"runs", "seed"} <= set(names)
    if command == "train":
        assert {spec.name for kind in (ReadConfig, TaskConfig, ModelConfig, TrainConfig) for spec in fields(kind)} <= {
            *names
        }


def test_groups_say_what_their_options_are_about() -> None:
    found = groups_of("train")
    assert {"sequence", "task", "valid_share"} <= {*found[TEXT]} and {"minutes", "budget"} <= {*found[BUDGET]}
    own = {name for cell in CELLS.values() for name in cell.own} - {"norm"}
    assert own <= {*found[VARIANTS]}


def test_help_shows_ten_options_and_names_the_others() -> None:
    brief, whole = ok("train", "--help"), ok("train", "--help-all")
    first, more = brief.split("Options:\n")[1].split(f"{MORE}:\n")
    shown = [line.split()[0] for line in first.splitlines() if line.startswith("  --")]
    assert len(shown) == 11 and shown[-1] == "--help-all" and {"--hidden", "--resume", "--recipe"} < {*shown}
    assert "--scheme" not in first and "--scheme" in more.split() and MORE not in whole
    titles = [line[:-1] for line in whole.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["Options", "Text", "Network", VARIANTS, "Training", "Budget", "Run"]


def test_a_command_without_chief_options_explains_all() -> None:
    @click.command(cls=Command, groups=["First"])
    @click.option("--a", cls=Option, group="First", help="What a is.")
    @click.option("--b", help="What b is.")
    def command() -> None: ...

    with click.Context(command) as context:
        assert list(command.grouped(context)) == ["Options", "First"]
        assert "What a is." in command.get_help(context) and "--help-all" not in command.get_help(context)


# times


@pytest.mark.parametrize(
    ("written", "minutes"), [("10", 10), ("0.5", 0.5), ("10m", 10), ("90s", 1.5), ("1h30m", 90), (2, 2), (None, None)]
)
def test_minutes_are_read_as_a_budget_is(written: str | float | None, minutes: float | None) -> None:
    assert TrainConfig(minutes=written).minutes == minutes  # type: ignore[arg-type]


@pytest.mark.parametrize("written", ["soon", "", "10x", "nan", "0"])
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="--minutes"):
        TrainConfig(minutes=written)  # type: ignore[arg-type]
    assert "--minutes" in refused(2, "train", "names.txt", "--minutes", written)


def test_help_is_complete_on_a_narrow_terminal() -> None:
    text = invoke("train", "--help", terminal_width=60).stdout
    assert max(map(len, text.splitlines())) <= 62 and "--cut-probability" in text
