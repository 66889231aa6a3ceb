"""Faults in what is set apart from the command line: variables, and a charnn.toml that came from elsewhere."""

import json
import time
from pathlib import Path

import pytest

from tests.helpers.program import ok, refused
from tests.helpers.waiting import limit


@pytest.mark.parametrize("how", ["a variable", "a file"])
def test_options_are_set_by_the_names_they_are_typed_by(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "a variable":
        monkeypatch.setenv("CHARNN_EVAL_JSON", "1")
    else:
        monkeypatch.chdir(tmp_path)
        Path("charnn.toml").write_text("[eval]\njson = true\n")
    assert json.loads(ok("eval", "-", "-m", here / "checkpoints/names", stdin="Anbe\n"))["count"] == 5


@pytest.mark.parametrize("option", ["yes = true", "output = 'x.npz'"])
def test_a_file_that_lies_there_neither_agrees_to_a_removal_nor_says_what_is_written(new: Path, option: str) -> None:
    command = {"y": "rm", "o": "tokenize"}[option[0]]
    Path("charnn.toml").write_text(f"[{command}]\n{option}\n")
    assert option[:3] in refused(2, command, "names.txt")
    assert not Path("x.npz").exists()


@pytest.mark.parametrize("text", ["[inspect.unit]\nlayer = 1", "[inspect]\nunits = 1", "[inspect]\nlayer = 1"])
def test_a_table_of_no_command_of_a_group_is_refused(new: Path, text: str) -> None:
    Path("charnn.toml").write_text(text)
    assert "charnn.toml has inspect." in refused(2, "inspect", "units")


def test_many_options_are_not_listed(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("charnn.toml").write_text("[train]\nqwertz = 1\n[completion]\nx = 1\n")
    assert refused(2, "train", "names.txt").endswith("`charnn train --help-all` shows all")
    assert "give one of" not in refused(2, "completion", "bash")


@pytest.mark.parametrize("before", ["", "[", "runs = 1\n[ "])
def test_a_key_of_very_many_parts_takes_no_time(new: Path, before: str) -> None:
    parts, began = " .".join(["a", '"b"', "'c'"] * 30_000), time.monotonic()
    Path("charnn.toml").write_text(f"{before}{parts}{']' if before else '= 1'}\n")
    assert "charnn.toml is no TOML" in refused(2, "list")
    assert time.monotonic() < began + limit(3)


def test_values_may_have_very_many_points(new: Path) -> None:
    Path("charnn.toml").write_text(f'[sample]\nprime = "{"a." * 3000}"\nstop = """ {"a." * 3000}"""\n')
    ok("list")


@pytest.mark.parametrize(
    "args",
    [
        ["list", "--runs", ""],
        ["sample", "-m", ""],
        ["train", "names.txt", "--from", ""],
        ["train", "names.txt", "--name", ""],
        ["train", ""],
        ["rm", "", "-y"],
        ["export", "x.onnx", "-m", ""],
    ],
    ids=" ".join,
)
def test_a_name_that_a_script_left_empty_is_refused(new: Path, args: list[str]) -> None:
    assert "is '': give a name" in refused(2, *args)


def test_variables_say_what_they_may_be(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARNN_LIST_JSON", "maybe")
    assert "--json is 'maybe'" in refused(2, "list")
