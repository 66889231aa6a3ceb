"""Documented means executed: what README says is run, parsed or compared with the code."""

import re
import shlex
from pathlib import Path

import click
import pytest

from charnn.cli import program, train
from charnn.config import ModelConfig, TrainConfig
from charnn.tasks import fitting

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted({line.strip() for line in re.findall(r"^    .*\bcharnn .*$", TEXT, re.MULTILINE)})


def stages(line: str) -> list[list[str]]:
    """The words of each charnn command in a line of shell, explanations on its right left out."""
    line = re.split(r"\s{3,}", line)[0]
    words: list[list[str]] = [[]]
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>")
    lexer.whitespace_split = True
    for word in lexer:
        if word == "|":
            words.append([])
        else:
            words[-1].append(word)
    cut = [
        stage[: stage.index(mark)] if (mark := next((w for w in stage if w in "<>"), "")) else stage for stage in words
    ]
    alone = [stage[3:] if stage[:1] == ["mpiexec"] else stage for stage in cut]
    return [stage[1:] for stage in alone if stage[:1] == ["charnn"]]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_parse(line: str) -> None:
    found = stages(line)
    assert found, line
    for name, *arguments in found:
        parent = click.Context(program, **program.context_settings)
        command = program.get_command(parent, name)
        assert command is not None, f"no command {name}"
        context = command.make_context(name, list(arguments), parent)
        if isinstance(command, click.Group):
            name, inner, arguments = command.resolve_command(context, arguments)
            assert name and inner
            inner.make_context(name, arguments, context)


def test_there_are_commands_to_parse() -> None:
    assert len(COMMANDS) > 15
    assert {stage[0] for line in COMMANDS for stage in stages(line)} <= set(
        program.list_commands(click.Context(program))
    )


@pytest.mark.slow
def test_the_python_example_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(block, "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2 and 0 < float(lines[-1]) < 20


def test_defaults_are_those_of_the_code() -> None:
    model = ModelConfig()
    assert f"`--cell {model.cell} --layers {model.layers} --hidden {model.hidden}` by default" in TEXT
    assert f"{fitting.DEFAULT_EPOCHS:g} passes over the text or {fitting.DEFAULT_MINUTES:g} minutes" in TEXT
    epochs, minutes = fitting.DEFAULT_EPOCHS, fitting.DEFAULT_MINUTES
    budget = f"{epochs:g} epochs, or {minutes:g} minutes, or until {TrainConfig().patience}"
    assert budget in (train.command.help or "")
    assert model.skip
    assert ModelConfig("elman").activation == ModelConfig("jordan").activation == "relu"


@pytest.mark.parametrize("heading", ["### Try it", "### Test it"])
def test_there_is_one_command_for_each_purpose(heading: str) -> None:
    section = TEXT.split(heading + "\n")[1].split("\n#")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert len(block.strip().splitlines()) == 1
