"""Documented means executed: the commands of docs/guides run, one after the other."""

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.helpers import guides


@pytest.mark.slow
def test_the_guide_to_export(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler")
    exported, by_torch, _, by_onnx, task, labels, by_c, back, _, theirs = guides.follow("export", tmp_path)
    assert task == "ends.onnx\n" and [row.split("\t")[2] for row in labels.splitlines()] == ["Zora", "Robert"]
    assert exported.splitlines() == ["names.onnx", "names.html", "names.h", "names.safetensors", "folder"]
    assert by_torch.startswith("An") and by_onnx == by_c != "\n"
    assert back.startswith("checkpoints/back\n") and back.count("\n") == 4
    assert [row.split("\t")[3] for row in theirs.splitlines()[1:]] == ["a", "b", "b", "a", "\\n"]


def titles(picture: Path) -> list[str]:
    """The title of a picture, and the names of its axes and lines; numbers depend on the machine."""
    root = ElementTree.parse(picture).getroot()
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    return [text for text in texts if re.search("[A-Za-z]{2}", text) and not re.search(r"\d\.\d", text)]


@pytest.mark.slow
def test_the_guide_to_pictures(tmp_path: Path) -> None:
    guides.follow("pictures", tmp_path)
    names = guides.pictures("pictures")
    assert len(names) == 6
    for name in names:
        assert titles(tmp_path / name) == titles(guides.GUIDES / name) != []


@pytest.mark.slow
def test_the_guide_to_growth(tmp_path: Path) -> None:
    _, norms, *_ = guides.follow("growth", tmp_path)
    rows = [row.split("\t") for row in norms.splitlines() if row[0].isdigit()]
    assert [(row[0], row[2]) for row in rows] == [
        (lag, growth) for each in ("0.5", "1", "1.5") for lag, growth in (("0", "nan"), ("4", each), ("8", each))
    ]
    assert all(float(row[1]) == pytest.approx(float(row[3]), rel=1e-3) for row in rows)
    shown = re.findall(
        r"^    (\d) +(\S+) +(\S+) +(\S+)", (guides.GUIDES / "growth.md").read_text("utf-8"), re.MULTILINE
    )
    for row, written in zip(rows, shown, strict=True):
        assert [float(one) for one in row] == pytest.approx([float(one) for one in written], rel=1e-2, nan_ok=True)
    for name in ("growth.svg", "composition.svg"):
        assert titles(tmp_path / name) == titles(guides.GUIDES / name) != []


@pytest.mark.slow
def test_the_guide_to_one_text(tmp_path: Path) -> None:
    _, told, rows = guides.follow("trace", tmp_path)
    shown = re.search(
        r"^    (step 5: .*?)\n\n", (guides.GUIDES / "trace.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    found = re.search(r"^(step 5: .*?)\n\n", told, re.MULTILINE | re.DOTALL)
    assert shown and found
    (head, *written), (read, *computed) = (one[1].splitlines() for one in (shown, found))
    assert head == read and [row.split()[0] for row in written] == [row.split()[0] for row in computed]
    for row, other in zip(written, computed, strict=True):
        assert [float(one) for one in row.split()[1:]] == pytest.approx(
            [float(one) for one in other.split()[1:]], abs=0.05
        )
    assert [row.split("\t")[:3] for row in rows.splitlines()] == [["5", "0/da", unit] for unit in "012"]
    assert titles(tmp_path / "trace.svg") == titles(guides.GUIDES / "trace.svg") != []


@pytest.mark.slow
def test_the_guide_to_gates(tmp_path: Path) -> None:
    _, told, table = guides.follow("gates", tmp_path)
    assert [row.split("\t")[2] for row in told.splitlines()] == ["s", "."]
    assert all(float(row.split("\t")[0]) > 0.9 for row in told.splitlines())
    gates = {name: [*map(float, values)] for name, *values in map(str.split, table.splitlines())}
    shown = (guides.GUIDES / "gates.md").read_text("utf-8")
    assert gates.keys() == {name for name in gates if re.search(rf"^ +{name}( \d\.\d){{17}}$", shown, re.MULTILINE)}
    held = sum(gates["forget"][:14]) / 14  # until the verb is written
    assert held > 0.8 > sum(gates["others"]) / 17
    drawn, beside = ([re.sub(r"\d", "", one) for one in titles(at / "gate.svg")] for at in (tmp_path, guides.GUIDES))
    assert drawn == beside != []


@pytest.mark.slow
def test_the_guide_to_automata(tmp_path: Path) -> None:
    _, table, accepted, labels, counted = guides.follow("automata", tmp_path)
    (_, *states) = [row.split("\t") for row in table.splitlines() if row.startswith(("S", "state"))]
    assert [(row[0], row[1], *row[3:]) for row in states] == [("S1", "yes", "S2", "S1"), ("S2", "no", "S1", "S2")]
    assert accepted == "True False\n" and labels == "even\t0110\nodd\t010101\n"
    assert titles(tmp_path / "automaton.svg") == titles(guides.GUIDES / "automaton.svg") != []
    shown = (guides.GUIDES / "automata.md").read_text("utf-8")
    assert all(f"    {line}\n" in shown for line in counted.splitlines())


@pytest.mark.slow
def test_the_guide_to_series(tmp_path: Path) -> None:
    _, figures, more, rows = guides.follow("series", tmp_path)
    mse = float(dict(row.split("\t") for row in figures.splitlines())["mse"])
    assert mse < 0.01
    assert more.count("\n") == 103 and all(len(row.split("\t")) == 3 for row in more.splitlines())
    assert len(rows.splitlines()) == 3 and all(len(row.split("\t")) == 4 for row in rows.splitlines())


def test_the_guide_to_truncation(tmp_path: Path) -> None:
    (told,) = guides.follow("truncation", tmp_path)
    shown = (guides.GUIDES / "truncation.md").read_text("utf-8")
    for line in told.splitlines():
        measured, closed = line.split()[-2:]
        assert f"    {line}\n" in shown and measured == closed
    assert len(told.splitlines()) == 5


def test_the_table_of_differences_is_small() -> None:
    text = (guides.GUIDES / "export.md").read_text("utf-8")
    table = text.split("<!-- exports: python -m tests.benchmarks.exports -->")[1].split("<!-- end of exports -->")[0]
    figures = [float(figure) for figure in re.findall(r"\d\.\de-\d\d", table)]
    assert len(figures) > 30 and max(figures) <= 1e-5 and " of " not in table


@pytest.mark.slow
def test_the_guide_to_fine_tuning(tmp_path: Path) -> None:
    sampled, _, _, label, _, adapted, python = guides.follow("fine-tuning", tmp_path)
    assert label.split("\t")[0] in ("vowel", "consonant")
    assert sampled.count("\n") == 5
    names, score = adapted.split("\nnats/char")
    assert names.count("\n") == 2 and "bits/char" in score
    assert "bits/char before training" in python and "bits/char on the old text" in python


@pytest.mark.slow
def test_the_guide_to_tasks(tmp_path: Path) -> None:
    _, sorted_, scored, written, _, dates, _, filled, doubted, inside, python = guides.follow("tasks", tmp_path)
    assert [row.split("\t")[2] for row in sorted_.splitlines()] == ["Annabel", "Parameter"]
    assert "accuracy\t" in scored and "right / given\tname\tword" in scored
    assert "bits/char_without_context" in written and "bayes_accuracy" in written
    assert dates.splitlines()[0].count("-") >= 1 and "written_exact" in dates and "taught_bits/symbol" in dates
    assert filled.startswith("the valu") and "_" not in filled.splitlines()[0] and "given_both_sides" in filled
    assert all(row.split("\t")[0] == "1" for row in doubted.splitlines())
    assert inside.count("\n1\t12\t") == 1 and "\n9\tr\t" in inside and "reader/0/backwards/U\t" in inside
    assert python.splitlines()[0] in ("name", "word")
    assert (tmp_path / "attention.svg").read_text("utf-8").startswith("<svg")
