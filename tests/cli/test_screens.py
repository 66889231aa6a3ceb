"""Screens fit the terminal: no line is wider, words stay whole, numbers stand where colours are missing."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from charnn.choices import TASKS
from charnn.config import ModelConfig, TrainConfig
from charnn.options import as_typed, changed
from charnn.terminal import tables
from charnn.training.start import wanted
from tests.helpers.processes import environment
from tests.helpers.program import TINY, invoke, ok
from tests.helpers.terminals import on_terminal, shown

CODES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def screen(*args: object, columns: int = 80, **variables: str) -> list[str]:
    """The lines that a command shows on a terminal, without styles; what a bar shows is a line too."""
    own = {name: value for name, value in environment().items() if name not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-m", "charnn", *map(str, args)]
    with on_terminal(command, columns, env={**own, **variables}) as (_, leader):
        told = shown(leader).decode()
    return [line for line in re.split(r"[\r\n]+", CODES.sub("", told)) if line.strip()]


def assert_fits(lines: list[str], columns: int) -> None:
    assert lines
    for line in lines:
        assert cell_len(line) <= columns, line


@pytest.mark.parametrize("columns", [80, 60])
@pytest.mark.parametrize(
    "command",
    [["eval"], ["info"], ["list"], ["inspect", "units", "-n", "3"], ["next"], ["inspect", "trace", "an"]],
    ids=str,
)
def test_screens_fit(here: Path, command: list[str], columns: int) -> None:
    assert_fits(screen(*command, columns=columns), columns)


@pytest.mark.parametrize("columns", [80, 60])
def test_training_fits_with_wide_characters(new: Path, columns: int) -> None:
    Path("wide.txt").write_text("日本語の文章です。とても長い文が続きます。" * 40)
    lines = screen("train", "wide.txt", *TINY, "--steps", 12, "--validate-every", 2, columns=columns)
    assert_fits(lines, columns)
    assert sum(bool(re.match(r" +\d+ +\d+\.\d\d ", line)) for line in lines) == 6
    closing = [line.split("  ")[0] for line in lines[lines.index("finished  12 of 12 steps") :]]
    assert [name for name in closing if name] == ["finished", "best", "kept in", "use", "next"]


def test_lines_end_between_words(here: Path) -> None:
    lines = screen("eval", "-m", "there-is-no-such-model", columns=40)
    words = "charnn: there is no model there-is-no-such-model, neither a file nor a run in checkpoints/: `charnn list`"
    assert " ".join(lines).startswith(words) and len(lines) > 2
    assert invoke("eval", "-m", "there-is-no-such-model").stderr.count("\n") == 1


# tables of runs


def test_long_names_are_cut_and_columns_left_out(home: Path, tmp_path: Path) -> None:
    long = "a-run-with-a-name-that-is-longer-than-any-column-of-a-table-has-room-for"
    shutil.copytree(home / "checkpoints" / "names", tmp_path / long)
    for columns in (100, 80, 60, 40):
        head, row = screen("list", "--runs", tmp_path, columns=columns)
        assert len(row) <= columns and row.startswith("a-run-w") and "…" in row and "/char" in row
        assert ("steps" in head) == (columns >= 80)


def test_columns_are_fitted() -> None:
    columns = {"name": ["a" * 30], "text": ["b" * 30], "bits": ["1.2345"], "size": ["3 MB"]}
    assert [width for _, width in tables.fitted(columns, 100).values()] == [30, 30, 6, 4]
    widths = [width for _, width in tables.fitted(columns, 60).values()]
    assert sum(widths) + 2 * 3 == 60 and widths[2:] == [6, 4]
    assert list(tables.fitted(columns, 30)) == ["name", "text", "bits"]
    assert list(tables.fitted(columns, 20)) == ["name", "text"]


# without colours


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_numbers_stand_where_colours_are_missing(here: Path, tmp_path: Path, plain: dict[str, str]) -> None:
    (tmp_path / "text.txt").write_text("Anbe\n")
    lines = screen("eval", "--by", "char", tmp_path / "text.txt", **plain)
    rows = ok("eval", "--by", "char", tmp_path / "text.txt").splitlines()
    assert [line.split()[0] for line in lines[-len(rows) :]] == [row.split("\t")[0] for row in rows]
    assert any("tenth" in line for line in screen("inspect", "units", "-n", 2, **plain))


def test_units_have_a_key_numbers_and_a_limit(here: Path) -> None:
    lines = screen("inspect", "units", "-n", 3)
    assert "red is positive" in lines[1] and lines[2].split() == ["0"]
    assert "first 3 characters" in lines[-1]
    assert len([line for line in lines if re.match(r" +[123] ", line)]) == 3


# words of a run


def test_info_tells_a_run_in_words(here: Path) -> None:
    text = " ".join(" ".join(screen("info")).split())
    assert "network 1 x 8 relu elman" in text and "trained 40 updates" in text
    assert re.search(r"best \d\.\d{4} bits/char held out at step 40, [\d.]+ % (better|worse) than the \d-gram", text)
    assert "--cell elman --hidden 8 --layers 1" in text and "--momentum" not in text


def test_options_that_are_not_defaults_are_words() -> None:
    model = ModelConfig(cell="elman", activation="tanh", skip=False, residual=True)
    assert as_typed(model) == ["--cell", "elman", "--activation", "tanh", "--no-skip", "--residual"]
    assert as_typed(ModelConfig()) == [] and dict(changed(TrainConfig(minutes=3))) == {"minutes": 3}
    defaults = TASKS["classify"].defaults
    usual = wanted({"task": "classify"})
    assert as_typed(usual.model, defaults) == as_typed(usual.config, defaults) == []
    asked = wanted({"task": "classify", "layers": 2, "dropout": 0.1})
    assert as_typed(asked.model, defaults) == ["--layers", "2", "--dropout", "0.1"]


# the pager


def test_long_tables_go_through_the_pager_of_a_terminal(here: Path) -> None:
    lines = screen("list", NO_PAGER="", PAGER="sed s/^/paged:/", TERM="xterm")
    assert lines and all(line.startswith("paged:") for line in lines)
    for variables in ({"NO_PAGER": "1", "TERM": "xterm"}, {"NO_PAGER": "", "TERM": "dumb"}):
        assert not any("paged:" in line for line in screen("list", PAGER="sed s/^/paged:/", **variables))


@pytest.mark.parametrize(
    ("command", "told"), [("false", "false ended with code 1"), ("less '", "No closing quotation")]
)
def test_a_pager_that_fails_is_named(here: Path, command: str, told: str) -> None:
    said = " ".join(screen("list", NO_PAGER="", PAGER=command, TERM="xterm"))
    assert told in said and "NO_PAGER=1" in said


def test_a_pager_may_be_left_before_the_end(here: Path) -> None:
    told = screen("inspect", "units", NO_PAGER="", PAGER="head -n 2", TERM="xterm")
    assert 4 <= len(told) <= 5, told  # the model, the key, and two lines; perhaps that these are the first 200


def test_examples_of_help_break_between_words() -> None:
    lines = screen("train", "--help", columns=60)
    assert_fits([line for line in lines if not line.startswith("  --")], 60)
    assert "  charnn train names.txt --hidden 128 --epochs 20 --name" in lines and "      small" in lines


# what takes a while


def test_what_takes_a_while_is_told_on_a_terminal_alone(here: Path, tmp_path: Path) -> None:
    told = " ".join(screen("eval"))
    assert "scoring held-out part" in told
    assert "scoring" not in invoke("eval").stderr
    file = tmp_path / "samples.txt"
    with file.open("wb") as stdout:
        command = [sys.executable, "-m", "charnn", "sample", "-n", "300", "--length", "20"]
        with on_terminal(command, stdout=stdout) as (_, leader):
            assert b"sample/s" in shown(leader)
    assert file.read_text().count("\n") == 300
