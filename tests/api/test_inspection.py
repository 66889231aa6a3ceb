"""Inspection from Python."""

from collections.abc import Callable
from typing import Any

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


@pytest.mark.parametrize(
    ("call", "changes", "message"),
    [
        (charnn.gradients, {"lags": 0}, "--lags is 0: give a number from 1 to 1000"),
        (charnn.gradients, {"lags": 2.5}, "--lags is 2.5, of type float: give int"),
        (charnn.drift, {"steps": 0}, "--steps is 0: give a number from 1 to 1000"),
        (charnn.paths, {"steps": -1}, "--steps is -1: give a number from 1 to 200"),
        (charnn.composition, {"steps": 201}, "--steps is 201: give a number from 1 to 200"),
        (charnn.composition, {"seed": -1}, "--seed is -1: give a number at least 0"),
        (charnn.automaton, {"states": 0}, "--states is 0: give a number from 1 to 64"),
        (charnn.automaton, {"end": 0}, "--end is 0: give a number from "),
        (charnn.gradcheck, {"samples": -1}, "--samples is -1: give a number from 1 to 1000000"),
        (charnn.gradcheck, {"seed": -1}, "--seed is -1"),
        (charnn.unit_reader, {"layer": -1}, "--layer is -1: give a number at least 0"),
        (charnn.unit_reader, {"units": 3}, "units is 3, of type int: give slice"),
        (charnn.units, {"gates": "yes"}, "--gates is 'yes', of type str: give bool"),
    ],
)
def test_a_number_out_of_its_bounds_is_refused(
    run: charnn.Run, call: Callable[..., Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(charnn.UsageError, match=message):
        call(run, TEXT, **changes)


@pytest.mark.parametrize("changes", [{"orders": -1}, {"states": -1}, {"rounds": 0}])
def test_models_to_compare_with_are_so_many(run: charnn.Run, changes: dict[str, int]) -> None:
    with pytest.raises(charnn.UsageError, match=f"--{next(iter(changes))} is .* give a number from"):
        charnn.markov(run, **changes)


ON_TEXTS = (charnn.units, charnn.unit_reader, charnn.gradients, charnn.gradcheck, charnn.automaton, charnn.drift)
ON_TEXTS += charnn.paths, charnn.composition, charnn.trace


@pytest.mark.parametrize("call", ON_TEXTS)
def test_what_becomes_of_odd_characters_is_one_of_some_ways(run: charnn.Run, call: Callable[..., Any]) -> None:
    for unknown in ("ignore", "mark", None):
        with pytest.raises(charnn.UsageError, match="--unknown is "):
            call(run, TEXT + "§", unknown=unknown)
    if call is not charnn.trace:
        with pytest.raises(charnn.UsageError, match="--invalid is 'typo': choose one of error, keep, replace"):
            call(run, TEXT, invalid="typo")


def test_texts_may_be_marked_and_nothing_else(run: charnn.Run) -> None:
    (text,) = charnn.texts(run, "An§", "mark")
    assert text.ids[-1] == run.vocabulary.size + ord("§")
    for changes in ({"unknown": "ignore"}, {"invalid": "typo"}):
        with pytest.raises(charnn.UsageError, match="choose one of error, "):
            charnn.texts(run, "An§", **changes)


@pytest.mark.parametrize("chosen", [slice(1, 20, 3), slice(None, None, -1), slice(-2, None)])
def test_units_are_those_of_any_slice(run: charnn.Run, chosen: slice) -> None:
    reader = charnn.unit_reader(run, TEXT, units=chosen)
    rows = [row for rows in reader.rows() for row in rows]
    expected = charnn.units(run, TEXT).activations["layer 0"][:, chosen]
    np.testing.assert_allclose([row.layers[0] for row in rows], expected, rtol=1e-5)
    assert reader.units == [f"0/{unit}" for unit in range(24)[chosen]]
