"""The fair table at a small size: every row is there, sizes are about those asked for, and no record is made twice."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from charnn.config import ModelConfig
from charnn.nn.model import Model
from tests.benchmarks import fair, tables

SIZES = ["--minutes", "0.01", "--parameters", "3000", "--seeds", "2"]


def record(model: str, seed: int = 0, **more: Any) -> dict[str, Any]:
    place = {"machine": "2 cores", "load": [0.5, 1.5], "date": "2026-11-27"}
    key = {"text": "names.txt", "sha256": "0", "minutes": 1, "budget": 3000, "model": model, "seed": seed}
    return {**key, "bits": 2.0 + seed, "memory": 60_000_000, **place, **more}


@pytest.mark.parametrize("name", fair.CELLS)
def test_networks_have_about_the_parameters_that_are_asked_for(name: str) -> None:
    options = fair.CELLS[name]
    units = fair.hidden(options, 200_000, 65)
    assert units % 8 == 0
    size = Model(ModelConfig(**{**options, "hidden": units, "dropout": 0.0}), 65).parameters
    assert size == pytest.approx(200_000, rel=0.1)


def test_the_table_has_medians_over_seeds() -> None:
    points = [(0.5, 3.0), (1.0, 2.0)]
    some = {"hidden": 48, "parameters": 3225, "speed": 1000.0, "samples": 9.4, "points": points}
    records = [record("elman", seed, **some) for seed in range(3)] + [record(fair.MARKOV, order=4)]
    rows = fair.table(records).splitlines()
    assert rows[2] == "| elman | 48 | 3,225 | 3.0000 (2.0000-4.0000) | 1,000 | 60 | 9 | 1 |"
    assert rows[3] == "| markov, order 4 |  |  | 2.0000 |  | 60 |  | 1 |"
    assert (
        "names.txt --minutes 1 --parameters 3000 --seeds 3`" in rows[5] and "2 cores; one thread; 2026-11-27" in rows[5]
    )
    assert rows[6].startswith("Not measured yet: elman, 3 layers; jordan")
    drawn = fair.picture(records)
    assert drawn.startswith("<svg") and ">elman<" in drawn and f">{fair.MARKOV}<" in drawn


def test_what_is_measured_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def measured(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command[command.index("--measure") + 1])
        if len(asked) == 3:
            raise KeyboardInterrupt
        return subprocess.CompletedProcess(command, 0, json.dumps({"bits": 2.0, "memory": 1}))

    monkeypatch.setattr("subprocess.run", measured)
    text, cache = tmp_path / "names.txt", tmp_path / "fair.jsonl"
    text.write_text("anna\nbob\ncarla\ndora\n" * 60)
    with pytest.raises(KeyboardInterrupt):
        fair.complete(text, 1, 3000, 1, cache)
    fair.complete(text, 1, 3000, 1, cache)
    assert asked == [*fair.NAMES[:3], *fair.NAMES[2:]] and len(tables.kept(cache)) == len(fair.NAMES)
    fair.complete(text, 1, 3000, 1, cache)
    assert len(asked) == len(fair.NAMES) + 1


def test_the_table_in_docs_is_that_of_the_records() -> None:
    table = fair.PAGE.read_text("utf-8").split(fair.BEGIN)[1].split(fair.END)[0]
    assert table == fair.table(tables.kept(fair.CACHE))


@pytest.mark.long
@pytest.mark.slow
def test_the_table_has_a_row_for_each_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fair, "NAMES", ("elman", "transformer, 4 layers", fair.MARKOV, fair.HIDDEN_MARKOV))
    text, cache = tmp_path / "names.txt", tmp_path / "fair.jsonl"
    text.write_text("anna\nbob\ncarla\ndora\n" * 60)
    fair.main([str(text), *SIZES, "--cache", str(cache)])
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == f"| {' | '.join(fair.HEADER)} |"
    names = [line.split(" | ")[0].removeprefix("| ") for line in rows[:4]]
    assert (
        names[:2] == ["elman", "transformer, 4 layers"]
        and names[2].startswith("markov")
        and names[3] == "hmm, 64 states"
    )
    assert len(tables.kept(cache)) == 7  # a Markov model has no seed
    assert all(one["points"][-1][1] >= one["bits"] - 1e-3 for one in tables.kept(cache) if "points" in one)
