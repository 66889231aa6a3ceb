"""What can go wrong with pairs: files that are none, lines of all kinds in a pipe, signals, other corpora."""

import signal
from pathlib import Path

import pytest

import charnn as library
from tests.helpers.pairs import lines, write
from tests.helpers.processes import bash, charnn, start, told_until
from tests.helpers.texts import NASTY
from tests.helpers.waiting import limit

pytestmark = pytest.mark.slow  # each test starts processes
OPTIONS = ["--hidden", 8, "--batch", 8, "--workers", 1, "--steps", 4, "--validate-every", 2, "--patience", 0]


@pytest.mark.parametrize(
    ("text", "task", "words"),
    [
        (b"", "classify", ["too short", "at least 4"]),
        (b"a\tb\n" * 3, "translate", ["too short"]),
        (b"a\tb\n" * 9 + b"no tab\n" + b"a\tb\n" * 9, "translate", ["line 10", "no TAB"]),
        (b"a\tb\n" * 9 + b"caf\xe9\tb\n", "classify", ["not UTF-8", "0xe9"]),
        (b"a\tb\n" * 20, "classify", ["1 label", "nothing to tell apart"]),
        (b"a\tb\n" * 20, "condition", ["one label"]),
    ],
)
def test_a_file_that_is_no_list_of_pairs_is_refused(tmp_path: Path, text: bytes, task: str, words: list[str]) -> None:
    (tmp_path / "pairs.tsv").write_bytes(text)
    charnn("train", "pairs.tsv", "--task", task, *OPTIONS, cwd=tmp_path).told(3, *words)
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("task", ["classify", "condition", "translate"])
def test_an_empty_file_to_hold_out_is_refused(tmp_path: Path, task: str) -> None:
    write(tmp_path, task)
    (tmp_path / "empty.tsv").touch()
    done = charnn("train", f"{task}.tsv", "--task", task, *OPTIONS, "--valid-file", "empty.tsv", cwd=tmp_path)
    done.told(3, "empty.tsv has no lines", "--valid-file")
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("task", ["classify", "condition", "translate"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_sides_may_be_empty_long_and_repeated(tmp_path: Path, task: str, side: str) -> None:
    pairs = [("a", "b"), ("c", "d"), ("", "e"), ("x" * 3000, "f"), ("a", "b"), ("a", "b")] * 4
    text = "".join(f"{one}\t{two}\n" if side == "left" else f"{two}\t{one}\n" for one, two in pairs)
    (tmp_path / "pairs.tsv").write_text(text, "utf-8")
    done = charnn("train", "pairs.tsv", "--task", task, *OPTIONS, cwd=tmp_path, seconds=30)
    assert done.well() == b"" and "trained on as well" in " ".join(done.err.split())


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("command", ["classify", "translate"])
def test_every_line_of_any_text_has_its_row(pair_runs: Path, command: str, name: str) -> None:
    text = NASTY[name]
    done = charnn(command, "-m", pair_runs / command, stdin=text)
    rows = done.well().removesuffix(b"\n").split(b"\n")
    assert len(rows) == len(text.removesuffix(b"\n").split(b"\n"))


def test_a_line_too_long_loses_no_other(pair_runs: Path) -> None:
    done = charnn("classify", "-m", pair_runs / "classify", stdin=b"ae\n" + b"a" * 100_000 + b"\nbc\n")
    first, second, third = done.out.removesuffix(b"\n").split(b"\n")
    assert (first[-2:], third[-2:]) == (b"ae", b"bc") and second.startswith(b"\t\taaa")
    assert "line 2 has no answer" in done.err and "50,000" in done.err
    done.told(3, "1 line has no answer")


def test_a_reader_that_has_enough_is_no_error(pair_runs: Path) -> None:
    done = bash(f"yes ae | charnn classify -m {pair_runs}/classify | head -n 3; echo ${{PIPESTATUS[1]}}")
    assert done.out.count(b"vowels") == 3 and done.out.endswith(b"141\n") and not done.messages


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_resuming_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    write(tmp_path, "translate")
    options = ["--task", "translate", "--hidden", 8, "--workers", 1, "--steps", 10**6, "--validate-every", 5]
    with start("train", "translate.tsv", *options, cwd=tmp_path) as process:
        told_until(process, b"held out")
        process.send_signal(number)
        assert process.wait(limit()) == -number
    before = library.load(tmp_path / "checkpoints" / "translate" / "last.npz").step
    charnn("train", "--resume", "--steps", before + 5, cwd=tmp_path, seconds=30).well()
    assert library.load(tmp_path / "checkpoints" / "translate" / "last.npz").step == before + 5


def test_another_file_in_the_corpus_place_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "classify")
    charnn("train", path, "--task", "classify", *OPTIONS, cwd=tmp_path).well()
    path.write_text(lines("classify", 100), "utf-8")
    charnn("train", "--resume", "--steps", 9, cwd=tmp_path).told(3, str(path), "differs")
    charnn("eval", cwd=tmp_path).told(3, str(path), "differs")
    path.unlink()
    charnn("train", "--resume", "--steps", 9, cwd=tmp_path).told(2, str(path))
    assert charnn("classify", stdin=b"ae\n", cwd=tmp_path).well().endswith(b"ae\n")


def test_held_out_lines_that_are_no_pairs_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "classify")
    (tmp_path / "dev.tsv").write_text("vowels\tae\nnothing\n", "utf-8")
    message = charnn("train", path, "--task", "classify", "--valid-file", "dev.tsv", *OPTIONS, cwd=tmp_path)
    message.told(3, "dev.tsv, line 2")
    charnn("train", path, "--task", "classify", "--valid-file", "gone.tsv", *OPTIONS, cwd=tmp_path).told(2, "gone.tsv")
