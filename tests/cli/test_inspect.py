"""`charnn inspect`: TSV in a pipe, JSON, tables and shades on a terminal, one line where it refuses."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import charnn
from charnn.inspection import activations, gradients
from charnn.inspection.results import Gradients
from charnn.nn.layers import elman
from charnn.nn.network import Network
from charnn.terminal import charts
from tests.helpers import program
from tests.helpers.processes import COMMAND
from tests.helpers.terminals import STYLE, on_terminal, shown
from tests.helpers.waiting import limit

BRIEF = ["--batch", "4", "--window", "8", "--workers", "1", "--steps", "20", "--validate-every", "20"]
GATES = ["input", "forget", "output", "candidate"]
TEXT = "".join(f"{word}\n" for word in ["anbe", "do", "la\\", "an\tla", "dolabe", "be", "ando"] * 40)


def inspect(*args: object) -> Result:
    return program.invoke("inspect", *args)


def ok(*args: object, stdin: str | bytes | None = None) -> str:
    return program.ok("inspect", *args, stdin=stdin)


def refused(code: int, *args: object, stdin: str | bytes | None = None) -> str:
    return program.refused(code, "inspect", *args, stdin=stdin)


def table(text: str) -> list[list[str]]:
    rows = program.table(text)
    assert len({len(row) for row in rows}) == 1
    return rows


def on_screen(*args: object, columns: int = 80, **more: str) -> str:
    """What a terminal so wide shows; standard error goes elsewhere."""
    environment = {**os.environ, "TERM": "xterm-256color", **more}
    environment.pop("COLUMNS", None)
    streams = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    with on_terminal([*COMMAND, "inspect", *map(str, args)], columns, **streams) as (process, leader):
        told = shown(leader)
        assert process.wait(timeout=limit()) == 0, told
    return told.decode().replace("\r\n", "\n")


def unstyled(text: str) -> str:
    """Without its colours."""
    return STYLE.sub(b"", text.encode()).decode()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with text.txt and runs that were trained on it: relu (two layers, carried), lstm (lines, the newest)."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "text.txt").write_text(TEXT)
    for name, *options in (
        ("relu", "--cell", "elman", "--hidden", "6", "--layers", "2", "--sequence", "line", "--state", "carry"),
        ("lstm", "--hidden", "5", "--layers", "1", "--sequence", "line", "--cell", "lstm"),
    ):
        args = ["train", "text.txt", "--name", name, *BRIEF, *options]
        done = subprocess.run(
            [sys.executable, "-m", "charnn", *args], cwd=folder, capture_output=True, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(autouse=True)
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(home)
    yield home


# help


@pytest.mark.parametrize("command", ["gradients", "units", "gradcheck"])
def test_help_is_a_result_and_needs_neither_numpy_nor_rich(command: str) -> None:
    code = (
        "import sys\nfrom charnn.__main__ import main\n"
        "try: main()\nfinally: print(*{'numpy', 'rich', 'tqdm'} & sys.modules.keys(), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, "inspect", command, "--help"], capture_output=True, text=True)
    assert done.stdout.startswith(f"Usage: charnn inspect {command} [OPTIONS] [TEXT]\n") and done.stderr == "\n"
    assert f"  {command} " in ok("--help")


# gradients


def test_gradients_in_a_pipe_are_a_row_for_each_layer_and_lag() -> None:
    head, *rows = table(ok("gradients", "-m", "relu", "--lags", 7))
    assert head == ["layer", "lag", "positions", "rms", "low", "median", "high", "growth", "predicted"]
    assert [row[:2] for row in rows] == [[str(layer), str(lag)] for layer in (0, 1) for lag in range(8)]
    run = charnn.load("relu")
    ids = run.vocabulary.ids(TEXT)[-round(len(TEXT) * 0.1) :]
    piped = ok("gradients", "-m", "relu", "--lags", 7, "-", stdin=TEXT)
    assert piped == ok("gradients", "-m", "relu", "--lags", 7, "text.txt") != ok("gradients", "-m", "relu", "--lags", 7)
    norms, _ = gradients.gradients_by_lag(Network(run.model, run.weights, False), run.vocabulary.ids(TEXT), 7)
    assert len(ids) > 64 and [row[3] for row in table(piped)[1:]] == [f"{norm.rms:.6g}" for norm in norms]


def test_gradients_where_lines_forget_end_with_the_longest_line() -> None:
    result = inspect("gradients", "text.txt")
    *_, last = table(result.stdout)
    assert last[:2] == ["0", "6"]  # of "dolabe", after the EOS before it
    told = " ".join(result.stderr.split())
    assert "checkpoints/lstm/best.npz on text.txt" in told
    assert "at no position does the loss depend on a state more than 6 characters before it" in told


def test_the_other_tables() -> None:
    run = charnn.load("lstm")
    head, *rows = table(ok("gradients", "--table", "eigenvalues"))
    assert head == ["array", "real", "imaginary", "modulus"]
    assert [row[0] for row in rows] == [f"hidden/0/W {gate}" for gate in GATES for _ in range(5)]
    first = np.linalg.eigvals(run.weights["hidden/0/W"][:, :5].astype(float))
    assert [float(row[3]) for row in rows[:5]] == pytest.approx(sorted(abs(first), reverse=True), rel=1e-5)
    head, *rows = table(ok("gradients", "--table", "saturation", "-m", "relu"))
    assert head == ["layer", "function", "units", "share", "always"]
    assert [row[:3] for row in rows] == [["0", "relu", "6"], ["1", "relu", "6"]]
    assert ok("gradients", "--table", "norms") == ok("gradients")


def test_gradients_as_json_are_all_tables() -> None:
    found = json.loads(ok("gradients", "-m", "relu", "--lags", 7, "--json"), parse_constant=pytest.fail)
    assert found.keys() == {"file", "norms", "each step", "eigenvalues", "saturation"}
    head, *rows = table(ok("gradients", "-m", "relu", "--lags", 7))
    for row, norm in zip(rows, found["norms"], strict=True):
        assert list(norm) == head
        assert [math.nan if v is None else v for v in norm.values()] == pytest.approx(
            [float(v) for v in row], rel=1e-5, nan_ok=True
        )
    info = json.loads(program.ok("info", "-m", "relu", "--json"))["spectral radius"]
    assert {name: round(one["radius"], 4) for name, one in found["eigenvalues"].items()} == info
    growth = [norm["growth"] for norm in found["norms"] if norm["layer"] == 1 and norm["lag"] > 1]
    assert found["each step"]["1"] == pytest.approx(math.prod(growth) ** (1 / len(growth)))


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_gradients_on_a_terminal_are_tables_and_bars(columns: int) -> None:
    shown = unstyled(on_screen("gradients", "text.txt", "-m", "relu", "--lags", 20, columns=columns))
    lines = shown.split("\n")
    assert all(len(line) <= columns for line in lines)
    assert lines[0] == "norm of dL[t]/dh[t-k], nats per unit, over 64 positions t"
    lags = {60: ["0", "1", "20"], 80: ["0", "1", "2", "10", "20"]}.get(columns, ["0", "1", "2", "5", "10", "20"])
    assert lines[1].split("  ", 1)[0] == "layer" and re.findall(r"k = (\d+)", lines[1]) == lags
    norms = table(ok("gradients", "text.txt", "-m", "relu", "--lags", 20))
    wanted = [f"{float(row[3]):.1e}" for row in norms if row[0] == "1" and row[1] in lags]
    assert lines[3].split()[:-3] == ["1", *wanted, "x"] and lines[1].split()[-5:] == [
        "each",
        "step",
        "by",
        "W",
        "alone",
    ]
    assert [line for line in lines if "norm by lag" in line] == [f"layer {i}: norm by lag k = 0 ... 20" for i in (0, 1)]
    assert shown.count("│") == 8 and shown.count("└") == 2 and "█" in shown
    for name, one in json.loads(ok("gradients", "-m", "relu", "--json"))["eigenvalues"].items():
        assert re.search(rf"{name} +{one['radius']:.4f} +\d of 6 +-?\d", shown)
    assert re.search(r"^0 +relu +\d+\.\d% +\d of 6 units$", shown, re.MULTILINE)


def test_gradients_on_a_terminal_that_knows_ascii_only() -> None:
    shown = on_screen("gradients", "-m", "relu", "--lags", 20, PYTHONIOENCODING="ascii")
    assert shown.isascii() and shown.count("|") == 8 and shown.count("+----") == 2 and "#" in shown


def norm(lag: int, rms: float) -> gradients.LagNorm:
    return gradients.LagNorm(0, lag, 1, rms, rms, rms, rms, math.nan)


def test_bars_are_as_high_as_the_logarithm_says() -> None:
    """Four lines of eight steps, from 1e-4 to 1e+0: a step is an eighth of a decade."""
    norms = [norm(0, 1.0), norm(1, 0.1), norm(2, 10**-2.125), norm(3, 1e-4), norm(4, 0.0)]
    assert charts.bars({0: norms}, 80, True) == [
        "layer 0: norm by lag k = 0 ... 4",
        "  1e+0 │████",
        "       │████████",
        "       │████████▇▇▇▇",
        "       │████████████▁▁▁▁",
        "  1e-4 └────────────────────",
    ]


def test_bars_of_many_lags_are_picked_evenly() -> None:
    lines = charts.bars({0: [norm(lag, 10.0**-lag) for lag in range(100)]}, 40, False)
    assert lines[-1] == " 1e-99 +" + "-" * 31 and max(map(len, lines)) == 39
    assert [len(line) for line in lines[1:5]] == [15, 23, 31, 39]  # a quarter more of them on each line


@pytest.mark.parametrize("rms", [0.0, math.inf, math.nan, 1.0, 1e-300])
def test_bars_of_norms_without_a_logarithm_or_a_range(rms: float) -> None:
    assert len(charts.bars({0: [norm(0, rms)]}, 80, True)) == 6
    charts.gradients(Gradients([norm(0, rms)], [], {}))
    charts.gradients(Gradients([], [], {}))


# units


def test_units_in_a_pipe_are_a_row_for_each_character() -> None:
    head, *rows = table(ok("units", "text.txt", "-m", "relu"))
    assert head == ["position", "character", *(f"{layer}/{unit}" for layer in (0, 1) for unit in range(6))]
    assert [row[0] for row in rows] == [str(i + 1) for i in range(len(TEXT))]
    assert [row[1] for row in rows[:6]] == ["a", "n", "b", "e", "\\n", "d"]
    assert [row[1] for row in rows[10:15]] == ["\\\\", "\\n", "a", "n", "\\t"]
    run = charnn.load("relu")
    wanted = np.hstack(
        activations.ActivationReader(Network(run.model, run.weights, False)).read(run.vocabulary.ids(TEXT))
    )
    found = np.array([row[2:] for row in rows], float)
    assert found == pytest.approx(wanted, abs=6e-5) and found.any()
    assert ok("units", "-", "-m", "relu", stdin=TEXT) == ok("units", "text.txt", "-m", "relu")


def test_units_of_the_held_out_part_are_its_own() -> None:
    _, *rows = table(ok("units"))
    held_out = len(charnn.runs.corpus.held_out(charnn.load("lstm")))
    assert (
        "".join(row[1] for row in rows).replace("\\n", "\n").replace("\\\\", "\\").replace("\\t", "\t")
        == (TEXT[-held_out:])
    )


def test_units_forget_where_the_model_does() -> None:
    """After the EOS of a line all lines are alike."""
    _, *rows = table(ok("units", "-", stdin="anbe\ndo\n"))
    assert rows[4][2:] == rows[7][2:]
    _, *rows = table(ok("units", "-", "-m", "relu", stdin="anbe\ndo\n"))
    assert rows[4][2:] != rows[7][2:]


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (["--layer", "1", "--units", "2:4"], ["1/2", "1/3"]),
        (["--units", ":1"], ["0/0", "1/0"]),
        (["--units", "5:"], ["0/5", "1/5"]),
        (["--units", "3", "--layer", "0"], ["0/3"]),
    ],
)
def test_some_units(args: list[str], names: list[str]) -> None:
    whole = table(ok("units", "text.txt", "-m", "relu"))
    places = [0, 1, *(whole[0].index(name) for name in names)]
    assert table(ok("units", "text.txt", "-m", "relu", *args)) == [[row[i] for i in places] for row in whole]


def test_units_as_json() -> None:
    rows = [json.loads(line) for line in ok("units", "-", "-m", "relu", "--json", stdin="do\n").splitlines()]
    plain = table(ok("units", "-", "-m", "relu", stdin="do\n"))[1:]
    assert [(row["position"], row["character"]) for row in rows] == [(1, "d"), (2, "o"), (3, "\n")]
    for row, cells in zip(rows, plain, strict=True):
        assert list(row["layers"]) == ["0", "1"]
        assert [*row["layers"]["0"], *row["layers"]["1"]] == pytest.approx([float(c) for c in cells[2:]], abs=6e-5)


def test_units_of_an_endless_stream_come_at_once() -> None:
    command = f"yes anbe | {sys.executable} -m charnn inspect units --layer 0 --units 0 2>&1 | head -5"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=limit())
    assert [line.split("\t")[1] for line in done.stdout.splitlines()[2:]] == ["a", "n", "b"]


@pytest.mark.slow
def test_units_come_as_they_are_typed() -> None:
    command = [sys.executable, "-m", "charnn", "inspect", "units", "-"]
    files: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **files) as process:
        process.stdin.write("an")
        process.stdin.flush()
        lines = [process.stdout.readline().split("\t")[:2] for _ in range(3)]  # while nothing has ended
        assert lines == [["position", "character"], ["1", "a"], ["2", "n"]]
        process.stdin.close()
        assert process.stdout.read() == "" and process.wait() == 0


def test_units_on_a_terminal_are_shades() -> None:
    shown = on_screen("units", "text.txt", "--units", "0:3")
    head, *lines = shown.split("\n")
    assert unstyled(head) == " " * 14 + "0"
    assert unstyled(lines[0]) == "      1 a".ljust(14 + 3) and "\x1b[48;" in lines[0]
    assert [unstyled(line).split()[1] for line in lines[:5]] == ["a", "n", "b", "e", "\\n"]
    plain = table(ok("units", "text.txt", "--units", "0:3"))[1:]
    backgrounds = [re.findall(r"\x1b\[48;([0-9;]*)m ", line) for line in lines[:-1]]
    assert len(plain) > len(backgrounds) == 200 and all(len(found) == 3 for found in backgrounds)


def test_units_without_colours_are_digits_and_cut_to_the_width() -> None:
    shown = on_screen("units", "text.txt", "--unknown", "skip", NO_COLOR="1")
    plain = table(ok("units", "text.txt"))[1:]
    for line, row in zip(shown.split("\n")[1:-1], plain, strict=False):
        cells = [line[14 + 2 * i : 16 + 2 * i] for i in range(5)]
        for cell, value in zip(cells, row[2:], strict=True):
            tenths = int(abs(float(value)) * 10 + 1e-4), int(abs(float(value)) * 10 - 1e-4)
            assert cell == " ." if cell == " ." else (cell[0] == "-") == (value[0] == "-") and int(cell[1]) in tenths
            assert cell != " ." or 0 in tenths
    narrow = on_screen("units", "text.txt", "-m", "relu", columns=30, NO_COLOR="1").split("\n")
    assert all(len(line) == 14 + 2 * 3 + 1 + 2 * 3 for line in narrow[1:-1])


# gradcheck


@pytest.mark.parametrize("run", ["relu", "lstm"])
def test_gradcheck_confirms_each_array(run: str) -> None:
    result = inspect("gradcheck", "-m", run, "--samples", 6)
    assert result.exit_code == 0
    head, *rows = table(result.stdout)
    assert head == ["array", "weights", "kinks", "error"]
    assert [row[0] for row in rows] == list(charnn.load(run).weights)
    for _, weights, kinks, error in rows:
        assert int(weights) > 0 and int(weights) + int(kinks) in (10, 12) and float(error) < 1e-4
    found = json.loads(ok("gradcheck", "-m", run, "--samples", 6, "--json"))
    assert found["good"] and [f"{one['error']:.1e}" for one in found["arrays"]] == [row[3] for row in rows]
    worst = max(float(row[3]) for row in rows)
    assert f"finite differences confirm the gradient: {worst:.1e} off at most, and 0.0001 allowed" in result.stderr


def test_gradcheck_looks_where_it_is_told_to() -> None:
    once = ok("gradcheck", "--samples", 3, "--seed", 5)
    assert once == ok("gradcheck", "--samples", 3, "--seed", 5)
    other = ok("gradcheck", "-", "--samples", 3, "--seed", 5, stdin="dolabe\nando\n" * 20)
    assert len({once, ok("gradcheck", "--samples", 3), other}) == 3


def test_gradcheck_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elman, "with_rows_reset", lambda h, ended: nullcontext(h))  # what is forgotten is not
    result = inspect("gradcheck", "-m", "relu")
    assert result.exit_code == 1 and len(table(result.stdout)) == 9
    told = " ".join(result.stderr.split())
    assert re.search(
        r"checkpoints/relu/best.npz: finite differences do not confirm the gradient of "
        r"hidden/0/W, hidden/1/W: \S+ off$",
        told,
    )
    result = inspect("gradcheck", "-m", "relu", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1 and found["good"] is False and found["tolerance"] == 1e-4
    assert [one["array"] for one in found["arrays"] if one["error"] > 1e-4] == ["hidden/0/W", "hidden/1/W"]


# what is refused


@pytest.mark.parametrize(
    ("code", "args", "message"),
    [
        (2, ["fly"], "command fly"),
        (2, ["gradients", "gone.txt"], "gone.txt"),
        (2, ["gradients", "-m", "gone"], "gone"),
        (2, ["gradients", "--lags", "0"], "--lags"),
        (2, ["gradients", "--table", "norms", "--json"], "--json"),
        (2, ["gradients", "a", "b"], "argument b"),
        (3, ["gradients", "-m", "text.txt"], "text.txt"),
        (3, ["gradients", "/dev/null"], "/dev/null"),
        (3, ["gradients", "--lags", "999"], "999 lags"),
        (3, ["units", "/dev/null"], "/dev/null"),
        (3, ["units", "/dev/null", "--json"], "/dev/null"),
        (2, ["units", "--layer", "1"], "--layer"),
        (2, ["units", "--units", "5:"], "--units"),
        (2, ["units", "--units", "2:9"], "--units"),
        (2, ["units", "--units", "3:3"], "--units"),
        (2, ["units", "--units", ":"], "':'"),
        (2, ["units", "--units", "-1"], "'-1'"),
        (2, ["units", "--units", "a:b"], "'a:b'"),
        (2, ["units", "--units", "²:"], "'²:'"),
        (3, ["gradcheck", "/dev/null"], "/dev/null"),
        (2, ["gradcheck", "--samples", "0"], "--samples"),
    ],
)
def test_what_makes_no_sense_is_refused(code: int, args: list[str], message: str) -> None:
    assert message in refused(code, *args)


@pytest.mark.parametrize("command", ["gradients", "units", "gradcheck"])
def test_strangers_are_named_or_left_out(command: str) -> None:
    message = refused(3, command, "-", stdin="anbe\ndo?la\n" * 9)
    assert "U+003F" in message
    args = [*(["--lags", 3] if command == "gradients" else []), "-"]
    skipped = ok(command, *args, "--unknown", "skip", stdin="anbe\ndo?la\n" * 9)
    assert skipped == ok(command, *args, stdin="anbe\ndola\n" * 9)


def test_only_the_start_of_a_long_text_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charnn.inspection.excerpt.MAX_INSPECTED", 300)
    result = inspect("gradients", "text.txt", "-m", "relu")
    assert "of text.txt only the first 300 characters are looked at" in result.stderr
    assert result.stdout == ok("gradients", "-", "-m", "relu", stdin=TEXT[:300])
