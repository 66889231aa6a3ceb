"""Where a network looks while it writes: the shares that its decoder computes, and every way to show them."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import charnn
from charnn.data.pair_batches import pad
from charnn.data.vocabulary import EOS
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from tests.helpers.pairs import fitted
from tests.helpers.processes import COMMAND
from tests.helpers.program import invoke, ok, refused, table
from tests.helpers.terminals import on_terminal, shown
from tests.helpers.waiting import limit


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    fitted(folder, "translate")
    fitted(folder / "plain", "translate", attention="none", steps=1, validate_every=1)
    fitted(folder / "primed", "translate", encoder="none", steps=1, validate_every=1)
    fitted(folder / "labels", "condition", steps=1, validate_every=1)
    return folder


@pytest.mark.quick
def test_shares_are_those_of_the_decoder_step_by_step(runs: Path) -> None:
    run = charnn.load(runs / "translate")
    found = charnn.attention(run, "aeiou", "AEIOU")
    assert (found.source, found.target) == ((*"aeiou", "↵"), (*"AEIOU", "↵"))
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-5)
    network, ws = run.model.network, Workspace(back=False)
    seen = network.see(run.weights, pad([run.vocabulary.encode("aeiou", "characters")], np.dtype(np.uint8)), ws)
    state = seen.state
    for symbol, row in zip([EOS, *run.vocabulary.encode("AEIOU", "characters")], found.weights, strict=True):
        step = network.advance(run.weights, seen, np.array([symbol]), state, ws)
        state = step.state
        np.testing.assert_allclose(step.weights[0, 0], row, rtol=1e-4, atol=1e-6)


def test_a_target_can_be_given(runs: Path) -> None:
    found = charnn.attention(runs / "translate", "aei", "AE")
    assert found.target == ("A", "E", "↵") and found.weights.shape == (3, 4)
    longer = charnn.attention(runs / "translate", "aei", "AEI")
    np.testing.assert_allclose(found.weights[:3], longer.weights[:3], rtol=1e-5)


@pytest.mark.quick
def test_tsv_json_and_svg(runs: Path) -> None:
    rows = table(ok("inspect", "attention", "aei", "-m", runs / "translate"))
    assert rows[0] == ["", "a", "e", "i", "↵"] and rows[-1][0] == "↵"
    facts = json.loads(ok("inspect", "attention", "aei", "-m", runs / "translate", "--json"))
    np.testing.assert_allclose([[float(cell) for cell in row[1:]] for row in rows[1:]], facts["weights"], atol=6e-5)
    assert ok("inspect", "attention", "aei", "-m", runs / "translate", "--svg").startswith("<svg")


def test_a_terminal_shows_it_in_utf_8_whatever_the_locale(runs: Path) -> None:
    ascii_only = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "ascii"}
    command = [*COMMAND, "inspect", "attention", "aei", "-m", str(runs / "translate")]
    with on_terminal(command, env=ascii_only) as (process, leader):
        told = shown(leader)
        assert process.wait(timeout=limit()) == 0, told
    assert told.decode().count("↵") == 2  # as the last column and as the last row


def test_what_has_no_attention_is_refused(runs: Path, home: Path) -> None:
    assert "--attention near" in refused(2, "inspect", "attention", "aei", "-m", runs / "plain" / "translate")
    refused(2, "inspect", "attention", "aei", "-m", home / "checkpoints" / "names")
    assert "1,000" in refused(3, "inspect", "attention", "a" * 2000, "-m", runs / "translate")


@pytest.mark.quick
def test_units_of_an_encoder_are_its_states(runs: Path) -> None:
    run = charnn.load(runs / "translate")
    rows = table(ok("inspect", "units", "-", "-m", runs / "translate", stdin="aei\nbc\n"))
    assert [row[1] for row in rows] == ["character", *"aei", "\\n", *"bc", "\\n"]
    ids = run.vocabulary.encode("bc", "characters")
    read = run.model.network.reader.read(run.weights.at("reader"), pad([ids], ids.dtype), Workspace(back=False))
    both = np.concatenate([h[:, 0] for h in read.h], axis=1)
    np.testing.assert_allclose(np.array([row[2:] for row in rows[5:]], float), both, atol=6e-5)
    found = charnn.units(run, "bc")
    np.testing.assert_allclose(found.activations["layer 0"], both, atol=1e-6)


def test_units_that_are_not_there_are_refused(runs: Path) -> None:
    refused(2, "inspect", "units", "-", "-m", runs / "translate", "--gates", stdin="ab\n")
    refused(2, "inspect", "units", "-", "-m", runs / "translate", "--layer", 1, stdin="ab\n")
    for verb in ("units", "gradients"):
        assert "reads labels" in refused(
            2, "inspect", verb, "-", "-m", runs / "labels" / "condition", stdin="vowels\tab\n"
        )


def test_units_without_an_encoder_are_those_that_read_the_source(runs: Path) -> None:
    run = charnn.load(runs / "primed" / "translate")
    found = charnn.units(run, "aei").activations["layer 0"]
    ids = run.vocabulary.encode("aei", "characters")
    batch = run.model.network.batch([ids], [run.vocabulary.encode("A", "characters")], ids.dtype)
    h, first, _ = run.model.network._read(run.weights, batch, Workspace(), None)
    assert first == 3
    np.testing.assert_allclose(found, h[0][:4, 0], atol=1e-6)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "arrays", "end"),
    [("translate", ("reader/0/forwards/U", "reader/0/backwards/U"), [EOS]), ("primed/translate", ("decoder/0/U",), [])],
)
def test_gradients_by_distance_are_those_of_each_symbols_row(
    runs: Path, name: str, arrays: tuple[str, ...], end: list[int]
) -> None:
    run = charnn.load(runs / name)
    norms = charnn.gradients(run, "aeiou\tAEIOU\n").norms
    places = [(layer, lag) for layer in range(len(arrays)) for lag in range(5 + len(end))]
    assert [(norm.layer, norm.lag) for norm in norms] == places
    ids, target = (run.vocabulary.encode(text, "characters") for text in ("aeiou", "AEIOU"))
    p = Parameters(run.model.shapes(), np.float64)
    for at, weight in run.weights.items():
        p[at] = weight
    g = p.like()
    run.model.network.gradient(p, g, run.model.network.batch([ids], [target], ids.dtype), Workspace(), None)
    for layer, array in enumerate(arrays):
        expected = np.linalg.norm(g[array][[*end, *ids[::-1]]], axis=1)
        np.testing.assert_allclose([norm.rms for norm in norms if norm.layer == layer], expected, rtol=1e-9)


def test_gradients_through_an_encoder_are_shown(runs: Path) -> None:
    result = invoke("inspect", "gradients", "-m", runs / "plain" / "translate", "--lags", 3)
    rows = table(result.stdout)
    assert {(row[0], row[1]) for row in rows[1:]} == {(str(layer), str(lag)) for layer in (0, 1) for lag in range(4)}
    assert "end of a source" in result.stderr
    message = refused(2, "inspect", "gradients", "-m", runs / "plain" / "translate", "--table", "saturation")
    assert "has no saturation: choose --table norms" in message
