"""The fair table at a small size: every row is there, sizes are about those asked for."""

from pathlib import Path

import pytest

from charnn.config import ModelConfig
from charnn.nn.model import Model
from tests.benchmarks import fair


@pytest.mark.parametrize("name", fair.CELLS)
def test_networks_have_about_the_parameters_that_are_asked_for(name: str) -> None:
    options = fair.CELLS[name]
    units = fair.hidden(options, 200_000, 65)
    assert units % 8 == 0
    size = Model(ModelConfig(**{**options, "hidden": units, "dropout": 0.0}), 65).parameters
    assert size == pytest.approx(200_000, rel=0.1)


@pytest.mark.long
@pytest.mark.slow
def test_the_table_has_a_row_for_each_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (("ROUNDS", 2), ("STATES", 3), ("SAMPLES", 2)):
        monkeypatch.setattr(fair, name, value)
    monkeypatch.setattr(fair, "CELLS", {name: fair.CELLS[name] for name in ("elman", "transformer, 4 layers")})
    Path("names.txt").write_text("anna\nbob\ncarla\ndora\n" * 60)
    fair.main(["names.txt", "--minutes", "0.01", "--parameters", "3000", "--seeds", "2"])
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == f"| {' | '.join(fair.HEADER)} |"
    names = [row.split(" | ")[0].removeprefix("| ") for row in rows]
    assert names[:2] == ["elman", "transformer, 4 layers"] and names[2].startswith("markov") and names[3] == "hmm 3"
