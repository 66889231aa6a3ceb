"""Inspection from Python."""

import numpy as np
import pytest

import charnn
from charnn.inspection import excerpt

TEXT = "Anna\nBerta\nCarl\n" * 8


def test_gradients_are_of_a_text_and_give_their_tables(run: charnn.Run) -> None:
    found = charnn.gradients(run, TEXT, 5)
    assert [norm.lag for norm in found.norms] == list(range(6)) and found.reach == 5
    assert found.each_step.keys() == {0}
    head, *rows = found.table("norms")
    assert head[:4] == ("layer", "lag", "positions", "rms") and [row[1] for row in rows] == list(range(6))
    assert [row[0] for row in found.table("saturation")][1:] == [0]
    assert len([*found.table("eigenvalues")]) == 1 + 24
    assert found.plain()["eigenvalues"]["hidden/0/W"]["radius"] == pytest.approx(
        np.abs(np.linalg.eigvals(run.weights["hidden/0/W"])).max(), rel=1e-5
    )


def test_eigenvalues_are_those_of_the_recurrent_weights(run: charnn.Run) -> None:
    (values,) = charnn.eigenvalues(run).values()
    expected = np.linalg.eigvals(run.weights["hidden/0/W"].astype(float))
    np.testing.assert_allclose(np.sort_complex(values), np.sort_complex(expected), atol=1e-6)


def test_the_gradient_of_every_array_is_confirmed(run: charnn.Run) -> None:
    found = list(charnn.gradcheck(run, TEXT, samples=4, seed=1))
    assert [one.array for one in found] == list(run.weights) and all(one.good for one in found)


def test_units_are_read_row_by_row(run: charnn.Run) -> None:
    whole = charnn.units(run, TEXT)
    assert "".join(whole.characters) == TEXT
    reader = charnn.unit_reader(run, TEXT, layer=0, units=slice(3, 5))
    rows = [row for rows in reader.rows() for row in rows]
    assert reader.units == ["0/3", "0/4"]
    assert [(row.position, row.character) for row in rows] == [(i + 1, c) for i, c in enumerate(TEXT)]
    np.testing.assert_allclose([row.layers[0] for row in rows], whole.activations["layer 0"][:, 3:5], rtol=1e-5)


def test_a_long_text_is_cut_with_a_warning(run: charnn.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excerpt, "MAX_INSPECTED", 20)
    with pytest.warns(charnn.CharnnWarning, match="of the text only the first 20 characters are looked at"):
        found = charnn.units(run, TEXT)
    assert "".join(found.characters) == TEXT[:20]
    with pytest.raises(charnn.InputError, match="the text is empty"):
        charnn.units(run, "")


def test_a_description_is_that_of_the_run(run: charnn.Run) -> None:
    found = charnn.describe(run)
    assert (found["parameters"], found["step"], found["symbols"]) == (run.weights.count, 100, run.vocabulary.size)
    assert found["model"]["hidden"] == 24 and found["state"] == "reset" and found["corpus"] == list(run.origin.names)
    assert found["held out"] == [record["valid"] for record in run.history]
