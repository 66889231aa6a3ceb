"""Faults in commands for models of other tasks than text: wrong numbers, long lines, models of another task."""

import gc
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import charnn
from charnn.sampling import gaps
from tests.helpers.pairs import lines
from tests.helpers.program import SHORT, invoke, ok, refused, well

TASKS = "classify", "condition", "translate", "fill", "values"
SMALL = ["--hidden", "4", "--batch", "4", "--dropout", "0", "--workers", "1", "--steps", "2", "--validate-every", "1"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of each task and its text, TASK.tsv: to be left as it is."""
    folder = tmp_path_factory.mktemp("tasks")
    for task in TASKS:
        (folder / f"{task}.tsv").write_text(lines(task, 80), "utf-8")
        ok("train", folder / f"{task}.tsv", "--task", task, *SMALL, "--runs", folder / "checkpoints", "--name", task)
    return folder


@pytest.fixture
def there(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In that folder."""
    monkeypatch.chdir(made)
    return made


def figures(*args: object, stdin: str | None = None) -> dict[str, float]:
    found: dict[str, float] = json.loads(ok("eval", "--json", *args, stdin=stdin))
    return found


# E1: a text that was trained on


@pytest.mark.parametrize("task", TASKS)
def test_E1_the_corpus_of_any_task_is_scored_by_what_was_held_out(there: Path, tmp_path: Path, task: str) -> None:
    copy = tmp_path / "copy.txt"
    copy.write_bytes((there / f"{task}.tsv").read_bytes())
    result = well("eval", copy, "-m", task, "--json")
    assert "copy.txt is the corpus of this model: the part held out is scored" in result.stderr
    assert json.loads(result.stdout) == figures("-m", task)


@pytest.mark.parametrize("task", TASKS)
def test_E1_the_corpus_of_any_task_as_a_stream_or_among_others_is_marked(there: Path, task: str) -> None:
    result = well("eval", "-", "-m", task, stdin=lines(task, 80))
    assert "standard input is the corpus of this model: its score says little" in result.stderr
    result = well("eval", f"{task}.tsv", f"{task}.tsv", "-m", task)
    assert f"{task}.tsv is among the files that the model was trained on" in result.stderr
    assert "note" not in well("eval", "-", "-m", task, stdin=lines(task, 40)).stderr


# E2: what a model does not know is counted, and makes no score look better


def test_E2_labels_that_a_model_does_not_know_are_counted_and_cost_nothing(there: Path) -> None:
    known, both = (figures("-", "-m", "classify", stdin=text) for text in ("vowels\tae\n", "vowels\tae\nodd\tae\n"))
    assert (known["unknown"], both["unknown"], both["count"], both["accuracy"]) == (0, 1, 2, known["accuracy"] / 2)
    assert both["bits_per_label"] == pytest.approx(known["bits_per_label"], rel=1e-6) and known["bits_per_label"] > 0
    assert figures("-", "-m", "classify", stdin="odd\tae\n")["bits_per_label"] is None


@pytest.mark.parametrize("task", ["condition", "translate"])
def test_E2_characters_that_a_model_does_not_know_are_counted(there: Path, task: str) -> None:
    text = {"condition": "vowels\taeΩΩ\n", "translate": "ae\tAEΩΩ\n"}[task]
    assert figures("-", "-m", task, stdin=text)["unknown"] == 2
    assert "unknown\t2\n" in ok("eval", "-", "-m", task, stdin=text)
    assert "unknown" not in ok("eval", "-", "-m", task, stdin=text.replace("Ω", ""))


def test_E2_labels_to_be_held_out_are_some_of_those_to_be_learnt(there: Path, tmp_path: Path) -> None:
    (tmp_path / "other.tsv").write_text("x\tae\n")
    train = ["train", "classify.tsv", "--task", "classify", *SMALL, "--runs", tmp_path]
    assert "other.tsv" in refused(3, *train, "--valid-file", tmp_path / "other.tsv")
    for name in ("", "-"):
        assert "--valid-file" in refused(2, *train, "--valid-file", name)


def test_E3_an_open_last_line_has_its_end_where_gaps_are_filled(there: Path) -> None:
    assert figures("-", "-m", "fill", stdin="abcdef") == figures("-", "-m", "fill", stdin="abcdef\n")


def test_C13_other_line_ends_are_said_where_gaps_are_filled(there: Path) -> None:
    told = well("eval", "-", "-m", "fill", stdin="abcdef\r\n").stderr
    assert "lines of standard input end by CR LF, unlike those that the model knows" in told


# P16, and names of streams


@pytest.mark.parametrize("task", TASKS)
def test_P16_an_empty_pipe_says_how_to_do_without(there: Path, task: str) -> None:
    assert "standard input is empty" in (told := refused(3, "eval", "-", "-m", task, stdin=""))
    assert "`< /dev/null`" in told


@pytest.mark.parametrize(
    ("task", "text"), [("values", "x\n"), ("values", "1\t2\t3\n"), ("classify", "no pair\n"), ("translate", "x\n")]
)
def test_P13_a_stream_is_called_standard_input(there: Path, task: str, text: str) -> None:
    assert refused(3, "eval", "-", "-m", task, stdin=text).startswith("charnn: standard input, line 1: ")


# C11: time and memory


def test_C11_a_text_with_very_many_gaps_is_read_a_few_times(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    step = gaps.log_softmax

    def counted(o: gaps.Array) -> gaps.Array:
        read.append(len(o))
        return step(o)

    monkeypatch.setattr(gaps, "log_softmax", counted)
    filled = ok("fill", "-m", "fill", f"a{'_' * 400}c{'_' * 5}")
    assert len(filled) == 408 and "_" not in filled and len(read) <= 2 * gaps.READINGS


def test_C11_long_targets_are_scored_in_windows(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from charnn.nn.pairs import encoder_decoder

    pair = f"{'ae' * 20}\t{'AE' * 20}\nae\tAE\n"
    before = figures("-", "-m", "translate", stdin=pair)
    monkeypatch.setattr(encoder_decoder, "ATTENDED", 200)
    after = figures("-", "-m", "translate", stdin=pair)
    assert after["taught_bits_per_symbol"] == pytest.approx(before["taught_bits_per_symbol"], rel=1e-6)
    assert {**after, "taught_bits_per_symbol": 0} == {**before, "taught_bits_per_symbol": 0}


# Models and files of another task


def test_M16_numbers_start_from_no_trained_network(there: Path, new: Path) -> None:
    train = ["train", there / "values.tsv", "--runs", new]
    assert "--from" in refused(2, *train, "--task", "values", "--from", there / "checkpoints/classify")
    assert "--from" in refused(2, *train, "--from", there / "checkpoints/values")


def test_C10_a_tokenised_file_of_another_kind_says_what_it_is(there: Path, tmp_path: Path) -> None:
    path = tmp_path / "pairs.npz"
    ok("tokenize", "classify.tsv", "--task", "classify", "-o", path)
    assert "--task" in refused(3, "train", path, *SHORT, "--runs", tmp_path)
    told = invoke("classify", "-m", "classify", path)
    assert told.exit_code == 3 and "charnn tokenize --decode" in told.stderr


def test_C10_too_few_pairs_leave_nothing_behind(there: Path, tmp_path: Path) -> None:
    text, few = ["--task", "classify"], "a\tb\n"
    told = refused(3, "train", "-", *text, *SMALL, "--runs", tmp_path / "runs", stdin=few)
    assert "standard input is too short: 1 pair," in told and not list(tmp_path.glob("runs/*"))
    refused(3, "tokenize", "-", *text, "-o", tmp_path / "few.npz", stdin=few)
    assert not (tmp_path / "few.npz").exists()


@pytest.mark.parametrize(
    "args", [["train"], ["tokenize", "--decode"], ["eval", "-m", "classify"]], ids=lambda args: args[0]
)
def test_M1_a_tokenised_file_that_is_missing(there: Path, args: Sequence[str]) -> None:
    told = invoke(*args, "none.npz")
    gc.collect()
    assert told.exit_code == 2 and "none.npz does not exist" in told.stderr


# A2: wrong types, from Python


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: charnn.classify("classify", None), "the texts is None"),  # type: ignore[call-overload]
        (lambda: charnn.classify("classify", [1]), "a text is 1"),  # type: ignore[list-item]
        (lambda: charnn.translate("translate", b"a"), "a text is 97"),  # type: ignore[call-overload]
        (lambda: charnn.fill("fill", 3), "the texts is 3"),  # type: ignore[call-overload]
        (lambda: charnn.proof("fill", 3), "the text is 3"),  # type: ignore[arg-type]
        (lambda: charnn.evaluate("values", 3), "the series is 3"),  # type: ignore[arg-type]
        (lambda: charnn.evaluate("classify", {}), "the lines is {}"),  # type: ignore[arg-type]
        (lambda: charnn.train([("a",)] * 9, task="classify"), "pair 1 is ('a',)"),
        (lambda: charnn.train([("a", 2)] * 9, task="classify"), "pair 1 is ('a', 2)"),
        (lambda: charnn.train("classify.tsv", start=3), "start is 3"),  # type: ignore[arg-type]
        (lambda: charnn.list_runs(3), "the folder of all runs is 3"),  # type: ignore[arg-type]
        (lambda: charnn.remove_run(3), "a run is 3"),  # type: ignore[arg-type]
        (lambda: charnn.rename_run("fill", 3), "the name of a run is 3"),  # type: ignore[arg-type]
    ],
)
def test_A2_an_argument_of_another_type_is_named(there: Path, call: Callable[[], object], named: str) -> None:
    with pytest.raises(charnn.CharnnError, match=f"^{re.escape(named)}"):
        call()


