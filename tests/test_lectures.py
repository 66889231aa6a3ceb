"""Documented means executed: each command in docs/lectures.md and the pages of docs/lectures runs, at a small size."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.helpers import lectures, pairs
from tests.helpers.program import invoke, ok

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| (?!statement |---)(.*) \| (.*) \|$", re.MULTILINE)
SIZES = ["--hidden", "8", "--steps", "1", "--workers", "1"]
LETTERS = {"p": "8", "K1": "2", "K2": "8"}  # that stand for numbers in the table
OF_TASKS = {"--condition": "condition", "--encoder": "translate", "--attention": "translate"}
SUBJECTS = {"fill": ["-m", "gaps", "ab_d"], "bench": ["--seconds", "0.02", "--hidden", "4"]}  # of commands


def spans(row: str) -> list[str]:
    """The options and commands of a row, each whole: a word alone is another value of the option before it."""
    found: list[str] = []
    for span in re.findall(r"`([^`]+)`", row):
        whole = span.startswith(("--", "charnn "))
        found.append(span if whole else f"{found[-1].rsplit(' ', 1)[0]} {span}")
    return found


TABLE = ROW.findall((ROOT / "docs" / "lectures.md").read_text("utf-8").split("## Out of scope")[0])
SPANS = [(statement, span) for statement, does in TABLE for span in spans(does)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text, pairs, a series, and models of a text and of gaps."""
    folder = tmp_path_factory.mktemp("lectures")
    shutil.copy(ROOT / "corpora" / "names.txt", folder)
    for task in ("classify", "condition", "translate", "fill", "values"):
        pairs.write(folder, task)
    return folder


def test_every_row_names_a_command_or_a_page() -> None:
    assert len(TABLE) > 30
    assert all("`" in does or "](" in does for _, does in TABLE)


@pytest.mark.slow
@pytest.mark.parametrize(("statement", "span"), SPANS, ids=[span for _, span in SPANS])
def test_what_the_table_names_runs(statement: str, span: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    words = [LETTERS.get(word, word) for word in shlex.split(span)]
    if words[0] == "charnn":
        if not (home / "checkpoints" / "lines").exists():
            ok("train", "names.txt", "--cell", "elman", *SIZES, "--name", "lines")
            ok("train", "fill.tsv", "--task", "fill", *SIZES, "--name", "gaps")
            ok("train", "names.txt", "--cell", "gru", *SIZES, "--name", "gates")
        model = ["-m", "gates" if "--gates" in words else "lines"]
        result = invoke(*lectures.shrunk(words[1:]), *SUBJECTS.get(words[1], model))
        assert result.exit_code == 0, result.output
        return
    if "--task" not in words and words[0] in OF_TASKS:
        words = ["--task", OF_TASKS[words[0]], *words]
    corpus = f"{words[words.index('--task') + 1]}.tsv" if "--task" in words else "names.txt"
    ok("train", corpus, *words, *SIZES)


@pytest.mark.slow
@pytest.mark.parametrize("page", lectures.PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_lecture_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other; a table has the head that the page shows."""
    monkeypatch.chdir(tmp_path)
    lectures.prepare(small=True)
    for block, shown in lectures.steps(page):
        told = lectures.run(block, small=True)
        head = shown.partition("\n")[0]
        if "\t" in head and not re.search(r"\d", head):
            assert told.partition("\n")[0] == head, block.code
        assert bool(told) == bool(shown), block.code
    for name in lectures.pictures(page):
        assert (tmp_path / name).read_text("utf-8").startswith("<svg") and (page.parent / name).is_file()
