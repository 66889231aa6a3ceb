"""Shell completion: commands, options, names of runs and recipes, files."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from charnn.training import recipes
from tests.helpers.program import ok, refused

PROGRAM = [sys.executable, "-m", "charnn"]


def completed(line: str, shell: str = "bash") -> list[str]:
    """What a shell is told for the last word of a line, which may be empty."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_CHARNN_COMPLETE": f"{shell}_complete"}
    if shell == "fish":
        asked["COMP_CWORD"] = words[-1]
    done = subprocess.run(PROGRAM, env={**os.environ, **asked}, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("charnn sample -m ", ["plain,names"]),
        ("charnn sample --model na", ["plain,names"]),
        ("charnn rm ", ["plain,names"]),
        ("charnn train --resume --name n", ["plain,names"]),
        ("charnn info names x", ["file,x"]),
        ("charnn eval ", ["file,"]),
        ("charnn train na", ["file,na"]),
        ("charnn eval --by c", ["plain,char", "plain,confusion"]),
        ("charnn tr", ["plain,train", "plain,translate"]),
        ("charnn inspect gradc", ["plain,gradcheck"]),
        ("charnn sample --bea", ["plain,--beam"]),
    ],
)
def test_a_line_is_completed(here: Path, line: str, expected: list[str]) -> None:
    assert completed(line) == expected


@pytest.mark.parametrize("line", ["charnn inspect unit --la", "charnn tain --la"])
def test_a_line_that_is_wrong_completes_to_nothing(line: str) -> None:
    assert completed(line) == [""]


@pytest.mark.parametrize("content", ["x = ", "[tain]"])
def test_a_line_is_completed_beside_settings_that_are_wrong(new: Path, content: str) -> None:
    Path("charnn.toml").write_text(content, "utf-8")
    assert completed("charnn eval --by c") == ["plain,char", "plain,confusion"]


def test_recipes_are_completed_with_what_they_are_for() -> None:
    assert completed("charnn train --recipe ") == [f"plain,{name}" for name in (*recipes.read(), "list")]
    assert any(recipes.named("best").about in line for line in completed("charnn train --recipe b", "fish"))


def test_the_runs_of_the_folder_that_is_named_are_completed(home: Path, tmp_path: Path) -> None:
    (tmp_path / "others").symlink_to(home / "checkpoints")
    assert completed(f"charnn sample --runs {tmp_path / 'others'} -m ") == ["plain,names"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_the_shell(shell: str) -> None:
    script = ok("completion", shell)
    assert f"_CHARNN_COMPLETE={shell}_complete" in script and "charnn" in script


def test_bash_completes_by_the_script(here: Path, tmp_path: Path) -> None:
    script = tmp_path / "charnn"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n')
    script.chmod(0o755)
    code = """
        eval "$(charnn completion bash)"
        COMP_WORDS=(charnn sample -m na) COMP_CWORD=3
        _charnn_completion charnn
        echo "${COMPREPLY[@]}"
    """
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout == "names\n", done.stderr


def test_another_shell_is_refused() -> None:
    assert "choose one of bash, zsh, fish" in refused(2, "completion", "ksh")
