"""Commands that draw: `charnn plot`, `inspect --svg`, `eval --by char --svg` and `--html`; and what notebooks show."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import charnn
from charnn.runs import checkpoint, curves, plot
from charnn.runs.folder import Folder
from tests.helpers.program import invoke, ok, refused, table

SPACE = "{http://www.w3.org/2000/svg}"
TEXT = "".join(f"{word}\n" for word in ["anbe", "do", "la", "an la", "dolabe", "be", "ando"] * 40)
TINY = {"hidden": 6, "batch": 4, "window": 8, "workers": 1, "validate_every": 10, "dropout": 0.0}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with text.txt and two runs on it: plain, and timed, which has a budget of minutes and is the newest."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "text.txt").write_text(TEXT, "utf-8")
    for name, more in (("plain", {"cell": "elman"}), ("timed", {"minutes": 1.0})):
        options = {**TINY, "steps": 40, **more}
        for _ in charnn.train(folder / "text.txt", out=folder / "checkpoints", name=name, **options):
            pass
    return folder


@pytest.fixture(autouse=True)
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(home)
    yield home


def drawn(*args: object, stdin: str | None = None) -> ElementTree.Element:
    """The picture on standard output."""
    result = invoke(*args, stdin=stdin)
    assert result.exit_code == 0, result.stderr
    return ElementTree.fromstring(result.stdout)


def texts(picture: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in picture.iter(f"{SPACE}text")]


def curve(picture: ElementTree.Element, colour: str, width: str) -> list[float]:
    """Heights of a line's points in the picture."""
    paths = [one.attrib for one in picture.iter(f"{SPACE}path")]
    (path,) = (one["d"] for one in paths if one["class"] == f"charnn-line-{colour}" and one["stroke-width"] == width)
    return [float(part.split(" ")[1]) for part in path[1:].split("L")]


@pytest.mark.parametrize("by", ["updates", "epochs", "minutes"])
def test_plot_draws_the_newest_run(by: str) -> None:
    picture = drawn("plot", "--by", by)
    found = texts(picture)
    axis = {"updates": "updates of the weights", "epochs": "passes over the training part", "minutes": "minutes of"}
    assert found[0] == "Loss of timed" and {"bits/char", "held out", "training"} <= set(found)
    assert any(text.startswith(axis[by]) for text in found) and any(text.endswith("-gram") for text in found)
    valid = [record["valid"] for record in charnn.load("timed").history]
    heights = curve(picture, "s0", "2")
    assert len(heights) == len(valid) == 4
    np.testing.assert_array_equal(np.argsort(heights), np.argsort(valid)[::-1])


def test_several_runs_are_drawn_over_each_other() -> None:
    picture = drawn("plot", "plain", "timed")
    assert {"Loss of plain, timed", "plain", "timed"} <= set(texts(picture)) and "training" not in texts(picture)
    assert len(curve(picture, "s0", "2")) == len(curve(picture, "s1", "2")) == 4
    assert sum("-gram" in text for text in texts(picture)) == 1


def test_each_corpus_has_its_own_level() -> None:
    other = curves.Curve("other", [{"step": 1.0, "valid": 2.0, "train": 2.0}], {"order": 3.0, "ngram": 1.5})
    picture = ElementTree.fromstring(curves.loss([plot.read(Path("checkpoints/plain/last.npz")), other]))
    assert {"3-gram, other"} < set(texts(picture)) and sum("-gram, plain" in text for text in texts(picture)) == 1


def test_minutes_are_those_of_the_log() -> None:
    log = Folder(Path("checkpoints/timed")).log
    logged = [json.loads(line)["seconds"] for line in log.read_text().splitlines()]
    assert logged == sorted(logged)
    assert [record["seconds"] for record in plot.read(Path("checkpoints/timed/last.npz")).records] == logged
    assert "seconds" not in Folder(Path("checkpoints/plain")).log.read_text()


def test_lines_of_a_log_without_times_are_left_out(tmp_path: Path) -> None:
    model = tmp_path / "best.npz"
    model.write_bytes(Path("checkpoints/timed/best.npz").read_bytes())
    steps = [record["step"] for record in checkpoint.load(model).history]
    for seconds in ("1e400", "-1", "1" + "0" * 400, "null", '"x"', "[]"):
        lines = [f'{{"step": {step}, "seconds": {seconds}}}\n' for step in steps]
        (tmp_path / "log.jsonl").write_text("".join(lines) + '{"step": 1e999, "seconds": 1}\n')
        assert all("seconds" not in record for record in plot.read(model).records)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["plot", "plain", "--by", "minutes"], "plain has no times: --by minutes needs a run with a budget of minutes"),
        (["plot", "none"], "there is no model none"),
        (["inspect", "gradients", "--svg", "--json"], "leave out one of them"),
        (["inspect", "units", "--svg", "--json"], "leave out one of them"),
        (["inspect", "gradients", "--svg", "--table", "saturation"], "--table saturation has no picture"),
        (["eval", "--svg"], "--svg shows the text character by character: add --by char"),
        (["eval", "--by", "line", "--html"], "--html shows the text character by character"),
    ],
)
def test_what_cannot_be_drawn_is_refused(args: list[str], message: str) -> None:
    assert message in refused(2, *args)


def test_a_run_that_was_not_validated_has_no_picture(home: Path) -> None:
    session = charnn.train(home / "text.txt", out=None, **{**TINY, "steps": 40})
    assert session.run._repr_svg_() is None
    with pytest.raises(charnn.UsageError, match="no validation yet"):
        curves.loss([curves.Curve("it", session.run.history, {})])


