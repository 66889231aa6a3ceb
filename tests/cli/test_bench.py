"""charnn bench: what is measured, what comes out, and that nothing is left behind."""

import json
import os
import re
import signal
from pathlib import Path

import pytest
from click.testing import Result

from charnn.cli.bench import duration
from tests.helpers.leftovers import alive
from tests.helpers.processes import start
from tests.helpers.program import invoke, refused
from tests.helpers.waiting import limit, soon

NAMES = Path(__file__).parents[2] / "corpora" / "names.txt"
SMALL = ["--cell", "elman", "--hidden", "4", "--layers", "1", "--batch", "4", "--window", "4", "--workers", "1"]
SMALL += ["--seconds", "0.02"]
SAMPLED = ("sample 1 stream", "sample 256 streams")


# the command line


def bench(*words: str) -> Result:
    return invoke("bench", *words)


@pytest.mark.slow
def test_the_table() -> None:
    result = bench(*SMALL, "--corpus-size", "5000", "--epochs", "3")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert re.match(r"\d+ cores, .*: [\d,]+ GFLOP/s in float32 products$", lines[0])
    assert "1 x 4 relu, 65 symbols, batch 4, window 4, 1 worker" in lines[1]
    assert lines[3].split() == ["char/s", "of", "peak", "memory"]
    for line, name in zip(lines[4:8], ("train", "evaluate", *SAMPLED), strict=True):
        assert re.fullmatch(name + r" +[\d,]+ +\d+% +\d+ MB", line), line
    assert re.fullmatch(r"5,000 characters, 3 epochs: .+ of training", lines[9])


@pytest.mark.long
@pytest.mark.slow
def test_json_for_a_corpus() -> None:
    result = bench(*SMALL, str(NAMES), "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [task["task"] for task in found["tasks"]] == ["train", "evaluate", *SAMPLED]
    assert all(task["characters_per_second"] > 0 and 0 < task["share_of_peak"] < 1 for task in found["tasks"])
    corpus, rate = found["corpus"], found["tasks"][0]["characters_per_second"]
    assert corpus["symbols"] == 32503 and found["model"]["symbols"] == 53
    assert corpus["seconds"] == pytest.approx(corpus["symbols"] * corpus["epochs"] / rate)


@pytest.mark.long
@pytest.mark.slow
def test_windows_take_time_and_memory_in_proportion_to_their_length() -> None:
    small = [*SMALL[: SMALL.index("--window")], *SMALL[SMALL.index("--workers") :]]
    head, *rows = bench(*small, "--symbols", "4", "--windows", "256,1024").stdout.splitlines()
    assert head.split("\t") == ["window", "ms", "us/character", "MB"]
    short, long = ([float(cell) for cell in row.split("\t")] for row in rows)
    assert (short[0], long[0]) == (256, 1024) and long[1] > 2 * short[1]
    assert long[3] == pytest.approx(4 * short[3], rel=0.3)
    found = json.loads(bench("--hidden", "4", "--layers", "1", "--seconds", "0.02", "--windows", "4", "--json").stdout)
    assert found["window"] == 4 and found["seconds"] > found["seconds_per_character"] > 0
    assert "is no list of lengths" in refused(2, "bench", "--windows", "16,many")
    assert "--window has no effect" in refused(2, "bench", "--windows", "16", "--window", "8")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--heads", "0"),
        ("--width", "1"),
        ("--seconds", "0"),
        ("--corpus-size", "3"),
        ("--hidden", "0"),
        ("--symbols", "1"),
        ("--symbols", "70000"),
    ],
)
def test_what_cannot_be_measured_is_refused(option: str, value: str) -> None:
    assert f"{option} is {value}" in refused(2, "bench", option, value)


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.14, "3.1 s"), (200, "3 min 20 s"), (7300, "2 h 1 min"), (180_000, "2 d 2 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_ctrl_c_leaves_nothing_behind() -> None:
    mark = f"BENCH_TEST={os.getpid()}-ctrl-c"
    marked = dict(os.environ, **dict([mark.split("=")]))
    with start("bench", *SMALL, "--workers", "2", "--seconds", "60", env=marked) as running:
        assert soon(lambda: len(alive(mark)) >= 3)  # the command, the one that measures, and its worker
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=limit(20))
    assert running.returncode == -signal.SIGINT and (out, err) == (b"", b"")
    assert soon(lambda: not alive(mark))  # they have been killed, and may still be seen for a moment
