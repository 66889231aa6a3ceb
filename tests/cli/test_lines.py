"""Commands that answer lines: a line in, a line out, in order, before more input is waited for."""

import json
import subprocess
from pathlib import Path

import pytest

import charnn
from charnn.evaluation.mixture import Mixing
from tests.helpers.pairs import write
from tests.helpers.processes import start
from tests.helpers.program import invoke, ok, refused, table


@pytest.mark.quick
def test_classify_writes_label_probability_and_line(pair_runs: Path) -> None:
    found = table(ok("classify", "-m", pair_runs / "classify", stdin="aeia\nbcdb\n\nzz\n"))
    assert [row[2] for row in found] == ["aeia", "bcdb", "", "zz"]
    assert [row[0] for row in found[:2]] == ["vowels", "consonants"]
    assert all(0.5 <= float(row[1]) <= 1 for row in found)


def test_classify_writes_the_likeliest_labels(pair_runs: Path) -> None:
    (row,) = table(ok("classify", "-m", pair_runs / "classify", "--top", 3, stdin="aeia"))
    assert (row[0], row[2], row[4:]) == ("vowels", "consonants", ["", "", "aeia"])
    assert float(row[1]) + float(row[3]) == pytest.approx(1, abs=2e-4)


def test_classify_gives_no_label_below_the_threshold(pair_runs: Path) -> None:
    (row,) = table(ok("classify", "-m", pair_runs / "classify", "--threshold", 1, "--else", "unsure", stdin="abab"))
    assert (row[0], row[2]) == ("unsure", "abab")
    refused(2, "classify", "-m", pair_runs / "classify", "--else", "unsure", stdin="abab")


def test_classify_writes_objects(pair_runs: Path) -> None:
    first, second = map(json.loads, ok("classify", "-m", pair_runs / "classify", "--json", stdin="ae\nbc").splitlines())
    assert (first["line"], first["text"], first["label"], second["line"]) == (1, "ae", "vowels", 2)


@pytest.mark.parametrize(("command", "text"), [("classify", "a§?b"), ("translate", "a§?b")])
def test_characters_that_were_never_seen_are_named(pair_runs: Path, command: str, text: str) -> None:
    result = invoke(command, "-m", pair_runs / command, stdin=f"ae\n{text}\n{text}\n")
    assert result.exit_code == 0 and result.stdout.count("\n") == 3
    (note,) = result.stderr.splitlines()
    assert "has not learnt '?', '§': it read" in note
    assert invoke(command, "-m", pair_runs / command, stdin="ae\n").stderr == ""


@pytest.mark.quick
def test_translate_writes_a_line_for_a_line(pair_runs: Path) -> None:
    found = ok("translate", "-m", pair_runs / "translate", stdin="ae\r\n\nbcd\n").split("\n")
    assert len(found) == 4 and found[-1] == ""
    best = table(
        ok("translate", "-m", pair_runs / "translate", "--beam", 4, "--nbest", 2, "--scores", stdin="ae\nbcd\n")
    )
    assert [row[0] for row in best] == ["1", "1", "2", "2"]
    assert float(best[0][1]) <= float(best[1][1]) and best[0][2] != best[1][2]


def test_a_beam_finds_no_more_than_its_width(pair_runs: Path) -> None:
    refused(2, "translate", "-m", pair_runs / "translate", "--nbest", 2, stdin="ae")


@pytest.mark.parametrize("command", ["classify", "translate"])
def test_a_line_that_is_no_text_loses_no_other(pair_runs: Path, command: str) -> None:
    good = ok(command, "-m", pair_runs / command, stdin="ae\nbc\n").splitlines()
    result = invoke(command, "-m", pair_runs / command, "--invalid", "error", stdin=b"ae\n\xff\nbc\n")
    found = result.stdout.splitlines()
    assert result.exit_code == 3 and "line 2" in result.stderr
    assert (found[0], found[2]) == (good[0], good[1])
    assert found[1].strip() == ""