@pytest.mark.parametrize("args", [["plot"], ["inspect", "units", "--svg"], ["eval", "--by", "char", "--html"]])
def test_a_terminal_gets_no_picture(args: list[str]) -> None:
    leader, terminal = pty.openpty()
    command = [sys.executable, "-m", "charnn", *args]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=terminal, stderr=subprocess.PIPE, text=True)
    os.close(terminal)
    os.close(leader)
    assert done.returncode == 2 and f"as in `charnn {args[0]}" in done.stderr


def test_gradients_and_eigenvalues_are_drawn() -> None:
    picture = drawn("inspect", "gradients", "-m", "plain", "--svg", "--lags", "4", "text.txt")
    assert {"layer 0", "layer 1", "lag k, characters"} <= set(texts(picture))
    assert len(curve(picture, "s0", "2")) == 5
    picture = drawn("inspect", "gradients", "-m", "plain", "--svg", "--table", "eigenvalues", "--lags", "4", "text.txt")
    assert len(list(picture.iter(f"{SPACE}circle"))) == 2 * (6 + 1)


def test_units_are_drawn_a_cell_for_each_activation_that_is_not_zero() -> None:
    picture = drawn(
        "inspect", "units", "-m", "timed", "--layer", "1", "--units", "2:5", "--svg", "-", stdin="anbe\nla\n"
    )
    assert "layer 1, 2 to 4" in texts(picture)
    values = charnn.units(charnn.load("timed"), "anbe\nla\n").activations["layer 1"][:, 2:5]
    cells = [one for one in picture.iter(f"{SPACE}rect") if one.attrib["height"] == "9"]
    assert len(cells) == np.count_nonzero(np.abs(values) >= 0.005)


def test_a_text_is_drawn_in_shades() -> None:
    picture = drawn("eval", "--by", "char", "--svg", "-", stdin="ando\nla\n")
    found = charnn.character_scores(charnn.load(), "ando\nla\n")
    assert f"{found.mean:.4f} bits/char over 8 characters" in texts(picture)
    assert found.svg() == ok("eval", "--by", "char", "--svg", "-", stdin="ando\nla\n") == found._repr_svg_()
    assert ok("eval", "--by", "char", "--html", "-", stdin="ando\nla\n") == found.html()
    assert charnn.evaluate(charnn.load(), "ando\nla\n").bits == pytest.approx(found.mean, rel=1e-5)


def test_long_texts_are_cut_and_empty_ones_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules["charnn.cli.eval"].PICTURED, "svg", 5)
    result = invoke("eval", "--by", "char", "--svg", "-", stdin="ando\nla\n")
    assert "over 5 characters" in result.stdout and "the picture shows the first 5 characters" in " ".join(
        result.stderr.split()
    )
    for args in (["eval", "--by", "char", "--svg"], ["inspect", "units", "--svg"]):
        assert "is empty" in refused(3, *args, "-", stdin="")


def test_notebooks_show_runs_gradients_and_units() -> None:
    run = charnn.load("plain")
    shown = [run._repr_svg_(), charnn.gradients(run, lags=3)._repr_svg_(), charnn.units(run, "an\n")._repr_svg_()]
    titles = [texts(ElementTree.fromstring(str(picture)))[0] for picture in shown]
    assert titles[0] == "Loss of text.txt" and "gradient" in titles[1] and titles[2].startswith("Activations")
    assert charnn.gradients(run, TEXT, 3).norms != charnn.gradients(run, lags=3).norms


def test_gates_are_shown_by_their_names() -> None:
    rows = table(ok("inspect", "units", "--gates", "-", stdin="an\n"))
    gates = ("input", "forget", "output", "candidate")
    assert rows[0][2:] == [f"{layer}/{gate}/{n}" for layer in (0, 1) for gate in gates for n in range(6)]
    found = charnn.units(charnn.load("timed"), "an\n", gates=True).activations
    assert list(found) == [f"layer {layer}/{gate}" for layer in (0, 1) for gate in gates]
    shown = np.array([row[2:] for row in rows[1:]], float)
    np.testing.assert_allclose(shown, np.hstack(list(found.values())), atol=1e-4)
    line = json.loads(ok("inspect", "units", "--gates", "--json", "-", stdin="a"))
    assert list(line["layers"]) == [f"{layer}/{gate}" for layer in (0, 1) for gate in gates]
    picture = drawn("inspect", "units", "--gates", "--layer", "1", "--svg", "-", stdin="an\n")
    assert {"layer 1/forget, 0 to 5"} < set(texts(picture))
    assert "--gates" in refused(2, "inspect", "units", "-m", "plain", "--gates", "-", stdin="an\n")


def test_the_confusion_of_labels_is_drawn(home: Path) -> None:
    lines = [f"{word[-1]}\t{word[:-1]}\n" for word in TEXT.split()]
    (home / "labels.tsv").write_text("".join(lines), "utf-8")
    options = {**TINY, "steps": 20, "task": "classify", "out": home / "checkpoints", "name": "labels"}
    del options["window"]
    for _ in charnn.train(home / "labels.tsv", **options):
        pass
    counts = table(ok("eval", "-m", "labels", "--by", "confusion", "labels.tsv"))
    picture = drawn("eval", "-m", "labels", "--by", "confusion", "--svg", "labels.tsv")
    assert texts(picture).count("a") == texts(picture).count("e") == 2
    shades = [one for one in picture.iter(f"{SPACE}rect") if one.get("width") == "19" and "hot" in one.attrib["class"]]
    assert len(shades) == sum(count != "0" for row in counts[1:] for count in row[1:])