# C9, C10: tokenised files


@pytest.mark.parametrize(
    ("task", "more"),
    [("classify", []), ("condition", []), ("translate", []), ("translate", ["--target-units", "words"])],
)
def test_C9_tokenised_pairs_come_back_as_they_were(there: Path, tmp_path: Path, task: str, more: list[str]) -> None:
    ok("tokenize", f"{task}.tsv", "--task", task, *more, "-o", tmp_path / "pairs.npz")
    assert ok("tokenize", "--decode", tmp_path / "pairs.npz") == lines(task, 80)


def test_C9_lines_of_which_columns_were_read_do_not_come_back(there: Path, tmp_path: Path) -> None:
    ok("tokenize", "classify.tsv", "--task", "classify", "--columns", "1,2", "-o", tmp_path / "pairs.npz")
    assert "--columns 1,2" in refused(2, "tokenize", "--decode", tmp_path / "pairs.npz")


@pytest.mark.parametrize("task", ["classify", "values"])
def test_C10_ids_have_the_vocabulary_of_a_text(there: Path, task: str) -> None:
    assert "--task text" in refused(2, "tokenize", "--decode", "--vocabulary", f"checkpoints/{task}", "-", stdin="1 2")


# C7: a device as a text


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "zero"])
@pytest.mark.parametrize(
    "args",
    [
        ["train", "PLACE"],
        ["train", "classify.tsv", "--task", "classify", "--valid-file", "PLACE"],
        ["tokenize", "PLACE"],
        ["bench", "PLACE"],
        ["classify", "-m", "classify", "PLACE"],
        ["eval", "-m", "values", "PLACE"],
        ["proof", "-m", "fill", "PLACE"],
        ["sample", "-m", "condition", "--contexts", "PLACE"],
    ],
    ids=" ".join,
)
def test_C7_a_text_without_an_end_is_refused(there: Path, tmp_path: Path, args: list[str], device: str) -> None:
    if device == "zero":
        (tmp_path / "zero").symlink_to("/dev/zero")
        device = str(tmp_path / "zero")
    result = invoke(*[device if arg == "PLACE" else arg for arg in args])
    assert result.exit_code == 2 and f"{device} is a device that has no end" in result.stderr
    assert invoke("eval", "/dev/null", "-m", "values").exit_code == 3


@pytest.mark.parametrize("option", [["--windows", ""], ["--seconds", "1e30"]])
def test_N2_a_measurement_that_would_never_end(option: list[str]) -> None:
    assert option[0] in refused(2, "bench", "--hidden", "4", *option)