def test_a_line_with_other_columns_says_so(tmp_path: Path) -> None:
    path = tmp_path / "forms.tsv"
    path.write_text("".join(f"{word}\t{word.upper()}\tX\n" for word in ("ab", "ba", "aab", "bba", "ab")), "utf-8")
    train = ("--task", "translate", "--columns", "1+3,2", "--hidden", 4, "--steps", 1, "--runs", tmp_path)
    ok("train", path, *train)
    result = invoke("translate", "--runs", tmp_path, stdin="ab\tX\nab\n")
    assert result.exit_code == 3 and "line 2" in result.stderr and result.stdout.count("\n") == 2


@pytest.mark.parametrize("command", ["classify", "translate"])
def test_a_line_is_answered_before_the_next_is_there(pair_runs: Path, command: str) -> None:
    with start(command, "-m", pair_runs / command, stdin=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        for line in (b"ae\n", b"bcd\n"):
            process.stdin.write(line)
            assert process.stdout.readline().endswith(b"\n")
        process.stdin.close()
        assert process.stdout.read() == b""


@pytest.mark.parametrize("command", ["classify", "translate"])
def test_nothing_in_is_nothing_out(pair_runs: Path, command: str) -> None:
    assert ok(command, "-m", pair_runs / command, stdin="") == ""


@pytest.mark.quick
@pytest.mark.parametrize("command", ["sample", "classify", "inspect automaton", "export x.html"])
def test_a_model_of_another_task_is_refused_by_name(pair_runs: Path, command: str) -> None:
    refused(2, *command.split(), "-m", pair_runs / "translate", stdin="ae\n")


@pytest.mark.parametrize("task", ["classify", "translate", "condition"])
def test_tokenised_pairs_train_the_same_run(tmp_path: Path, task: str) -> None:
    path = write(tmp_path, task)
    ok("tokenize", path, "--task", task, "-o", tmp_path / "pairs.npz")
    options = ("--task", task, "--hidden", 4, "--steps", 2, "--workers", 1, "--runs", tmp_path)
    for name in (path, tmp_path / "pairs.npz"):
        ok("train", name, *options, "--name", name.suffix[1:])
    one, two = (charnn.load(tmp_path / name) for name in ("tsv", "npz"))
    assert (one.weights.flat == two.weights.flat).all()


@pytest.mark.quick
def test_tokenize_writes_numbers_of_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("x\tab\ny\tba\nx\tb\ny\ta\n", "utf-8")
    result = invoke("tokenize", path, "--task", "classify", "-o", "-")
    assert result.stdout == "1 2\t0\n2 1\t1\n2\t0\n1\t1\n" and "commonest label" in result.stderr
    assert ok("tokenize", path, "--task", "translate", "-o", "-").splitlines()[0] == "3\t1 2"


def test_a_text_of_pairs_gets_a_hint(tmp_path: Path) -> None:
    options = ("--hidden", 4, "--layers", 1, "--steps", 1, "--workers", 1, "--runs", tmp_path)
    assert "--task classify" in invoke("train", write(tmp_path, "classify"), *options).stderr
    assert "--task classify" not in invoke("train", write(tmp_path, "fill"), *options).stderr


@pytest.mark.quick
def test_classify_mixes_the_network_with_n_grams(pair_runs: Path) -> None:
    mixed = charnn.classifier(pair_runs / "classify", mix="ngram")
    assert mixed.bayes is not None and 0 <= mixed.mixing.weight <= 1
    ids = [mixed.read(text) for text in ("aei", "bcd")]
    assert [found.label for found in mixed.answer(ids)] == ["vowels", "consonants"]
    mixed.mixing = Mixing(0.0)
    expected = mixed.bayes.probabilities(ids).max(axis=1)
    assert [found.probability for found in mixed.answer(ids)] == pytest.approx(expected.tolist())
    found = ok("classify", "-m", pair_runs / "classify", "--mix", "ngram", stdin="aei\n\n")
    assert found.startswith("vowels\t") and found.count("\n") == 2
